#include "db/sim_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/blake2b.h"

namespace isobar::db {

bool SimScheme::verifies(const PublicKey& key, std::string_view message, const Signature& signature) const {
  return secrets_.contains(key) && sign(key, message) == signature;
}

PublicKey SimScheme::enroll(const std::string& name) {
  const PublicKey key = crypto::blake2b("sim.public", name);
  secrets_[key] = "secret of " + name;
  return key;
}

Signature SimScheme::sign(const PublicKey& key, std::string_view message) const {
  Signature signature{};
  const auto half = crypto::blake2b("sim.sign", message, secrets_.at(key));
  std::copy(half.begin(), half.end(), signature.begin());
  std::copy(half.rbegin(), half.rend(), signature.begin() + half.size());
  return signature;
}

SimMembers::SimMembers(std::uint32_t f, std::uint32_t shards, std::uint32_t clients) {
  members.budget = FaultBudget(f);
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    auto& keys = members.shards.emplace_back();
    for (std::uint32_t i = 0; i < members.budget.replicas(); ++i) {
      keys.push_back(scheme.enroll(fmt::format("replica {}.{}", shard, i)));
      replica_signers.emplace(ReplicaId{ShardId(shard), i}, SimSigner(scheme, keys.back()));
    }
  }
  for (std::uint64_t client = 1; client <= clients; ++client) {
    const PublicKey key = scheme.enroll(fmt::format("client {}", client));
    members.clients[ClientId(client)] = key;
    client_signers.emplace(ClientId(client), SimSigner(scheme, key));
  }
}

SignedTransaction SimMembers::sign(Transaction tx) const {
  tx.epoch = members.epoch;
  const auto by_key = [](const auto& a, const auto& b) { return a.key < b.key; };
  std::sort(tx.reads.begin(), tx.reads.end(), by_key);
  std::sort(tx.writes.begin(), tx.writes.end(), by_key);
  std::sort(tx.dependencies.begin(), tx.dependencies.end(), by_key);
  tx.participants = participants_of(tx, members);
  const ClientId client = tx.timestamp.client;
  BatchProof proof = sign_alone(RequestStatement{tx.id()}, client, tx.epoch, signer_of(client));
  return {std::move(tx), std::move(proof)};
}

}  // namespace isobar::db
