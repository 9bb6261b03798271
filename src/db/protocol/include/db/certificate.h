#pragma once

/// Proofs that anyone can check: that the votes of shards support a decision, and that a decision is final.

#include <memory>
#include <variant>
#include <vector>

#include "db/statements.h"
#include "db/transaction.h"

namespace isobar::db {

/// Votes of one outcome. Enough of them, of every participant or of one, support a decision; more of them make it final at once.
struct VotesProof {
  std::vector<Vote> votes;
  friend bool operator==(const VotesProof&, const VotesProof&) = default;
};
template <class Io>
void describe(Io& io, Like<VotesProof> auto& proof) {
  io(proof.votes);
}

/// A log quorum of the logging shard holds the decision, decided in one view.
struct LoggedProof {
  std::vector<Logged> logged;
  friend bool operator==(const LoggedProof&, const LoggedProof&) = default;
};
template <class Io>
void describe(Io& io, Like<LoggedProof> auto& proof) {
  io(proof.logged);
}

/// A replica refused the transaction for one that is committed and in conflict with it: no correct voter of that one ever votes for this.
struct ConflictProof {
  Vote vote;
  Transaction committed;
  std::variant<VotesProof, LoggedProof> its_commit;
  friend bool operator==(const ConflictProof&, const ConflictProof&) = default;
};
template <class Io>
void describe(Io& io, Like<ConflictProof> auto& proof) {
  io(proof.vote)(proof.committed)(proof.its_commit);
}

/// The final decision on a transaction (C-CERT, A-CERT).
struct Certificate {
  TxId tx;
  Outcome decision = Outcome::kAbort;
  std::variant<VotesProof, LoggedProof, ConflictProof> proof;
  friend bool operator==(const Certificate&, const Certificate&) = default;
};
template <class Io>
void describe(Io& io, Like<Certificate> auto& certificate) {
  io(certificate.tx)(certificate.decision)(certificate.proof);
}

/// Why a decision may be logged in view 0 (the tallies of ST2).
using Justification = std::variant<VotesProof, ConflictProof>;

/// A transaction with its decision, as it is kept and handed on.
struct Decided {
  SignedTransaction tx;
  Certificate certificate;
};
template <class Io>
void describe(Io& io, Like<Decided> auto& decided) {
  io(decided.tx)(decided.certificate);
}

/// So many replicas of one shard signed the same checkpoint that nothing up to it can be committed any more but what is in it (ADR 9).
struct StableCheckpoint {
  std::vector<Checkpoint> signed_by;  ///< a commit quorum
  friend bool operator==(const StableCheckpoint&, const StableCheckpoint&) = default;

  ShardId shard() const { return signed_by.front().signer.shard; }
  const CheckpointStatement& statement() const { return signed_by.front().statement; }
};
template <class Io>
void describe(Io& io, Like<StableCheckpoint> auto& stable) {
  io(stable.signed_by);
}

}  // namespace isobar::db
