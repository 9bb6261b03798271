#include <algorithm>

#include "fuzz/shorten.h"
#include "fuzz/triage.h"

namespace isobar::fuzz {

Result<Bytes> minimized(Bytes input, const std::function<Result<bool>(ByteView)>& holds, std::size_t tries_max) {
  std::size_t tries = 0;
  const auto counted = [&](ByteView bytes) {
    ++tries;
    return holds(bytes);
  };
  TRY_ASSIGN(input, shortened(std::move(input), counted, tries_max));
  // What is left matters in size; perhaps not in value.
  for (std::size_t at = 0; at < input.size() && tries < tries_max; ++at) {
    if (input[at] == '0') continue;
    const std::uint8_t was = std::exchange(input[at], '0');
    ++tries;
    TRY_ASSIGN(const bool good, holds(input));
    if (!good) input[at] = was;
  }
  return input;
}

}  // namespace isobar::fuzz
