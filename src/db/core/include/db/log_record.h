#pragma once

/// What a replica must still know after it was killed: its votes and what it logged are promises, and a replica that forgets one lies.

#include <optional>
#include <variant>
#include <vector>

#include "db/messages.h"

namespace isobar::db {

/// Prepared: its writes can be read and its reads stand against writers; its vote waits for what it depends on.
struct AcceptedRecord {};
template <class Io>
void describe(Io&, Like<AcceptedRecord> auto&) {}

struct VotedRecord {
  Outcome vote = Outcome::kAbort;
  AbortReason reason = AbortReason::kNone;
  std::optional<TxId> other;  ///< what stood against it
};
template <class Io>
void describe(Io& io, Like<VotedRecord> auto& record) {
  io(record.vote)(record.reason)(record.other);
}

/// Also that a view was entered.
struct LoggedRecord {
  Outcome decision = Outcome::kAbort;
  View decided_in = 0, current = 0;
};
template <class Io>
void describe(Io& io, Like<LoggedRecord> auto& record) {
  io(record.decision)(record.decided_in)(record.current);
}

struct DecidedRecord {
  Certificate certificate;
};
template <class Io>
void describe(Io& io, Like<DecidedRecord> auto& record) {
  io(record.certificate);
}

/// The time up to which everything of a shard may be forgotten.
struct ForgottenUntil {
  ShardId shard;
  std::uint64_t until = 0;
};
template <class Io>
void describe(Io& io, Like<ForgottenUntil> auto& forgotten) {
  io(forgotten.shard)(forgotten.until);
}

/// Where this replica is with its checkpoints: the latest of these records counts, and stands for all before it.
/// held  up to where it has promised readers, or was about to, that nobody comes in below them: after a restart it does not know what it
/// was that they read
struct CheckpointRecord {
  std::uint64_t closed = 0, matched = 0, held = 0;
  std::vector<ForgottenUntil> forgotten;
  std::vector<StableCheckpoint> stable;  ///< the latest of each shard
};
template <class Io>
void describe(Io& io, Like<CheckpointRecord> auto& record) {
  io(record.closed)(record.matched)(record.held)(record.forgotten)(record.stable);
}

/// tx  none of a transaction: of a checkpoint
struct LogRecord {
  TxId tx;
  std::optional<SignedTransaction> content;  ///< in the first record of a transaction
  std::variant<AcceptedRecord, VotedRecord, LoggedRecord, DecidedRecord, CheckpointRecord> what;
};
template <class Io>
void describe(Io& io, Like<LogRecord> auto& record) {
  io(record.tx)(record.content)(record.what);
}

}  // namespace isobar::db
