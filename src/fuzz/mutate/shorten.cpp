#include "fuzz/shorten.h"

#include <algorithm>

namespace isobar::fuzz {

Result<Bytes> shortened(Bytes input, const std::function<Result<bool>(ByteView)>& holds, std::size_t tries_max) {
  std::size_t tries = 0;
  for (std::size_t block = std::max<std::size_t>(1, input.size() / 2); !input.empty();) {
    bool shrunk = false;
    for (std::size_t at = 0; at < input.size() && tries < tries_max;) {
      const std::size_t size = std::min(block, input.size() - at);
      Bytes shorter(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(at));
      shorter.insert(shorter.end(), input.begin() + static_cast<std::ptrdiff_t>(at + size), input.end());
      ++tries;
      TRY_ASSIGN(const bool good, holds(shorter));
      if (good) {
        input = std::move(shorter);
        shrunk = true;
      } else {
        at += size;
      }
    }
    if (tries >= tries_max || (block == 1 && !shrunk)) break;
    if (block > 1) block /= 2;
  }
  return input;
}

}  // namespace isobar::fuzz
