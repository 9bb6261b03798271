#include "sim_client.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::db {

SimClient::SimClient(SimWorld& world, ClientId self, std::optional<LyingClient> liar)
    : world_(world),
      self_(self),
      liar_(std::move(liar)),
      core_(ClientConfig{}, world.members().members, self, world.members().signer_of(self), world.members().scheme) {
  world_.attach(self_, [this](const Peer& from, const Message& message) {
    const auto* replica = std::get_if<ReplicaId>(&from);
    if (gone_ || !replica) return;
    if (liar_)
      for (const auto& lie : liar_->heard(*replica, message)) world_.send(self_, lie.to, lie.message);
    core_.step(*replica, message, world_.now());
    flush();
  });
}

void SimClient::later(Duration delay, std::function<void()> what) {
  world_.scheduler().after(delay, [this, what = std::move(what)] {
    if (!gone_) what();
  });
}

void SimClient::begin() {
  if (done() || (lies() && world_.healed())) return;
  running_ = core_.begin(world_.now());
  read_.clear();
  to_read_.clear();
  ++tries_;
  for (std::uint64_t i = 1 + world_.random().below(3); i > 0; --i) {
    const std::string key = fmt::format("k{}", world_.random().below(world_.options().keys));
    if (std::find(to_read_.begin(), to_read_.end(), key) == to_read_.end()) to_read_.push_back(key);
  }
  for (const auto& key : to_read_) core_.read(*running_, key, world_.now());
  flush();
  if (!lies() && world_.random().chance(world_.options().lost_clients) && !world_.healed())
    later(Duration(static_cast<std::int64_t>(world_.random().below(4'000'000))), [this] { vanish(); });
}

void SimClient::on(const ReadDone& read) {
  if (!running_ || read.tx != *running_) return;
  read_[read.key] = read.value.value;
  if (read_.size() < to_read_.size()) return;
  // Some of what was read is written; now and then a key goes, or one is written that was not read.
  for (const auto& [key, value] : read_)
    if (world_.random().chance(0.6)) {
      if (world_.random().chance(0.05)) core_.write(*running_, key, std::nullopt);
      else core_.write(*running_, key, fmt::format("{};{}.{}", value.value_or(""), self_, tries_));
    }
  if (world_.random().chance(0.1))
    core_.write(*running_, fmt::format("k{}", world_.random().below(world_.options().keys)), fmt::format("blind {}.{}", self_, tries_));
  core_.commit(*running_, world_.now());
}

void SimClient::on(const ReadRefused& read) {
  if (!running_ || read.tx != *running_) return;
  core_.abandon(*running_);
  running_.reset();
  later(std::chrono::milliseconds(20), [this] { begin(); });
}

void SimClient::on(const Ended& ended) {
  running_.reset();
  if (!lies() && ended.id != TxId{}) world_.oracle().saw_ended(ended.id, ended.outcome);
  if (ended.outcome == Outcome::kCommit) ++committed_;
  later(Duration(static_cast<std::int64_t>(world_.random().exponential(3'000'000))), [this] { begin(); });
}

void SimClient::flush() {
  for (;;) {
    auto output = core_.take();
    evidence_ += output.evidence.size();
    for (auto& send : output.sends) {
      if (!liar_) {
        if (const auto* writeback = std::get_if<Writeback>(&send.message))
          world_.oracle().saw_decided(writeback->decided.tx, writeback->decided.certificate);
        world_.send(self_, send.to, send.message);
        continue;
      }
      for (const auto& instead : liar_->instead_of(std::move(send))) world_.send(self_, instead.to, instead.message);
    }
    if (output.events.empty()) break;
    for (const auto& event : output.events) std::visit([this](const auto& e) { on(e); }, event);
  }
  schedule_tick();
}

void SimClient::schedule_tick() {
  const auto next = core_.next_tick();
  if (!next || (tick_at_ && *tick_at_ <= *next)) return;
  tick_at_ = *next;
  later(std::max(Duration(0), *next - world_.scheduler().now()), [this] {
    tick_at_.reset();
    core_.tick(world_.now());
    flush();
  });
}

void SimClient::recover(const SignedTransaction& tx) {
  core_.recover(tx, world_.now());
  flush();
}

}  // namespace isobar::db
