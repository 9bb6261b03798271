// Stage 2 and writeback: decisions are logged, and what is final is applied (Basil §4.2, §4.3).

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
  state.logged = LoggedDecision{request.decision, 0};
  record(state, id, LoggedRecord{request.decision, 0, state.current});
  return true;
}

void Replica::on(const Peer& from, const Writeback& writeback, const Now&) {
  const TxId id = writeback.decided.tx.tx.id();
  if (const auto known = states_.find(id); known != states_.end() && known->second.certificate) {
    const auto& first = *known->second.certificate;
    if (first.decision == writeback.decided.certificate.decision) return;
    if (verifier_.decided(writeback.decided, id).ok())
      output_.evidence.emplace_back(TwoDecisions{{*known->second.tx, first}, writeback.decided});
    if (!seeded(Bug::kWritebackOverwrites)) return;
  }
  State* state = admit(from, writeback.decided.tx, id);
  if (!state) return;
  if (!verifier_.certificate(writeback.decided.certificate, state->tx->tx, id).ok()) {
    ++counters_.dropped;
    return;
  }
  decide(*state, id, writeback.decided.certificate, from);
}

void Replica::decide(State& state, const TxId& id, const Certificate& certificate, const Peer& from) {
  const Transaction& tx = state.tx->tx;
  if (certificate.decision == Outcome::kCommit) versions_.commit(tx, id);
  else versions_.abort(tx, id);
  for (const auto& read : tx.reads) marks_.release(read.key, tx.timestamp);
  state.prepared = false;
  state.waits_for.clear();
  state.certificate = certificate;
  ++counters_.decided;
  if (!std::holds_alternative<LoggedProof>(certificate.proof)) ++counters_.decided_fast;
  if (state.vote && state.vote->vote != certificate.decision) ++counters_.overruled;
  record(state, id, DecidedRecord{certificate});
  for (const auto& peer : state.interested)
    if (peer != from) tell_decided(state, peer);
  state.interested.clear();
  state.electors.clear();
  wake(id);
}

void Replica::tell_logged(State& state, const TxId& id, const Peer& to) {
  LoggedReply reply{{self_, {id, state.logged->decision, state.logged->decided_in, state.current}, {}}};
  const Statement statement = reply.logged.statement;
  say(to, std::move(reply), statement);
}

void Replica::tell_decided(const State& state, const Peer& to) { say(to, DecidedReply{{*state.tx, *state.certificate}}); }

}  // namespace isobar::db
