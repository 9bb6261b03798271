// Stage 2 and writeback: decisions are logged, and what is final is applied (Basil §4.2, §4.3).

#include <algorithm>

#include "db/replica.h"
#include "db/seeded_bugs.h"

namespace isobar::db {

void Replica::on(const Peer& from, const LogDecision& request, const Now&) {
  const TxId id = request.tx.tx.id();
  State* state = admit(from, request.tx, id);
  if (!state) return;
  if (state->certificate) return tell_decided(*state, from);
  if (log(*state, id, request)) tell_logged(*state, id, from);
}

/// Whether a decision is on record afterwards: the first that came, whatever this request asks for.
bool Replica::log(State& state, const TxId& id, const LogDecision& request) {
  if (!logs(state, id)) {
    ++counters_.dropped;
    return false;
  }
  if (state.logged && !(seeded(Bug::kLogsAgain) && state.logged->decided_in == 0)) return true;
  if (!verifier_.justification(request.decision, request.why, state.tx->tx, id).ok()) {
    ++counters_.dropped;
    return false;
  }
  if (const auto* votes = std::get_if<VotesProof>(&request.why)) compare_votes(state, votes->votes);
  state.logged = LoggedDecision{request.decision, 0};
  record(state, id, LoggedRecord{request.decision, 0, state.current});
  return true;
}

/// Votes that were checked. Who shows different ones to different clients is found out when these turn to the same replica.
void Replica::compare_votes(State& state, std::span<const Vote> votes) {
  for (const auto& vote : votes) {
    const auto known =
        std::find_if(state.others_votes.begin(), state.others_votes.end(), [&](const Vote& other) { return other.signer == vote.signer; });
    if (known == state.others_votes.end()) state.others_votes.push_back(vote);
    else if (known->statement != vote.statement) output_.evidence.emplace_back(TwoVotes{*known, vote});
  }
}

void Replica::on(const Peer& from, const Writeback& writeback, const Now&) { take_decided(writeback.decided, from); }

/// Whoever says so: the certificate proves it.
void Replica::take_decided(const Decided& decided, const Peer& from) {
  const TxId id = decided.tx.tx.id();
  if (const auto known = states_.find(id); known != states_.end() && known->second.certificate) {
    const auto& first = *known->second.certificate;
    if (first.decision == decided.certificate.decision) return;
    if (verifier_.decided(decided, id).ok()) output_.evidence.emplace_back(TwoDecisions{{*known->second.tx, first}, decided});
    if (!seeded(Bug::kWritebackOverwrites)) return;
  }
  State* state = admit(from, decided.tx, id);
  if (!state) return;
  const bool taken_as_it_is = seeded(Bug::kSuppliedUnchecked) && neighbour(from);
  if (!taken_as_it_is && !verifier_.certificate(decided.certificate, state->tx->tx, id).ok()) {
    ++counters_.dropped;
    return;
  }
  decide(*state, id, decided.certificate, from);
}

void Replica::decide(State& state, const TxId& id, const Certificate& certificate, const Peer& from) {
  const Transaction& tx = state.tx->tx;
  if (const auto* votes = std::get_if<VotesProof>(&certificate.proof); votes && !state.others_votes.empty())
    compare_votes(state, votes->votes);
  state.others_votes.clear();
  settle(state, id, certificate);
  for (const auto& read : tx.reads) marks_.take_over(read.key, tx.timestamp);
  state.waits_for.clear();
  ++counters_.decided;
  if (!std::holds_alternative<LoggedProof>(certificate.proof)) ++counters_.decided_fast;
  if (state.vote && state.vote->vote != certificate.decision) ++counters_.overruled;
  record(state, id, DecidedRecord{certificate});
  for (const auto& peer : state.interested)
    if (peer != from) tell_decided(state, peer);
  state.interested.clear();
  state.electors.clear();
  wake(id, certificate.decision == Outcome::kAbort);
}

void Replica::tell_logged(State& state, const TxId& id, const Peer& to) {
  LoggedReply reply{{self_, {id, state.logged->decision, state.logged->decided_in, state.current}, {}}};
  const Statement statement = reply.logged.statement;
  say(to, std::move(reply), statement);
}

void Replica::tell_decided(const State& state, const Peer& to) { say(to, DecidedReply{{*state.tx, *state.certificate}}); }

}  // namespace isobar::db
