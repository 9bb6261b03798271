// Any bytes as a campaign's state: no crash, and what is read is written as it was read.

#include "fuzz/corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::fuzz;
  const auto state = decode_state({reinterpret_cast<const char*>(data), size});
  if (!state.ok()) return 0;
  const auto again = decode_state(encode(*state));
  if (!again.ok() || encode(*again) != encode(*state)) __builtin_trap();
  return 0;
}
