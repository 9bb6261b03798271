#pragma once

/// Finishes what clients left behind, where nobody else does: a replica can close an interval only when all that it accepted in it are
/// decided. It asks as a client would (Basil §4.2, recovery by anyone), and stands beside the replica's own core.

#include <map>
#include <span>
#include <vector>

#include "db/committer.h"

namespace isobar::db {

class Recoverer {
 public:
  /// The rest outlives it.
  Recoverer(const Membership& members, const SignatureScheme& scheme) : members_(members), verifier_(members, scheme) {}

  /// leftovers  what the replica has to see decided; of others, what was begun goes on
  void tick(std::span<const SignedTransaction> leftovers, Instant now, std::vector<Committer::Send>& out);
  /// Whether the message is an answer to a recovery, and so nothing for the replica.
  bool takes(const ReplicaId& from, const Message& message, Instant now, std::vector<Committer::Send>& out);
  std::optional<Instant> next_tick() const;
  std::size_t under_way() const { return committers_.size(); }

 private:
  template <class Reply>
  bool pass_on(const ReplicaId& from, const TxId& id, const Reply& reply, Instant now, std::vector<Committer::Send>& out);

  static constexpr std::size_t kAtOnceMost = 16;
  const CommitterConfig config_{std::chrono::milliseconds(200), std::chrono::seconds(5)};
  const Membership& members_;
  Verifier verifier_;
  FastPatience patience_;
  std::map<TxId, Committer> committers_;
};

}  // namespace isobar::db
