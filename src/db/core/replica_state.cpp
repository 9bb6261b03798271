// What a replica's future depends on, as bytes: for whoever compares states.

#include <algorithm>

#include "db/replica.h"

namespace isobar::db {

std::string Replica::canonical_state() const {
  std::map<TxId, const State*> ordered;
  for (const auto& [id, state] : states_) ordered.emplace(id, &state);
  Encoder out;
  for (const auto& [id, state] : ordered) out(id)(canonical_state(*state));
  for (const auto& [timestamp, id] : at_timestamp_) out(timestamp)(id);
  checkpoints_.canonical_state(out);
  out(newest_committed_)(knows_late())(holds_before_);
  return out.take();
}

std::string Replica::canonical_state(const State& state) {
  Encoder out;
  const FallbackStatement proposed = state.proposed ? state.proposed->proposal.statement : FallbackStatement{};
  out(state.tx.has_value())(state.prepared)(state.vote)(state.current)(state.interested.empty())(proposed);
  out(state.logged.has_value());
  if (state.logged) out(state.logged->decision)(state.logged->decided_in);
  out(state.certificate.has_value());
  if (state.certificate) out(state.certificate->decision);
  out(std::vector<TxId>(state.waits_for.begin(), state.waits_for.end()));
  for (const auto& [index, elect] : state.electors)
    if (elect.statement.view > proposed.view) out(elect.signer)(elect.statement);  // the others elect nobody any more
  return out.take();
}

}  // namespace isobar::db
