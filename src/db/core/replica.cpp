#include "db/replica.h"

#include <algorithm>

#include "base/check.h"
#include "db/seeded_bugs.h"

namespace isobar::db {

Replica::Replica(ReplicaConfig config, const Membership& members, const ReplicaId& self, const Signer& signer,
                 const SignatureScheme& scheme)
    : config_(config),
      members_(members),
      self_(self),
      signer_(signer),
      verifier_(members, scheme),
      versions_(members, self.shard),
      marks_(config.read_marks),
      catch_up_(config.catch_up, members.others_of(self)),
      checkpoints_(config.checkpoints, members, self) {
  CHECK(members.key_of(self) != nullptr, self.index);
}

void Replica::step(const Peer& from, const Message& message, const Now& now) {
  std::visit([&](const auto& m) { on(from, m, now); }, message);
}

void Replica::on(const Peer& from, const StatusRequest&, const Now& now) {
  StatusReply reply;
  reply.clock = nanos_of(now.wall);
  reply.voted_commit = counters_.voted_commit;
  reply.voted_abort = counters_.voted_abort;
  reply.reasons.resize(static_cast<std::size_t>(AbortReason::kLast) + 1);
  for (const auto& [reason, count] : counters_.reasons) reply.reasons[static_cast<std::size_t>(reason)] = count;
  reply.decided = counters_.decided;
  reply.decided_fast = counters_.decided_fast;
  reply.overruled = counters_.overruled;
  reply.undecided = open_.size();
  for (const auto& [at, id] : open_)
    if (states_.at(id).since + std::chrono::seconds(1) < now.steady) ++reply.stalled;
  reply.evidence = counters_.evidence;
  reply.dropped = counters_.dropped;
  reply.batches = counters_.batches_signed;
  reply.caught_up = counters_.caught_up;
  reply.kept = states_.size();
  reply.settled = checkpoints_.settled();
  reply.stable = checkpoints_.stable(self_.shard);
  output_.sends_now.push_back({from, std::move(reply)});
}

void Replica::tick(const Now& now) {
  marks_.expire(now.steady);
  while (!blockers_due_.empty() && blockers_due_.begin()->first <= now.steady) {
    const TxId waiter = blockers_due_.begin()->second;
    blockers_due_.erase(blockers_due_.begin());
    const auto found = states_.find(waiter);
    if (found == states_.end() || found->second.waits_for.empty()) continue;
    State& state = found->second;
    tell_blockers(waiter, state);
    state.blocker_pause = std::min(2 * state.blocker_pause, config_.blocker_pause_most);
    blockers_due_.emplace(now.steady + state.blocker_pause, waiter);
  }
  if (next_checkpoint_ <= now.steady) tick_checkpoints(now);
  if (catch_up_.next_tick() > now.steady) return;
  auto requests = catch_up_.tick(now, stuck(now));
  if (!seeded(Bug::kNeverCatchesUp)) ask(std::move(requests));
}

std::optional<Instant> Replica::next_tick() const {
  const Instant next = std::min(catch_up_.next_tick(), next_checkpoint_);
  return blockers_due_.empty() ? next : std::min(blockers_due_.begin()->first, next);
}

Replica::State* Replica::admit(const Peer& from, const SignedTransaction& tx, const TxId& id) {
  if (const auto known = states_.find(id); known != states_.end() && known->second.tx) {
    if (std::holds_alternative<ClientId>(from)) known->second.interested.insert(from);
    return &known->second;  // one id, one content, which was looked at when it came first
  }
  if (checkpoints_.gone(tx.tx)) {
    say_now(from, GoneReply{id});
    return nullptr;
  }
  const bool takes_part = std::find(tx.tx.participants.begin(), tx.tx.participants.end(), self_.shard) != tx.tx.participants.end();
  if (!takes_part || !verifier_.transaction(tx, id).ok()) {
    ++counters_.dropped;
    return nullptr;
  }
  State& state = states_[id];
  remember(state, tx, id);
  if (std::holds_alternative<ClientId>(from)) state.interested.insert(from);
  return &state;
}

void Replica::remember(State& state, const SignedTransaction& tx, const TxId& id) {
  if (state.tx) return;
  state.tx = tx;
  by_age_.emplace(tx.tx.timestamp, id);
  const auto [first, is_first] = at_timestamp_.emplace(tx.tx.timestamp, id);
  if (!is_first && first->second != id) output_.evidence.emplace_back(SameTimestamp{*states_.at(first->second).tx, tx});
}

void Replica::open(State& state, const TxId& id, const Now& now) {
  versions_.prepare(state.tx->tx, id);
  state.prepared = true;
  state.since = now.steady;
  open_.emplace(state.tx->tx.timestamp, id);
}

void Replica::close(State& state, const TxId& id) {
  state.prepared = false;
  open_.erase({state.tx->tx.timestamp, id});
}

bool Replica::logs(const State& state, const TxId& id) const { return state.tx && logging_shard(state.tx->tx, id) == self_.shard; }

void Replica::record(State& state, const TxId& id, decltype(LogRecord::what) what) {
  const bool lost = (seeded(Bug::kVoteNotDurable) && std::holds_alternative<VotedRecord>(what)) ||
                    (seeded(Bug::kDecisionNotDurable) && std::holds_alternative<DecidedRecord>(what)) ||
                    (seeded(Bug::kLoggedNotDurable) && std::holds_alternative<LoggedRecord>(what)) ||
                    (seeded(Bug::kViewNotDurable) && std::holds_alternative<LoggedRecord>(what) && state.current > 0);
  if (lost) return;
  output_.records.push_back({id, state.on_disk ? std::nullopt : state.tx, std::move(what)});
  state.on_disk = true;
}

void Replica::say(const Peer& to, Message message, const Statement& statement) {
  pending_.push_back({to, std::move(message), batch_.add(statement)});
}

void Replica::say(const Peer& to, Message message) { pending_.push_back({to, std::move(message), std::nullopt}); }

void Replica::put_proof(Pending& pending, const std::vector<BatchProof>& proofs) {
  if (!pending.leaf) return;
  const BatchProof& proof = proofs[*pending.leaf];
  if (auto* reply = std::get_if<VoteReply>(&pending.message)) {
    reply->vote.proof = proof;
    if (const auto state = states_.find(reply->vote.statement.tx); state != states_.end()) state->second.signed_vote = reply->vote;
  } else if (auto* logged = std::get_if<LoggedReply>(&pending.message)) {
    logged->logged.proof = proof;
  } else if (auto* elect = std::get_if<ElectLeader>(&pending.message)) {
    elect->elect.proof = proof;
  } else if (auto* signed_one = std::get_if<CheckpointSigned>(&pending.message)) {
    signed_one->checkpoint.proof = proof;
    own_checkpoint_ = signed_one->checkpoint;
  } else {
    std::get<Propose>(pending.message).proposal.proof = proof;
  }
}

ReplicaOutput Replica::take() {
  if (const auto failure = settled_ ? settled_->failure() : std::nullopt) {
    ReplicaOutput nothing;
    nothing.failure = failure;
    return nothing;
  }
  durable_ = std::exchange(recorded_, {holds_until_, checkpoints_.closed()});
  if (!batch_.empty()) ++counters_.batches_signed;
  const auto proofs = batch_.sign(members_.epoch, self_, signer_, verifier_);
  for (auto& pending : pending_) {
    put_proof(pending, proofs);
    output_.sends.push_back({pending.to, std::move(pending.message)});
  }
  pending_.clear();
  counters_.evidence += output_.evidence.size();
  return std::exchange(output_, {});
}

void Replica::restore(const Settled& settled, std::span<const LogRecord> log, const Now& now) {
  settled_ = &settled;
  versions_.look_into(settled_, settled.state().until);
  checkpoints_.begin(settled.state());
  for (const auto& record : log) restore(record, now);
  drop_undecided();
  // What they wait for may have been decided just before the end, and their votes were not written any more.
  for (const auto& [at, id] : ByAge(open_)) {
    State& state = states_.at(id);
    if (state.vote) continue;
    versions_.abort(state.tx->tx, id);
    close(state, id);
    check(state, id, now);
  }
}

void Replica::restore(const LogRecord& record, const Now& now) {
  if (const auto* checkpoint = std::get_if<CheckpointRecord>(&record.what)) {
    checkpoints_.restore(*checkpoint);
    holds_before_ = std::max(holds_before_, checkpoint->held);
    holds_until_ = holds_before_;
    recorded_ = durable_ = {holds_before_, checkpoints_.closed()};
    return;
  }
  // The first of its records went with a file of the log, as it was forgotten; so may the others.
  if (!record.content && !states_.contains(record.tx)) return output_.forgotten.push_back(record.tx);
  State& state = states_[record.tx];
  if (record.content) remember(state, *record.content, record.tx);
  state.on_disk = true;
  if (std::holds_alternative<AcceptedRecord>(record.what)) {
    if (!state.prepared) open(state, record.tx, now);
  } else if (const auto* voted = std::get_if<VotedRecord>(&record.what)) {
    state.vote = *voted;
    if (voted->vote == Outcome::kCommit) {
      if (!state.prepared) open(state, record.tx, now);
    } else if (state.prepared) {
      versions_.abort(state.tx->tx, record.tx);
      close(state, record.tx);
    }
  } else if (const auto* logged = std::get_if<LoggedRecord>(&record.what)) {
    state.logged = LoggedDecision{logged->decision, logged->decided_in};
    state.current = logged->current;
  } else {
    settle(state, record.tx, std::get<DecidedRecord>(record.what).certificate);
  }
}

/// What is final is applied.
void Replica::settle(State& state, const TxId& id, const Certificate& certificate) {
  const Transaction& tx = state.tx->tx;
  if (certificate.decision == Outcome::kCommit) {
    versions_.commit(tx, id);
    unsettled_.emplace(tx.timestamp, id);
    newest_committed_ = std::max(newest_committed_, tx.timestamp.time);
    catch_up_.committed(id, tx.timestamp);
  } else {
    versions_.abort(tx, id);
  }
  close(state, id);
  state.certificate = certificate;
}

std::optional<Certificate> Replica::certificate_of(const TxId& id) const {
  const auto found = states_.find(id);
  return found == states_.end() ? std::nullopt : found->second.certificate;
}

std::vector<SignedTransaction> Replica::undecided() const {
  std::vector<SignedTransaction> all;
  for (const auto& [id, state] : states_)
    if (!state.certificate && state.tx && (state.prepared || (state.logged && state.tx->tx.timestamp.time > checkpoints_.matched())))
      all.push_back(*state.tx);
  return all;
}

std::vector<Decided> Replica::all_decided() const {
  std::vector<Decided> all;
  for (const auto& [id, state] : states_)
    if (state.certificate) all.push_back({*state.tx, *state.certificate});
  return all;
}

}  // namespace isobar::db
