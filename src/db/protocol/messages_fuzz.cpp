// Any bytes either are refused or are the one encoding of what they decode to.

#include "db/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = isobar::db::decode_message(bytes);
  if (message.ok()) CHECK(isobar::db::encode_message(*message) == bytes, size);
  return 0;
}
