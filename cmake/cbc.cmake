# CBC and what it stands on, for the modules that solve integer programs. Programs link the archives: loading the shared
# libraries would take 3 ms of every start.
set(cbc Cbc Cgl OsiClp Clp Osi CoinUtils)
set(cbc_archives "")
foreach(library ${cbc} lapack blas bz2 z)
  find_library(${library}_ARCHIVE lib${library}.a REQUIRED)
  list(APPEND cbc_archives ${${library}_ARCHIVE})
endforeach()
find_path(CBC_INCLUDE CbcModel.hpp PATH_SUFFIXES coin REQUIRED)

add_library(isobar_lapack_errors STATIC cmake/lapack_errors.cpp)
# Before LAPACK, and asked for from the start: so that it is found here first, whichever linker reads the line.
isobar_library(cbc "-Wl,--undefined=xerbla_;isobar_lapack_errors;${cbc_archives}" "${cbc}")
target_include_directories(isobar_cbc SYSTEM INTERFACE ${CBC_INCLUDE})

# LAPACK by itself, for dense systems of equations.
isobar_library(lapack "-Wl,--undefined=xerbla_;isobar_lapack_errors;${lapack_ARCHIVE};${blas_ARCHIVE}" "lapack;blas")
