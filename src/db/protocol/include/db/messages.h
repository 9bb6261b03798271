#pragma once

/// What clients and replicas say to one another. Who sent a message is known by the channel it came over; whatever is handed on to
/// others proves itself.

#include <optional>
#include <variant>
#include <vector>

#include "db/certificate.h"

namespace isobar::db {

// From clients.

/// with_proof  also the certificate of the committed version: asked for when replicas disagree
/// mark        older writers are to be refused that would slip in below it, while the reader is under way
struct ReadRequest {
  std::uint64_t request = 0;
  std::string key;
  Timestamp at;
  bool with_proof = false;
  bool mark = true;
};
template <class Io>
void describe(Io& io, Like<ReadRequest> auto& m) {
  io(m.request)(m.key)(m.at)(m.with_proof)(m.mark);
}

/// All that is there of [from, until) for a reader at `at`, in order, until `rows_most` rows or the replica's bound of bytes are full.
/// floor    deleted keys are told of only when they were deleted after it; a replica that still lets writers in below it refuses
/// hold     the replica is to promise that it never votes for a writer below `at` in what it answers of: a reader that has the promise of a
///          commit quorum needs no vote
/// digest   alone is wanted: somebody else was asked for the rows
struct ScanRequest {
  std::uint64_t request = 0;
  std::string from, until;
  Timestamp at;
  std::uint64_t floor = 0;
  std::uint32_t rows_most = 0;  ///< that are there; 0: any number
  bool backward = false, hold = false, digest = false;
};
template <class Io>
void describe(Io& io, Like<ScanRequest> auto& m) {
  io(m.request)(m.from)(m.until)(m.at)(m.floor)(m.rows_most)(m.backward)(m.hold)(m.digest);
}

/// The reader at `at` gave up: what it read constrains nobody any more.
struct ReleaseReads {
  Timestamp at;
  std::vector<std::string> keys;
};
template <class Io>
void describe(Io& io, Like<ReleaseReads> auto& m) {
  io(m.at)(m.keys);
}

/// Stage 1 (ST1). dependencies: those of the transaction's that others handed in, and that may not have come to every replica yet.
struct Prepare {
  SignedTransaction tx;
  std::vector<SignedTransaction> dependencies = {};
};
template <class Io>
void describe(Io& io, Like<Prepare> auto& m) {
  io(m.tx)(m.dependencies);
}

/// As `Prepare`, and tell everything that is known: of who finishes what another began (RP).
struct Recover {
  SignedTransaction tx;
};
template <class Io>
void describe(Io& io, Like<Recover> auto& m) {
  io(m.tx);
}

/// Stage 2 (ST2).
struct LogDecision {
  SignedTransaction tx;
  Outcome decision = Outcome::kAbort;
  Justification why;
};
template <class Io>
void describe(Io& io, Like<LogDecision> auto& m) {
  io(m.tx)(m.decision)(m.why);
}

struct Writeback {
  Decided decided;
};
template <class Io>
void describe(Io& io, Like<Writeback> auto& m) {
  io(m.decided);
}

/// The logging shard holds different decisions (InvokeFB). log: lets a replica log one that has none; views: what replicas said they are
/// in.
struct InvokeFallback {
  LogDecision log;
  std::vector<Logged> views;
};
template <class Io>
void describe(Io& io, Like<InvokeFallback> auto& m) {
  io(m.log)(m.views);
}

// From replicas.

struct CommittedVersion {
  Timestamp version;
  TxId writer;
  std::optional<std::string> value;
  std::optional<Decided> proof;
};
template <class Io>
void describe(Io& io, Like<CommittedVersion> auto& v) {
  io(v.version)(v.writer)(v.value)(v.proof);
}

struct PreparedVersion {
  Timestamp version;
  std::optional<std::string> value;
  SignedTransaction writer;  ///< so that its reader can finish it
};
template <class Io>
void describe(Io& io, Like<PreparedVersion> auto& v) {
  io(v.version)(v.value)(v.writer);
}

/// Why a replica votes to abort. For people and for who retries; nothing rests on it.
enum class AbortReason : std::uint8_t {
  kNone,
  kClock,          ///< its timestamp is too far ahead of the replica's clock
  kMissedWrite,    ///< a write that it should have read came meanwhile
  kHidesWrite,     ///< a later reader has already read what it would overwrite
  kReader,         ///< a later reader is under way
  kDependency,     ///< it read something that is not there, or that was aborted
  kTooOld,         ///< below what this replica promised to leave as it is
  kSameTimestamp,  ///< its client used the timestamp for another transaction
  kMalformed,
  kForbidden,  ///< its client may not read or write that
  kNotClosed,  ///< a scan's floor is above what this replica has closed
  kLast = kNotClosed,
};
std::string_view name_of(AbortReason reason);

/// Each the newest older than the reader. refused: why it is not answered; then nothing was noted.
struct ReadReply {
  std::uint64_t request = 0;
  AbortReason refused = AbortReason::kNone;
  std::optional<CommittedVersion> committed;
  std::optional<PreparedVersion> prepared;
  std::uint64_t clock = 0;  ///< the replica's, nanoseconds
};
template <class Io>
void describe(Io& io, Like<ReadReply> auto& m) {
  io(m.request)(m.refused)(m.committed)(m.prepared)(m.clock);
}

/// The newest version older than the reader.
struct ScannedKey {
  std::string key;
  Timestamp version;
  std::optional<std::string> value;  ///< none: it is deleted
  friend auto operator<=>(const ScannedKey&, const ScannedKey&) = default;
};
template <class Io>
void describe(Io& io, Like<ScannedKey> auto& row) {
  io(row.key)(row.version)(row.value);
}

/// What there is of the part that was looked at: [from, end) going forward, [end, until) going backward; all of it where `end` is the other
/// bound. What the digest is of, so that equal digests mean equal answers.
struct ScannedPart {
  std::string end;
  std::vector<ScannedKey> rows;  ///< in the order that was asked for
  friend bool operator==(const ScannedPart&, const ScannedPart&) = default;
};
template <class Io>
void describe(Io& io, Like<ScannedPart> auto& part) {
  io(part.end)(part.rows);
}
Hash digest_of(const ScannedPart& part);

/// undecided: keys of that part that somebody wrote, below the reader and above the row, who is not decided yet.
struct ScanReply {
  std::uint64_t request = 0;
  AbortReason refused = AbortReason::kNone;
  bool held = false;  ///< promised, as asked
  Hash digest{};
  std::optional<ScannedPart> part;  ///< none: the digest was enough
  std::vector<std::string> undecided;
  std::uint64_t closed = 0;  ///< up to when this replica lets no writer in any more
};
template <class Io>
void describe(Io& io, Like<ScanReply> auto& m) {
  io(m.request)(m.refused)(m.held)(m.digest)(m.part)(m.undecided)(m.closed);
}

/// ST1R. conflict: the committed transaction that stands against it; blocker: one that is not decided yet and does, or is waited for.
struct VoteReply {
  Vote vote;
  AbortReason reason = AbortReason::kNone;
  std::optional<Decided> conflict;
  std::optional<SignedTransaction> blocker;
};
template <class Io>
void describe(Io& io, Like<VoteReply> auto& m) {
  io(m.vote)(m.reason)(m.conflict)(m.blocker);
}

/// ST2R.
struct LoggedReply {
  Logged logged;
};
template <class Io>
void describe(Io& io, Like<LoggedReply> auto& m) {
  io(m.logged);
}

struct DecidedReply {
  Decided decided;
};
template <class Io>
void describe(Io& io, Like<DecidedReply> auto& m) {
  io(m.decided);
}

/// `waiter` waits for this one, which its own client should have finished.
struct Blocker {
  TxId waiter;
  SignedTransaction tx;
};
template <class Io>
void describe(Io& io, Like<Blocker> auto& m) {
  io(m.waiter)(m.tx);
}

// Among replicas.

/// To the leader of the view (ElectFB).
struct ElectLeader {
  Elect elect;
};
template <class Io>
void describe(Io& io, Like<ElectLeader> auto& m) {
  io(m.elect);
}

/// From the leader (DecFB): the majority of an election quorum's decisions.
struct Propose {
  Proposal proposal;
  std::vector<Elect> electors;
};
template <class Io>
void describe(Io& io, Like<Propose> auto& m) {
  io(m.proposal)(m.electors);
}

// Among replicas of one shard: what of the others' transactions one of them has missed.

/// Of the transactions with timestamps in one second that a replica knows to be committed: how many, and their ids mixed by exclusive or.
struct WindowSummary {
  std::uint64_t window = 0;  ///< seconds since 1970
  std::uint32_t count = 0;
  Hash mixed{};
  friend bool operator==(const WindowSummary&, const WindowSummary&) = default;
};
template <class Io>
void describe(Io& io, Like<WindowSummary> auto& s) {
  io(s.window)(s.count)(s.mixed);
}

/// All windows of [from, until) in which the sender knows of any; which of the receiver's are different?
struct CompareWindows {
  std::uint64_t from = 0, until = 0;
  std::vector<WindowSummary> windows;
};
template <class Io>
void describe(Io& io, Like<CompareWindows> auto& m) {
  io(m.from)(m.until)(m.windows);
}

/// The ids in the windows that differ. until: how far it got, as an answer is bounded
struct WindowsCompared {
  std::uint64_t from = 0, until = 0;
  std::vector<TxId> ids;
};
template <class Io>
void describe(Io& io, Like<WindowsCompared> auto& m) {
  io(m.from)(m.until)(m.ids);
}

struct FetchDecided {
  std::vector<TxId> ids;
};
template <class Io>
void describe(Io& io, Like<FetchDecided> auto& m) {
  io(m.ids);
}

/// Those of them that are decided here, as far as there was room.
struct SupplyDecided {
  std::vector<Decided> decided;
};
template <class Io>
void describe(Io& io, Like<SupplyDecided> auto& m) {
  io(m.decided);
}

// Among replicas: what is settled, so that the rest can be forgotten.

/// To the others of the shard.
struct CheckpointSigned {
  Checkpoint checkpoint;
};
template <class Io>
void describe(Io& io, Like<CheckpointSigned> auto& m) {
  io(m.checkpoint);
}

/// To any replica, of any shard.
struct StableKnown {
  StableCheckpoint stable;
};
template <class Io>
void describe(Io& io, Like<StableKnown> auto& m) {
  io(m.stable);
}

/// By a replica whose digest is another: of which parts?
struct FetchLeaves {
  std::uint64_t until = 0;
};
template <class Io>
void describe(Io& io, Like<FetchLeaves> auto& m) {
  io(m.until);
}

struct LeavesSupplied {
  std::uint64_t until = 0;
  std::vector<Hash> leaves;  ///< by bucket; their tree's root is what was signed
};
template <class Io>
void describe(Io& io, Like<LeavesSupplied> auto& m) {
  io(m.until)(m.leaves);
}

/// What is there of one bucket, in the order of keys, from behind `after`.
struct FetchBucket {
  std::uint32_t bucket = 0;
  std::string after;
};
template <class Io>
void describe(Io& io, Like<FetchBucket> auto& m) {
  io(m.bucket)(m.after);
}

/// Who wrote what is there, each with its certificate. next: the last key that was looked at, if there are more.
struct BucketSupplied {
  std::uint32_t bucket = 0;
  std::vector<Decided> decided;
  std::optional<std::string> next;
};
template <class Io>
void describe(Io& io, Like<BucketSupplied> auto& m) {
  io(m.bucket)(m.decided)(m.next);
}

/// The transaction is so old that nobody remembers what became of it. It will not be decided otherwise than it was.
struct GoneReply {
  TxId tx;
};
template <class Io>
void describe(Io& io, Like<GoneReply> auto& m) {
  io(m.tx);
}

// For people.

struct StatusRequest {};
template <class Io>
void describe(Io&, Like<StatusRequest> auto&) {}

/// Counts since the replica started. overruled: decided otherwise than it had voted; stalled: prepared for more than a second and not
/// decided; caught_up: decisions that it had from other replicas; kept: transactions that are remembered one by one; settled, stable: up to
/// when everything is in the store, and all replicas agree (nanoseconds since 1970).
struct StatusReply {
  std::uint64_t clock = 0;  ///< nanoseconds since 1970
  std::uint64_t voted_commit = 0, voted_abort = 0;
  std::vector<std::uint64_t> reasons;  ///< of votes to abort, by AbortReason
  std::uint64_t decided = 0, decided_fast = 0, overruled = 0, undecided = 0, stalled = 0, evidence = 0, dropped = 0, batches = 0,
                caught_up = 0, kept = 0, settled = 0, stable = 0;
};
template <class Io>
void describe(Io& io, Like<StatusReply> auto& m) {
  io(m.clock)(m.voted_commit)(m.voted_abort)(m.reasons)(m.decided)(m.decided_fast)(m.overruled)(m.undecided)(m.stalled)(m.evidence)(
      m.dropped)(m.batches)(m.caught_up)(m.kept)(m.settled)(m.stable);
}

using Message = std::variant<ReadRequest, ReleaseReads, Prepare, Recover, LogDecision, Writeback, InvokeFallback, ReadReply, VoteReply,
                             LoggedReply, DecidedReply, Blocker, ElectLeader, Propose, StatusRequest, StatusReply, CompareWindows,
                             WindowsCompared, FetchDecided, SupplyDecided, CheckpointSigned, StableKnown, FetchLeaves, LeavesSupplied,
                             FetchBucket, BucketSupplied, GoneReply, ScanRequest, ScanReply>;

/// One message as it is sent. Cost: linear in its size.
std::string encode_message(const Message& message);
/// Errors   kInvalidArgument: not the encoding of a message
Result<Message> decode_message(std::string_view bytes);

}  // namespace isobar::db
