#pragma once

/// Signatures that cost a hash, for simulations: who holds no `SimSigner` of a member cannot make one of its signatures. Never used by a
/// program that serves anyone: the scheme knows every secret.

#include <map>
#include <string>

#include "db/attest.h"
#include "db/signatures.h"
#include "db/statements.h"
#include "db/transaction.h"

namespace isobar::db {

class SimScheme final : public SignatureScheme {
 public:
  SchemeId id() const override { return SchemeId::kSimulated; }
  bool verifies(const PublicKey& key, std::string_view message, const Signature& signature) const override;
  /// Makes a member's keys.
  PublicKey enroll(const std::string& name);
  Signature sign(const PublicKey& key, std::string_view message) const;

 private:
  std::map<PublicKey, std::string> secrets_;
};

class SimSigner final : public Signer {
 public:
  SimSigner(const SimScheme& scheme, const PublicKey& key) : scheme_(scheme), key_(key) {}
  Signature sign(std::string_view message) const override { return scheme_.sign(key_, message); }

 private:
  const SimScheme& scheme_;
  PublicKey key_;
};

/// The whole membership of a simulated cluster, with everybody's keys.
struct SimMembers {
  SimMembers(std::uint32_t f, std::uint32_t shards, std::uint32_t clients);
  SimMembers(const SimMembers&) = delete;
  SimMembers& operator=(const SimMembers&) = delete;

  const Signer& signer_of(const ReplicaId& replica) const { return replica_signers.at(replica); }
  const Signer& signer_of(ClientId client) const { return client_signers.at(client); }
  SignedTransaction sign(Transaction tx) const;

  SimScheme scheme;
  Membership members;
  std::map<ReplicaId, SimSigner> replica_signers;
  std::map<ClientId, SimSigner> client_signers;
};

}  // namespace isobar::db
