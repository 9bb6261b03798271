#include "db/seeded_bugs.h"

#include <utility>

namespace isobar::db {

#ifdef ISOBAR_SEEDED_BUGS

namespace {
thread_local Bug current = Bug::kNone;
}  // namespace

bool seeded(Bug bug) { return current == bug; }
SeededBug::SeededBug(Bug bug) : before_(std::exchange(current, bug)) {}
SeededBug::~SeededBug() { current = before_; }

#endif

std::string_view name_of(Bug bug) {
  switch (bug) {
    case Bug::kNone: return "none";
    case Bug::kFastCommitOneLess: return "fast commit one less";
    case Bug::kFastCommitIsCommitQuorum: return "fast commit is commit quorum";
    case Bug::kFastAbortOneLess: return "fast abort one less";
    case Bug::kFastAbortIsAbortQuorum: return "fast abort is abort quorum";
    case Bug::kCommitQuorumOneLess: return "commit quorum one less";
    case Bug::kCommitQuorumIsAbortQuorum: return "commit quorum is abort quorum";
    case Bug::kAbortQuorumOneLess: return "abort quorum one less";
    case Bug::kLogQuorumOneLess: return "log quorum one less";
    case Bug::kLogQuorumIsCommitQuorum: return "log quorum is commit quorum";
    case Bug::kElectionQuorumOneLess: return "election quorum one less";
    case Bug::kElectionIgnoresMajority: return "election ignores majority";
    case Bug::kSignersMayRepeat: return "signers may repeat";
    case Bug::kSignersOfAnyShard: return "signers of any shard";
    case Bug::kVotesOfAnyTransaction: return "votes of any transaction";
    case Bug::kVotesOfAnyOutcome: return "votes of any outcome";
    case Bug::kLoggedOfAnyView: return "logged of any view";
    case Bug::kLoggedOfAnyShard: return "logged of any shard";
    case Bug::kOneParticipantIsEnough: return "one participant is enough";
    case Bug::kAnyConflictCounts: return "any conflict counts";
    case Bug::kConflictOfAborted: return "conflict of aborted";
    case Bug::kSignatureUnchecked: return "signature unchecked";
    case Bug::kClientSignatureUnchecked: return "client signature unchecked";
    case Bug::kEpochUnchecked: return "epoch unchecked";
    case Bug::kProposalUnchecked: return "proposal unchecked";
    case Bug::kAnyLeader: return "any leader";
    case Bug::kOlderViewAdopted: return "older view adopted";
    case Bug::kManyDecisionsInAView: return "many decisions in a view";
    case Bug::kLogsAgain: return "logs again";
    case Bug::kJustificationUnchecked: return "justification unchecked";
    case Bug::kCertificateUnchecked: return "certificate unchecked";
    case Bug::kMissedWritesAllowed: return "missed writes allowed";
    case Bug::kMissedPreparedAllowed: return "missed prepared allowed";
    case Bug::kHiddenWritesAllowed: return "hidden writes allowed";
    case Bug::kReadersForgottenAtCommit: return "readers forgotten at commit";
    case Bug::kPreparedForgotten: return "prepared forgotten";
    case Bug::kDependenciesUnchecked: return "dependencies unchecked";
    case Bug::kDependenciesNotAwaited: return "dependencies not awaited";
    case Bug::kAbortedDependencyCommits: return "aborted dependency commits";
    case Bug::kVotesAgain: return "votes again";
    case Bug::kVoteNotDurable: return "vote not durable";
    case Bug::kLoggedNotDurable: return "logged not durable";
    case Bug::kViewNotDurable: return "view not durable";
    case Bug::kDecisionNotDurable: return "decision not durable";
    case Bug::kSameTimestampAllowed: return "same timestamp allowed";
    case Bug::kClockUnchecked: return "clock unchecked";
    case Bug::kReadsUnsupportedVersions: return "reads unsupported versions";
    case Bug::kReadsUncheckedProofs: return "reads unchecked proofs";
    case Bug::kReadsForgetDependencies: return "reads forget dependencies";
    case Bug::kPreparedReadsNewer: return "prepared reads newer";
    case Bug::kAbortAppliesWrites: return "abort applies writes";
    case Bug::kWritebackOverwrites: return "writeback overwrites";
    case Bug::kSuppliedUnchecked: return "supplied unchecked";
    case Bug::kNeverCatchesUp: return "never catches up";
    case Bug::kCatchesUpWithOne: return "catches up with one";
    case Bug::kRightsUnchecked: return "rights unchecked";
    case Bug::kMarksNeverRest: return "marks never rest";
    case Bug::kClosedUnchecked: return "closed unchecked";
    case Bug::kClosingNotDurable: return "closing not durable";
    case Bug::kStableQuorumOneLess: return "stable quorum one less";
    case Bug::kStableUnchecked: return "stable unchecked";
    case Bug::kSignsUnclean: return "signs unclean";
    case Bug::kMatchesAnything: return "matches anything";
    case Bug::kForgetsBeforeOthers: return "forgets before others";
    case Bug::kHorizonNotDurable: return "horizon not durable";
    case Bug::kSettledOlderWins: return "settled older wins";
    case Bug::kReadsBelowSettled: return "reads below settled";
    case Bug::kPhantomsAllowed: return "phantoms allowed";
    case Bug::kRangeReadersForgotten: return "range readers forgotten";
    case Bug::kFloorUnchecked: return "floor unchecked";
    case Bug::kHoldsForgotten: return "holds forgotten";
    case Bug::kHoldsNotDurable: return "holds not durable";
    case Bug::kHoldsOneLess: return "holds one less";
    case Bug::kScansOneLess: return "scans one less";
    case Bug::kScansIgnoreUndecided: return "scans ignore undecided";
    case Bug::kScansBelieveRows: return "scans believe rows";
  }
  return "unknown";
}

}  // namespace isobar::db
