#include "db/ids.h"

#include <fmt/format.h>

#include "crypto/blake2b.h"
#include "crypto/encoding.h"

namespace isobar::db {

Hash hash_of(std::string_view purpose, std::string_view bytes) { return crypto::blake2b(purpose, bytes); }

std::uint64_t number_of(const Hash& hash) {
  std::uint64_t number = 0;
  for (int i = 7; i >= 0; --i) number = number << 8 | hash[static_cast<std::size_t>(i)];
  return number;
}

std::string short_name(const TxId& id) { return crypto::to_hex({reinterpret_cast<const char*>(id.hash.data()), 6}); }

std::string to_text(const Timestamp& timestamp) { return fmt::format("{}/{}", timestamp.time, timestamp.client); }

}  // namespace isobar::db
