#pragma once

// What does not change while a configuration is explored: who there is, who lies, and which transactions there are.

#include <optional>
#include <set>
#include <vector>

#include "db/checker.h"
#include "db/replica.h"
#include "db/sim_keys.h"

namespace isobar::db {

struct Cluster {
  explicit Cluster(const CheckConfiguration& configuration);

  ReplicaId leader(std::size_t tx, View view) const;
  const std::vector<ShardId>& participants(std::size_t tx) const { return txs[tx].tx.participants; }
  /// A statement as its signer would sign it.
  template <class S>
  Attested<S> signed_by(const ReplicaId& signer, const S& statement) const {
    return attest(statement, signer, members.members.epoch, members.signer_of(signer));
  }

  CheckConfiguration configuration;
  SimMembers members;
  std::vector<SignedTransaction> txs;
  std::vector<TxId> ids;
  std::vector<ReplicaId> liars;     // one a shard
  std::vector<ReplicaId> correct;   // those that are alike stand together
  std::vector<std::uint32_t> kind;  // of each that is correct: of two of one kind, either may stand for the other
  std::set<ReplicaId> refuses;

  // Where intervals are closed: by a transaction that is committed from the beginning, and after the others.
  static constexpr std::uint64_t kClosed = 1000;
  ReplicaConfig replica_config() const;
  CheckpointStatement checkpoint(Outcome outcome) const { return {kClosed, roots[outcome == Outcome::kCommit ? 0 : 1]}; }
  std::optional<Decided> later;
  std::vector<Hash> roots{Hash{}, Hash{}};  // of what is at rest when the first transaction is committed, and when it is not

 private:
  void prepare_closing();
  std::uint32_t liar_of(ShardId shard) const;
  void place(ShardId shard);
  void sort_kinds();
};

}  // namespace isobar::db
