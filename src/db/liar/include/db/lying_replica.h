#pragma once

/// A replica that lies: the same code as a correct one behind a layer that owns its keys and changes what it sends, to each receiver
/// something else if it likes. What cannot be made without another's key cannot be made here either.

#include <deque>
#include <optional>
#include <vector>

#include "base/random.h"
#include "db/attest.h"
#include "db/replica.h"

namespace isobar::db {

enum class ReplicaAttack {
  kSilent,         ///< answers nobody
  kAbstains,       ///< votes to abort everything
  kVotesBothWays,  ///< to some commit, to some abort
  kInvents,        ///< reads of values that nobody wrote
  kStale,          ///< reads of nothing
  kLogsBothWays,   ///< decisions and views as it likes
  kElectsBothWays,
  kProposesBothWays,  ///< as a leader: one thing to some, the other to others, with electors that it has
  kFalseConflict,     ///< stands a committed transaction against another that it has nothing to do with
  kReplays,           ///< sends what it sent before, of other transactions, again
  kGarbage,           ///< changes bytes
  kSuppliesFalsely,   ///< to those who catch up: decisions turned round, ids that are none, or nothing at all
  kLast = kSuppliesFalsely,
};

/// What a liar does that stays in the conversation.
std::vector<ReplicaAttack> usual_lies();

class LyingReplica {
 public:
  LyingReplica(Epoch epoch, const ReplicaId& self, const Signer& signer, std::vector<ReplicaAttack> attacks, Random& random)
      : epoch_(epoch), self_(self), signer_(signer), attacks_(std::move(attacks)), random_(random) {}

  /// What is sent instead.
  std::vector<Outgoing> instead_of(Outgoing honest);

 private:
  bool does(ReplicaAttack attack) const;
  Outcome any_outcome() { return random_.chance(0.5) ? Outcome::kCommit : Outcome::kAbort; }
  void change(VoteReply& reply);
  void change(LoggedReply& reply);
  void change(ReadReply& reply);
  void change(ElectLeader& elect);
  void change(Propose& propose);
  void change(DecidedReply& reply);
  void change(WindowsCompared& compared);
  void change(SupplyDecided& supply);
  void change(ScanReply& reply);
  template <class Other>
  void change(Other&) {}
  template <class S>
  Attested<S> attested(const S& statement) const {
    return attest(statement, self_, epoch_, signer_);
  }

  Epoch epoch_;
  ReplicaId self_;
  const Signer& signer_;
  std::vector<ReplicaAttack> attacks_;
  Random& random_;
  std::deque<Outgoing> sent_;
  std::optional<Decided> committed_;  // some transaction or other
};

}  // namespace isobar::db
