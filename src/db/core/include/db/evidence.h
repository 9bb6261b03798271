#pragma once

/// Contradictions that prove, to anyone, that somebody lied: each holds two statements that no correct participant signs both of.

#include <variant>

#include "db/messages.h"

namespace isobar::db {

/// A client used one timestamp for two transactions.
struct SameTimestamp {
  SignedTransaction first, second;
};
/// A replica voted both ways on one transaction.
struct TwoVotes {
  Vote first, second;
};
/// There are two final decisions on one transaction: more than f replicas of a shard lied.
struct TwoDecisions {
  Decided first, second;
};
using Evidence = std::variant<SameTimestamp, TwoVotes, TwoDecisions>;

}  // namespace isobar::db
