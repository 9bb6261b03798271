#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace isobar {

void check_failed(const char* condition, const char* names, const std::string& values, const char* file, int line) {
  std::fprintf(stderr, "CHECK failed at %s:%d: %s\n", file, line, condition);
  if (!values.empty()) std::fprintf(stderr, "  with %s = %s\n", names, values.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace isobar
