#pragma once

/// Faults that a protocol like this has had, or could: a threshold off by one, a check left out, a promise forgotten. Tests switch them on
/// one at a time to see that the proofs find each (`./dev sim db --bugs`). Programs that are built without tests have none of it.

#include <string_view>

namespace isobar::db {

enum class Bug {
  kNone,
  kFastCommitOneLess,  ///< 5f votes make a commit final
  kFastCommitIsCommitQuorum,
  kFastAbortOneLess,  ///< 3f votes make an abort final
  kFastAbortIsAbortQuorum,
  kCommitQuorumOneLess,  ///< 3f votes let a commit be logged
  kCommitQuorumIsAbortQuorum,
  kAbortQuorumOneLess,  ///< f votes let an abort be logged
  kLogQuorumOneLess,
  kLogQuorumIsCommitQuorum,
  kElectionQuorumOneLess,
  kElectionIgnoresMajority,
  kSignersMayRepeat,  ///< one replica's vote counts as often as it is there
  kSignersOfAnyShard,
  kVotesOfAnyTransaction,
  kVotesOfAnyOutcome,
  kLoggedOfAnyView,  ///< decisions of different views are added up
  kLoggedOfAnyShard,
  kOneParticipantIsEnough,  ///< a commit needs the votes of one shard alone
  kAnyConflictCounts,       ///< a committed transaction that touches the same key aborts another
  kConflictOfAborted,       ///< what stands against a transaction need not be committed
  kSignatureUnchecked,
  kClientSignatureUnchecked,
  kEpochUnchecked,
  kProposalUnchecked,  ///< what a leader proposes is adopted as it is
  kAnyLeader,
  kOlderViewAdopted,
  kManyDecisionsInAView,
  kLogsAgain,  ///< a later decision of view 0 replaces the first
  kJustificationUnchecked,
  kCertificateUnchecked,
  kMissedWritesAllowed,  ///< step 3 of the check
  kMissedPreparedAllowed,
  kHiddenWritesAllowed,  ///< step 4
  kReadersForgottenAtCommit,
  kPreparedForgotten,       ///< a vote to commit constrains nobody
  kDependenciesUnchecked,   ///< step 2
  kDependenciesNotAwaited,  ///< step 7
  kAbortedDependencyCommits,
  kVotesAgain,  ///< the check runs each time it is asked for
  kVoteNotDurable,
  kLoggedNotDurable,
  kViewNotDurable,
  kDecisionNotDurable,
  kSameTimestampAllowed,
  kClockUnchecked,
  kReadsUnsupportedVersions,  ///< a client believes a single replica
  kReadsUncheckedProofs,
  kReadsForgetDependencies,
  kPreparedReadsNewer,  ///< a read is answered with versions newer than the reader
  kAbortAppliesWrites,
  kWritebackOverwrites,  ///< the latest certificate wins
  kSuppliedUnchecked,    ///< what another replica supplies is taken as it is
  kNeverCatchesUp,       ///< nobody is asked for what was missed
  kCatchesUpWithOne,     ///< always the same replica is asked
  kRightsUnchecked,
  kMarksNeverRest,
  kClosedUnchecked,        ///< what is closed is accepted all the same
  kClosingNotDurable,      ///< after a restart it is open again
  kStableQuorumOneLess,    ///< so that no correct replica need have both voted and signed
  kStableUnchecked,        ///< a checkpoint is taken to be stable as it is
  kSignsUnclean,           ///< a checkpoint is signed while something up to it is undecided
  kMatchesAnything,        ///< what a stable checkpoint holds is not compared with what the replica holds
  kForgetsBeforeOthers,    ///< the other shards of a transaction may still have to ask
  kHorizonNotDurable,      ///< after a restart what was forgotten is new
  kSettledOlderWins,       ///< what goes to rest last stays, whatever its age
  kReadsBelowSettled,      ///< readers of versions that are not kept any more get what is there
  kPhantomsAllowed,        ///< who wrote into a range that was read is not looked for
  kRangeReadersForgotten,  ///< who read a range does not stand against those who write into it
  kFloorUnchecked,         ///< a replica answers above what it has closed
  kHoldsForgotten,         ///< a promise to a reader constrains nobody
  kHoldsNotDurable,        ///< after a restart promises to readers are forgotten
  kHoldsOneLess,           ///< 3f promises make a read final
  kScansOneLess,           ///< 3f equal answers are believed
  kScansIgnoreUndecided,   ///< what is not decided yet in a range is taken for nothing
  kScansBelieveRows,       ///< rows are taken from whoever sent them, whatever their digest
  kLast = kScansBelieveRows,
};

std::string_view name_of(Bug bug);

#ifdef ISOBAR_SEEDED_BUGS
/// Whether this one is switched on, in this thread.
bool seeded(Bug bug);
/// Switches one on for this thread while it lives, in place of the one that was; kNone: what is right.
class SeededBug {
 public:
  explicit SeededBug(Bug bug);
  ~SeededBug();
  SeededBug(const SeededBug&) = delete;
  SeededBug& operator=(const SeededBug&) = delete;

 private:
  const Bug before_;
};
#else
constexpr bool seeded(Bug) { return false; }
#endif

}  // namespace isobar::db
