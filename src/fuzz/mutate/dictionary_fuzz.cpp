// Any bytes as a dictionary, and as the operands of an input: no crash, and replacements stay within the input.

#include <algorithm>
#include <cstring>

#include "fuzz/input_to_state.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::fuzz;
  (void)Dictionary::parse({reinterpret_cast<const char*>(data), size}).ok();
  Operands log;
  for (std::size_t at = 0; at + sizeof(isobar_fuzz_operands) <= size && log.integers.size() < 8; at += sizeof(isobar_fuzz_operands))
    std::memcpy(&log.integers.emplace_back(), data + at, sizeof(isobar_fuzz_operands));
  const std::size_t length = std::min<std::size_t>(size, 64);
  const ByteView input(data, length);
  for (const Replacement& replacement : input_to_state(input, log, {}, {}, 50)) {
    if (replacement.at + std::size_t{replacement.old_size} > length) __builtin_trap();
    replaced(input, replacement);
  }
  return 0;
}
