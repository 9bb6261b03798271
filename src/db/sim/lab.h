#pragma once

// A cluster that is moved by hand, message by message: for scenarios in which the order of things matters.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "db/client.h"
#include "db/replica.h"
#include "db/sim_keys.h"

namespace isobar::db {

/// a_tx(client, time).reads("x").writes("y", "1"): a transaction, not signed yet. Times are small numbers; the lab's clock starts far
/// later.
class TxBuilder {
 public:
  TxBuilder(std::uint64_t client, std::uint64_t time) { tx_.timestamp = {time, ClientId(client)}; }
  TxBuilder& reads(const std::string& key, const Timestamp& version = {}) {
    tx_.reads.push_back({key, version});
    return *this;
  }
  TxBuilder& scans(const std::string& from, const std::string& until, std::uint64_t floor = 0) {
    tx_.ranges.push_back({from, until, floor});
    return *this;
  }
  TxBuilder& writes(const std::string& key, const std::string& value) {
    tx_.writes.push_back({key, value});
    return *this;
  }
  TxBuilder& depends(const std::string& key, const SignedTransaction& writer) {
    tx_.dependencies.push_back({key, writer.tx.timestamp, writer.tx.id()});
    return reads(key, writer.tx.timestamp);
  }
  operator Transaction() const { return tx_; }

 private:
  Transaction tx_;
};
inline TxBuilder a_tx(std::uint64_t client, std::uint64_t time) { return {client, time}; }

class Lab {
 public:
  explicit Lab(std::uint32_t shards = 1, std::uint32_t f = 1, const CheckpointConfig& checkpoints = {});

  SignedTransaction sign(const Transaction& tx) const { return members.sign(tx); }
  ReplicaId at(std::uint32_t index, std::uint64_t shard = 0) const { return {ShardId(shard), index}; }
  Replica& replica(const ReplicaId& id) { return *replicas_.at(id); }
  Verifier& verifier() { return verifier_; }

  /// Hands a message over and takes what comes of it; its records are on disk.
  ReplicaOutput tell(const ReplicaId& to, const Peer& from, const Message& message);
  /// Lets time pass, and hands on what replicas say to one another until they say no more. deaf  hears nothing and says nothing
  void pass(Duration span, const std::set<ReplicaId>& deaf = {});
  /// As after a kill: what was on disk is there.
  void restart(const ReplicaId& id);
  /// The disk loses what the last `tell` wrote, and the machine its power, before it answered.
  void lose_last_records(const ReplicaId& id);

  /// Prepares at the replica and gives its vote; none: it waits, or refuses to say anything.
  std::optional<VoteReply> prepare(const ReplicaId& at, const SignedTransaction& tx);
  std::vector<Vote> prepare(const SignedTransaction& tx, std::uint32_t first, std::uint32_t count, std::uint64_t shard = 0);
  /// A vote as a liar with that key makes it.
  Vote lie(const ReplicaId& as, const SignedTransaction& tx, Outcome vote) const;
  Logged lie(const ReplicaId& as, const SignedTransaction& tx, Outcome decision, View decided_in, View current) const;
  Elect elect(const ReplicaId& as, const SignedTransaction& tx, Outcome decision, View view) const;
  std::optional<Logged> log(const ReplicaId& at, const SignedTransaction& tx, Outcome decision, const std::vector<Vote>& votes);
  /// Everything to its end: all replicas of all participants vote, and are told.
  Decided commit(const SignedTransaction& tx);
  void write_back(const Decided& decided);
  Status verify(const Certificate& certificate, const SignedTransaction& tx) {
    return verifier_.certificate(certificate, tx.tx, tx.tx.id());
  }
  Certificate votes_certificate(const SignedTransaction& tx, Outcome decision, std::vector<Vote> votes) const {
    return {tx.tx.id(), decision, VotesProof{std::move(votes)}};
  }
  ReplicaId leader(const SignedTransaction& tx, View view) const;

  SimMembers members;
  Now now{Instant::from_unix_seconds(1000), Instant::from_unix_seconds(1000)};

 private:
  std::unique_ptr<Replica> make(const ReplicaId& id) const;
  /// What is put to rest is so at once.
  ReplicaOutput take(const ReplicaId& id);
  Verifier verifier_;
  std::map<ReplicaId, std::unique_ptr<Replica>> replicas_;
  CheckpointConfig checkpoints_;
  std::map<ReplicaId, std::vector<std::pair<TxId, std::string>>> disks_;  // records, of what
  std::map<ReplicaId, std::unique_ptr<Settled>> settled_;
  std::size_t last_records_ = 0;
};

/// The first message of this kind among what is sent.
template <class M>
const M* find(const ReplicaOutput& output) {
  for (const auto& outgoing : output.sends)
    if (const auto* message = std::get_if<M>(&outgoing.message)) return message;
  for (const auto& outgoing : output.sends_now)
    if (const auto* message = std::get_if<M>(&outgoing.message)) return message;
  return nullptr;
}

}  // namespace isobar::db
