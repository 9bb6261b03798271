#include "sim_replica.h"

namespace isobar::db {

SimReplica::SimReplica(SimWorld& world, const ReplicaId& self, std::optional<LyingReplica> liar)
    : world_(world), self_(self), liar_(std::move(liar)) {
  world_.attach(self_, [this](const Peer& from, const Message& message) { receive(from, message); });
  restart();
}

void SimReplica::restart() {
  if (core_) return;
  ++life_;
  core_ = std::make_unique<Replica>(ReplicaConfig{}, world_.members().members, self_, world_.members().signer_of(self_),
                                    world_.members().scheme);
  std::vector<LogRecord> log;
  for (const auto& bytes : disk_) log.push_back(decode<LogRecord>(bytes).value());
  core_->restore(log, world_.now(clock_error_));
  flush();
}

void SimReplica::crash() {
  if (!core_) return;
  core_.reset();
  inbox_.clear();
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
  for (const auto& [from, message] : std::exchange(inbox_, {})) core_->step(from, message, world_.now(clock_error_));
  flush();
}

// As a server does it: what is said while the disk is busy shares the next write.
void SimReplica::flush() {
  for (const auto& outgoing : core_->take_now()) send(outgoing);
  schedule_tick();
  if (disk_is_busy_) return;
  auto output = core_->take();
  evidence_ += output.evidence.size();
  if (output.records.empty() && output.sends.empty()) return;
  for (const auto& record : output.records) unsynced_.push_back(encode(record));
  disk_is_busy_ = true;
  const Duration sync(static_cast<std::int64_t>(50'000 + world_.random().exponential(300'000)));
  world_.scheduler().after(sync, [this, life = life_, sends = std::move(output.sends)] {
    if (!core_ || life != life_) return;
    disk_is_busy_ = false;
    disk_.insert(disk_.end(), unsynced_.begin(), unsynced_.end());
    unsynced_.clear();
    for (const auto& outgoing : sends) send(outgoing);
    flush();
  });
}

void SimReplica::schedule_tick() {
  const auto next = core_->next_tick();
  if (!next || (tick_at_ && *tick_at_ <= *next)) return;
  tick_at_ = *next;
  world_.scheduler().after(std::max(Duration(0), *next - world_.scheduler().now()), [this, life = life_] {
    if (!core_ || life != life_) return;
    tick_at_.reset();
    core_->tick(world_.now(clock_error_));
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

void SimReplica::watch(const Message& message) {
  if (const auto* vote = std::get_if<VoteReply>(&message)) world_.oracle().saw_vote(self_, vote->vote.statement);
  if (const auto* logged = std::get_if<LoggedReply>(&message)) world_.oracle().saw_logged(self_, logged->logged.statement);
  if (const auto* decided = std::get_if<DecidedReply>(&message))
    world_.oracle().saw_decided(decided->decided.tx, decided->decided.certificate);
  if (std::holds_alternative<Propose>(message)) ++fallbacks_;
}

}  // namespace isobar::db
