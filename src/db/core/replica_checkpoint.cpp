// Intervals are closed, what is committed in them goes to rest, and what is at rest everywhere is forgotten (ADR 9).

#include <algorithm>
#include <map>

#include "db/replica.h"
#include "db/seeded_bugs.h"

namespace isobar::db {

namespace {
constexpr std::size_t kPartBytes = 1U << 18, kLeftoversMost = 64;

bool signed_it(const StableCheckpoint& stable, const ReplicaId& replica) {
  return std::any_of(stable.signed_by.begin(), stable.signed_by.end(), [&](const Checkpoint& each) { return each.signer == replica; });
}

}  // namespace

std::optional<std::uint64_t> Replica::oldest_open() const {
  return open_.empty() ? std::nullopt : std::optional(open_.begin()->first.time);
}

std::vector<SignedTransaction> Replica::leftovers() const {
  std::vector<SignedTransaction> all;
  for (const auto& [at, id] : open_) {
    if (at.time > checkpoints_.closed() || all.size() == kLeftoversMost) break;
    all.push_back(*states_.at(id).tx);
  }
  return all;
}

std::optional<Decided> Replica::decided_of(const TxId& id) const {
  const auto state = states_.find(id);
  if (state == states_.end()) return settled_ ? settled_->decided(id) : std::nullopt;
  return state->second.certificate ? std::optional(Decided{*state->second.tx, *state->second.certificate}) : std::nullopt;
}

void Replica::record_checkpoints() {
  CheckpointRecord record = checkpoints_.record();
  record.held = holds_until_;
  if (seeded(Bug::kClosingNotDurable)) record.closed = 0;
  if (seeded(Bug::kHorizonNotDurable)) record.forgotten.clear();
  output_.records.push_back({TxId{}, std::nullopt, std::move(record)});
}

void Replica::tick_checkpoints(const Now& now) {
  next_checkpoint_ = now.steady + config_.checkpoints.interval / 4;
  if (!settled_) return;
  if (checkpoints_.close(now.wall, newest_committed_)) record_checkpoints();
  holds_.close(checkpoints_.closed());
  if (const auto until = checkpoints_.due(oldest_open(), knows_late())) settle_until(*until);
  sign_checkpoint();
  gossip();
  transfer_.expire(now.steady);
  if (checkpoints_.differs() && !transfer_.under_way()) {
    auto request = transfer_.begin(*checkpoints_.stable_of(self_.shard), now.steady);
    say_now(request.to, std::move(request.message));
  }
}

/// What others may not have heard, as messages are lost: one of them is told what is stable, and all what this replica signed, until that
/// is.
void Replica::gossip() {
  const auto others = members_.others_of(self_);
  if (others.empty()) return;
  const ReplicaId& next = others[gossip_turn_++ % others.size()];
  for (std::size_t shard = 0; shard < members_.shards.size(); ++shard)
    if (const auto* stable = checkpoints_.stable_of(ShardId(shard))) say_now(next, StableKnown{*stable});
  if (own_checkpoint_ && own_checkpoint_->statement.until > checkpoints_.stable(self_.shard))
    for (const auto& other : others) say_now(other, CheckpointSigned{*own_checkpoint_});
}

/// The newest of each key; whoever wrote them comes along. So many at a time that nobody waits for long meanwhile.
void Replica::settle_until(std::uint64_t until) {
  SettleBatch batch{until, {}, {}};
  std::map<std::string, const State*> newest;
  for (auto next = unsettled_.begin(); next != unsettled_.end() && next->first.time <= until; next = unsettled_.erase(next)) {
    if (settling_.size() >= config_.checkpoints.settled_at_once && next->first.time > batch.until) break;
    if (settling_.size() + 1 == config_.checkpoints.settled_at_once) batch.until = std::max(next->first.time, checkpoints_.settled());
    const State& state = states_.at(next->second);
    for (const auto& write : state.tx->tx.writes)
      if (versions_.keeps(write.key)) newest[write.key] = &state;  // they come in the order of time
    settling_.insert(next->second);
  }
  std::set<const State*> writers;
  for (const auto& [key, state] : newest) {
    batch.versions.emplace_back(key, SettledVersion{state->tx->tx.timestamp, state->certificate->tx, state->tx->tx.write_of(key)->value});
    if (writers.insert(state).second) batch.writers.push_back({*state->tx, *state->certificate});
  }
  checkpoints_.settling();
  output_.settle = std::move(batch);
}

void Replica::on_settled(const Settled& settled, const SettledState& state, const Now& now) {
  settled_ = &settled;
  versions_.look_into(settled_, state.until);
  for (const auto& id : settling_) versions_.forget(states_.at(id).tx->tx, id);
  settling_.clear();
  checkpoints_.settled(state);
  sign_checkpoint();
  match(now);
  if (const auto until = checkpoints_.due(oldest_open(), knows_late())) settle_until(*until);
}

/// Something is committed that should be at rest already.
bool Replica::knows_late() const { return !unsettled_.empty() && unsettled_.begin()->first.time <= checkpoints_.settled(); }

void Replica::sign_checkpoint() {
  const auto statement = checkpoints_.to_sign(oldest_open(), knows_late());
  if (!statement) return;
  const CheckpointSigned message{{self_, *statement, {}}};
  for (const auto& other : members_.replicas_of(self_.shard)) say(other, message, *statement);
}

void Replica::on(const Peer& from, const CheckpointSigned& message, const Now& now) {
  const auto* other = std::get_if<ReplicaId>(&from);
  const Checkpoint& checkpoint = message.checkpoint;
  if (!other || *other != checkpoint.signer || other->shard != self_.shard || !verifier_.holds(checkpoint))
    return void(++counters_.dropped);
  const auto* stable = checkpoints_.stable_of(self_.shard);
  if (stable && checkpoint.statement.until <= stable->statement().until) {
    if (*other != self_ && !signed_it(*stable, *other)) say_now(from, StableKnown{*stable});
    return;
  }
  if (checkpoints_.add(checkpoint)) became_stable(now);
}

/// To those who may not see it by themselves: the other shards, and who did not sign it.
void Replica::became_stable(const Now& now) {
  const StableCheckpoint& stable = *checkpoints_.stable_of(self_.shard);
  for (std::size_t shard = 0; shard < members_.shards.size(); ++shard)
    for (const auto& other : members_.replicas_of(ShardId(shard)))
      if (other != self_ && !signed_it(stable, other)) say_now(other, StableKnown{stable});
  record_checkpoints();
  match(now);
}

void Replica::on(const Peer& from, const StableKnown& message, const Now& now) {
  const auto& stable = message.stable;
  if (!std::holds_alternative<ReplicaId>(from) || stable.signed_by.empty()) return void(++counters_.dropped);
  if (stable.statement().until <= checkpoints_.stable(stable.shard())) return;
  if (!verifier_.stable(stable).ok() || !checkpoints_.add(stable)) return void(++counters_.dropped);
  record_checkpoints();
  if (stable.shard() == self_.shard) match(now);
  else forget_old();
}

void Replica::match(const Now&) {
  if (!checkpoints_.match()) return;
  record_checkpoints();
  drop_undecided();
  forget_old();
}

/// What is accepted here and not decided, of a time of which everything committed is known, will never be committed.
void Replica::drop_undecided() {
  while (!open_.empty() && open_.begin()->first.time <= checkpoints_.matched()) {
    const TxId id = open_.begin()->second;
    State& state = states_.at(id);
    versions_.abort(state.tx->tx, id);
    close(state, id);
    state.waits_for.clear();
    wake(id, true);
  }
  // Others may wait for what this replica refused by itself, and never heard of again.
  std::vector<TxId> never;
  for (const auto& [id, waiters] : waiters_)
    if (const auto state = states_.find(id); state == states_.end() || never_commits(state->second)) never.push_back(id);
  for (const auto& id : never) wake(id, true);
}

bool Replica::never_commits(const State& state) const {
  return !state.certificate && state.tx && state.tx->tx.timestamp.time <= checkpoints_.matched();
}

void Replica::forget_old() {
  if (!checkpoints_.advance()) return;
  record_checkpoints();
  const std::uint64_t own = checkpoints_.forgotten(self_.shard);
  while (!by_age_.empty() && by_age_.begin()->first.time <= own) held_.insert(by_age_.extract(by_age_.begin()));
  for (auto next = held_.begin(); next != held_.end();) {
    const auto [at, id] = *next;
    const bool in_use = unsettled_.contains({at, id}) || settling_.contains(id);
    if (in_use || !checkpoints_.gone(states_.at(id).tx->tx)) {
      ++next;
      continue;
    }
    next = held_.erase(next);
    forget(id);
  }
  catch_up_.forget(own);
}

void Replica::forget(const TxId& id) {
  const auto state = states_.find(id);
  const auto first = at_timestamp_.find(state->second.tx->tx.timestamp);
  if (first != at_timestamp_.end() && first->second == id) at_timestamp_.erase(first);
  waiters_.erase(id);
  states_.erase(state);
  output_.forgotten.push_back(id);
}

void Replica::on(const Peer& from, const FetchLeaves& fetch, const Now&) {
  const auto known = checkpoints_.leaves_about(fetch.until);
  if (!neighbour(from) || !known.leaves) return void(++counters_.dropped);
  say_now(from, LeavesSupplied{known.until, *known.leaves});
}

void Replica::on(const Peer& from, const LeavesSupplied& supplied, const Now& now) {
  const ReplicaId* other = neighbour(from);
  const auto* own = checkpoints_.leaves_about(supplied.until).leaves;
  if (!other || !own) return void(++counters_.dropped);
  if (auto request = transfer_.on(*other, supplied, *own, now.steady)) say_now(request->to, std::move(request->message));
}

void Replica::on(const Peer& from, const FetchBucket& fetch, const Now&) {
  if (!neighbour(from) || !settled_) return void(++counters_.dropped);
  const auto part = settled_->bucket(fetch.bucket, fetch.after, kPartBytes);
  BucketSupplied supplied{fetch.bucket, {}, part.next};
  std::set<TxId> writers;
  std::size_t bytes = 0;
  for (const auto& [key, version] : part.versions) {
    auto decided = writers.insert(version.writer).second ? settled_->decided(version.writer) : std::nullopt;
    if (!decided) continue;
    bytes += bytes_of(*decided);
    supplied.decided.push_back(std::move(*decided));
    supplied.next = key;
    if (bytes > kSuppliedBytes) break;
    supplied.next = part.next;
  }
  say_now(from, std::move(supplied));
}

void Replica::on(const Peer& from, const BucketSupplied& supplied, const Now& now) {
  const ReplicaId* other = neighbour(from);
  if (!other || !transfer_.expects(*other, supplied)) return void(++counters_.dropped);
  for (const auto& decided : supplied.decided) {
    const auto before = counters_.decided;
    take_decided(decided, from);
    counters_.caught_up += counters_.decided - before;
  }
  if (auto request = transfer_.next(supplied, now.steady)) say_now(request->to, std::move(request->message));
}

}  // namespace isobar::db
