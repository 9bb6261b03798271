# With ISOBAR_PCH the headers that weigh most are compiled once for all programs of tests, and once for the command line. A compiler
# takes a precompiled header only for sources with the same options, so each of the two belongs to a target of its own kind.
function(isobar_precompiled_for_tests target)
  if(NOT ISOBAR_PCH)
    return()
  endif()
  if(NOT TARGET isobar_tests_precompiled)
    set(anchor ${CMAKE_BINARY_DIR}/tests_precompiled.cpp)
    if(NOT EXISTS ${anchor})
      file(WRITE ${anchor} "int main() {}\n")
    endif()
    add_executable(isobar_tests_precompiled ${anchor})
    target_link_libraries(isobar_tests_precompiled PRIVATE isobar_flags isobar_fmt GTest::gmock GTest::gtest)
    target_precompile_headers(isobar_tests_precompiled PRIVATE <gmock/gmock.h> <fmt/format.h> <filesystem> <functional> <map> <optional> <string>
      <thread> <vector>)
  endif()
  target_precompile_headers(${target} REUSE_FROM isobar_tests_precompiled)
endfunction()
