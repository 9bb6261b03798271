#pragma once

/// The signatures of clusters that serve somebody (RFC 8032, by libsodium).

#include "crypto/ed25519.h"
#include "db/signatures.h"

namespace isobar::db {

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

}  // namespace isobar::db
