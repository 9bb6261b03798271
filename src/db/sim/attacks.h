#pragma once

// Liars. A Byzantine replica or client is the same code as a correct one behind a layer that owns its keys and changes what it sends: to
// each receiver something else, if it likes. What cannot be made without another's key cannot be made here either.

#include <deque>
#include <vector>

#include "base/random.h"
#include "db/client.h"
#include "db/replica.h"
#include "db/sim_keys.h"

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
  kLast = kGarbage,
};

class LyingReplica {
 public:
  LyingReplica(const SimMembers& members, const ReplicaId& self, std::vector<ReplicaAttack> attacks, Random& random)
      : members_(members), self_(self), attacks_(std::move(attacks)), random_(random) {}

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
  template <class Other>
  void change(Other&) {}

  const SimMembers& members_;
  ReplicaId self_;
  std::vector<ReplicaAttack> attacks_;
  Random& random_;
  std::deque<Outgoing> sent_;
  std::optional<Decided> committed_;  // some transaction or other
};

enum class ClientAttack {
  kStallsAfterPrepare,
  kStallsAfterLogging,
  kWithholdsWriteback,
  kPreparesWithFew,    ///< its transactions reach some of the replicas alone
  kEquivocates,        ///< asks for both decisions, wherever votes allow it
  kFalseCertificates,  ///< writes back what it has made up of the votes it has
  kSameTimestamp,      ///< two transactions with one
  kFarFuture,
  kOldVersions,  ///< claims to have read older versions than it did
  kOmitsDependencies,
  kOthersTimestamps,  ///< uses another client's
  kLast = kOthersTimestamps,
};

class LyingClient {
 public:
  LyingClient(const SimMembers& members, ClientId self, std::vector<ClientAttack> attacks, Random& random)
      : members_(members), self_(self), attacks_(std::move(attacks)), random_(random) {}

  std::vector<Committer::Send> instead_of(Committer::Send honest);
  /// It reads all that comes, and may say something to it.
  std::vector<Committer::Send> heard(const ReplicaId& from, const Message& message);

 private:
  struct Known {
    SignedTransaction tx;
    std::vector<Vote> votes;  // also both of a replica that gives both
    std::vector<Logged> logged;
  };
  bool does(ClientAttack attack) const;
  SignedTransaction twist(const SignedTransaction& tx);
  void equivocate(const Known& known, std::vector<Committer::Send>& out);
  void forge(const Known& known, std::vector<Committer::Send>& out);
  Certificate made_up(const Known& known);

  const SimMembers& members_;
  ClientId self_;
  std::vector<ClientAttack> attacks_;
  Random& random_;
  std::map<TxId, Known> known_;
  std::optional<Decided> committed_;
};

}  // namespace isobar::db
