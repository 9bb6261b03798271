#pragma once

/// Contradictions that prove, to anyone, that somebody lied: each holds two statements that no correct participant signs both of.

#include <string>
#include <variant>

#include "db/messages.h"

namespace isobar::db {

/// A client used one timestamp for two transactions.
struct SameTimestamp {
  SignedTransaction first, second;
};
template <class Io>
void describe(Io& io, Like<SameTimestamp> auto& e) {
  io(e.first)(e.second);
}

/// A replica voted both ways on one transaction.
struct TwoVotes {
  Vote first, second;
};
template <class Io>
void describe(Io& io, Like<TwoVotes> auto& e) {
  io(e.first)(e.second);
}

/// There are two final decisions on one transaction: more than f replicas of a shard lied.
struct TwoDecisions {
  Decided first, second;
};
template <class Io>
void describe(Io& io, Like<TwoDecisions> auto& e) {
  io(e.first)(e.second);
}

using Evidence = std::variant<SameTimestamp, TwoVotes, TwoDecisions>;

/// "client 7", "replica 0.3", or, where it cannot be told which, "more than f replicas".
std::string accused_by(const Evidence& evidence);
/// What was done, in a few words.
std::string_view what_is_shown_by(const Evidence& evidence);
/// The transaction it was done to; of two with one timestamp, the first.
TxId subject_of(const Evidence& evidence);

class Verifier;
/// Whether it proves what it says, by the keys of the membership alone. Errors   kInvalidArgument: what is missing
Status check_evidence(const Evidence& evidence, Verifier& verifier);

}  // namespace isobar::db
