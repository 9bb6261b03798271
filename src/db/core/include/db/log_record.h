#pragma once

/// What a replica must still know after it was killed: its votes and what it logged are promises, and a replica that forgets one lies.

#include <optional>
#include <variant>

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

struct LogRecord {
  TxId tx;
  std::optional<SignedTransaction> content;  ///< in the first record of a transaction
  std::variant<AcceptedRecord, VotedRecord, LoggedRecord, DecidedRecord> what;
};
template <class Io>
void describe(Io& io, Like<LogRecord> auto& record) {
  io(record.tx)(record.content)(record.what);
}

}  // namespace isobar::db
