#include "db/membership.h"

#include <algorithm>

namespace isobar::db {

namespace {

bool within(const std::vector<std::string>& beginnings, std::string_view key) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](const std::string& beginning) { return key.starts_with(beginning); });
}

/// Whether every key of [from, until) begins with `beginning`.
bool covers(std::string_view beginning, std::string_view from, std::string_view until) {
  if (!from.starts_with(beginning)) return false;
  std::string behind(beginning);  // the first key that no longer begins so; none: there is none
  while (!behind.empty() && behind.back() == '\xff') behind.pop_back();
  if (behind.empty()) return true;
  ++behind.back();
  return until <= behind;
}

}  // namespace

bool Membership::may_read(ClientId client, std::string_view from, std::string_view until) const {
  const auto found = rights.find(client);
  if (found == rights.end()) return true;
  const auto& beginnings = found->second.read;
  return std::any_of(beginnings.begin(), beginnings.end(), [&](const std::string& each) { return covers(each, from, until); });
}

bool Membership::may_read(ClientId client, std::string_view key) const {
  const auto found = rights.find(client);
  return found == rights.end() || within(found->second.read, key);
}

bool Membership::may_write(ClientId client, std::string_view key) const {
  const auto found = rights.find(client);
  return found == rights.end() || within(found->second.write, key);
}

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

std::vector<ReplicaId> Membership::others_of(const ReplicaId& self) const {
  std::vector<ReplicaId> others = replicas_of(self.shard);
  std::erase(others, self);
  return others;
}

}  // namespace isobar::db
