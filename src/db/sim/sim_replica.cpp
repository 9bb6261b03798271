#include "sim_replica.h"

#include "db/memory_key_values.h"

namespace isobar::db {

namespace {
constexpr std::uint32_t kBuckets = 4;
}

SimReplica::SimReplica(SimWorld& world, const ReplicaId& self, std::optional<LyingReplica> liar)
    : world_(world), self_(self), liar_(std::move(liar)), settled_(settled_in_memory(kBuckets)) {
  world_.attach(self_, [this](const Peer& from, const Message& message) { receive(from, message); });
  restart();
}

void SimReplica::restart() {
  if (core_) return;
  ++life_;
  ReplicaConfig config;
  config.checkpoints = world_.options().checkpoints;
  core_ = std::make_unique<Replica>(config, world_.members().members, self_, world_.members().signer_of(self_), world_.members().scheme);
  recoverer_ = std::make_unique<Recoverer>(world_.members().members, world_.members().scheme);
  std::vector<LogRecord> log;
  for (const auto& record : disk_) log.push_back(decode<LogRecord>(record.bytes).value());
  core_->restore(*settled_, log, world_.now(clock_error_));
  flush();
}

void SimReplica::crash() {
  if (!core_) return;
  core_.reset();
  recoverer_.reset();
  inbox_.clear();
  settling_.reset();
  awake_ = disk_is_busy_ = false;
  tick_at_.reset();
  for (std::size_t keep = world_.random().below(unsynced_.size() + 1), i = 0; i < keep; ++i) disk_.push_back(unsynced_[i]);
  unsynced_.clear();
}

void SimReplica::receive(const Peer& from, const Message& message) {
  if (!core_) return;
  inbox_.emplace_back(from, message);
  if (std::exchange(awake_, true)) return;
  const auto delay = Duration(static_cast<std::int64_t>(world_.random().below(100'000)));
  world_.scheduler().after(delay, [this, life = life_] {
    if (core_ && life == life_) wake();
  });
}

void SimReplica::wake() {
  awake_ = false;
  std::vector<Committer::Send> sends;
  for (const auto& [from, message] : std::exchange(inbox_, {})) {
    const auto* replica = std::get_if<ReplicaId>(&from);
    if (!replica || !recoverer_->takes(*replica, message, world_.scheduler().now(), sends))
      core_->step(from, message, world_.now(clock_error_));
  }
  send_all(sends);
  flush();
}

void SimReplica::recover() {
  std::vector<Committer::Send> sends;
  recoverer_->tick(core_->leftovers(), world_.scheduler().now(), sends);
  send_all(sends);
}

void SimReplica::send_all(const std::vector<Committer::Send>& sends) {
  for (const auto& [to, message] : sends) world_.send(self_, to, message);
}

/// After a while, and all of it or nothing.
void SimReplica::put_to_rest() {
  world_.scheduler().after(Duration(static_cast<std::int64_t>(world_.random().exponential(5e6))), [this, life = life_] {
    if (!core_ || life != life_ || !settling_) return;
    const SettleBatch batch = std::move(*std::exchange(settling_, std::nullopt));
    core_->on_settled(*settled_, settled_->apply(batch).value(), world_.now(clock_error_));
    flush();
  });
}

// As a server does it: what is said while the disk is busy shares the next write.
void SimReplica::flush() {
  for (const auto& outgoing : core_->take_now()) send(outgoing);
  schedule_tick();
  if (disk_is_busy_) return;
  auto output = core_->take();
  evidence_ += output.evidence.size();
  if (output.records.empty() && output.sends.empty() && !output.settle && output.forgotten.empty()) return;
  for (const auto& record : output.records) {
    unsynced_.push_back({record.tx, encode(record)});
    if (record.content) seen_[record.tx] = *record.content;
    if (const auto* decided = std::get_if<DecidedRecord>(&record.what); decided && !lies())
      world_.oracle().saw_decided(seen_.at(record.tx), decided->certificate);
  }
  disk_is_busy_ = true;
  const Duration sync(static_cast<std::int64_t>(50'000 + world_.random().exponential(300'000)));
  const auto written = std::make_shared<ReplicaOutput>(std::move(output));
  world_.scheduler().after(sync, [this, life = life_, written] {
    if (!core_ || life != life_) return;
    disk_is_busy_ = false;
    disk_.insert(disk_.end(), unsynced_.begin(), unsynced_.end());
    unsynced_.clear();
    const std::set<TxId> forgotten(written->forgotten.begin(), written->forgotten.end());
    std::erase_if(disk_, [&](const Written& record) { return forgotten.contains(record.of); });
    for (const auto& outgoing : written->sends) send(outgoing);
    if (written->settle) {
      settling_ = std::move(written->settle);
      put_to_rest();
    }
    flush();
  });
}

void SimReplica::schedule_tick() {
  auto next = core_->next_tick();
  if (const auto recovery = recoverer_->next_tick(); next && recovery) next = std::min(*next, *recovery);
  if (!next || (tick_at_ && *tick_at_ <= *next)) return;
  tick_at_ = *next;
  world_.scheduler().after(std::max(Duration(0), *next - world_.scheduler().now()), [this, life = life_] {
    if (!core_ || life != life_) return;
    tick_at_.reset();
    core_->tick(world_.now(clock_error_));
    recover();
    flush();
  });
}

void SimReplica::send(const Outgoing& outgoing) {
  if (!liar_) {
    watch(outgoing.message);
    return world_.send(self_, outgoing.to, outgoing.message);
  }
  for (const auto& instead : liar_->instead_of(outgoing)) world_.send(self_, instead.to, instead.message);
}

std::vector<std::pair<std::string, SettledVersion>> SimReplica::all_versions() const {
  std::vector<std::pair<std::string, SettledVersion>> all;
  for (const auto& [key, versions] : core_->versions().committed())
    for (const auto& [at, version] : versions) all.emplace_back(key, SettledVersion{at, version.writer, version.value});
  for (std::uint32_t bucket = 0; bucket < settled_->buckets(); ++bucket)
    for (auto& each : settled_->bucket(bucket, "", ~std::size_t{}).versions) all.push_back(std::move(each));
  return all;
}

std::map<std::string, std::set<Timestamp>> SimReplica::versions_after(std::uint64_t time) const {
  std::map<std::string, std::set<Timestamp>> found;
  std::map<std::string, Timestamp> newest;
  for (const auto& [key, version] : all_versions()) {
    if (version.version.time > time) found[key].insert(version.version);
    newest[key] = std::max(newest[key], version.version);
  }
  for (const auto& [key, at] : newest) found[key].insert(at);
  return found;
}

void SimReplica::watch(const Message& message) {
  if (const auto* vote = std::get_if<VoteReply>(&message)) world_.oracle().saw_vote(self_, vote->vote.statement);
  if (const auto* logged = std::get_if<LoggedReply>(&message)) world_.oracle().saw_logged(self_, logged->logged.statement);
  if (const auto* decided = std::get_if<DecidedReply>(&message))
    world_.oracle().saw_decided(decided->decided.tx, decided->decided.certificate);
  if (std::holds_alternative<Propose>(message)) ++fallbacks_;
}

}  // namespace isobar::db
