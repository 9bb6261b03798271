#include "made_of_parts.h"

#include <fmt/format.h>

#include "crypto/crc32c.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::transfer {

bool is_made_of(const storage::ObjectInfo& object, const std::map<int, storage::Part>& parts) {
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
  std::string digests;
  bool all_crcs = true, all_digests = true;
  for (const auto& [number, part] : parts) {
    bytes += part.bytes;
    all_crcs = all_crcs && part.crc32c.has_value();
    if (all_crcs) crc = crypto::crc32c_combine(crc, *part.crc32c, part.bytes);
    const auto digest = crypto::from_hex(part.etag);
    all_digests = all_digests && digest.ok() && digest->size() == 16;
    if (all_digests) digests += *digest;
  }
  if (parts.empty() || object.bytes != bytes) return false;
  if (all_crcs && object.checksums.crc32c) return *object.checksums.crc32c == crc;
  return all_digests && object.etag == fmt::format("{}-{}", crypto::to_hex(crypto::md5(digests)), parts.size());
}

}  // namespace isobar::transfer
