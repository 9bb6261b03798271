#include "lab.h"

namespace isobar::db {

Lab::Lab(std::uint32_t shards, std::uint32_t f) : members(f, shards, 4), verifier_(members.members, members.scheme) {
  for (std::uint64_t shard = 0; shard < shards; ++shard)
    for (const auto& id : members.members.replicas_of(ShardId(shard))) replicas_[id] = make(id);
}

std::unique_ptr<Replica> Lab::make(const ReplicaId& id) const {
  return std::make_unique<Replica>(ReplicaConfig{}, members.members, id, members.signer_of(id), members.scheme);
}

ReplicaOutput Lab::tell(const ReplicaId& to, const Peer& from, const Message& message) {
  replica(to).step(from, message, now);
  auto output = replica(to).take();
  last_records_ = output.records.size();
  for (const auto& record : output.records) disks_[to].push_back(encode(record));
  return output;
}

void Lab::restart(const ReplicaId& id) {
  replicas_[id] = make(id);
  std::vector<LogRecord> log;
  for (const auto& bytes : disks_[id]) log.push_back(decode<LogRecord>(bytes).value());
  replica(id).restore(log, now);
  for (const auto& record : replica(id).take().records) disks_[id].push_back(encode(record));
}

void Lab::lose_last_records(const ReplicaId& id) {
  disks_[id].resize(disks_[id].size() - last_records_);
  restart(id);
}

std::optional<VoteReply> Lab::prepare(const ReplicaId& at, const SignedTransaction& tx) {
  const auto output = tell(at, tx.tx.timestamp.client, Prepare{tx});
  const auto* reply = find<VoteReply>(output);
  return reply ? std::optional(*reply) : std::nullopt;
}

std::vector<Vote> Lab::prepare(const SignedTransaction& tx, std::uint32_t first, std::uint32_t count, std::uint64_t shard) {
  std::vector<Vote> votes;
  for (std::uint32_t i = first; i < first + count; ++i)
    if (const auto reply = prepare(at(i, shard), tx)) votes.push_back(reply->vote);
  return votes;
}

Vote Lab::lie(const ReplicaId& as, const SignedTransaction& tx, Outcome vote) const {
  return attest(VoteStatement{tx.tx.id(), vote}, as, members.members.epoch, members.signer_of(as));
}

Logged Lab::lie(const ReplicaId& as, const SignedTransaction& tx, Outcome decision, View decided_in, View current) const {
  return attest(LoggedStatement{tx.tx.id(), decision, decided_in, current}, as, members.members.epoch, members.signer_of(as));
}

Elect Lab::elect(const ReplicaId& as, const SignedTransaction& tx, Outcome decision, View view) const {
  return attest(ElectStatement{tx.tx.id(), decision, view}, as, members.members.epoch, members.signer_of(as));
}

std::optional<Logged> Lab::log(const ReplicaId& at, const SignedTransaction& tx, Outcome decision, const std::vector<Vote>& votes) {
  const auto output = tell(at, tx.tx.timestamp.client, LogDecision{tx, decision, VotesProof{votes}});
  const auto* reply = find<LoggedReply>(output);
  return reply ? std::optional(reply->logged) : std::nullopt;
}

Decided Lab::commit(const SignedTransaction& tx) {
  std::vector<Vote> votes;
  for (const auto& shard : tx.tx.participants)
    for (const auto& vote : prepare(tx, 0, members.members.budget.replicas(), shard.value())) votes.push_back(vote);
  Decided decided{tx, votes_certificate(tx, Outcome::kCommit, std::move(votes))};
  write_back(decided);
  return decided;
}

void Lab::write_back(const Decided& decided) {
  for (const auto& shard : decided.tx.tx.participants)
    for (const auto& id : members.members.replicas_of(shard)) tell(id, decided.tx.tx.timestamp.client, Writeback{decided});
}

ReplicaId Lab::leader(const SignedTransaction& tx, View view) const {
  return {logging_shard(tx.tx, tx.tx.id()), leader_of(tx.tx.id(), view, members.members)};
}

}  // namespace isobar::db
