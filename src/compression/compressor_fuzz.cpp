// Packed bytes as somebody who is wrong or hostile may send them: any bytes, said to unpack to any length.
// Whatever they are, exactly the buffer is written or an error told.

#include <cstdint>
#include <cstring>

#include "compression/compressor.h"

using namespace isobar;
using namespace isobar::compression;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const Codec codec = static_cast<Codec>(data[0] % 3);
  const std::size_t claimed = data[1] | data[2] << 8 | (data[3] & 0xf) << 16;
  const std::string_view packed(reinterpret_cast<const char*>(data) + 4, size - 4);
  // Of its own size, so that a byte too many is seen.
  const std::unique_ptr<char[]> into(new char[claimed]);
  Compressor compressor;
  [[maybe_unused]] const Status unpacked = compressor.unpack(codec, packed, {into.get(), claimed});
  // What is packed from the same bytes comes out again.
  const std::unique_ptr<char[]> again(new char[packed.size() + 1024]), back(new char[packed.size()]);
  const auto bytes = compressor.pack(codec == Codec::kLz4 ? Codec::kLz4 : Codec::kZstd, packed, {again.get(), packed.size() + 1024});
  if (!bytes) return 0;
  const Status same =
      compressor.unpack(codec == Codec::kLz4 ? Codec::kLz4 : Codec::kZstd, {again.get(), *bytes}, {back.get(), packed.size()});
  CHECK(same.ok());
  CHECK(packed.empty() || std::memcmp(back.get(), packed.data(), packed.size()) == 0);
  return 0;
}
