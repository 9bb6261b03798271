#include "db/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstring>

#include "db/seeded_bugs.h"
#include "quorums.h"

namespace isobar::db {

namespace {

bool takes_part(const Transaction& tx, ShardId shard) {
  return std::find(tx.participants.begin(), tx.participants.end(), shard) != tx.participants.end();
}

std::uint32_t commit_quorum(FaultBudget budget) {
  if (seeded(Bug::kCommitQuorumOneLess)) return budget.commit_quorum() - 1;
  if (seeded(Bug::kCommitQuorumIsAbortQuorum)) return budget.abort_quorum();
  return budget.commit_quorum();
}

std::uint32_t abort_quorum(FaultBudget budget) { return budget.abort_quorum() - (seeded(Bug::kAbortQuorumOneLess) ? 1 : 0); }

bool reaches(const std::map<ShardId, std::uint32_t>& counts, ShardId shard, std::uint32_t quorum) {
  const auto found = counts.find(shard);
  return found != counts.end() && found->second >= quorum;
}

bool every_shard_reaches(const std::map<ShardId, std::uint32_t>& counts, const Transaction& tx, std::uint32_t quorum) {
  const auto enough = [&](ShardId shard) { return reaches(counts, shard, quorum); };
  if (seeded(Bug::kOneParticipantIsEnough)) return std::any_of(tx.participants.begin(), tx.participants.end(), enough);
  return std::all_of(tx.participants.begin(), tx.participants.end(), enough);
}

bool some_shard_reaches(const std::map<ShardId, std::uint32_t>& counts, const Transaction& tx, std::uint32_t quorum) {
  return std::any_of(tx.participants.begin(), tx.participants.end(), [&](ShardId shard) { return reaches(counts, shard, quorum); });
}

/// There are few of them, and this is asked for every certificate.
class Signers {
 public:
  /// Whether it is new.
  bool add(const ReplicaId& signer) {
    if (std::find(list_.begin(), list_.end(), signer) != list_.end()) return false;
    list_.push_back(signer);
    return true;
  }

 private:
  boost::container::small_vector<ReplicaId, 12> list_;
};

/// Whether they touch a key in common: too little to stand against one another.
bool touch(const Transaction& a, const Transaction& b) {
  return std::any_of(a.writes.begin(), a.writes.end(), [&](const Write& w) { return b.read_of(w.key) || b.write_of(w.key); }) ||
         std::any_of(a.reads.begin(), a.reads.end(), [&](const Read& r) { return b.read_of(r.key) || b.write_of(r.key); });
}

}  // namespace

std::uint32_t leader_of(const TxId& tx, View view, const Membership& members) {
  const std::uint32_t n = members.budget.replicas();
  return static_cast<std::uint32_t>((view + number_of(tx.hash) % n) % n);
}

// Half of a signature is as good as random, and a signer that makes it otherwise slows down nobody but its own checks.
std::size_t Verifier::HashOfBatch::operator()(const Batch& batch) const noexcept {
  std::size_t start = 0;
  std::memcpy(&start, batch.signature.data(), sizeof start);
  return start;
}

void Verifier::remember(const Batch& batch, KnownTree tree) {
  const auto [kept, is_new] = verified_.emplace(batch, std::move(tree));
  if (!is_new) return;
  nodes_ += kept->second.nodes();
  oldest_.push_back(batch);
  while (nodes_ > kNodesRemembered && oldest_.size() > 1) {
    const auto oldest = verified_.find(oldest_.front());
    nodes_ -= oldest->second.nodes();
    verified_.erase(oldest);
    oldest_.pop_front();
  }
}

Status Verifier::stable(const StableCheckpoint& stable) {
  if (stable.signed_by.empty()) return invalid("a checkpoint that nobody signed");
  if (seeded(Bug::kStableUnchecked)) return {};
  Signers signers;
  std::uint32_t alike = 0;
  for (const auto& checkpoint : stable.signed_by) {
    if (checkpoint.signer.shard != stable.shard() || checkpoint.statement != stable.statement() || !signers.add(checkpoint.signer))
      return invalid("a checkpoint of other replicas, or another one, is among those that are to be alike");
    if (!holds(checkpoint)) return invalid("a checkpoint is not signed by the replica that it names");
    ++alike;
  }
  if (alike < stable_quorum(members_.budget)) return invalid(fmt::format("a checkpoint has {} signers, which is too few", alike));
  return {};
}

void Verifier::remember_own(const Peer& self, const Hash& root, std::uint32_t count, const Signature& signature) {
  remember({self, count, signature}, {count, root});
}

bool Verifier::statement_holds(const ReplicaId& signer, const Hash& leaf, const BatchProof& proof) {
  const PublicKey* key = members_.key_of(signer);
  if (!key) return false;
  return seeded(Bug::kSignatureUnchecked) || proof_holds(signer, *key, leaf, proof);
}

bool Verifier::proof_holds(const Peer& signer, const PublicKey& key, const Hash& leaf, const BatchProof& proof) {
  const Batch batch{signer, proof.count, proof.signature};
  if (const auto known = verified_.find(batch); known != verified_.end()) return known->second.holds(leaf, proof.index, proof.siblings);
  const auto root = root_from(leaf, proof.index, proof.count, proof.siblings);
  if (!root) return false;
  if (!scheme_.verifies(key, batch_text(members_.epoch, signer, proof.count, *root), proof.signature)) return false;
  KnownTree tree(proof.count, *root);
  tree.holds(leaf, proof.index, proof.siblings);
  remember(batch, std::move(tree));
  return true;
}

Status Verifier::transaction(const SignedTransaction& signed_tx, const TxId& id) {
  if (!seeded(Bug::kEpochUnchecked) || signed_tx.tx.epoch == members_.epoch) TRY(check_form(signed_tx.tx, members_));
  const ClientId client = signed_tx.tx.timestamp.client;
  const PublicKey* key = members_.key_of(client);
  if (!key) return Error(Code::kPermissionDenied, fmt::format("client {} is not known", client));
  if (!seeded(Bug::kClientSignatureUnchecked) && !proof_holds(client, *key, leaf_of(RequestStatement{id}), signed_tx.proof))
    return Error(Code::kPermissionDenied, fmt::format("it is not signed by client {}, whose timestamp it has", client));
  return {};
}

Result<std::map<ShardId, std::uint32_t>> Verifier::count(std::span<const Vote> votes, const Transaction& tx, const TxId& id,
                                                         Outcome outcome) {
  std::map<ShardId, std::uint32_t> counts;
  Signers signers;
  std::optional<std::pair<VoteStatement, Hash>> leaf;  // all say the same, as far as they are of use
  for (const auto& vote : votes) {
    if (vote.statement.tx != id && !seeded(Bug::kVotesOfAnyTransaction)) return invalid("a vote is on another transaction");
    if (vote.statement.vote != outcome && !seeded(Bug::kVotesOfAnyOutcome)) return invalid("a vote is for the other outcome");
    ShardId shard = vote.signer.shard;
    if (seeded(Bug::kSignersOfAnyShard)) shard = tx.participants.front();
    if (!takes_part(tx, shard)) return invalid("a vote is of a shard that takes no part");
    if (!signers.add(vote.signer) && !seeded(Bug::kSignersMayRepeat)) return invalid("a replica votes twice");
    if (!leaf || leaf->first != vote.statement) leaf.emplace(vote.statement, leaf_of(vote.statement));
    if (!statement_holds(vote.signer, leaf->second, vote.proof))
      return invalid(fmt::format("the vote of replica {}.{} is not signed by it", vote.signer.shard, vote.signer.index));
    ++counts[shard];
  }
  return counts;
}

Status Verifier::votes_final(Outcome decision, const VotesProof& proof, const Transaction& tx, const TxId& id) {
  TRY_ASSIGN(const auto counts, count(proof.votes, tx, id, decision));
  if (decision == Outcome::kCommit && !every_shard_reaches(counts, tx, fast_commit(members_.budget)))
    return invalid("too few votes: a commit is final by votes when every replica of every shard is for it");
  if (decision == Outcome::kAbort && !some_shard_reaches(counts, tx, fast_abort(members_.budget)))
    return invalid("too few votes: an abort is final by votes when 3f+1 replicas of a shard are for it");
  return {};
}

Status Verifier::logged_final(Outcome decision, const LoggedProof& proof, const Transaction& tx, const TxId& id) {
  Signers signers;
  for (const auto& logged : proof.logged) {
    const auto& first = proof.logged.front().statement;
    if (logged.statement.tx != id || logged.statement.decision != decision) return invalid("a logged decision is another one");
    if (logged.statement.decided_in != first.decided_in && !seeded(Bug::kLoggedOfAnyView))
      return invalid("decisions of different views are added up");
    if (logged.signer.shard != logging_shard(tx, id) && !seeded(Bug::kLoggedOfAnyShard))
      return invalid("a decision is logged by another shard");
    if (!signers.add(logged.signer) && !seeded(Bug::kSignersMayRepeat)) return invalid("a replica logs twice");
    if (!holds(logged))
      return invalid(fmt::format("what replica {}.{} logged is not signed by it", logged.signer.shard, logged.signer.index));
  }
  if (proof.logged.size() < log_quorum(members_.budget)) return invalid("too few replicas have logged the decision");
  return {};
}

Status Verifier::conflict_final(const ConflictProof& proof, const Transaction& tx, const TxId& id) {
  TRY_ASSIGN(const auto counts, count({&proof.vote, 1}, tx, id, Outcome::kAbort));
  const TxId other = proof.committed.id();
  const bool stands_against = seeded(Bug::kAnyConflictCounts) ? touch(tx, proof.committed) : conflict(tx, proof.committed);
  if (other == id || !stands_against) return invalid("what is said to stand against it does not");
  if (seeded(Bug::kConflictOfAborted)) return {};
  if (proof.committed.participants.empty() || participants_of(proof.committed, members_) != proof.committed.participants)
    return invalid("what stands against it has other participants than it says");
  if (const auto* votes = std::get_if<VotesProof>(&proof.its_commit))
    return votes_final(Outcome::kCommit, *votes, proof.committed, other).context("what stands against it is not committed");
  return logged_final(Outcome::kCommit, std::get<LoggedProof>(proof.its_commit), proof.committed, other)
      .context("what stands against it is not committed");
}

Status Verifier::certificate(const Certificate& certificate, const Transaction& tx, const TxId& id) {
  if (seeded(Bug::kCertificateUnchecked)) return {};
  if (certificate.tx != id) return invalid("the certificate is of another transaction");
  if (const auto* votes = std::get_if<VotesProof>(&certificate.proof)) return votes_final(certificate.decision, *votes, tx, id);
  if (const auto* logged = std::get_if<LoggedProof>(&certificate.proof)) return logged_final(certificate.decision, *logged, tx, id);
  if (certificate.decision != Outcome::kAbort) return invalid("a conflict is no reason to commit");
  return conflict_final(std::get<ConflictProof>(certificate.proof), tx, id);
}

Status Verifier::decided(const Decided& decided, const TxId& id) {
  TRY(transaction(decided.tx, id));
  return certificate(decided.certificate, decided.tx.tx, id);
}

Status Verifier::justification(Outcome decision, const Justification& why, const Transaction& tx, const TxId& id) {
  if (seeded(Bug::kJustificationUnchecked)) return {};
  if (const auto* conflict = std::get_if<ConflictProof>(&why)) {
    if (decision != Outcome::kAbort) return invalid("a conflict is no reason to commit");
    return conflict_final(*conflict, tx, id);
  }
  TRY_ASSIGN(const auto counts, count(std::get<VotesProof>(why).votes, tx, id, decision));
  if (decision == Outcome::kCommit && !every_shard_reaches(counts, tx, commit_quorum(members_.budget)))
    return invalid("too few votes to log a commit");
  if (decision == Outcome::kAbort && !some_shard_reaches(counts, tx, abort_quorum(members_.budget)))
    return invalid("too few votes to log an abort");
  return {};
}

Status Verifier::proposal(const Proposal& proposal, std::span<const Elect> electors) {
  if (seeded(Bug::kProposalUnchecked)) return {};
  const auto& said = proposal.statement;
  if (proposal.signer.index != leader_of(said.tx, said.view, members_) && !seeded(Bug::kAnyLeader))
    return invalid("it is proposed by a replica that does not lead the view");
  if (!holds(proposal)) return invalid("the proposal is not signed by its leader");
  if (electors.size() != election_quorum(members_.budget))
    return invalid("not an election quorum");  // an odd number: a majority there always is
  Signers signers;
  std::uint32_t commits = 0;
  for (const auto& elect : electors) {
    if (elect.statement.tx != said.tx || elect.statement.view != said.view) return invalid("an elector is of another view");
    if (elect.signer.shard != proposal.signer.shard || !signers.add(elect.signer))
      return invalid("an elector counts twice, or is of another shard");
    if (!holds(elect)) return invalid("an elector's vote is not signed by it");
    if (elect.statement.decision == Outcome::kCommit) ++commits;
  }
  const Outcome majority = 2 * commits > electors.size() ? Outcome::kCommit : Outcome::kAbort;
  if (said.decision != majority && !seeded(Bug::kElectionIgnoresMajority)) return invalid("it is not what most electors have on record");
  return {};
}

}  // namespace isobar::db
