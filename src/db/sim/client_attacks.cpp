#include <algorithm>

#include "attacks.h"

namespace isobar::db {

bool LyingClient::does(ClientAttack attack) const { return std::find(attacks_.begin(), attacks_.end(), attack) != attacks_.end(); }

SignedTransaction LyingClient::twist(const SignedTransaction& honest) {
  Transaction tx = honest.tx;
  if (tx.timestamp.client != self_) return honest;  // somebody else's, which it only finishes
  if (does(ClientAttack::kFarFuture) && random_.chance(0.5)) tx.timestamp.time += 1'000'000'000;
  if (does(ClientAttack::kOldVersions) && !tx.reads.empty()) {
    tx.reads[random_.below(tx.reads.size())].version = {};
    tx.dependencies.clear();
  }
  if (does(ClientAttack::kOmitsDependencies)) tx.dependencies.clear();
  if (does(ClientAttack::kOthersTimestamps) && random_.chance(0.5)) {
    tx.timestamp.client = ClientId(tx.timestamp.client.value() == 1 ? 2 : 1);
    return {tx, sign_alone(RequestStatement{tx.id()}, tx.timestamp.client, tx.epoch, members_.signer_of(self_))};
  }
  return tx == honest.tx ? honest : members_.sign(tx);
}

std::vector<Committer::Send> LyingClient::instead_of(Committer::Send honest) {
  std::vector<Committer::Send> out;
  if (auto* prepare = std::get_if<Prepare>(&honest.message)) {
    if (does(ClientAttack::kPreparesWithFew) && random_.chance(0.5)) return out;
    prepare->tx = twist(prepare->tx);
    if (does(ClientAttack::kSameTimestamp) && random_.chance(0.5) && prepare->tx.tx.timestamp.client == self_ &&
        !prepare->tx.tx.writes.empty()) {
      Transaction other = prepare->tx.tx;
      other.writes.back().value = "twice";
      prepare->tx = members_.sign(other);
    }
    known_[prepare->tx.tx.id()].tx = prepare->tx;
  }
  if (std::holds_alternative<LogDecision>(honest.message) && (does(ClientAttack::kStallsAfterPrepare) || does(ClientAttack::kEquivocates)))
    return out;
  if (std::holds_alternative<InvokeFallback>(honest.message) &&
      (does(ClientAttack::kStallsAfterLogging) || does(ClientAttack::kEquivocates)))
    return out;
  const bool withholds =
      does(ClientAttack::kStallsAfterPrepare) || does(ClientAttack::kStallsAfterLogging) || does(ClientAttack::kWithholdsWriteback);
  if (std::holds_alternative<Writeback>(honest.message) && withholds) return out;
  out.push_back(std::move(honest));
  return out;
}

std::vector<Committer::Send> LyingClient::heard(const ReplicaId& from, const Message& message) {
  std::vector<Committer::Send> out;
  if (const auto* decided = std::get_if<DecidedReply>(&message); decided && decided->decided.certificate.decision == Outcome::kCommit)
    committed_ = decided->decided;
  Known* known = nullptr;
  if (const auto* reply = std::get_if<VoteReply>(&message)) {
    const auto found = known_.find(reply->vote.statement.tx);
    if (found == known_.end() || found->second.tx.tx.participants.empty()) return out;
    known = &found->second;
    if (reply->vote.signer == from) known->votes.push_back(reply->vote);
    if (reply->conflict) committed_ = reply->conflict;
  }
  if (const auto* reply = std::get_if<LoggedReply>(&message)) {
    const auto found = known_.find(reply->logged.statement.tx);
    if (found == known_.end() || found->second.tx.tx.participants.empty()) return out;
    known = &found->second;
    if (reply->logged.signer == from) known->logged.push_back(reply->logged);
  }
  if (known && std::holds_alternative<VoteReply>(message) && does(ClientAttack::kEquivocates)) equivocate(*known, out);
  if (known && does(ClientAttack::kFalseCertificates)) forge(*known, out);
  return out;
}

// Commit to some replicas of the logging shard, abort to the others: each justified, as far as the votes go.
void LyingClient::equivocate(const Known& known, std::vector<Committer::Send>& out) {
  VotesProof commits, aborts;
  std::set<std::pair<ReplicaId, Outcome>> seen;
  for (const auto& vote : known.votes)
    if (seen.emplace(vote.signer, vote.statement.vote).second)
      (vote.statement.vote == Outcome::kCommit ? commits : aborts).votes.push_back(vote);
  if (aborts.votes.empty() || commits.votes.empty()) return;  // whether there are enough of them is for others to find out
  for (const auto& replica : members_.members.replicas_of(logging_shard(known.tx.tx, known.tx.tx.id()))) {
    const bool commit = random_.chance(0.5);
    out.push_back({replica, LogDecision{known.tx, commit ? Outcome::kCommit : Outcome::kAbort, commit ? commits : aborts}});
  }
}

Certificate LyingClient::made_up(const Known& known) {
  Certificate certificate{known.tx.tx.id(), random_.chance(0.5) ? Outcome::kCommit : Outcome::kAbort, VotesProof{}};
  VotesProof votes{known.votes};
  const std::uint64_t kind = random_.below(7);
  if (kind == 0)  // those that are of that outcome, however few
    std::erase_if(votes.votes, [&](const Vote& v) { return v.statement.vote != certificate.decision; });
  if (kind == 1) {  // one of them again and again
    std::erase_if(votes.votes, [&](const Vote& v) { return v.statement.vote != certificate.decision; });
    while (!votes.votes.empty() && votes.votes.size() < 12) votes.votes.push_back(votes.votes.front());
  }
  if (kind == 2)  // signed by nobody
    for (const auto& shard : known.tx.tx.participants)
      for (const auto& replica : members_.members.replicas_of(shard))
        votes.votes.push_back({replica, {certificate.tx, certificate.decision}, {}});
  if (kind == 3 && !known_.empty())  // of another transaction
    votes.votes = std::next(known_.begin(), static_cast<std::ptrdiff_t>(random_.below(known_.size())))->second.votes;
  certificate.proof = std::move(votes);
  if (kind == 4) certificate.proof = LoggedProof{known.logged};
  if (kind == 5) {
    LoggedProof logged{known.logged};
    std::erase_if(logged.logged, [&](const Logged& l) { return l.statement.decision != certificate.decision; });
    while (!logged.logged.empty() && random_.chance(0.5) && logged.logged.size() < 6) logged.logged.push_back(logged.logged.front());
    certificate.proof = std::move(logged);
  }
  if (kind == 6 && committed_ && !known.votes.empty()) {
    certificate.decision = Outcome::kAbort;
    ConflictProof conflict{known.votes.back(), committed_->tx.tx, VotesProof{}};
    if (const auto* its = std::get_if<VotesProof>(&committed_->certificate.proof)) conflict.its_commit = *its;
    if (const auto* its = std::get_if<LoggedProof>(&committed_->certificate.proof)) conflict.its_commit = *its;
    certificate.proof = std::move(conflict);
  }
  return certificate;
}

void LyingClient::forge(const Known& known, std::vector<Committer::Send>& out) {
  if (random_.chance(0.7)) return;
  const Decided forged{known.tx, made_up(known)};
  for (const auto& shard : known.tx.tx.participants)
    for (const auto& replica : members_.members.replicas_of(shard))
      if (random_.chance(0.6)) out.push_back({replica, Writeback{forged}});
}

}  // namespace isobar::db
