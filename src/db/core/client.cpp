#include "db/client.h"

#include <algorithm>
#include <set>

#include "base/check.h"

namespace isobar::db {

Client::Client(ClientConfig config, const Membership& members, ClientId self, const Signer& signer, const SignatureScheme& scheme)
    : config_(config), members_(members), self_(self), signer_(signer), verifier_(members, scheme) {}

Timestamp Client::next_timestamp(const Now& now) {
  last_time_ = std::max(last_time_ + 1, nanos_of(now.wall));
  return {last_time_, self_};
}

bool Client::come_after(std::uint64_t token, const Now& now) {
  if (token > nanos_of(now.wall + config_.clock_bound)) return false;
  last_time_ = std::max(last_time_, token);
  return true;
}

TxHandle Client::begin(const Now& now, std::uint32_t tries, Access access) {
  const TxHandle handle(next_handle_++);
  begin_as(handle, now, tries, access);
  return handle;
}

void Client::begin_as(TxHandle tx, const Now& now, std::uint32_t tries, Access access) {
  Running& running = running_[tx];
  running.at = next_timestamp(now);
  running.access = access;
  running.marks = tries >= config_.marks_after;
}

void Client::read(TxHandle tx, const std::string& key, const Now& now, ReadFor what_for) {
  Running& running = running_.at(tx);
  if (const auto written = running.writes.find(key); written != running.writes.end()) {
    output_.events.emplace_back(ReadDone{tx, key, {running.at, written->second, std::nullopt}});
    return;
  }
  if (const auto known = running.reads.find(key); known != running.reads.end()) {
    output_.events.emplace_back(ReadDone{tx, key, known->second});
    return;
  }
  if (!running.asking.try_emplace(key, kWaits).second) return;
  if (running.access == Access::kRead) {
    start_scan(tx, {key, key + '\0', 0, false}, true, now);
    return;
  }
  if (what_for == ReadFor::kReading || turns_.take(key, tx, now.steady + config_.turn_patience)) start_read(tx, key, now);
}

void Client::start_read(TxHandle tx, const std::string& key, const Now& now) {
  Running& running = running_.at(tx);
  take_place(running, now);
  if (auto value = own_write_before(key, running.at)) return read_done(tx, key, std::move(*value), now);
  const std::uint64_t request = next_request_++;
  if (const auto wanted = running.asking.find(key); wanted != running.asking.end()) wanted->second = request;
  auto [asking, is_new] =
      asking_.emplace(request, Asking{tx, key, ReadQuorum(members_, verifier_, key, running.at), {}, now.steady, false});
  ask(request, asking->second, now);
}

/// Until it has asked for anything, its place in the order is open: behind all that went before it.
void Client::take_place(Running& running, const Now& now) {
  if (!std::exchange(running.asked, true)) running.at = next_timestamp(now);
}

void Client::assume(TxHandle tx, const std::string& key, ReadValue read, const Now& now) {
  Running& running = running_.at(tx);
  // Whoever wrote it may have a clock that runs ahead of this one.
  last_time_ = std::max(last_time_, read.version.time);
  running.at = next_timestamp(now);
  if (running.access == Access::kRead) {
    running.assumed.emplace(key, read.version);
    running.asking.emplace(key, kWaits);
    start_scan(tx, {key, key + '\0', 0, false}, true, now);
    return;
  }
  running.reads.insert_or_assign(key, std::move(read));
}

/// Whether it was only to be compared. version  none: it could not be read
bool Client::was_assumed(TxHandle tx, const std::string& key, const std::optional<Timestamp>& version, const Now& now) {
  const auto found = running_.find(tx);
  if (found == running_.end()) return false;
  Running& running = found->second;
  const auto assumed = running.assumed.find(key);
  if (assumed == running.assumed.end()) return false;
  if (version != assumed->second) running.torn = true;
  running.assumed.erase(assumed);
  running.asking.erase(key);
  if (running.commit_waits && running.asking.empty()) commit(tx, now);
  return true;
}

void Client::read_done(TxHandle tx, const std::string& key, ReadValue value, const Now& now) {
  Running& running = running_.at(tx);
  const bool wanted = !running.assumed.contains(key) && running.asking.erase(key) > 0;
  running.torn = running.torn || contradicts_scans(running, key, value.version);
  running.voted_on = true;
  const auto& known = running.reads.emplace(key, std::move(value)).first->second;
  if (wanted) output_.events.emplace_back(ReadDone{tx, key, known});
  const Timestamp version = known.version;
  scan_learns(tx, key, now);
  was_assumed(tx, key, version, now);
}

void Client::read_refused(TxHandle tx, const std::string& key, AbortReason reason, const Now& now) {
  if (was_assumed(tx, key, std::nullopt, now)) return;
  Running& running = running_.at(tx);
  if (running.asking.erase(key) > 0) output_.events.emplace_back(ReadRefused{tx, key, reason});
  for (const auto number : std::set<std::uint64_t>(running.scans))
    if (scans_.at(number).missing.contains(key)) refuse_scan(number, reason, now);
}

// Nobody needs to vouch for what this client itself wrote. Another client may have written since; then replicas abort the reader.
std::optional<ReadValue> Client::own_write_before(const std::string& key, const Timestamp& at) const {
  const auto writes = own_writes_.find(key);
  if (writes == own_writes_.end()) return std::nullopt;
  const auto next = writes->second.lower_bound(at);
  if (next == writes->second.begin()) return std::nullopt;
  const auto& [version, id] = *std::prev(next);
  const SignedTransaction& writer = committers_.at(id).committer.transaction();
  return ReadValue{version, writer.tx.write_of(key)->value, writer};
}

void Client::forget_own_writes(const SignedTransaction& tx) {
  for (const auto& write : tx.tx.writes) {
    const auto writes = own_writes_.find(write.key);
    if (writes == own_writes_.end()) continue;
    writes->second.erase(tx.tx.timestamp);
    if (writes->second.empty()) own_writes_.erase(writes);
  }
}

void Client::pass_turns(const std::vector<KeyTurns::Turn>& turns, const Now& now) {
  for (const auto& [tx, key] : turns) {
    const auto& asking = running_.at(tx).asking;
    if (const auto waits = asking.find(key); waits != asking.end() && waits->second == kWaits) start_read(tx, key, now);
  }
}

/// Others each time, and last those that were slow just now.
std::vector<ReplicaId> Client::in_order_of_asking(ShardId shard, std::uint64_t turn, const Now& now) const {
  auto replicas = members_.replicas_of(shard);
  std::rotate(replicas.begin(), replicas.begin() + static_cast<std::ptrdiff_t>(turn % replicas.size()), replicas.end());
  std::stable_partition(replicas.begin(), replicas.end(), [&](const ReplicaId& replica) {
    const auto slow = slow_until_.find(replica);
    return slow == slow_until_.end() || slow->second <= now.steady;
  });
  return replicas;
}

// First 2f + 1 replicas, then all.
void Client::ask(std::uint64_t request, Asking& asking, const Now& now) {
  const auto replicas = in_order_of_asking(members_.shard_of(asking.key), request, now);
  const std::size_t until = asking.asked.empty() ? 2 * members_.budget.f() + 1 : replicas.size();
  const Running& running = running_.at(asking.tx);
  asking.asked.assign(replicas.begin(), replicas.begin() + static_cast<std::ptrdiff_t>(until));
  for (const auto& replica : asking.asked)
    output_.sends.push_back({replica, ReadRequest{request, asking.key, running.at, asking.with_proof, running.marks}});
  asking.ask_again = now.steady + config_.read_patience;
}

void Client::note_slow(const std::vector<ReplicaId>& asked, const std::function<bool(const ReplicaId&)>& heard, const Now& now) {
  for (const auto& replica : asked)
    if (!heard(replica)) slow_until_[replica] = now.steady + config_.slow_pause;
}

void Client::ask_more(std::uint64_t request, Asking& asking, const Now& now) {
  if (asking.asked.size() == members_.budget.replicas()) asking.with_proof = true;
  ask(request, asking, now);
}

void Client::on(const ReplicaId& from, const ReadReply& reply, const Now& now) {
  const auto found = asking_.find(reply.request);
  if (found == asking_.end() || members_.shard_of(found->second.key) != from.shard) return;
  Asking& asking = found->second;
  asking.quorum.add(from, reply);
  if (asking.quorum.answers() < members_.budget.one_correct()) return;
  const auto [tx, key] = std::pair(asking.tx, asking.key);
  if (auto value = asking.quorum.result()) {
    asking_.erase(found);
    read_done(tx, key, std::move(*value), now);
  } else if (const auto refused = asking.quorum.refused()) {
    asking_.erase(found);
    read_refused(tx, key, *refused, now);
  } else if (asking.quorum.answers() == asking.asked.size() && !asking.with_proof) {
    ask_more(reply.request, asking, now);
  }
}

void Client::write(TxHandle tx, const std::string& key, std::optional<std::string> value) {
  running_.at(tx).writes[key] = std::move(value);
}

Transaction Client::made_of(const Running& running) const {
  Transaction tx;
  tx.epoch = members_.epoch;
  tx.timestamp = running.at;
  std::map<std::string, Timestamp> reads = running.scanned;
  for (const auto& [key, read] : running.reads) {
    reads[key] = read.version;
    if (read.depends_on) tx.dependencies.push_back({key, read.version, read.depends_on->tx.id()});
  }
  for (const auto& [key, version] : reads) tx.reads.push_back({key, version});
  tx.ranges = running.ranges;
  for (const auto& [key, value] : running.writes) tx.writes.push_back({key, value});
  tx.participants = participants_of(tx, members_);
  return tx;
}

void Client::commit(TxHandle handle, const Now& now) {
  const auto running = running_.find(handle);
  CHECK(running != running_.end(), handle);
  if (!running->second.assumed.empty()) {
    running->second.commit_waits = true;
    return;
  }
  CHECK(running->second.asking.empty() && running->second.scans.empty(), handle);
  // What is final needs no vote, and what is torn would get none.
  if (running->second.torn || (!running->second.voted_on && running->second.writes.empty())) {
    const Outcome outcome = running->second.torn ? Outcome::kAbort : Outcome::kCommit;
    output_.events.emplace_back(Ended{handle,
                                      {},
                                      outcome,
                                      running->second.torn ? AbortReason::kMissedWrite : AbortReason::kNone,
                                      !running->second.torn,
                                      false,
                                      running->second.at});
    drop_reads(handle, running->second);
    running_.erase(running);
    return pass_turns(turns_.release(handle), now);
  }
  Transaction tx = made_of(running->second);
  std::vector<SignedTransaction> others;
  for (const auto& [key, read] : running->second.reads)
    if (read.depends_on && read.depends_on->tx.timestamp.client != self_) others.push_back(*read.depends_on);
  forget_asking(handle);
  running_.erase(running);
  const TxId id = tx.id();
  for (const auto& write : tx.writes) own_writes_[write.key][tx.timestamp] = id;
  committers_.emplace(
      id, Waiting{Committer(config_.commit, members_, verifier_, patience_, {std::move(tx), BatchProof{}}, std::move(others)), handle});
  batch_.add(RequestStatement{id});
  to_hand_in_.push_back(id);
  pass_turns(turns_.release(handle), now);
}

void Client::hand_in(const Now& now) {
  const auto proofs = batch_.sign(members_.epoch, self_, signer_, verifier_);
  for (std::size_t i = 0; i < proofs.size(); ++i) committers_.at(to_hand_in_[i]).committer.start(now.steady, output_.sends, proofs[i]);
  to_hand_in_.clear();
}

/// What scans had in dispute and nobody waits for any more.
void Client::forget_asking(TxHandle tx) {
  std::erase_if(asking_, [tx](const auto& each) { return each.second.tx == tx; });
}

void Client::drop_reads(TxHandle tx, const Running& running) {
  for (const auto number : std::set<std::uint64_t>(running.scans)) take_scan(number);
  std::map<ShardId, std::vector<std::string>> keys;
  for (const auto& [key, value] : running.reads) keys[members_.shard_of(key)].push_back(key);
  for (const auto& [key, request] : running.asking) {
    if (request != kWaits) keys[members_.shard_of(key)].push_back(key);
  }
  forget_asking(tx);
  for (auto& [shard, list] : keys)
    if (running.marks)
      for (const auto& replica : members_.replicas_of(shard)) output_.sends.push_back({replica, ReleaseReads{running.at, list}});
}

void Client::abandon(TxHandle handle, const Now& now) {
  const auto running = running_.find(handle);
  if (running == running_.end()) return;
  drop_reads(handle, running->second);
  running_.erase(running);
  pass_turns(turns_.release(handle), now);
}

void Client::recover(const SignedTransaction& tx, const Now& now) {
  const TxId id = tx.tx.id();
  if (committers_.contains(id) || committers_.size() >= config_.recoveries_most || !verifier_.transaction(tx, id).ok()) return;
  auto [waiting, is_new] = committers_.emplace(id, Waiting{Committer(config_.commit, members_, verifier_, patience_, tx), std::nullopt});
  waiting->second.committer.start(now.steady, output_.sends);
}

void Client::recover_later(const SignedTransaction& tx, const Now& now) {
  if (recover_at_.size() < config_.recoveries_most) recover_at_.emplace(now.steady + config_.recover_patience, tx);
}

void Client::on(const ReplicaId&, const Blocker& blocker, const Now& now) {
  if (committers_.contains(blocker.waiter)) recover(blocker.tx, now);
}

template <class Reply>
void Client::pass_on(const ReplicaId& from, const TxId& id, const Reply& reply, const Now& now) {
  const auto waiting = committers_.find(id);
  if (waiting == committers_.end()) return;
  waiting->second.committer.on(from, reply, now.steady, output_.sends);
  settle(waiting, now);
}

void Client::settle(std::map<TxId, Waiting>::iterator waiting, const Now& now) {
  Committer& committer = waiting->second.committer;
  for (auto& evidence : committer.take_evidence()) output_.evidence.push_back(std::move(evidence));
  if (!committer.done() && !committer.gone()) return;
  if (committer.gone()) {
    if (waiting->second.own) {
      forget_own_writes(committer.transaction());
      output_.events.emplace_back(Ended{*waiting->second.own, waiting->first, Outcome::kAbort, AbortReason::kTooOld, false, true,
                                        committer.transaction().tx.timestamp});
    }
    committers_.erase(waiting);
    return;
  }
  const Outcome outcome = committer.certificate().decision;
  if (!waiting->second.own) {
    ++counters_.recovered;
  } else {
    forget_own_writes(committer.transaction());
    outcome == Outcome::kCommit ? ++counters_.committed : ++counters_.aborted;
    if (committer.fast()) ++counters_.fast;
    if (outcome == Outcome::kAbort) ++counters_.reasons[committer.reason()];
    // A clock that runs ahead of this one, within what replicas allow, must not be in the way every time.
    const auto allowed = nanos_of(now.wall + config_.clock_bound);
    if (outcome == Outcome::kAbort) last_time_ = std::max(last_time_, std::min(committer.in_the_way_until(), allowed));
    if (outcome == Outcome::kAbort && committer.blocker()) recover_later(*committer.blocker(), now);
    output_.events.emplace_back(Ended{*waiting->second.own, waiting->first, outcome,
                                      outcome == Outcome::kAbort ? committer.reason() : AbortReason::kNone, committer.fast(), false,
                                      committer.transaction().tx.timestamp});
  }
  committers_.erase(waiting);
}

void Client::step(const ReplicaId& from, const Message& message, const Now& now) {
  if (const auto* read = std::get_if<ReadReply>(&message)) return on(from, *read, now);
  if (const auto* scan = std::get_if<ScanReply>(&message)) return on(from, *scan, now);
  if (const auto* vote = std::get_if<VoteReply>(&message)) return pass_on(from, vote->vote.statement.tx, *vote, now);
  if (const auto* logged = std::get_if<LoggedReply>(&message)) return pass_on(from, logged->logged.statement.tx, *logged, now);
  if (const auto* decided = std::get_if<DecidedReply>(&message)) return pass_on(from, decided->decided.certificate.tx, *decided, now);
  if (const auto* gone = std::get_if<GoneReply>(&message)) return pass_on(from, gone->tx, *gone, now);
  if (const auto* blocker = std::get_if<Blocker>(&message)) return on(from, *blocker, now);
}

void Client::tick(const Now& now) {
  while (!recover_at_.empty() && recover_at_.begin()->first <= now.steady) {
    const SignedTransaction tx = std::move(recover_at_.begin()->second);
    recover_at_.erase(recover_at_.begin());
    recover(tx, now);
  }
  pass_turns(turns_.expire(now.steady), now);
  for (auto& [request, asking] : asking_) {
    if (asking.ask_again > now.steady) continue;
    note_slow(
        asking.asked, [&quorum = asking.quorum](const ReplicaId& replica) { return quorum.heard(replica); }, now);
    ask_more(request, asking, now);
  }
  tick_scans(now);
  for (auto waiting = committers_.begin(); waiting != committers_.end();) {
    const auto next = std::next(waiting);
    if (waiting->second.committer.started() && waiting->second.committer.next_tick() <= now.steady) {
      waiting->second.committer.tick(now.steady, output_.sends);
      settle(waiting, now);
    }
    waiting = next;
  }
}

std::optional<Instant> Client::next_tick() const {
  std::optional<Instant> next;
  const auto consider = [&](Instant at) { next = next ? std::min(*next, at) : at; };
  if (!recover_at_.empty()) consider(recover_at_.begin()->first);
  if (const auto expiry = turns_.next_expiry()) consider(*expiry);
  for (const auto& [request, asking] : asking_) consider(asking.ask_again);
  for (const auto& [number, scan] : scans_)
    if (scan.missing.empty()) consider(scan.ask_again);
  for (const auto& [id, waiting] : committers_)
    if (waiting.committer.started()) consider(waiting.committer.next_tick());
  return next;
}

}  // namespace isobar::db
