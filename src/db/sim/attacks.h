#pragma once

// Liars. A Byzantine replica or client is the same code as a correct one behind a layer that owns its keys and changes what it sends: to
// each receiver something else, if it likes. What cannot be made without another's key cannot be made here either.

#include <deque>
#include <vector>

#include "base/random.h"
#include "db/client.h"
#include "db/lying_replica.h"
#include "db/sim_keys.h"

namespace isobar::db {

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
