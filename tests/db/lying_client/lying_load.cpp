#include "lying_load.h"

namespace isobar::db {

namespace {

constexpr Duration kPatience = std::chrono::milliseconds(200), kPause = std::chrono::milliseconds(1);
constexpr std::size_t kLeftMost = 1000;       // its own memory is not what is tested
constexpr std::uint32_t kReadsHoldOff = 100;  // tries: from a few on, reads hold older writers off

}  // namespace

LyingLoad::LyingLoad(const LoadOptions& options, LoadAttack attack, const Membership& members, ClientId self)
    : options_(options), attack_(attack), planner_(options), lies_(members, self, attack, options.seed) {}

Result<std::unique_ptr<LyingLoad>> LyingLoad::start(const LoadOptions& options, LoadAttack attack, ClusterFile cluster, Secret secret) {
  const auto* self = std::get_if<ClientId>(&secret.self);
  if (!self) return invalid(member_name(secret.self) + " is no client");
  std::unique_ptr<LyingLoad> load(new LyingLoad(options, attack, cluster.membership, *self));
  const auto told = [raw = load.get()](const ClientEvent& event) { std::visit([raw](const auto& e) { raw->on(e); }, event); };
  TRY_ASSIGN(load->loop_, ClientLoop::start(std::move(cluster), std::move(secret), told, load->lies_.hooks()));
  load->loop_->run([raw = load.get()] {
    for (std::uint32_t i = 0; i < raw->options_.at_once; ++i) raw->begin();
  });
  return load;
}

LyingReport LyingLoad::report() {
  LyingReport report;
  loop_->run([&] {
    report = report_;
    report.lies = lies_.counts();
  });
  return report;
}

void LyingLoad::begin() {
  const std::uint64_t id = next_group_++;
  Group& group = groups_[id];
  group.reading = group.open = attack_ == LoadAttack::kEquivocates ? 2 : 1;
  const LoadPlan plan = planner_.next();
  for (std::size_t i = group.open; i > 0; --i) {
    ++report_.begun;
    const TxHandle tx = loop_->core().begin(loop_->now(), attack_ == LoadAttack::kReaderFlood ? kReadsHoldOff : 0);
    group.transactions.push_back(tx);
    open_[tx] = Work{id, plan.reads, {}};
  }
  loop_->after(kPatience, [this, id] { leave(id); });
  attack_ == LoadAttack::kFarFuture ? write_blindly(id, plan.reads) : read(id, plan.reads);
}

// Both of two read before either writes: so each overlooks the other.
void LyingLoad::read(std::uint64_t group, const std::vector<std::string>& keys) {
  const ReadFor what_for =
      attack_ == LoadAttack::kEquivocates || attack_ == LoadAttack::kReaderFlood ? ReadFor::kReading : ReadFor::kUpdate;
  for (const TxHandle tx : std::vector(groups_.at(group).transactions))
    for (const auto& key : keys) loop_->core().read(tx, key, loop_->now(), what_for);
}

// Reads would be refused. Were it ever committed, there would be more of everything than there is.
void LyingLoad::write_blindly(std::uint64_t group, const std::vector<std::string>& keys) {
  for (const TxHandle tx : groups_.at(group).transactions) {
    for (const auto& key : keys) loop_->core().write(tx, key, "1000000");
    loop_->core().commit(tx, loop_->now());
  }
}

void LyingLoad::all_read(std::uint64_t group) {
  if (attack_ == LoadAttack::kReaderFlood) return give_back(group);
  for (const TxHandle tx : groups_.at(group).transactions) {
    const Work& work = open_.at(tx);
    for (std::size_t i = 0; i < work.keys.size(); ++i)
      loop_->core().write(tx, work.keys[i], work.read.at(work.keys[(i + 1) % work.keys.size()]));
    loop_->core().commit(tx, loop_->now());
  }
}

/// Nothing of it is committed. What the core says of that to the replicas is withheld.
void LyingLoad::give_back(std::uint64_t group) {
  const Group given = std::move(groups_.at(group));
  groups_.erase(group);
  for (const TxHandle tx : given.transactions) {
    loop_->core().abandon(tx, loop_->now());
    open_.erase(tx);
  }
  if (!given.left) loop_->after(kPause, [this] { begin(); });
}

void LyingLoad::leave(std::uint64_t group) {
  const auto found = groups_.find(group);
  if (found == groups_.end() || found->second.left || groups_.size() >= kLeftMost + options_.at_once) return;
  found->second.left = true;
  ++report_.left;
  begin();
}

void LyingLoad::on(const ReadDone& done) {
  ++report_.reads;
  const auto found = open_.find(done.tx);
  if (found == open_.end()) return;
  Work& work = found->second;
  work.read[done.key] = done.value.value;
  if (work.read.size() == work.keys.size() && --groups_.at(work.group).reading == 0) all_read(work.group);
}

void LyingLoad::on(const ReadRefused& refused) {
  ++report_.refused;
  const auto found = open_.find(refused.tx);
  if (found != open_.end()) give_back(found->second.group);
}

void LyingLoad::on(const Ended& ended) {
  const auto found = open_.find(ended.tx);
  if (found == open_.end()) return;
  ended.outcome == Outcome::kCommit ? ++report_.committed : ++report_.aborted;
  if (ended.reason == AbortReason::kClock) ++report_.refused;
  const std::uint64_t id = found->second.group;
  open_.erase(found);
  Group& group = groups_.at(id);
  if (--group.open > 0) return;
  const bool left = group.left;
  groups_.erase(id);
  if (!left) loop_->after(kPause, [this] { begin(); });
}

}  // namespace isobar::db
