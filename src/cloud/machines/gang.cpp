#include "gang.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"

namespace isobar::cloud {

namespace {

/// What this order made before, by rank. Lists lag, so one that is missing here may exist: making it again finds it.
Answer<std::map<int, CloudMachine>> made_before(Fleet& fleet, const CreateOrder& order, const std::string& owner) {
  TRY_ASSIGN(const auto machines, fleet.machines({.owner = owner, .cluster = order.cluster, .token = {}, .live_only = true}));
  std::map<int, CloudMachine> by_rank;
  for (const CloudMachine& machine : machines) {
    if (machine.is_gone()) continue;
    if (machine.mark.token != order.token)
      return Error(Code::kAlreadyExists, fmt::format("a cluster {} exists already on {} in {} (machine {})", order.cluster,
                                                     fleet.cloud.name(), fleet.place, machine.id));
    // Adopted, it would be taken for one that failed to run, and removed with its disk.
    if (machine.state == InstanceState::kStopping || machine.state == InstanceState::kStopped)
      return Error(Code::kAlreadyExists, fmt::format("the cluster {} exists already on {} in {} and is {}; start it", order.cluster,
                                                     fleet.cloud.name(), fleet.place, to_lower(name_of(machine.state))));
    by_rank.emplace(machine.mark.rank, machine);
  }
  return by_rank;
}

Answer<Nothing> make_missing(Fleet& fleet, const CreateOrder& order, const OwnKey& key, const std::map<int, CloudMachine>& present,
                             std::vector<std::string>& made) {
  TRY_ASSIGN(const auto maker, fleet.cloud.prepare(order, key, fleet.end));
  std::vector<int> ranks;
  for (int rank = 0; rank < order.count; ++rank)
    if (!present.contains(rank)) ranks.push_back(rank);
  return make_all(fleet, *maker, ranks, made);
}

/// Removes those of the order that are in nobody's way but cost: a second machine of a rank.
Answer<Nothing> remove_doubles(Fleet& fleet, const Wanted& of_order, const std::vector<std::string>& kept) {
  TRY_ASSIGN(const auto machines, fleet.machines(of_order));
  std::vector<std::string> doubles;
  for (const auto& machine : machines)
    if (!machine.is_gone() && std::find(kept.begin(), kept.end(), machine.id) == kept.end()) doubles.push_back(machine.id);
  if (doubles.empty()) return Nothing{};
  TRY(fleet.cloud.remove(fleet.place, doubles, fleet.end));
  return Nothing{};
}

}  // namespace

Answer<std::vector<CloudMachine>> bring_up_gang(Fleet& fleet, const CreateOrder& order, const std::string& owner, const OwnKey& key,
                                                std::vector<std::string>& made) {
  const Wanted of_order{.owner = owner, .cluster = {}, .token = order.token};
  TRY_ASSIGN(const auto present, made_before(fleet, order, owner));
  for (const auto& [rank, machine] : present) made.push_back(machine.id);
  if (static_cast<int>(present.size()) < order.count) TRY(make_missing(fleet, order, key, present, made));
  TRY_ASSIGN(auto machines, await_running(fleet, of_order, made));
  TRY(remove_doubles(fleet, of_order, made));
  std::sort(machines.begin(), machines.end(), [](const auto& a, const auto& b) { return a.mark.rank < b.mark.rank; });
  return machines;
}

Answer<Nothing> undo_gang(Fleet& fleet, const CreateOrder& order, const std::string& owner, std::vector<std::string> made) {
  return remove_all(fleet, {.owner = owner, .cluster = {}, .token = order.token}, std::move(made));
}

}  // namespace isobar::cloud
