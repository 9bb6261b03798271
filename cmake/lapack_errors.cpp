// LAPACK reports an illegal argument through this hook. Its own version prints by way of the Fortran runtime, which
// would have to be linked in for that alone. One copy serves every module that solves with CBC.

#include <cstdio>
#include <cstdlib>

extern "C" void xerbla_(const char* routine, const int* argument, int length) {
  std::fprintf(stderr, "LAPACK %.*s: argument %d is illegal\n", length, routine, *argument);
  std::abort();
}
