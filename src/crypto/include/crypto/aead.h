#pragma once

/// Authenticated encryption: AES-256-GCM (NIST SP 800-38D), and the derivation of its keys (HKDF with SHA-256, RFC 5869).

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::crypto {

/// Seals and opens under one key. Owned by one thread. A nonce must never be used twice with one key: whoever could read two
/// such messages could forge more.
class Aead {
 public:
  static constexpr std::size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;
  using Nonce = std::array<unsigned char, kNonceBytes>;

  /// key   kKeyBytes of them
  explicit Aead(std::string_view key);
  ~Aead();
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;

  /// Writes plain.size() + kTagBytes to `out`, which may be where `plain` is.
  /// beside   is authenticated too, and not sent
  /// Cost     some 0.2 s of CPU a GiB with AES in the processor
  void seal(const Nonce& nonce, std::string_view beside, std::string_view plain, char* out);
  std::string seal(const Nonce& nonce, std::string_view beside, std::string_view plain);

  /// Writes sealed.size() - kTagBytes to `out`, which may be where `sealed` is. After an error `out` holds nothing of use.
  /// Errors   kDataLoss: not what was sealed under this key, nonce and `beside`
  Status open(const Nonce& nonce, std::string_view beside, std::string_view sealed, char* out);
  Result<std::string> open(const Nonce& nonce, std::string_view beside, std::string_view sealed);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Twelve bytes of two numbers, in network order.
Aead::Nonce make_nonce(std::uint32_t high, std::uint64_t low);

/// A key for one purpose out of a secret. `purpose` is any text; equal inputs give equal keys.
std::string derive_key(std::string_view secret, std::string_view purpose, std::size_t bytes = Aead::kKeyBytes);

/// From the kernel's generator.
std::string secure_random_bytes(std::size_t bytes);

}  // namespace isobar::crypto
