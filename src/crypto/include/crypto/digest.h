#pragma once

/// Digests and keyed digests over OpenSSL. All return raw bytes; `to_hex` and `to_base64` write them down.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::crypto {

enum class Digest { kMd5, kSha1, kSha256 };

std::string digest(Digest kind, std::string_view bytes);
inline std::string md5(std::string_view bytes) { return digest(Digest::kMd5, bytes); }
inline std::string sha256(std::string_view bytes) { return digest(Digest::kSha256, bytes); }
std::string hmac_sha256(std::string_view key, std::string_view message);

/// A digest of what arrives in pieces. Owned by one thread.
class Hasher {
 public:
  explicit Hasher(Digest kind);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(std::string_view bytes);
  /// Once; the hasher is spent.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// RSASSA-PKCS1-v1_5 with SHA-256: what Google's service accounts sign their tokens with.
/// Errors   kInvalidArgument: `pem` is no RSA private key
Result<std::string> sign_rs256(std::string_view pem, std::string_view message);

}  // namespace isobar::crypto
