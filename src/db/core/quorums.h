#pragma once

// The quorums as client and verifier both count them, with the faults that tests can switch on.

#include "db/membership.h"
#include "db/seeded_bugs.h"

namespace isobar::db {

inline std::uint32_t fast_commit(FaultBudget budget) {
  if (seeded(Bug::kFastCommitOneLess)) return budget.fast_commit_quorum() - 1;
  if (seeded(Bug::kFastCommitIsCommitQuorum)) return budget.commit_quorum();
  return budget.fast_commit_quorum();
}

inline std::uint32_t fast_abort(FaultBudget budget) {
  if (seeded(Bug::kFastAbortOneLess)) return budget.fast_abort_quorum() - 1;
  if (seeded(Bug::kFastAbortIsAbortQuorum)) return budget.abort_quorum();
  return budget.fast_abort_quorum();
}

inline std::uint32_t log_quorum(FaultBudget budget) {
  if (seeded(Bug::kLogQuorumOneLess)) return budget.log_quorum() - 1;
  if (seeded(Bug::kLogQuorumIsCommitQuorum)) return budget.commit_quorum();
  return budget.log_quorum();
}

inline std::uint32_t stable_quorum(FaultBudget budget) { return budget.commit_quorum() - (seeded(Bug::kStableQuorumOneLess) ? 1 : 0); }

inline std::uint32_t election_quorum(FaultBudget budget) {
  return budget.election_quorum() - (seeded(Bug::kElectionQuorumOneLess) ? 2 : 0);
}

}  // namespace isobar::db
