#pragma once

/// Decides what a proof proves. Nothing in here trusts who handed it over: members, thresholds, shards and contents are all computed again
/// from the transaction and the membership (Basil §4.2, §5; certificates of design 1.7).

#include <deque>
#include <span>
#include <string>
#include <unordered_map>

#include "db/certificate.h"
#include "db/known_tree.h"
#include "db/signatures.h"

namespace isobar::db {

/// Owned by one thread. members and scheme outlive it.
class Verifier {
 public:
  Verifier(const Membership& members, const SignatureScheme& scheme) : members_(members), scheme_(scheme) {}

  /// Whether a member of this epoch signed it. Cost: a few hashes where the batch's root was verified before, else one verification.
  template <class S>
  bool holds(const Attested<S>& attested) {
    return statement_holds(attested.signer, leaf_of(attested.statement), attested.proof);
  }
  /// Errors   kInvalidArgument: not in form, of no client that is known, or not signed by it
  Status transaction(const SignedTransaction& tx, const TxId& id);
  /// Whether the certificate makes its decision final.
  /// id  of `tx`. Errors   kInvalidArgument: what is missing
  Status certificate(const Certificate& certificate, const Transaction& tx, const TxId& id);
  /// Both, and that they belong together.
  Status decided(const Decided& decided, const TxId& id);
  /// Whether the votes allow the decision to be logged in view 0.
  Status justification(Outcome decision, const Justification& why, const Transaction& tx, const TxId& id);
  /// Whether `electors` are an election quorum for the proposal and it is what their majority has on record.
  Status proposal(const Proposal& proposal, std::span<const Elect> electors);

  /// Whether a commit quorum of one shard signed the same.
  Status stable(const StableCheckpoint& stable);

  /// Of a batch that this member signed itself: there is no need to check it again.
  void remember_own(const Peer& self, const Hash& root, std::uint32_t count, const Signature& signature);

 private:
  bool statement_holds(const ReplicaId& signer, const Hash& leaf, const BatchProof& proof);
  bool proof_holds(const Peer& signer, const PublicKey& key, const Hash& leaf, const BatchProof& proof);
  /// How many distinct replicas of each participant voted `outcome`. Errors   one of the votes is none
  Result<std::map<ShardId, std::uint32_t>> count(std::span<const Vote> votes, const Transaction& tx, const TxId& id, Outcome outcome);
  Status votes_final(Outcome decision, const VotesProof& proof, const Transaction& tx, const TxId& id);
  Status logged_final(Outcome decision, const LoggedProof& proof, const Transaction& tx, const TxId& id);
  Status conflict_final(const ConflictProof& proof, const Transaction& tx, const TxId& id);

  static constexpr std::size_t kNodesRemembered = 1U << 20;  ///< 33 bytes each

  /// A batch, before anything of it was looked at.
  struct Batch {
    Peer signer;
    std::uint32_t count;
    Signature signature;
    friend bool operator==(const Batch&, const Batch&) = default;
  };
  struct HashOfBatch {
    std::size_t operator()(const Batch& batch) const noexcept;
  };
  void remember(const Batch& batch, KnownTree tree);

  const Membership& members_;
  const SignatureScheme& scheme_;
  std::unordered_map<Batch, KnownTree, HashOfBatch> verified_;
  std::deque<Batch> oldest_;
  std::size_t nodes_ = 0;  // of all of them
};

/// The replica that leads `view` of the transaction's fallback, of its logging shard. It moves with the view, and starts where the id says.
std::uint32_t leader_of(const TxId& tx, View view, const Membership& members);

}  // namespace isobar::db
