#include "db/membership.h"

namespace isobar::db {

const PublicKey* Membership::key_of(const ReplicaId& replica) const {
  if (replica.shard.value() >= shards.size()) return nullptr;
  const auto& members = shards[replica.shard.value()];
  return replica.index < members.size() ? &members[replica.index] : nullptr;
}

const PublicKey* Membership::key_of(ClientId client) const {
  const auto found = clients.find(client);
  return found == clients.end() ? nullptr : &found->second;
}

ShardId Membership::shard_of(std::string_view key) const {
  if (shards.size() == 1) return ShardId(0);
  return ShardId(number_of(hash_of(purpose::kKeyPlace, key)) % shards.size());
}

std::vector<ReplicaId> Membership::replicas_of(ShardId shard) const {
  std::vector<ReplicaId> replicas;
  if (shard.value() >= shards.size()) return replicas;
  for (std::uint32_t i = 0; i < shards[shard.value()].size(); ++i) replicas.push_back({shard, i});
  return replicas;
}

}  // namespace isobar::db
