#pragma once

/// One replica of one shard as a state machine (Basil, SOSP '21, §4 and §5). No clock, socket, disk or thread inside: messages and the time
/// come in; records and messages come out of `take`, when the driver has nothing more to hand in. The driver carries them out in this
/// order: `sends_now` at any time; `records` onto the disk; and only when those are durable, `sends`. A vote that was seen by anyone is
/// therefore on disk, and a replica that was killed says the same again. What is handed out to `settle` is put into the store after the
/// records, and `on_settled` called when it is there; records of what is `forgotten` may go when those that came with it are durable.
///
/// No message can make it fail: what is malformed, unsigned or out of place is dropped and counted.

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "db/catch_up.h"
#include "db/checkpoints.h"
#include "db/evidence.h"
#include "db/log_record.h"
#include "db/now.h"
#include "db/read_holds.h"
#include "db/read_marks.h"
#include "db/state_transfer.h"
#include "db/statement_batch.h"
#include "db/verifier.h"
#include "db/version_store.h"

namespace isobar::db {

struct ReplicaConfig {
  Duration clock_bound = std::chrono::milliseconds(100);      ///< how far ahead of its clock a timestamp may be (δ)
  Duration blocker_patience = std::chrono::milliseconds(10);  ///< before those who wait are told for whom; then twice as long each time
  Duration blocker_pause_most = std::chrono::seconds(1);
  Duration view_least = std::chrono::milliseconds(50);  ///< how long view 1 is given; each further one twice as long
  ReadMarkLimits read_marks;
  Duration hold_ahead = std::chrono::milliseconds(10);  ///< how far ahead of its clock a reader may be who is promised something
  /// For how long ahead promises to readers are recorded. After a restart no writer is taken up to there, as nobody knows what was read.
  Duration holds_recorded_ahead = std::chrono::seconds(1);
  CatchUpConfig catch_up;
  CheckpointConfig checkpoints;
  Duration stuck_after = std::chrono::seconds(3);  ///< before others are asked what became of a transaction that is prepared here
};

struct Outgoing {
  Peer to;
  Message message;
};

struct ReplicaOutput {
  std::vector<Outgoing> sends_now;
  std::vector<LogRecord> records;
  std::vector<Outgoing> sends;
  std::vector<Evidence> evidence;
  std::optional<SettleBatch> settle;
  std::vector<TxId> forgotten;
  std::optional<Error> failure;  ///< what is at rest cannot be read: nothing else is there then, and the replica must end
};

/// Counts since the start.
struct ReplicaCounters {
  std::uint64_t dropped = 0;  ///< messages that were malformed, unsigned or out of place
  std::uint64_t voted_commit = 0, voted_abort = 0, batches_signed = 0, decided = 0;
  std::uint64_t decided_fast = 0;  ///< by votes alone
  std::uint64_t overruled = 0;     ///< decided otherwise than this replica had voted
  std::uint64_t caught_up = 0;     ///< decisions that other replicas told of
  std::uint64_t evidence = 0;
  std::map<AbortReason, std::uint64_t> reasons;
};

class Replica {
 public:
  /// members, signer and scheme outlive it. Errors: none; self is a member
  Replica(ReplicaConfig config, const Membership& members, const ReplicaId& self, const Signer& signer, const SignatureScheme& scheme);

  /// Before anything else after a start: what is at rest, which outlives the replica, and the log, in order.
  void restore(const Settled& settled, std::span<const LogRecord> log, const Now& now);
  /// The last `settle` is in the store. settled  the store; as in `restore`
  void on_settled(const Settled& settled, const SettledState& state, const Now& now);

  void step(const Peer& from, const Message& message, const Now& now);
  void tick(const Now& now);
  /// When `tick` has something to do next, by the steady clock.
  std::optional<Instant> next_tick() const;
  /// Signs what was said since the last time. The rarer it is called, the more each signature covers. Not before the records of the last
  /// time are durable.
  ReplicaOutput take();
  /// What may go out at any time, alone: while the last records are still on their way to the disk.
  std::size_t unsigned_statements() const { return batch_.size(); }
  std::vector<Outgoing> take_now() { return std::exchange(output_.sends_now, {}); }

  const ReplicaId& self() const { return self_; }
  const ReplicaCounters& counters() const { return counters_; }
  const VersionStore& versions() const { return versions_; }
  /// Of a transaction, what is known here. For tests and for `status`.
  std::optional<Certificate> certificate_of(const TxId& id) const;
  /// Transactions that are prepared here and not decided.
  std::vector<SignedTransaction> undecided() const;
  /// Of those the ones that keep an interval from being closed, oldest first.
  std::vector<SignedTransaction> leftovers() const;
  const Checkpoints& checkpoints() const { return checkpoints_; }
  std::size_t kept() const { return states_.size(); }
  std::vector<Decided> all_decided() const;
  /// All that its further answers depend on, but for the time, the marks of readers under way, and whom it tells: copies of one replica
  /// that agree in it answer alike. One certificate of a decision is as good as another here. For the model checker, which copies replicas.
  std::string canonical_state() const;

 private:
  struct LoggedDecision {
    Outcome decision;
    View decided_in;
  };
  struct State {
    std::optional<SignedTransaction> tx;
    bool prepared = false;  // its writes and reads are in versions_
    Instant since;          // when it was prepared, by the steady clock
    std::optional<VotedRecord> vote;
    std::optional<LoggedDecision> logged;
    View current = 0;
    Instant view_ends;  // until then it is not left but for one that a correct replica is in already
    std::optional<Certificate> certificate;
    std::set<Peer> interested;
    std::set<TxId> waits_for;
    Duration blocker_pause{};                 // until those who are interested are told again
    std::map<std::uint32_t, Elect> electors;  // by index, the latest of each that was sent to this replica as a leader
    std::optional<Propose> proposed;          // the last that it proposed, for those who missed it
    std::optional<Vote> signed_vote;
    std::vector<Vote> others_votes;  // of those who were shown to justify a decision, where it came to a second round
    bool on_disk = false;            // its content is
  };
  struct Pending {
    Peer to;
    Message message;
    std::optional<std::uint32_t> leaf;  // whose proof is still to be put in
  };

  void on(const Peer& from, const ReadRequest& read, const Now& now);
  void on(const Peer& from, const ScanRequest& scan, const Now& now);
  void on(const Peer& from, const ReleaseReads& release, const Now& now);
  void on(const Peer& from, const Prepare& prepare, const Now& now);
  void on(const Peer& from, const Recover& recover, const Now& now);
  void on(const Peer& from, const LogDecision& log, const Now& now);
  void on(const Peer& from, const Writeback& writeback, const Now& now);
  void on(const Peer& from, const InvokeFallback& invoke, const Now& now);
  void on(const Peer& from, const ElectLeader& elect, const Now& now);
  void on(const Peer& from, const Propose& propose, const Now& now);
  void on(const Peer& from, const StatusRequest& request, const Now& now);
  void on(const Peer& from, const CompareWindows& asked, const Now& now);
  void on(const Peer& from, const WindowsCompared& compared, const Now& now);
  void on(const Peer& from, const FetchDecided& fetch, const Now& now);
  void on(const Peer& from, const SupplyDecided& supplied, const Now& now);
  void on(const Peer& from, const CheckpointSigned& message, const Now& now);
  void on(const Peer& from, const StableKnown& message, const Now& now);
  void on(const Peer& from, const FetchLeaves& fetch, const Now& now);
  void on(const Peer& from, const LeavesSupplied& supplied, const Now& now);
  void on(const Peer& from, const FetchBucket& fetch, const Now& now);
  void on(const Peer& from, const BucketSupplied& supplied, const Now& now);
  template <class Other>
  void on(const Peer&, const Other&, const Now&) {
    ++counters_.dropped;
  }

  void restore(const LogRecord& record, const Now& now);
  // Of a transaction that somebody sent: its state, when it is in form, signed, and of this shard.
  State* admit(const Peer& from, const SignedTransaction& tx, const TxId& id);
  void remember(State& state, const SignedTransaction& tx, const TxId& id);
  void open(State& state, const TxId& id, const Now& now);
  void close(State& state, const TxId& id);

  // Readers (replica_read.cpp).
  AbortReason unreadable(const Timestamp& at, bool allowed, const Now& now) const;
  bool hold(const std::string& from, const std::string& until, const Timestamp& at, const Now& now);
  bool held_against(const Transaction& tx) const;

  // The check (replica_check.cpp).
  void check(State& state, const TxId& id, const Now& now);
  void hear_of(const SignedTransaction& dependency, const Transaction& tx, const Now& now);
  std::optional<VotedRecord> refusal(const State& state, const TxId& id, const Now& now) const;
  bool forbidden(const Transaction& tx) const;
  std::optional<VotedRecord> refused_dependency(const Transaction& tx) const;
  std::set<TxId> undecided_dependencies(const Transaction& tx) const;
  void vote(State& state, const TxId& id, VotedRecord record);
  void wake(const TxId& decided, bool aborted);
  void tell_vote(State& state, const TxId& id, const Peer& to);
  void tell_blockers(const TxId& waiter, State& state);

  // Decisions (replica_decide.cpp).
  bool log(State& state, const TxId& id, const LogDecision& request);
  void settle(State& state, const TxId& id, const Certificate& certificate);
  void compare_votes(State& state, std::span<const Vote> votes);
  void take_decided(const Decided& decided, const Peer& from);
  void decide(State& state, const TxId& id, const Certificate& certificate, const Peer& from);
  void tell_logged(State& state, const TxId& id, const Peer& to);
  void tell_decided(const State& state, const Peer& to);

  // Catching up (replica_catch_up.cpp).
  /// Of what is supplied at a time, after which no more is added.
  static constexpr std::size_t kSuppliedBytes = 1U << 20;
  static std::size_t bytes_of(const Decided& decided);
  const ReplicaId* neighbour(const Peer& peer) const;
  void ask(std::vector<CatchUp::Request> requests);
  std::vector<TxId> stuck(const Now& now) const;

  // What is at rest, and what can be forgotten (replica_checkpoint.cpp).
  void tick_checkpoints(const Now& now);
  void gossip();
  void settle_until(std::uint64_t until);
  bool knows_late() const;
  void sign_checkpoint();
  void became_stable(const Now& now);
  void match(const Now& now);
  void drop_undecided();
  bool never_commits(const State& state) const;
  void forget(const TxId& id);
  void forget_old();
  void record_checkpoints();
  std::optional<std::uint64_t> oldest_open() const;
  std::optional<Decided> decided_of(const TxId& id) const;
  void say_now(const Peer& to, Message message) { output_.sends_now.push_back({to, std::move(message)}); }

  // Views (replica_fallback.cpp).
  View view_after(const State& state, const TxId& id, const std::vector<Logged>& said, const Now& now);
  void enter(State& state, const TxId& id, View view, const Now& now);
  void stand_for_election(State& state, const TxId& id);
  void propose(State& state, const TxId& id, View view);

  static std::string canonical_state(const State& state);
  bool logs(const State& state, const TxId& id) const;
  void record(State& state, const TxId& id, decltype(LogRecord::what) what);
  void say(const Peer& to, Message message, const Statement& statement);
  void say(const Peer& to, Message message);
  void put_proof(Pending& pending, const std::vector<BatchProof>& proofs);

  ReplicaConfig config_;
  const Membership& members_;
  ReplicaId self_;
  const Signer& signer_;
  Verifier verifier_;
  VersionStore versions_;
  ReadMarks marks_;
  ReadHolds holds_;
  /// Times. Before the restart readers were promised something up to holds_before_; since then up to holds_until_ at the most. What of
  /// that, and of what is closed, the driver was handed the record, and what is on the disk.
  struct Promised {
    std::uint64_t holds = 0, closed = 0;
  };
  std::uint64_t holds_before_ = 0, holds_until_ = 0;
  Promised recorded_, durable_;
  std::unordered_map<TxId, State> states_;
  std::map<Timestamp, TxId> at_timestamp_;            // the first transaction seen with it
  std::unordered_map<TxId, std::set<TxId>> waiters_;  // by what they wait for
  std::multimap<Instant, TxId> blockers_due_;
  using ByAge = std::set<std::pair<Timestamp, TxId>>;
  ByAge open_;       // prepared, and not decided
  ByAge unsettled_;  // committed, and not handed over to be put to rest
  ByAge by_age_;     // all that are remembered
  ByAge held_;       // of those, the ones that are old enough, but for other shards
  std::set<TxId> settling_;
  std::uint64_t newest_committed_ = 0;  // its time
  Instant next_checkpoint_;
  std::optional<Checkpoint> own_checkpoint_;  // the latest that it signed
  std::size_t gossip_turn_ = 0;
  const Settled* settled_ = nullptr;
  CatchUp catch_up_;
  Checkpoints checkpoints_;
  StateTransfer transfer_;
  StatementBatch batch_;
  std::vector<Pending> pending_;
  ReplicaOutput output_;
  ReplicaCounters counters_;
};

}  // namespace isobar::db
