#include "fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>

#include "base/parallel.h"
#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr std::size_t kNamedMost = 5;
// A machine that was listed and is not any more has ended, once lists had time to agree about it.
constexpr Duration kGoneWithin = 30s;

/// "Server.InsufficientInstanceCapacity" → "InsufficientInstanceCapacity"
std::string bare_code(const std::string& reason) {
  const auto dot = reason.find('.');
  return dot == reason.npos ? reason : reason.substr(dot + 1);
}

Refused ended(const CloudMachine& machine) {
  const std::string code = machine.reason_code.empty() ? "InstanceEnded" : bare_code(machine.reason_code);
  return {unavailable(fmt::format("machine {} is {} before it ran: {}", machine.id, to_lower(name_of(machine.state)),
                                  machine.reason.empty() ? "the cloud gives no reason" : machine.reason)),
          code};
}

std::string some_of(std::vector<std::string> ids) {
  const bool more = ids.size() > kNamedMost;
  ids.resize(std::min(ids.size(), kNamedMost));
  return join(ids, ", ") + (more ? ", …" : "");
}

/// Those of `ids` that are listed, in whatever state.
Answer<std::map<std::string, CloudMachine>> look(Fleet& fleet, const Wanted& wanted, const std::vector<std::string>& ids) {
  TRY_ASSIGN(auto machines, fleet.machines(wanted));
  std::map<std::string, CloudMachine> found;
  for (auto& machine : machines)
    if (std::find(ids.begin(), ids.end(), machine.id) != ids.end()) found.emplace(machine.id, std::move(machine));
  return found;
}

Error too_late(const std::string& what, const std::vector<std::string>& ids) {
  return {Code::kDeadlineExceeded, fmt::format("not in time {}: {}", what, some_of(ids))};
}

/// What is seen of machines over time.
class Watch {
 public:
  explicit Watch(const Fleet& fleet) : fleet_(fleet) {}

  /// Whether it can be used: it runs, and has the addresses that it will get. The public one may come later than the rest, and never
  /// where none is given.
  bool is_ready(const CloudMachine& machine) {
    if (machine.state != InstanceState::kRunning) return false;
    const Instant since = running_since_.emplace(machine.id, fleet_.pace.now()).first->second;
    return (!machine.public_address.empty() || !machine.private_address.empty()) &&
           (!machine.public_address.empty() || fleet_.pace.now() - since >= fleet_.cloud.public_address_within());
  }
  void see(const std::string& id) { seen_[id] = fleet_.pace.now(); }
  bool has_vanished(const std::string& id) const {
    const auto last = seen_.find(id);
    return last != seen_.end() && fleet_.pace.now() - last->second >= kGoneWithin;
  }

 private:
  const Fleet& fleet_;
  std::map<std::string, Instant> running_since_, seen_;
};

}  // namespace

void Pace::pause(Duration span, Instant end) const {
  sleep(std::clamp<Duration>(span, std::chrono::milliseconds(1), std::max<Duration>(end - now(), std::chrono::milliseconds(1))));
}

Answer<Nothing> make_all(Fleet& fleet, MachineMaker& maker, const std::vector<int>& ranks, std::vector<std::string>& made) {
  std::vector<std::optional<Answer<std::string>>> outcomes(ranks.size());
  std::atomic<bool> refused = false;
  for_each_at_once(ranks.size(), fleet.cloud.made_at_once(), [&](std::size_t i) {
    if (refused) return;
    outcomes[i] = maker.make(ranks[i], fleet.end);
    if (!outcomes[i]->ok()) refused = true;
  });
  for (const auto& outcome : outcomes)
    if (outcome && outcome->ok()) made.push_back(**outcome);
  for (const auto& outcome : outcomes)
    if (outcome && !outcome->ok()) return outcome->error();
  return Nothing{};
}

Answer<std::vector<CloudMachine>> await_running(Fleet& fleet, const Wanted& wanted, const std::vector<std::string>& ids) {
  Watch watch(fleet);
  for (;;) {
    TRY_ASSIGN(const auto found, look(fleet, wanted, ids));
    std::vector<CloudMachine> ready;
    std::vector<std::string> awaited;
    for (const auto& id : ids) {
      const auto machine = found.find(id);
      if (machine == found.end()) {
        if (watch.has_vanished(id)) return ended({.id = id, .state = InstanceState::kTerminated, .reason = "it is not listed any more"});
        awaited.push_back(id);
        continue;
      }
      watch.see(id);
      const InstanceState state = machine->second.state;
      const bool may_come = state == InstanceState::kPending || state == InstanceState::kRunning || state == InstanceState::kUnreachable;
      if (!may_come) return ended(machine->second);
      if (watch.is_ready(machine->second)) ready.push_back(machine->second);
      else awaited.push_back(id);
    }
    if (awaited.empty()) return ready;
    if (fleet.pace.now() >= fleet.end) return too_late("running with an address", awaited);
    fleet.pace.pause(fleet.cloud.between_looks(), fleet.end);
  }
}

Answer<Nothing> await_stopped(Fleet& fleet, const Wanted& wanted, const std::vector<std::string>& ids) {
  for (;;) {
    TRY_ASSIGN(const auto found, look(fleet, wanted, ids));
    std::vector<std::string> awaited;
    for (const auto& id : ids)
      if (const auto machine = found.find(id);
          machine == found.end() || (machine->second.state != InstanceState::kStopped && !machine->second.is_gone()))
        awaited.push_back(id);
    if (awaited.empty()) return Nothing{};
    if (fleet.pace.now() >= fleet.end) return too_late("stopped", awaited);
    fleet.pace.pause(fleet.cloud.between_looks(), fleet.end);
  }
}

Answer<Nothing> start_again(Fleet& fleet, const Wanted& wanted, const std::vector<std::string>& ids) {
  if (ids.empty()) return Nothing{};
  TRY(await_stopped(fleet, wanted, ids));
  return fleet.cloud.start(fleet.place, ids, fleet.end);
}

Answer<Nothing> remove_machines(Fleet& fleet, std::vector<std::string> ids) {
  for (;;) {
    if (ids.empty()) return Nothing{};
    TRY_ASSIGN(const auto ended, fleet.cloud.remove(fleet.place, ids, fleet.end));
    std::erase_if(ids, [&](const std::string& id) { return ended.contains(id); });
    if (ids.empty()) return Nothing{};
    if (fleet.pace.now() >= fleet.end) return too_late("removed", ids);
    fleet.pace.pause(fleet.cloud.between_looks(), fleet.end);
  }
}

Answer<Nothing> remove_all(Fleet& fleet, const Wanted& wanted, std::vector<std::string> known) {
  Wanted live = wanted;
  live.live_only = true;
  // Requests first, that none is fulfilled behind our back; trouble with them does not keep machines alive.
  const auto prepared = fleet.cloud.before_removal(fleet.place, wanted, fleet.end);
  std::set<std::string> acknowledged;
  for (;;) {
    TRY_ASSIGN(const auto machines, fleet.machines(live));
    std::vector<std::string> ending = std::exchange(known, {});
    for (const auto& machine : machines)
      if (!machine.is_gone() && !acknowledged.contains(machine.id) && std::find(ending.begin(), ending.end(), machine.id) == ending.end())
        ending.push_back(machine.id);
    if (ending.empty()) break;
    TRY_ASSIGN(const auto ended, fleet.cloud.remove(fleet.place, ending, fleet.end));
    acknowledged.insert(ended.begin(), ended.end());
    if (fleet.pace.now() >= fleet.end) return too_late("removed", ending);
    if (!std::all_of(ending.begin(), ending.end(), [&](const auto& id) { return acknowledged.contains(id); }))
      fleet.pace.pause(fleet.cloud.between_looks(), fleet.end);
  }
  TRY(fleet.cloud.after_removal(fleet.place, wanted, fleet.end));
  return prepared;
}

}  // namespace isobar::cloud
