// LAPACK reports an illegal argument through this hook. Its own version prints by way of the Fortran runtime, which
// would have to be linked in for that alone. One copy serves every module that solves with CBC.

#include <cstdio>
#include <cstdlib>

extern "C" void xerbla_(const char* routine, const int* argument, int length) {
  std::fprintf(stderr, "LAPACK %.*s: argument %d is illegal\n", length, routine, *argument);
  std::abort();
}

// CBC's presolve forgets one array when it gives up early; that is not ours to mend, and must not hide what is. Read by
// LeakSanitizer alone.
extern "C" const char* __lsan_default_suppressions() { return "leak:implied_free_action::presolve\n"; }
