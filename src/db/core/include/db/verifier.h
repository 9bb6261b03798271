#pragma once

/// Decides what a proof proves. Nothing in here trusts who handed it over: members, thresholds, shards and contents are all computed again
/// from the transaction and the membership (Basil §4.2, §5; certificates of design 1.7).

#include <deque>
#include <span>
#include <string>
#include <unordered_set>

#include "db/certificate.h"
#include "db/signatures.h"

namespace isobar::db {

/// Owned by one thread. members and scheme outlive it.
class Verifier {
 public:
  Verifier(const Membership& members, const SignatureScheme& scheme) : members_(members), scheme_(scheme) {}

  /// Whether a member of this epoch signed it. Cost: a few hashes where the batch's root was verified before, else one verification.
  template <class S>
  bool holds(const Attested<S>& attested) {
    return statement_holds(attested.signer, attested.statement, attested.proof);
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

  std::uint64_t signatures_checked() const { return signatures_checked_; }

 private:
  bool statement_holds(const ReplicaId& signer, const Statement& statement, const BatchProof& proof);
  bool signature_holds(const PublicKey& key, std::string_view text, const Signature& signature);
  /// How many distinct replicas of each participant voted `outcome`. Errors   one of the votes is none
  Result<std::map<ShardId, std::uint32_t>> count(std::span<const Vote> votes, const Transaction& tx, const TxId& id, Outcome outcome);
  Status votes_final(Outcome decision, const VotesProof& proof, const Transaction& tx, const TxId& id);
  Status logged_final(Outcome decision, const LoggedProof& proof, const Transaction& tx, const TxId& id);
  Status conflict_final(const ConflictProof& proof, const Transaction& tx, const TxId& id);

  static constexpr std::size_t kRemembered = 16'384;

  const Membership& members_;
  const SignatureScheme& scheme_;
  std::unordered_set<std::string> verified_;  ///< text and signature
  std::deque<std::string> oldest_;
  std::uint64_t signatures_checked_ = 0;
};

/// The replica that leads `view` of the transaction's fallback, of its logging shard. It moves with the view, and starts where the id says.
std::uint32_t leader_of(const TxId& tx, View view, const Membership& members);

}  // namespace isobar::db
