#include "possible.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "db/committer.h"
#include "db/replica.h"
#include "db/seeded_bugs.h"

namespace isobar::db {

namespace {

enum What { kJustified, kRightly, kCertified, kLed, kLiarProposes };
const Now kNow{Instant::from_unix_seconds(1000), Instant::from_unix_seconds(1000)};

}  // namespace

Possible::Possible(const Cluster& cluster, const StatementTable& statements)
    : cluster_(cluster), statements_(statements), verifier_(cluster.members.members, cluster.members.scheme) {}

// Replicas of one shard are exchanged freely here: no answer depends on which of them said what, but for who is the leader, and a leader
// counts as an elector like the others.
std::string Possible::key(int what, const Said& said, std::size_t tx, Outcome decision, View view, StatementSet relevant) const {
  std::array<std::uint64_t, 16> sets{};  // sorted within each shard, whose replicas stand together
  CHECK(said.size() + 1 <= sets.size(), said.size());
  sets[0] =
      static_cast<std::uint64_t>(what) | tx << 8 | static_cast<std::uint64_t>(decision) << 16 | static_cast<std::uint64_t>(view) << 24;
  for (std::size_t place = 0; place < said.size(); ++place) sets[place + 1] = said[place] & relevant;
  for (std::size_t begin = 0; begin < said.size();) {
    std::size_t end = begin;
    while (end < said.size() && cluster_.correct[end].shard == cluster_.correct[begin].shard) ++end;
    std::sort(sets.begin() + 1 + static_cast<std::ptrdiff_t>(begin), sets.begin() + 1 + static_cast<std::ptrdiff_t>(end));
    begin = end;
  }
  return {reinterpret_cast<const char*>(sets.data()), (said.size() + 1) * sizeof(sets[0])};
}

StatementSet Possible::votes_and_logged(std::size_t tx) const {
  return statements_.about<VoteStatement>(tx) | statements_.about<LoggedStatement>(tx);
}

// An abort may also rest on what is known of another transaction, in conflict with this one.
StatementSet Possible::bears_on(std::size_t tx, Outcome decision) const {
  StatementSet relevant = statements_.about<VoteStatement>(tx);
  for (std::size_t other = 0; other < cluster_.txs.size() && decision == Outcome::kAbort; ++other)
    if (other != tx) relevant |= votes_and_logged(other);
  return relevant;
}

bool Possible::justified(const Said& said, std::size_t tx, Outcome decision) {
  const auto [answer, is_new] = answers_.emplace(key(kJustified, said, tx, decision, 0, bears_on(tx, decision)), false);
  if (is_new) answer->second = ask_justified(said, tx, decision);
  return answer->second;
}

bool Possible::rightly_justified(const Said& said, std::size_t tx, Outcome decision) {
  const auto [answer, is_new] = answers_.emplace(key(kRightly, said, tx, decision, 0, bears_on(tx, decision)), false);
  if (!is_new) return answer->second;
  const bool by_conflict = decision == Outcome::kAbort && conflict_with(said, tx);
  const SeededBug none(Bug::kNone);
  answer->second = by_conflict || ask_justified(said, tx, decision);
  return answer->second;
}

bool Possible::ask_justified(const Said& said, std::size_t tx, Outcome decision) {
  const auto& id = cluster_.ids[tx];
  const auto ok = [&](const Justification& why) { return verifier_.justification(decision, why, cluster_.txs[tx].tx, id).ok(); };
  VotesProof proof{votes(said, tx, decision)};
  if (ok(proof)) return true;
  const auto once = proof.votes;
  proof.votes.insert(proof.votes.end(), once.begin(), once.end());
  if (ok(proof)) return true;
  if (decision == Outcome::kCommit) return false;
  const auto conflict = conflict_with(said, tx);
  return conflict && ok(*conflict);
}

// The liar refuses for any other that is committed; whether that stands against this one, the verifier says.
std::optional<ConflictProof> Possible::conflict_with(const Said& said, std::size_t tx) {
  for (std::size_t other = 0; other < cluster_.txs.size(); ++other) {
    if (other == tx) continue;
    const auto& committed = certified(said, other, Outcome::kCommit);
    if (!committed) continue;
    const auto& proof = committed->certificate.proof;
    ConflictProof conflict{votes(said, tx, Outcome::kAbort).front(), cluster_.txs[other].tx, {}};
    if (const auto* by_votes = std::get_if<VotesProof>(&proof)) conflict.its_commit = *by_votes;
    else conflict.its_commit = std::get<LoggedProof>(proof);
    if (verifier_.justification(Outcome::kAbort, conflict, cluster_.txs[tx].tx, cluster_.ids[tx]).ok()) return conflict;
  }
  return std::nullopt;
}

const std::optional<Possible::Final>& Possible::certified(const Said& said, std::size_t tx, Outcome decision) {
  StatementSet relevant = votes_and_logged(tx);
  if (decision == Outcome::kAbort)
    for (std::size_t other = 0; other < cluster_.txs.size(); ++other) relevant |= votes_and_logged(other);
  std::string question = key(kCertified, said, tx, decision, 0, relevant);
  if (const auto known = certificates_.find(question); known != certificates_.end()) return known->second;
  auto answer = ask_certified(said, tx, decision);
  return certificates_.emplace(std::move(question), std::move(answer)).first->second;
}

std::optional<Possible::Final> Possible::ask_certified(const Said& said, std::size_t tx, Outcome decision) {
  const auto in_favour = votes(said, tx, decision);
  if (auto by_client = committed_by_client(tx, decision, in_favour, {})) return Final{std::move(*by_client), 0};
  const Certificate by_votes{cluster_.ids[tx], decision, VotesProof{in_favour}};
  if (accepted(by_votes, tx)) return Final{by_votes, 0};
  if (decision == Outcome::kAbort)
    if (auto conflict = conflict_with(said, tx)) return Final{{cluster_.ids[tx], decision, std::move(*conflict)}, 0};
  std::vector<Logged> of_all_views;
  for (View view = 0; view <= cluster_.configuration.views; ++view) {
    const auto logged_there = logged(said, tx, decision, view);
    for (const auto& one : logged_there)
      if (std::none_of(of_all_views.begin(), of_all_views.end(), [&](const Logged& known) { return known.signer == one.signer; }))
        of_all_views.push_back(one);
    if (auto by_client = committed_by_client(tx, decision, {}, logged_there)) return Final{std::move(*by_client), view};
    const Certificate by_logged{cluster_.ids[tx], decision, LoggedProof{logged_there}};
    if (accepted(by_logged, tx)) return Final{by_logged, view};
    const Certificate mixed{cluster_.ids[tx], decision, LoggedProof{of_all_views}};
    if (accepted(mixed, tx)) return Final{mixed, view};
  }
  return std::nullopt;
}

// Also with everyone twice, as a liar could hand it in.
bool Possible::accepted(const Certificate& certificate, std::size_t tx) {
  const auto ok = [&](const Certificate& each) { return verifier_.certificate(each, cluster_.txs[tx].tx, cluster_.ids[tx]).ok(); };
  if (ok(certificate)) return true;
  Certificate twice = certificate;
  if (auto* by_votes = std::get_if<VotesProof>(&twice.proof)) {
    const auto once = by_votes->votes;
    by_votes->votes.insert(by_votes->votes.end(), once.begin(), once.end());
  } else if (auto* by_logged = std::get_if<LoggedProof>(&twice.proof)) {
    const auto once = by_logged->logged;
    by_logged->logged.insert(by_logged->logged.end(), once.begin(), once.end());
  }
  return ok(twice);
}

// A client that hears these replies, and no others before.
std::optional<Certificate> Possible::committed_by_client(std::size_t tx, Outcome decision, const std::vector<Vote>& votes,
                                                         const std::vector<Logged>& logged) {
  const CommitterConfig config;
  std::vector<Committer::Send> ignored;
  FastPatience patience;
  Committer committer(config, cluster_.members.members, verifier_, patience, cluster_.txs[tx]);
  committer.start(kNow.steady, ignored);
  for (const auto& vote : votes) committer.on(vote.signer, VoteReply{vote, AbortReason::kNone, {}, {}}, kNow.steady, ignored);
  for (const auto& each : logged) committer.on(each.signer, LoggedReply{each}, kNow.steady, ignored);
  if (!committer.done() || committer.certificate().decision != decision) return std::nullopt;
  return committer.certificate();
}

bool Possible::entered(const Said& said, std::size_t tx, View view) const {
  const auto budget = cluster_.members.members.budget;
  std::size_t in_it = budget.f(), before_it = budget.f();  // the liar says what is needed
  const StatementSet in = statements_.find(InView{cluster_.ids[tx], view}), before = statements_.find(InView{cluster_.ids[tx], view - 1});
  for (const auto& set : said) {
    if ((set & in) != 0) ++in_it;
    if ((set & before) != 0) ++before_it;
  }
  return in_it >= budget.one_correct() || before_it >= budget.next_view_quorum();
}

bool Possible::led(const Said& said, std::size_t tx, Outcome decision, View view) {
  if (is_liar(cluster_.leader(tx, view))) return false;
  const auto [answer, is_new] = answers_.emplace(key(kLed, said, tx, decision, view, statements_.about<ElectStatement>(tx)), false);
  if (is_new) answer->second = ask_led(said, tx, decision, view);
  return answer->second;
}

bool Possible::ask_led(const Said& said, std::size_t tx, Outcome decision, View view) {
  const ReplicaId self = cluster_.leader(tx, view);
  const auto& members = cluster_.members;
  Replica leader(ReplicaConfig{}, members.members, self, members.signer_of(self), members.scheme);
  leader.step(cluster_.txs[tx].tx.timestamp.client, Prepare{cluster_.txs[tx]}, kNow);
  for (const auto& elect : electors(said, tx, decision, view)) leader.step(elect.signer, ElectLeader{elect}, kNow);
  for (const auto& sent : leader.take().sends)
    if (const auto* proposal = std::get_if<Propose>(&sent.message)) return proposal->proposal.statement.decision == decision;
  return false;
}

bool Possible::proposed(const Said& said, std::size_t tx, Outcome decision, View view) {
  const ReplicaId leader = cluster_.leader(tx, view);
  const StatementSet proposal = statements_.find(FallbackStatement{cluster_.ids[tx], decision, view});
  for (std::size_t place = 0; place < said.size(); ++place)
    if (cluster_.correct[place] == leader && (said[place] & proposal) != 0) return true;
  const auto relevant = statements_.about<ElectStatement>(tx);
  const auto [answer, is_new] = answers_.emplace(key(kLiarProposes, said, tx, decision, view, relevant), false);
  if (is_new) answer->second = liar_proposes(said, tx, decision, view);
  return answer->second;
}

bool Possible::liar_proposes(const Said& said, std::size_t tx, Outcome decision, View view) {
  const auto all = electors(said, tx, decision, view);
  for (const auto& liar : cluster_.liars) {
    const auto proposal = cluster_.signed_by(liar, FallbackStatement{cluster_.ids[tx], decision, view});
    for (std::size_t many = 0; many <= all.size(); ++many)
      if (liar.shard == cluster_.leader(tx, view).shard && verifier_.proposal(proposal, std::span(all).first(many)).ok()) return true;
  }
  return false;
}

}  // namespace isobar::db
