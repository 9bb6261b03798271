#include "lab.h"

#include <deque>
#include <iterator>

#include "db/memory_key_values.h"

namespace isobar::db {

namespace {
constexpr std::uint32_t kBuckets = 4;
}

Lab::Lab(std::uint32_t shards, std::uint32_t f, const CheckpointConfig& checkpoints)
    : members(f, shards, 4), verifier_(members.members, members.scheme), checkpoints_(checkpoints) {
  for (std::uint64_t shard = 0; shard < shards; ++shard)
    for (const auto& id : members.members.replicas_of(ShardId(shard))) {
      settled_[id] = settled_in_memory(kBuckets);
      restart(id);
    }
}

std::unique_ptr<Replica> Lab::make(const ReplicaId& id) const {
  ReplicaConfig config;
  config.checkpoints = checkpoints_;
  return std::make_unique<Replica>(config, members.members, id, members.signer_of(id), members.scheme);
}

ReplicaOutput Lab::take(const ReplicaId& id) {
  ReplicaOutput output = replica(id).take();
  last_records_ = output.records.size();
  auto& disk = disks_[id];
  for (const auto& record : output.records) disk.emplace_back(record.tx, encode(record));
  for (const auto& forgotten : output.forgotten) std::erase_if(disk, [&](const auto& record) { return record.first == forgotten; });
  if (!output.settle) return output;
  replica(id).on_settled(*settled_.at(id), settled_.at(id)->apply(*output.settle).value(), now);
  ReplicaOutput more = take(id);
  std::move(more.sends_now.begin(), more.sends_now.end(), std::back_inserter(output.sends_now));
  std::move(more.sends.begin(), more.sends.end(), std::back_inserter(output.sends));
  return output;
}

ReplicaOutput Lab::tell(const ReplicaId& to, const Peer& from, const Message& message) {
  replica(to).step(from, message, now);
  return take(to);
}

void Lab::pass(Duration span, const std::set<ReplicaId>& deaf) {
  now = {now.wall + span, now.steady + span};
  struct OnTheWay {
    ReplicaId from;
    Outgoing what;
  };
  std::deque<OnTheWay> on_the_way;
  const auto send = [&](const ReplicaId& from, ReplicaOutput output) {
    for (auto* list : {&output.sends_now, &output.sends})
      for (auto& outgoing : *list) on_the_way.push_back({from, std::move(outgoing)});
  };
  for (const auto& [id, core] : replicas_) {
    if (deaf.contains(id)) continue;
    core->tick(now);
    send(id, take(id));
  }
  for (int delivered = 0; !on_the_way.empty() && delivered < 5000; ++delivered) {
    const OnTheWay next = std::move(on_the_way.front());
    on_the_way.pop_front();
    const auto* to = std::get_if<ReplicaId>(&next.what.to);
    if (to && !deaf.contains(*to)) send(*to, tell(*to, next.from, next.what.message));
  }
}

void Lab::restart(const ReplicaId& id) {
  replicas_[id] = make(id);
  std::vector<LogRecord> log;
  for (const auto& [tx, bytes] : disks_[id]) log.push_back(decode<LogRecord>(bytes).value());
  replica(id).restore(*settled_.at(id), log, now);
  take(id);
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
