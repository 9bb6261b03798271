#include "replica_states.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace isobar::db {

namespace {

// Every delivery is so much later than the one before that no view is still given its time.
Now time_at(int depth) {
  const Instant at = Instant::from_unix_seconds(1000) + depth * Duration(std::chrono::hours(24));
  return {Instant::from_unix_seconds(1000), at};
}

}  // namespace

ReplicaStates::ReplicaStates(const Cluster& cluster, StatementTable& statements)
    : cluster_(cluster), statements_(statements), actions_(actions_of(cluster.configuration)) {
  for (const auto& action : actions_) deliveries_.push_back(db::deliveries(cluster, action));
  for (std::size_t place = 0; place < cluster.correct.size(); ++place) initial_.push_back(first_of_kind(place));
}

ReplicaState ReplicaStates::first_of_kind(std::size_t place) {
  if (place > 0 && cluster_.kind[place] == cluster_.kind[place - 1]) return initial_[place - 1];
  const ReplicaId self = cluster_.correct[place];
  const auto& members = cluster_.members;
  Running running;
  running.replica = std::make_unique<Replica>(cluster_.replica_config(), members.members, self, members.signer_of(self), members.scheme);
  running.at_rest = put_to_rest(nullptr, {});
  running.replica->restore(*running.at_rest->first, {}, time_at(0));
  if (cluster_.refuses.contains(self))
    for (const auto& tx : cluster_.txs)
      for (const auto& write : tx.tx.writes)
        hand_over(running, {ClientId(3), ReadRequest{1, write.key, {tx.tx.timestamp.time + 1'000'000, ClientId(3)}, false}}, 0);
  if (cluster_.later) hand_over(running, {ClientId(3), Writeback{*cluster_.later}}, 0);
  return add(cluster_.kind[place], std::move(running), 0, 0);
}

ReplicaState ReplicaStates::add(std::uint32_t kind, Running running, StatementSet said, int depth) {
  Encoder key;
  key(kind)(said)(running.replica->canonical_state());
  const auto [found, is_new] = known_.emplace(key.take(), static_cast<ReplicaState>(nodes_.size()));
  if (is_new)
    nodes_.push_back(
        {kind, std::move(running), said, depth, std::vector<std::int64_t>(actions_.size(), -1), std::vector<int>(actions_.size(), -1)});
  return found->second;
}

ReplicaStates::AtRest ReplicaStates::put_to_rest(const AtRest& before, const SettleBatch& batch) {
  auto values = before ? std::make_unique<MemoryKeyValues>(*before->second) : std::make_unique<MemoryKeyValues>();
  const MemoryKeyValues* kept = values.get();
  auto settled = Settled::open(std::move(values), 1);
  if (before) CHECK((*settled)->apply(batch).ok());
  return std::make_shared<const std::pair<std::unique_ptr<Settled>, const MemoryKeyValues*>>(std::move(*settled), kept);
}

// What it says of it, to whomever, is said to the adversary.
StatementSet ReplicaStates::hand_over(Running& running, const Delivery& delivery, int depth) {
  Replica& replica = *running.replica;
  const Now now = time_at(depth);
  if (delivery.message) replica.step(delivery.from, *delivery.message, now);
  else replica.tick(now);
  ReplicaOutput output = replica.take();
  StatementSet said = said_by(output);
  if (!output.settle) return said;
  running.at_rest = put_to_rest(running.at_rest, *output.settle);
  replica.on_settled(*running.at_rest->first, running.at_rest->first->state(), now);
  return said | said_by(replica.take());
}

StatementSet ReplicaStates::said_by(const ReplicaOutput& output) {
  StatementSet said = 0;
  for (const auto& sent : output.sends) {
    if (const auto* vote = std::get_if<VoteReply>(&sent.message)) said |= statements_.of(vote->vote.statement);
    if (const auto* logged = std::get_if<LoggedReply>(&sent.message)) said |= statements_.of(logged->logged.statement);
    if (const auto* elect = std::get_if<ElectLeader>(&sent.message)) said |= statements_.of(elect->elect.statement);
    if (const auto* proposal = std::get_if<Propose>(&sent.message)) said |= statements_.of(proposal->proposal.statement);
    if (const auto* checkpoint = std::get_if<CheckpointSigned>(&sent.message)) said |= statements_.of(checkpoint->checkpoint.statement);
  }
  return said;
}

ReplicaState ReplicaStates::after(ReplicaState state, std::size_t action) {
  if (nodes_[state].after[action] >= 0) return static_cast<ReplicaState>(nodes_[state].after[action]);
  const Node& before = nodes_[state];
  Running running{std::make_unique<Replica>(*before.running.replica), before.running.at_rest};
  StatementSet said = before.said;
  const int depth = before.depth + 1;
  for (const auto& delivery : deliveries_[action]) said |= hand_over(running, delivery, depth);
  const ReplicaState result = add(before.kind, std::move(running), said, depth);
  nodes_[state].after[action] = result;
  return result;
}

ReplicaStates::Use ReplicaStates::use(ReplicaState state, std::size_t action) {
  if (nodes_[state].use[action] >= 0) return static_cast<Use>(nodes_[state].use[action]);
  const ReplicaState next = after(state, action);
  const Use unreduced = next == state ? Use::kNothing : Use::kChoice;
  const Use use = !cluster_.configuration.reduced        ? unreduced
                  : next == state || covers(state, next) ? Use::kNothing
                  : covers(next, state)                  ? Use::kAtOnce
                                                         : Use::kChoice;
  nodes_[state].use[action] = static_cast<int>(use);
  return use;
}

bool ReplicaStates::suffice(ReplicaState state, const std::vector<std::size_t>& actions) {
  const auto [answer, is_new] = suffice_.emplace(std::pair(state, actions), false);
  if (is_new) answer->second = find_suffice(state, actions);
  return answer->second;
}

// A persistent set, of the actions of one replica. Others' actions commute with these, and what one of them adds to what was said takes
// nothing from anyone; so whatever begins with another action of this replica is found with one of these before it.
bool ReplicaStates::find_suffice(ReplicaState state, const std::vector<std::size_t>& actions) {
  if (actions.empty() || !cluster_.configuration.reduced) return false;
  for (std::size_t other = 0; other < actions_.size(); ++other) {
    if (use(state, other) == Use::kNothing || std::find(actions.begin(), actions.end(), other) != actions.end()) continue;
    const ReplicaState without = after(state, other);
    if (std::none_of(actions.begin(), actions.end(), [&](std::size_t one) { return covers(after(after(state, one), other), without); }))
      return false;
  }
  return true;
}

// Whether whatever is done to a replica in `less` makes it say nothing that one in `more` would not have said by then as well: a
// simulation, found as the closure of the one pair under all actions. What a replica has said only ever gives the adversary more to do.
bool ReplicaStates::covers(ReplicaState more, ReplicaState less) {
  std::set<std::pair<ReplicaState, ReplicaState>> assumed{{more, less}};
  std::vector<std::pair<ReplicaState, ReplicaState>> open{{more, less}};
  while (!open.empty()) {
    const auto [m, l] = open.back();
    open.pop_back();
    if (m == l || covers_.contains({m, l})) continue;
    if ((said(l) & ~said(m)) != 0 || assumed.size() > kPairsMost) return false;
    for (std::size_t action = 0; action < actions_.size(); ++action) {
      if (after(l, action) == l) continue;  // which the one in `more` then need not take either
      const std::pair next(after(m, action), after(l, action));
      if (assumed.insert(next).second) open.push_back(next);
    }
  }
  covers_.insert(assumed.begin(), assumed.end());
  return true;
}

}  // namespace isobar::db
