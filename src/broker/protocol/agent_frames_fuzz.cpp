// Any stream of bytes, in any pieces: the cutter yields frames or gives up, and holds no more than one frame.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "broker/agent_channel.h"

using namespace isobar;
using namespace isobar::broker;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = data[0] + 1;
  FrameCutter cutter;
  for (std::size_t at = 1; at < size; at += step) {
    cutter.feed({reinterpret_cast<const char*>(data) + at, std::min(step, size - at)});
    for (;;) {
      const auto frame = cutter.next();
      if (!frame.ok()) return 0;
      if (!*frame) break;
      CHECK((*frame)->size() <= kFrameBytesMax);
    }
  }
  return 0;
}
