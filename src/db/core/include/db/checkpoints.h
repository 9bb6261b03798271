#pragma once

/// When a replica may forget (ADR 9; db.md 1.10 of the design is where it comes from). Time is cut into intervals. Some time after each, a
/// replica closes it: it accepts no transaction with a timestamp up to its end any more. When all that it had accepted up to there are
/// decided, what is committed up to there goes to rest in the store, and the replica signs the digest of it. A checkpoint that a commit
/// quorum signed alike is stable: whatever is committed up to there, now or ever, is in it.
///
///   A commit certificate takes 2f+1 correct voters of the shard, and a stable checkpoint 2f+1 correct signers; so one of the 4f+1
///   correct replicas did both. It voted before it closed, and signed when what it had voted for was decided.
///
/// A replica whose own digest is that of a stable checkpoint forgets, after a while, all transactions up to it whose other shards are as
/// far: votes, decisions, certificates. From then on it says nothing of them but that they are gone, so nothing that it said before can be
/// contradicted. This class keeps the books; it is pure, and its owner looks at signatures.

#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "db/log_record.h"
#include "db/membership.h"
#include "db/settled.h"

namespace isobar::db {

struct CheckpointConfig {
  Duration interval = std::chrono::seconds(5);
  Duration grace = std::chrono::seconds(30);      ///< after which an interval is closed: for transactions under way
  Duration retention = std::chrono::seconds(20);  ///< for which what is stable is remembered one by one: for who is late
  std::size_t settled_at_once = 2048;             ///< transactions, for which all others wait some 20 ms
};

class Checkpoints {
 public:
  /// members outlives it.
  Checkpoints(CheckpointConfig config, const Membership& members, const ReplicaId& self)
      : config_(config), members_(members), self_(self) {}

  /// Nothing with a time up to this is accepted any more. 0: nothing is closed
  std::uint64_t closed() const { return closed_; }
  /// Up to this, what is committed is in the store, and nowhere else.
  std::uint64_t settled() const { return settled_; }
  /// The latest stable checkpoint that this replica had the digest of: what was undecided here up to it will never be committed.
  std::uint64_t matched() const { return matched_; }
  std::uint64_t stable(ShardId shard) const;
  const StableCheckpoint* stable_of(ShardId shard) const;
  /// Nothing is said of this transaction any more.
  bool gone(const Transaction& tx) const;
  std::uint64_t forgotten(ShardId shard) const;

  /// Whether it closes more, by the replica's own clock; but nothing that is younger than the newest transaction known to be committed, so
  /// that one whose clock runs ahead is of use again as soon as it is set. newest: that transaction's time
  bool close(Instant wall, std::uint64_t newest);
  /// Up to when something should go to rest next. oldest_open: the time of the oldest transaction that is accepted and not decided; late:
  /// something came to be known that should be at rest already
  std::optional<std::uint64_t> due(std::optional<std::uint64_t> oldest_open, bool late) const;
  void settling() { settling_ = true; }
  void settled(const SettledState& state);
  /// What to sign, when there is something new: of one time that may be several digests after another, as late ones come to be known, and
  /// each is true when it is signed. Arguments as of `due`
  std::optional<CheckpointStatement> to_sign(std::optional<std::uint64_t> oldest_open, bool late);
  /// After a start: what was at rest then.
  void begin(const SettledState& state);

  /// Of this shard, and checked. Whether a checkpoint is stable by it.
  bool add(const Checkpoint& checkpoint);
  /// Of any shard, and checked. Whether it is news.
  bool add(const StableCheckpoint& stable);
  /// Whether this replica now matches a later checkpoint than before.
  bool match();
  /// That a checkpoint is stable whose digest this replica has, and another one: by how it differs.
  bool differs() const;
  /// Whether more may be forgotten than before.
  bool advance();

  /// As they were at `until`; none: too long ago.
  const std::vector<Hash>* leaves_at(std::uint64_t until) const;
  struct Leaves {
    std::uint64_t until = 0;
    const std::vector<Hash>* leaves = nullptr;  ///< none: nothing was put to rest since the start
  };
  /// Of that time, or else the latest.
  Leaves leaves_about(std::uint64_t until) const;

  CheckpointRecord record() const;
  void restore(const CheckpointRecord& record);
  void canonical_state(Encoder& out) const;

 private:
  static constexpr std::size_t kRemembered = 8, kSignedByEach = 4;
  std::uint64_t grid(std::uint64_t time) const;

  CheckpointConfig config_;
  const Membership& members_;
  ReplicaId self_;
  std::uint64_t closed_ = 0, settled_ = 0, matched_ = 0;
  bool settling_ = false;
  std::optional<CheckpointStatement> last_signed_;
  std::map<std::uint64_t, std::vector<Hash>> leaves_;
  std::map<std::uint64_t, std::map<std::uint32_t, Checkpoint>> signed_;  // by until, by signer
  std::map<ShardId, StableCheckpoint> stable_;
  std::map<ShardId, std::uint64_t> forgotten_;
};

}  // namespace isobar::db
