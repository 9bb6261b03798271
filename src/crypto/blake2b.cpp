#include "crypto/blake2b.h"

#include <sodium.h>

#include <algorithm>

#include "base/check.h"

namespace isobar::crypto {

Blake2bDigest blake2b(std::string_view purpose, std::string_view message, std::string_view key) {
  CHECK(purpose.size() <= crypto_generichash_blake2b_PERSONALBYTES, purpose);
  CHECK(key.size() <= crypto_generichash_blake2b_KEYBYTES_MAX, key.size());
  std::array<unsigned char, crypto_generichash_blake2b_PERSONALBYTES> personal{};
  std::copy(purpose.begin(), purpose.end(), personal.begin());
  Blake2bDigest digest{};
  crypto_generichash_blake2b_salt_personal(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(message.data()),
                                           message.size(), key.empty() ? nullptr : reinterpret_cast<const unsigned char*>(key.data()),
                                           key.size(), nullptr, personal.data());
  return digest;
}

}  // namespace isobar::crypto
