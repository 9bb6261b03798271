// Any bytes that a peer may send as a request: decoding refuses or accepts them, and what it accepts encodes to what it means.

#include <cstddef>
#include <cstdint>

#include "broker/agent_messages.h"

using namespace isobar;
using namespace isobar::broker;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto frame = decode_request({reinterpret_cast<const char*>(data), size});
  if (!frame.ok()) return 0;
  const auto again = decode_request(encode(*frame));
  CHECK(again.ok() && encode(*again) == encode(*frame));
  return 0;
}
