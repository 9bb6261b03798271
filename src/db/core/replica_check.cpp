// Stage 1: the concurrency check, and the one vote that comes of it (Basil §4.2, MVTSO-Check, steps 1 to 7).

#include <algorithm>

#include "db/replica.h"
#include "db/seeded_bugs.h"

namespace isobar::db {

void Replica::on(const Peer& from, const Prepare& prepare, const Now& now) {
  const TxId id = prepare.tx.tx.id();
  State* state = admit(from, prepare.tx, id);
  if (!state) return;
  for (const auto& dependency : prepare.dependencies) hear_of(dependency, prepare.tx.tx, now);
  if (state->certificate) return tell_decided(*state, from);
  if ((!state->vote && state->waits_for.empty()) || seeded(Bug::kVotesAgain)) check(*state, id, now);
  tell_vote(*state, id, from);
}

/// Of what `tx` depends on, which did not come here yet: as if its own client had sent it.
void Replica::hear_of(const SignedTransaction& dependency, const Transaction& tx, const Now& now) {
  const TxId id = dependency.tx.id();
  const bool depends = std::any_of(tx.dependencies.begin(), tx.dependencies.end(), [&](const Dependency& d) { return d.writer == id; });
  if (!depends || states_.contains(id)) return;
  if (State* state = admit(self_, dependency, id)) check(*state, id, now);
}

void Replica::on(const Peer& from, const Recover& recover, const Now& now) {
  const TxId id = recover.tx.tx.id();
  State* state = admit(from, recover.tx, id);
  if (!state) return;
  if (state->certificate) return tell_decided(*state, from);
  if (!state->vote && state->waits_for.empty()) check(*state, id, now);
  tell_vote(*state, id, from);
  if (!state->waits_for.empty()) tell_blockers(id, *state);
  if (state->logged) tell_logged(*state, id, from);
}

void Replica::check(State& state, const TxId& id, const Now& now) {
  const Transaction& tx = state.tx->tx;
  if (auto refused = refusal(state, id, now)) return vote(state, id, *refused);
  open(state, id, now);
  // From here on its reads stand against writers, more firmly than the marks did.
  for (const auto& read : tx.reads) marks_.take_over(read.key, tx.timestamp);
  state.waits_for = undecided_dependencies(tx);
  if (seeded(Bug::kDependenciesNotAwaited)) state.waits_for.clear();
  if (state.waits_for.empty()) return vote(state, id, {Outcome::kCommit, AbortReason::kNone, std::nullopt});
  for (const auto& dependency : state.waits_for) waiters_[dependency].insert(id);
  state.blocker_pause = config_.blocker_patience;
  blockers_due_.emplace(now.steady + state.blocker_pause, id);
  record(state, id, AcceptedRecord{});
}

std::optional<VotedRecord> Replica::refusal(const State& state, const TxId& id, const Now& now) const {
  const Transaction& tx = state.tx->tx;
  const auto because = [](AbortReason reason, std::optional<TxId> other = std::nullopt) {
    return VotedRecord{Outcome::kAbort, reason, other};
  };
  const auto latest = nanos_of(now.wall + config_.clock_bound);
  if (tx.timestamp.time > latest && !seeded(Bug::kClockUnchecked)) return because(AbortReason::kClock);
  if (tx.timestamp.time <= checkpoints_.closed() && !seeded(Bug::kClosedUnchecked)) return because(AbortReason::kTooOld);
  if (forbidden(tx)) return because(AbortReason::kForbidden);
  const auto first = at_timestamp_.find(tx.timestamp);
  if (first != at_timestamp_.end() && first->second != id && !seeded(Bug::kSameTimestampAllowed))
    return because(AbortReason::kSameTimestamp);
  if (auto refused = refused_dependency(tx)) return refused;
  if (const auto objection = versions_.objection(tx, id)) return because(objection->reason, objection->other);
  for (const auto& write : tx.writes)
    if (marks_.read_after(write.key, tx.timestamp)) return because(AbortReason::kReader);
  if (held_against(tx)) return because(AbortReason::kReader);
  return std::nullopt;
}

/// Whatever shard keeps the keys: all of them answer alike.
bool Replica::forbidden(const Transaction& tx) const {
  if (seeded(Bug::kRightsUnchecked)) return false;
  const ClientId client = tx.timestamp.client;
  return std::any_of(tx.reads.begin(), tx.reads.end(), [&](const Read& read) { return !members_.may_read(client, read.key); }) ||
         std::any_of(tx.ranges.begin(), tx.ranges.end(),
                     [&](const RangeRead& range) { return !members_.may_read(client, range.from, range.until); }) ||
         std::any_of(tx.writes.begin(), tx.writes.end(), [&](const Write& write) { return !members_.may_write(client, write.key); });
}

// Each version that it read from somebody undecided is here, and it says so; none that it read is known to be of somebody who aborted.
std::optional<VotedRecord> Replica::refused_dependency(const Transaction& tx) const {
  if (seeded(Bug::kDependenciesUnchecked)) return std::nullopt;
  const VotedRecord refused{Outcome::kAbort, AbortReason::kDependency, std::nullopt};
  for (const auto& dependency : tx.dependencies) {
    if (!versions_.keeps(dependency.key)) continue;
    const auto writer = states_.find(dependency.writer);
    if (writer == states_.end() || !writer->second.tx) return refused;
    const Transaction& wrote = writer->second.tx->tx;
    if (wrote.timestamp != dependency.version || !wrote.write_of(dependency.key)) return refused;
    // Whatever this replica thinks of the writer itself: others let it pass, and until it is decided this one waits with its vote.
    const auto& certificate = writer->second.certificate;
    if ((certificate && certificate->decision == Outcome::kAbort) || never_commits(writer->second)) return refused;
  }
  for (const auto& read : tx.reads) {
    const auto writer = versions_.keeps(read.key) ? at_timestamp_.find(read.version) : at_timestamp_.end();
    if (writer == at_timestamp_.end()) continue;
    const State& state = states_.at(writer->second);
    if (!state.tx->tx.write_of(read.key)) continue;
    if (state.certificate && state.certificate->decision == Outcome::kAbort) return refused;
    const bool depends =
        std::any_of(tx.dependencies.begin(), tx.dependencies.end(), [&](const Dependency& d) { return d.key == read.key; });
    if (!state.certificate && !depends) return refused;
  }
  return std::nullopt;
}

std::set<TxId> Replica::undecided_dependencies(const Transaction& tx) const {
  std::set<TxId> undecided;
  for (const auto& dependency : tx.dependencies) {
    const auto writer = states_.find(dependency.writer);
    if (versions_.keeps(dependency.key) && writer != states_.end() && !writer->second.certificate) undecided.insert(dependency.writer);
  }
  return undecided;
}

void Replica::vote(State& state, const TxId& id, VotedRecord voted) {
  state.vote = voted;
  state.signed_vote.reset();
  voted.vote == Outcome::kCommit ? ++counters_.voted_commit : ++counters_.voted_abort;
  if (voted.vote == Outcome::kAbort) ++counters_.reasons[voted.reason];
  record(state, id, voted);
}

void Replica::wake(const TxId& decided, bool was_aborted) {
  const auto found = waiters_.find(decided);
  if (found == waiters_.end()) return;
  const std::set<TxId> waiters = std::move(found->second);
  waiters_.erase(found);
  const bool aborted = was_aborted && !seeded(Bug::kAbortedDependencyCommits);
  for (const auto& id : waiters) {
    const auto waiter = states_.find(id);
    if (waiter == states_.end() || waiter->second.waits_for.erase(decided) == 0) continue;  // it was decided meanwhile
    State& state = waiter->second;
    if (aborted) {
      state.waits_for.clear();
      close(state, id);
      versions_.abort(state.tx->tx, id);
      vote(state, id, {Outcome::kAbort, AbortReason::kDependency, decided});
    } else if (state.waits_for.empty()) {
      vote(state, id, {Outcome::kCommit, AbortReason::kNone, std::nullopt});
    }
    if (state.vote)
      for (const auto& peer : state.interested) tell_vote(state, id, peer);
  }
}

void Replica::tell_vote(State& state, const TxId& id, const Peer& to) {
  if (!state.vote) return;
  VoteReply reply;
  reply.reason = state.vote->reason;
  if (state.vote->other) {
    const auto other = states_.find(*state.vote->other);
    if (other != states_.end() && other->second.tx && !other->second.certificate) reply.blocker = other->second.tx;
    else if (auto decided = decided_of(*state.vote->other); decided && decided->certificate.decision == Outcome::kCommit)
      reply.conflict = std::move(decided);
  }
  if (state.signed_vote) {
    reply.vote = *state.signed_vote;
    return say(to, std::move(reply));
  }
  reply.vote = {self_, {id, state.vote->vote}, {}};
  const Statement statement = reply.vote.statement;
  say(to, std::move(reply), statement);
}

void Replica::tell_blockers(const TxId& waiter, State& state) {
  for (const auto& id : state.waits_for)
    if (const auto blocker = states_.find(id); blocker != states_.end())
      for (const auto& peer : state.interested) say(peer, Blocker{waiter, *blocker->second.tx});
}

}  // namespace isobar::db
