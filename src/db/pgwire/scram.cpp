#include "db/scram.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "scram_exchange.h"

namespace isobar::db {

namespace {

constexpr std::size_t kSaltBytes = 16, kHashBytes = 32;

using crypto::hmac_sha256;
using crypto::sha256;

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count));
  return bytes;
}

ScramVerifier verifier_of(std::string_view salted, std::string salt, std::uint32_t iterations) {
  return {std::move(salt), iterations, sha256(hmac_sha256(salted, "Client Key")), hmac_sha256(salted, "Server Key")};
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

/// The value of "x=…" in "a=…,x=…"; none: it is not there.
std::optional<std::string_view> attribute(std::string_view message, char name) {
  for (const auto part : split(message, ','))
    if (part.size() >= 2 && part[0] == name && part[1] == '=') return part.substr(2);
  return std::nullopt;
}

}  // namespace

ScramVerifier make_scram_verifier(std::string_view password, std::uint32_t iterations) {
  std::string salt = random_bytes(kSaltBytes), salted(kHashBytes, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), reinterpret_cast<const unsigned char*>(salt.data()),
                    static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(), kHashBytes,
                    reinterpret_cast<unsigned char*>(salted.data()));
  return verifier_of(salted, std::move(salt), iterations);
}

ScramVerifier made_up_verifier(std::string_view user) {
  static const std::string secret = random_bytes(kHashBytes);
  const std::string salt = hmac_sha256(secret, fmt::format("salt {}", user)).substr(0, kSaltBytes);
  return verifier_of(hmac_sha256(secret, fmt::format("password {}", user)), salt, 4096);
}

std::string scram_text(const ScramVerifier& verifier) {
  return fmt::format("SCRAM-SHA-256${}:{}${}:{}", verifier.iterations, crypto::to_base64(verifier.salt),
                     crypto::to_base64(verifier.stored_key), crypto::to_base64(verifier.server_key));
}

std::optional<ScramVerifier> parse_scram(std::string_view text) {
  const auto parts = split(text, '$');
  if (parts.size() != 3 || parts[0] != "SCRAM-SHA-256") return std::nullopt;
  const auto how = split(parts[1], ':'), keys = split(parts[2], ':');
  if (how.size() != 2 || keys.size() != 2) return std::nullopt;
  ScramVerifier verifier;
  verifier.iterations = static_cast<std::uint32_t>(std::strtoul(std::string(how[0]).c_str(), nullptr, 10));
  const auto salt = crypto::from_base64(how[1]), stored = crypto::from_base64(keys[0]), server = crypto::from_base64(keys[1]);
  if (verifier.iterations == 0 || !salt.ok() || !stored.ok() || !server.ok() || stored->size() != kHashBytes ||
      server->size() != kHashBytes)
    return std::nullopt;
  verifier.salt = *salt;
  verifier.stored_key = *stored;
  verifier.server_key = *server;
  return verifier;
}

// RFC 5802, §5 to §7.

SqlResult<std::string> ScramExchange::first(std::string_view message) {
  // "n,,n=user,r=nonce": no channel binding, or the client knows that this server has none.
  const auto bad = [] { return SqlError(sql::state::kProtocolViolation, "malformed SCRAM message"); };
  if (message.size() < 3 || (message[0] != 'n' && message[0] != 'y') || message[1] != ',') return bad();
  const std::size_t end = message.find(',', 2);
  if (end == std::string_view::npos) return bad();
  header_ = message.substr(0, end + 1);
  client_first_ = message.substr(end + 1);
  const auto nonce = attribute(client_first_, 'r');
  if (!nonce || nonce->empty()) return bad();
  nonce_ = std::string(*nonce) + crypto::to_base64(random_bytes(18));
  server_first_ = fmt::format("r={},s={},i={}", nonce_, crypto::to_base64(verifier_.salt), verifier_.iterations);
  return server_first_;
}

SqlResult<std::string> ScramExchange::last(std::string_view message) {
  const auto bad = [] { return SqlError(sql::state::kProtocolViolation, "malformed SCRAM message"); };
  const auto binding = attribute(message, 'c'), nonce = attribute(message, 'r'), proof = attribute(message, 'p');
  const std::size_t proof_at = message.rfind(",p=");
  if (!binding || !nonce || !proof || proof_at == std::string_view::npos) return bad();
  if (*binding != crypto::to_base64(header_) || *nonce != nonce_) return bad();
  const auto given = crypto::from_base64(*proof);
  if (!given.ok() || given->size() != kHashBytes) return bad();
  const std::string all = client_first_ + "," + server_first_ + "," + std::string(message.substr(0, proof_at));
  const std::string signature = hmac_sha256(verifier_.stored_key, all);
  std::string client_key = *given;
  for (std::size_t i = 0; i < client_key.size(); ++i) client_key[i] = static_cast<char>(client_key[i] ^ signature[i]);
  if (!equal_in_constant_time(sha256(client_key), verifier_.stored_key))
    return SqlError(sql::state::kInvalidPassword, fmt::format("password authentication failed for user \"{}\"", user_));
  return "v=" + crypto::to_base64(hmac_sha256(verifier_.server_key, all));
}

}  // namespace isobar::db
