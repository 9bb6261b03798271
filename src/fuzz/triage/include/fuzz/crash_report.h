#pragma once

/// What a target printed when it died, taken apart: ours, and the sanitizers'.

#include <string>
#include <vector>

#include "base/result.h"

namespace isobar::fuzz {

struct Frame {
  std::string module;        ///< the file that has the code; empty: unknown
  std::uint64_t offset = 0;  ///< within it
  std::string function, file;
  std::uint32_t line = 0;
};

/// Whether a frame is of a sanitizer, of libc or of the fuzzer, and says nothing of the program.
bool is_machinery(const Frame& frame);

struct CrashReport {
  std::string kind;           ///< "heap-buffer-overflow", "SIGSEGV", "timeout", "undefined behaviour: …"
  std::vector<Frame> frames;  ///< innermost first, of the stack that died; empty: nothing was printed
};

/// exit_code   as base/child.h gives it
/// Pure. Cost  O(output).
CrashReport read_crash_report(std::string_view output, int exit_code, bool timed_out);

/// Says of which file and line each frame is, by llvm-symbolizer or addr2line, whichever is there; frames stay as they are without either.
/// All reports at once: a start of the tool costs more than its work.
void symbolize(std::vector<CrashReport*> reports);

/// Tells crashes apart: the kind and the innermost functions that are the program's own (not of sanitizers, libc or the fuzzer), without
/// addresses, template arguments and inlined suffixes. ClusterFuzz calls it the crash state. frames   how many functions
std::string signature(const CrashReport& report, std::size_t frames = 3);

}  // namespace isobar::fuzz
