#pragma once

/// Who can sign, and how signatures are checked. Certificates of one epoch are all of one scheme; the simulator has one that costs hashes
/// alone.

#include <string_view>

#include "crypto/ed25519.h"
#include "db/membership.h"

namespace isobar::db {

enum class SchemeId : std::uint8_t { kEd25519, kSimulated, kLast = kSimulated };

/// Safe from any thread.
class SignatureScheme {
 public:
  virtual ~SignatureScheme() = default;
  virtual SchemeId id() const = 0;
  virtual bool verifies(const PublicKey& key, std::string_view message, const Signature& signature) const = 0;
};

class Signer {
 public:
  virtual ~Signer() = default;
  virtual Signature sign(std::string_view message) const = 0;
};

class Ed25519Scheme final : public SignatureScheme {
 public:
  SchemeId id() const override { return SchemeId::kEd25519; }
  bool verifies(const PublicKey& key, std::string_view message, const Signature& signature) const override {
    return crypto::ed25519_verifies(key, message, signature);
  }
};

class Ed25519Signer final : public Signer {
 public:
  explicit Ed25519Signer(const crypto::Ed25519Key& key) : key_(key) {}
  Signature sign(std::string_view message) const override { return key_.sign(message); }
  const PublicKey& public_key() const { return key_.public_key(); }

 private:
  crypto::Ed25519Key key_;
};

/// The bytes a client signs for a transaction: its id.
std::string_view signed_text(const TxId& id);

}  // namespace isobar::db
