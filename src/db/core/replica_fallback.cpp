// When replicas of the logging shard hold different decisions: an election among them for this one transaction (Basil §5, divergent case).
//
// Safety rests on one rule: a replica that is in view v logs and acknowledges nothing of an earlier view any more, and never goes back; it
// logs one decision in a view. Whatever certificate there is of view v was made by 3f + 1 correct replicas before they left v, so every
// later leader's election quorum has 2f + 1 of them, its majority.

#include <algorithm>

#include "db/replica.h"
#include "db/seeded_bugs.h"
#include "quorums.h"

namespace isobar::db {

void Replica::on(const Peer& from, const InvokeFallback& invoke, const Now& now) {
  const TxId id = invoke.log.tx.tx.id();
  State* state = admit(from, invoke.log.tx, id);
  if (!state) return;
  if (state->certificate) return tell_decided(*state, from);
  // Without a decision on record it could not vote, and must enter no view: it would have to refuse every decision of view 0 from then on.
  if (!log(*state, id, invoke.log)) return;
  const View view = view_after(*state, id, invoke.views, now);
  if (view > state->current) enter(*state, id, view, now);
  if (state->current > 0) stand_for_election(*state, id);
  tell_logged(*state, id, from);
}

// The view to be in after hearing in which ones others are. A replica in view v counts for all before it, too.
View Replica::view_after(const State& state, const TxId& id, const std::vector<Logged>& said, const Now& now) {
  std::map<ReplicaId, View> views;
  for (const auto& logged : said) {
    if (logged.statement.tx != id || logged.signer.shard != self_.shard || views.contains(logged.signer) || !verifier_.holds(logged))
      continue;
    views[logged.signer] = logged.statement.current;
  }
  std::vector<View> sorted;
  for (const auto& [replica, view] : views) sorted.push_back(view);
  std::sort(sorted.rbegin(), sorted.rend());
  View view = state.current;
  const auto reached_by = [&](std::uint32_t quorum) { return sorted.size() >= quorum ? std::optional(sorted[quorum - 1]) : std::nullopt; };
  // One step at a time, and not before this view had its time; who is further behind than that catches up first.
  if (const auto next = reached_by(members_.budget.next_view_quorum()); next == state.current && now.steady >= state.view_ends)
    view = state.current + 1;
  if (const auto caught_up = reached_by(members_.budget.one_correct())) view = std::max(view, *caught_up);
  return view;
}

void Replica::enter(State& state, const TxId& id, View view, const Now& now) {
  state.current = view;
  const unsigned doublings = std::min(view - 1, 12U);
  state.view_ends = now.steady + config_.view_least * (1U << doublings);
  record(state, id, LoggedRecord{state.logged->decision, state.logged->decided_in, state.current});
}

void Replica::stand_for_election(State& state, const TxId& id) {
  const ReplicaId leader{self_.shard, leader_of(id, state.current, members_)};
  ElectLeader elect{{self_, {id, state.logged->decision, state.current}, {}}};
  const Statement statement = elect.elect.statement;
  say(leader, std::move(elect), statement);
}

void Replica::on(const Peer&, const ElectLeader& message, const Now&) {
  const Elect& elect = message.elect;
  const auto found = states_.find(elect.statement.tx);
  const View view = elect.statement.view;
  if (found == states_.end() || view == 0 || leader_of(elect.statement.tx, view, members_) != self_.index ||
      elect.signer.shard != self_.shard || !logs(found->second, elect.statement.tx) || !verifier_.holds(elect)) {
    ++counters_.dropped;
    return;
  }
  State& state = found->second;
  if (state.certificate || view < state.current) return;
  // One vote of each, the latest: what a liar says of views far away takes the place of his own alone.
  auto& latest = state.electors[elect.signer.index];
  if (latest.statement.view < view) latest = elect;
  if (!state.proposed || view > state.proposed->proposal.statement.view) return propose(state, elect.statement.tx, view);
  // It stands for election in this view again: what was proposed has not reached it.
  if (view == state.proposed->proposal.statement.view) say(elect.signer, *state.proposed, state.proposed->proposal.statement);
}

// One proposal in a view, from the first election quorum.
void Replica::propose(State& state, const TxId& id, View view) {
  const std::size_t quorum = election_quorum(members_.budget);
  std::vector<Elect> electors;
  std::size_t commits = 0;
  for (const auto& [index, elect] : state.electors) {
    if (elect.statement.view != view || electors.size() == quorum) continue;
    electors.push_back(elect);
    if (elect.statement.decision == Outcome::kCommit) ++commits;
  }
  if (electors.size() < quorum) return;
  const FallbackStatement statement{id, 2 * commits > quorum ? Outcome::kCommit : Outcome::kAbort, view};
  state.proposed = Propose{{self_, statement, {}}, std::move(electors)};
  for (const auto& replica : members_.replicas_of(self_.shard)) say(replica, *state.proposed, statement);
}

void Replica::on(const Peer&, const Propose& message, const Now& now) {
  const FallbackStatement& said = message.proposal.statement;
  const auto found = states_.find(said.tx);
  if (found == states_.end() || !logs(found->second, said.tx) || message.proposal.signer.shard != self_.shard || said.view == 0 ||
      !verifier_.proposal(message.proposal, message.electors).ok()) {
    ++counters_.dropped;
    return;
  }
  State& state = found->second;
  if (state.certificate) return;
  if (said.view < state.current && !seeded(Bug::kOlderViewAdopted)) return;
  const bool decided_there = state.logged && state.logged->decided_in == said.view && !seeded(Bug::kManyDecisionsInAView);
  if (!decided_there) {
    if (said.view > state.current) state.view_ends = now.steady + config_.view_least * (1U << std::min(said.view - 1, 12U));
    state.logged = LoggedDecision{said.decision, said.view};
    state.current = said.view;
    record(state, said.tx, LoggedRecord{said.decision, said.view, said.view});
  }
  for (const auto& peer : state.interested) tell_logged(state, said.tx, peer);
}

}  // namespace isobar::db
