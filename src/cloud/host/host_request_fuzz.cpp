#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cloud/host_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto request = isobar::cloud::decode_host_request(bytes);
  if (request.ok() && !isobar::cloud::decode_host_request(isobar::cloud::encode(*request)).ok()) __builtin_trap();
  const auto reply = isobar::cloud::decode_host_reply(bytes);
  if (reply.ok() && !isobar::cloud::decode_host_reply(isobar::cloud::encode(*reply)).ok()) __builtin_trap();
  return 0;
}
