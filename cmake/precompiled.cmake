# For what is compiled under sanitizers and seldom runs for long, the tests themselves and the command line: optimising it would cost more
# than it gives.
function(isobar_compile_quickly target)
  if(ISOBAR_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# The headers that weigh most are compiled once for all programs of tests (ISOBAR_PCH: tests), and once for the command line (all). A
# compiler takes a precompiled header only for sources with the same options, so each of the two belongs to a target of its own kind;
# clang-tidy takes none of g++'s, so the build it reads has them for tests alone.
function(isobar_precompiled_for_tests target)
  isobar_compile_quickly(${target})
  if(NOT ISOBAR_PCH)
    return()
  endif()
  if(NOT TARGET isobar_tests_precompiled)
    set(anchor ${CMAKE_BINARY_DIR}/tests_precompiled.cpp)
    if(NOT EXISTS ${anchor})
      file(WRITE ${anchor} "int main() {}\n")
    endif()
    add_executable(isobar_tests_precompiled ${anchor})
    isobar_compile_quickly(isobar_tests_precompiled)
    target_link_libraries(isobar_tests_precompiled PRIVATE isobar_flags isobar_fmt GTest::gmock GTest::gtest)
    target_precompile_headers(isobar_tests_precompiled PRIVATE <gmock/gmock.h> <fmt/format.h> <filesystem> <functional> <map> <optional> <string>
      <thread> <vector>)
  endif()
  target_precompile_headers(${target} REUSE_FROM isobar_tests_precompiled)
endfunction()
