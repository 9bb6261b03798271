#include "db/committer.h"

#include <algorithm>

#include "base/check.h"
#include "db/seeded_bugs.h"
#include "quorums.h"

namespace isobar::db {

Committer::Committer(const CommitterConfig& config, const Membership& members, Verifier& verifier, FastPatience& patience,
                     SignedTransaction tx)
    : config_(config),
      members_(members),
      verifier_(verifier),
      patience_(patience),
      tx_(std::move(tx)),
      id_(tx_.tx.id()),
      resend_after_(config.resend_least) {
  for (const auto& shard : tx_.tx.participants) votes_[shard];
}

Committer::Committer(const CommitterConfig& config, const Membership& members, Verifier& verifier, FastPatience& patience,
                     SignedTransaction tx, std::vector<SignedTransaction> others)
    : Committer(config, members, verifier, patience, std::move(tx)) {
  prepare_ = Prepare{{}, std::move(others)};
}

void Committer::start(Instant now, std::vector<Send>& out, std::optional<BatchProof> proof) {
  if (proof) tx_.proof = std::move(*proof);
  started_ = true;
  resend_at_ = now + resend_after_;
  resend(out);
}

void Committer::on(const ReplicaId& from, const VoteReply& reply, Instant now, std::vector<Send>& out) {
  const Vote& vote = reply.vote;
  const auto shard = votes_.find(from.shard);
  if (done() || vote.signer != from || vote.statement.tx != id_ || shard == votes_.end() || !verifier_.holds(vote)) return;
  const auto [first, is_first] = shard->second.by_index.emplace(from.index, vote);
  if (!is_first) {
    if (first->second.statement != vote.statement) evidence_.emplace_back(TwoVotes{first->second, vote});
    return;
  }
  ++(vote.statement.vote == Outcome::kCommit ? shard->second.commits : shard->second.aborts);
  if (vote.statement.vote == Outcome::kAbort) {
    if (reason_ == AbortReason::kNone) reason_ = reply.reason;
    if (reply.blocker && !blocker_) blocker_ = reply.blocker;
    if (reply.blocker) in_the_way_until_ = std::max(in_the_way_until_, reply.blocker->tx.timestamp.time);
    if (reply.conflict) in_the_way_until_ = std::max(in_the_way_until_, reply.conflict->tx.tx.timestamp.time);
    if (reply.conflict && !conflict_) {
      const Certificate& its = reply.conflict->certificate;
      std::optional<ConflictProof> proof;
      if (const auto* votes = std::get_if<VotesProof>(&its.proof)) proof = ConflictProof{vote, reply.conflict->tx.tx, *votes};
      if (const auto* logged = std::get_if<LoggedProof>(&its.proof)) proof = ConflictProof{vote, reply.conflict->tx.tx, *logged};
      if (proof && verifier_.justification(Outcome::kAbort, *proof, tx_.tx, id_).ok()) conflict_ = std::move(proof);
    }
  }
  weigh_votes(now, out);
}

void Committer::weigh_votes(Instant now, std::vector<Send>& out) {
  if (auto certificate = final_by_votes()) {
    if (enough_since_) patience_.came(now - *enough_since_);
    return finish(std::move(*certificate), true, out);
  }
  if (stage_ != Stage::kVotes) return;
  const auto leads_to = leaning();
  if (!leads_to) return enough_since_.reset(), fast_until_.reset();  // of two shards, one that leaned to abort may have come to commit
  const bool too_late = fast_until_ && now >= *fast_until_;
  if (too_late && !leads_to->settled) patience_.did_not_come();
  if (leads_to->settled || too_late) return ask_to_log(leads_to->decision, now, out);
  if (fast_until_) return;
  enough_since_ = now;
  fast_until_ = now + patience_.now();
}

std::optional<Certificate> Committer::final_by_votes() const {
  const FaultBudget budget = members_.budget;
  Certificate certificate{id_, Outcome::kAbort, VotesProof{}};
  auto& votes = std::get<VotesProof>(certificate.proof).votes;
  if (conflict_) {
    certificate.proof = *conflict_;
    return certificate;
  }
  for (const auto& [shard, tally] : votes_) {
    if (tally.aborts < fast_abort(budget)) continue;
    for (const auto& [index, vote] : tally.by_index)
      if (vote.statement.vote == Outcome::kAbort) votes.push_back(vote);
    return certificate;
  }
  for (const auto& [shard, tally] : votes_) {
    if (tally.commits < fast_commit(budget)) return std::nullopt;
    for (const auto& [index, vote] : tally.by_index)
      if (vote.statement.vote == Outcome::kCommit) votes.push_back(vote);
  }
  certificate.decision = Outcome::kCommit;
  return certificate;
}

// Where votes allow either, it is a commit: the application's work is done already.
std::optional<Committer::Leaning> Committer::leaning() const {
  const FaultBudget budget = members_.budget;
  bool commits_everywhere = true, aborts_somewhere = false, fast_is_over = false, all_have_voted = true;
  for (const auto& [shard, tally] : votes_) {
    const bool commits = tally.commits >= budget.commit_quorum();
    commits_everywhere = commits_everywhere && commits;
    aborts_somewhere = aborts_somewhere || (!commits && tally.aborts >= budget.abort_quorum());
    fast_is_over = fast_is_over || tally.aborts > 0;  // then not all of its replicas vote to commit
    all_have_voted = all_have_voted && tally.by_index.size() == budget.replicas();
  }
  if (commits_everywhere) return Leaning{Outcome::kCommit, fast_is_over || all_have_voted};
  if (aborts_somewhere) return Leaning{Outcome::kAbort, all_have_voted};
  return std::nullopt;
}

LogDecision Committer::log_request(Outcome decision) const {
  VotesProof proof;
  for (const auto& [shard, tally] : votes_) {
    if (decision == Outcome::kAbort && tally.aborts < members_.budget.abort_quorum()) continue;
    for (const auto& [index, vote] : tally.by_index)
      if (vote.statement.vote == decision) proof.votes.push_back(vote);
    if (decision == Outcome::kAbort) break;
  }
  return {tx_, decision, std::move(proof)};
}

void Committer::ask_to_log(Outcome decision, Instant now, std::vector<Send>& out) {
  stage_ = Stage::kLogging;
  fast_until_.reset();
  asked_ = log_request(decision);
  resend_after_ = config_.resend_least;
  resend_at_ = now + resend_after_;
  to_loggers(*asked_, out);
  weigh_logged(now, out);
}

void Committer::on(const ReplicaId& from, const LoggedReply& reply, Instant now, std::vector<Send>& out) {
  const Logged& logged = reply.logged;
  if (done() || logged.signer != from || logged.statement.tx != id_ || from.shard != logging_shard(tx_.tx, id_) || !verifier_.holds(logged))
    return;
  const auto [known, is_new] = logged_.emplace(from, logged);
  if (!is_new && known->second.statement.current <= logged.statement.current) known->second = logged;
  weigh_logged(now, out);
}

void Committer::weigh_logged(Instant now, std::vector<Send>& out) {
  const FaultBudget budget = members_.budget;
  std::map<std::pair<Outcome, View>, std::vector<Logged>> alike;
  std::size_t most = 0;
  for (const auto& [replica, logged] : logged_) {
    const View view = seeded(Bug::kLoggedOfAnyView) ? 0 : logged.statement.decided_in;
    auto& group = alike[{logged.statement.decision, view}];
    group.push_back(logged);
    most = std::max(most, group.size());
  }
  for (auto& [what, group] : alike)
    if (group.size() >= log_quorum(budget)) return finish({id_, what.first, LoggedProof{std::move(group)}}, false, out);
  // When those who have not answered cannot make it a quorum any more, an election must.
  if (stage_ == Stage::kLogging && most + (budget.replicas() - logged_.size()) < budget.log_quorum()) invoke_fallback(now, out);
}

void Committer::invoke_fallback(Instant now, std::vector<Send>& out) {
  if (!asked_) return;
  stage_ = Stage::kFallback;
  InvokeFallback invoke{*asked_, {}};
  for (const auto& [replica, logged] : logged_) invoke.views.push_back(logged);
  to_loggers(invoke, out);
  push_back_resend(now);
}

void Committer::on(const ReplicaId&, const DecidedReply& reply, Instant, std::vector<Send>& out) {
  if (done() || reply.decided.tx.tx != tx_.tx) return;
  if (!verifier_.certificate(reply.decided.certificate, tx_.tx, id_).ok()) return;
  if (const auto* votes = std::get_if<VotesProof>(&reply.decided.certificate.proof)) compare_votes(votes->votes);
  finish(reply.decided.certificate, false, out);
}

/// One correct replica among those of a shard that say so is enough.
void Committer::on(const ReplicaId& from, const GoneReply& reply, Instant, std::vector<Send>&) {
  if (done() || reply.tx != id_ || !votes_.contains(from.shard) || !gone_for_.insert(from).second) return;
  const auto of_shard =
      std::count_if(gone_for_.begin(), gone_for_.end(), [&](const ReplicaId& other) { return other.shard == from.shard; });
  gone_ = of_shard >= members_.budget.one_correct();
}

/// With those that this client was shown.
void Committer::compare_votes(const std::vector<Vote>& votes) {
  for (const auto& vote : votes) {
    const auto& known = votes_.at(vote.signer.shard).by_index;
    const auto own = known.find(vote.signer.index);
    if (own != known.end() && own->second.statement != vote.statement) evidence_.emplace_back(TwoVotes{own->second, vote});
  }
}

void Committer::tick(Instant now, std::vector<Send>& out) {
  if (done()) return;
  if (stage_ == Stage::kVotes && fast_until_ && now >= *fast_until_) weigh_votes(now, out);
  if (done() || now < resend_at_) return;
  if (stage_ == Stage::kLogging || stage_ == Stage::kFallback) {
    // Some do not answer, or hold another decision: ask again, and let those who can go on to an election do so.
    to_loggers(Recover{tx_}, out);
    invoke_fallback(now, out);
    return;
  }
  push_back_resend(now);
  prepare_.reset();
  resend(out);
}

void Committer::push_back_resend(Instant now) {
  resend_after_ = std::min(resend_after_ * 2, config_.resend_most);
  resend_at_ = now + resend_after_;
}

void Committer::resend(std::vector<Send>& out) {
  if (!prepare_) return to_all(Recover{tx_}, out);
  prepare_->tx = tx_;
  to_all(*prepare_, out);
}

void Committer::finish(Certificate certificate, bool fast, std::vector<Send>& out) {
  certificate_ = std::move(certificate);
  fast_ = fast;
  stage_ = Stage::kDone;
  to_all(Writeback{{tx_, *certificate_}}, out);
}

void Committer::to_all(const Message& message, std::vector<Send>& out) const {
  for (const auto& shard : tx_.tx.participants)
    for (const auto& replica : members_.replicas_of(shard)) out.push_back({replica, message});
}

void Committer::to_loggers(const Message& message, std::vector<Send>& out) const {
  for (const auto& replica : members_.replicas_of(logging_shard(tx_.tx, id_))) out.push_back({replica, message});
}

}  // namespace isobar::db
