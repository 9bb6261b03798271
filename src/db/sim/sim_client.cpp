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

void SimClient::start() {
  for (std::uint32_t i = 0; i < world_.options().at_once; ++i) begin();
}

void SimClient::begin() {
  if (done() || (lies() && world_.healed())) return;
  const bool scans = world_.random().chance(0.4);
  const Access access = world_.random().chance(scans ? 0.5 : 0.1) ? Access::kRead : Access::kWrite;
  const TxHandle tx = core_.begin(world_.now(), static_cast<std::uint32_t>(world_.random().below(6)), access);
  Work& work = running_[tx];
  work.access = access;
  if (world_.options().at_once == 1) work.after = last_committed_;
  for (std::uint64_t i = (scans ? 0 : 1) + world_.random().below(3); i > 0; --i) {
    const std::string key = some_key();
    if (std::find(work.to_read.begin(), work.to_read.end(), key) == work.to_read.end()) work.to_read.push_back(key);
  }
  const ReadFor what_for = world_.random().chance(0.5) ? ReadFor::kUpdate : ReadFor::kReading;
  if (scans) {
    std::string from = some_key(), until = some_key() + "~";
    if (until < from) std::swap(from, until);
    work.backward = world_.random().chance(0.3);
    scan(tx, work, std::move(from), std::move(until), work.backward);
  }
  for (const auto& key : std::vector<std::string>(work.to_read)) core_.read(tx, key, world_.now(), what_for);
  flush();
  if (!lies() && world_.random().chance(world_.options().lost_clients) && !world_.healed())
    later(Duration(static_cast<std::int64_t>(world_.random().below(4'000'000))), [this] { vanish(); });
}

void SimClient::on(const ReadDone& read) {
  const auto found = running_.find(read.tx);
  if (found == running_.end()) return;
  Work& work = found->second;
  work.read[read.key] = read.value.value;
  work.answered.insert(read.key);
  proceed(read.tx, work);
}

void SimClient::scan(TxHandle tx, Work& work, std::string from, std::string until, bool backward) {
  ++work.scanning;
  work.open = {from, until, {}, {}};
  core_.scan(tx, {std::move(from), std::move(until), static_cast<std::uint32_t>(world_.random().below(4)), backward}, world_.now());
}

void SimClient::on(const ScanDone& scanned) {
  const auto found = running_.find(scanned.tx);
  if (found == running_.end()) return;
  Work& work = found->second;
  --work.scanning;
  Oracle::Scanned part = work.open;
  (work.backward ? part.from : part.until) = scanned.end;
  for (const auto& [key, value] : scanned.rows) part.rows.emplace(key, value), work.read[key] = value;
  work.scanned.push_back(part);
  const bool all = scanned.end == (work.backward ? work.open.from : work.open.until);
  if (!all && world_.random().chance(0.7)) {
    if (work.backward) return scan(scanned.tx, work, work.open.from, scanned.end, true);
    return scan(scanned.tx, work, scanned.end, work.open.until, false);
  }
  proceed(scanned.tx, work);
}

void SimClient::proceed(TxHandle tx, Work& work) {
  const bool has_all = std::all_of(work.to_read.begin(), work.to_read.end(), [&](const auto& key) { return work.answered.contains(key); });
  if (!has_all || work.scanning > 0) return;
  if (work.access == Access::kWrite) write_some(tx, work);
  if (world_.random().chance(0.05)) return give_up(tx);
  core_.commit(tx, world_.now());
}

/// Some of what was read is written; now and then a key goes, or one is written that was not read.
void SimClient::write_some(TxHandle tx, Work& work) {
  for (const auto& [key, value] : work.read)
    if (world_.random().chance(0.6)) {
      if (world_.random().chance(0.05)) write(tx, work, key, std::nullopt);
      else write(tx, work, key, fmt::format("{};{}.{}", value.value_or(""), self_, tx));
    }
  if (world_.random().chance(work.scanned.empty() ? 0.1 : 0.4)) write(tx, work, some_key(), fmt::format("blind {}.{}", self_, tx));
}

std::string SimClient::some_key() { return fmt::format("k{}", world_.random().below(world_.options().keys)); }

/// Where it committed, what it was told was so.
void SimClient::note_scanned(const Ended& ended, Work& work) {
  for (auto& scanned : work.scanned) {
    scanned.at = ended.at;
    world_.oracle().saw_scanned(std::move(scanned));
  }
}

void SimClient::write(TxHandle tx, Work& work, const std::string& key, std::optional<std::string> value) {
  work.written[key] = value;
  core_.write(tx, key, std::move(value));
}

void SimClient::on(const ReadRefused& read) { give_up(read.tx); }

void SimClient::give_up(TxHandle tx) {
  if (running_.erase(tx) == 0) return;
  core_.abandon(tx, world_.now());
  later(std::chrono::milliseconds(20), [this] { begin(); });
}

void SimClient::on(const Ended& ended) {
  auto work = running_.extract(ended.tx);
  if (!lies() && !work.empty() && ended.outcome == Outcome::kCommit) note_scanned(ended, work.mapped());
  if (!lies() && !work.empty() && !ended.forgotten) {
    Observed observed{fmt::format("{}.{}", self_, ended.tx), work.mapped().read, work.mapped().written, work.mapped().after};
    if (ended.outcome == Outcome::kCommit) last_committed_ = world_.observations().committed(std::move(observed));
    else world_.observations().aborted(observed);
  }
  if (!lies() && ended.id != TxId{} && !ended.forgotten) world_.oracle().saw_ended(ended.id, ended.outcome);
  if (ended.outcome == Outcome::kCommit) ++committed_;
  if (ended.outcome == Outcome::kCommit && ended.id == TxId{}) ++unvoted_;
  later(Duration(static_cast<std::int64_t>(world_.random().exponential(3'000'000))), [this] { begin(); });
}

void SimClient::flush() {
  for (;;) {
    core_.hand_in(world_.now());
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
