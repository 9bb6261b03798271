#include "crypto/ed25519.h"

#include <sodium.h>

#include <algorithm>

#include "base/check.h"

namespace isobar::crypto {

namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

void start_sodium() {
  static const int started = sodium_init();  // 1: it was already
  CHECK(started >= 0, started);
}

}  // namespace

Ed25519Key Ed25519Key::generate() {
  start_sodium();
  Ed25519Key key;
  crypto_sign_keypair(key.public_.data(), key.secret_.data());
  return key;
}

Ed25519Key Ed25519Key::from_seed(const std::array<std::uint8_t, 32>& seed) {
  start_sodium();
  Ed25519Key key;
  crypto_sign_seed_keypair(key.public_.data(), key.secret_.data(), seed.data());
  return key;
}

Ed25519Key::~Ed25519Key() { sodium_memzero(secret_.data(), secret_.size()); }

std::array<std::uint8_t, 32> Ed25519Key::seed() const {
  std::array<std::uint8_t, 32> seed{};
  crypto_sign_ed25519_sk_to_seed(seed.data(), secret_.data());
  return seed;
}

Ed25519Signature Ed25519Key::sign(std::string_view message) const {
  Ed25519Signature signature{};
  crypto_sign_detached(signature.data(), nullptr, bytes_of(message), message.size(), secret_.data());
  return signature;
}

bool ed25519_verifies(const Ed25519PublicKey& key, std::string_view message, const Ed25519Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), bytes_of(message), message.size(), key.data()) == 0;
}

}  // namespace isobar::crypto
