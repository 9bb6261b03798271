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

Answer<Nothing> make_ranks(Fleet& fleet, const CreateOrder& order, const OwnKey& key, const std::vector<int>& ranks,
                           std::vector<std::string>& made) {
  if (ranks.empty()) return Nothing{};
  TRY_ASSIGN(const auto maker, fleet.cloud.prepare(order, key, fleet.end));
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
  std::vector<int> missing;
  for (int rank = 0; rank < order.count; ++rank)
    if (!present.contains(rank)) missing.push_back(rank);
  TRY(make_ranks(fleet, order, key, missing, made));
  TRY_ASSIGN(auto machines, await_running(fleet, of_order, made));
  TRY(remove_doubles(fleet, of_order, made));
  std::sort(machines.begin(), machines.end(), [](const auto& a, const auto& b) { return a.mark.rank < b.mark.rank; });
  return machines;
}

namespace {

/// The machines of a cluster, told apart for a replacement.
struct Remains {
  std::map<int, CloudMachine> kept;  // of each rank that is there: of two the newer one
  std::vector<std::string> off;      // of those the ones that are to be started
  std::vector<std::string> going;    // what is left of lost ranks, and second machines of a rank
};

Answer<Remains> remains_of(Fleet& fleet, const CreateOrder& order, const std::string& owner, const std::vector<int>& lost) {
  TRY_ASSIGN(auto machines, fleet.machines({.owner = owner, .cluster = order.cluster, .token = {}, .live_only = true}));
  std::stable_sort(machines.begin(), machines.end(),
                   [](const CloudMachine& a, const CloudMachine& b) { return a.mark.generation > b.mark.generation; });
  Remains remains;
  for (const CloudMachine& machine : machines) {
    if (machine.is_gone()) continue;
    if (machine.mark.token != order.token)
      return Error(Code::kAlreadyExists, fmt::format("another cluster {} exists on {} in {} (machine {})", order.cluster,
                                                     fleet.cloud.name(), fleet.place, machine.id));
    const bool is_lost = std::find(lost.begin(), lost.end(), machine.mark.rank) != lost.end();
    const bool is_off = machine.state == InstanceState::kStopping || machine.state == InstanceState::kStopped;
    const bool stays = is_lost ? machine.mark.generation == order.generation && !is_off : !remains.kept.contains(machine.mark.rank);
    if (!stays) {
      remains.going.push_back(machine.id);
      continue;
    }
    if (is_off) remains.off.push_back(machine.id);
    remains.kept.emplace(machine.mark.rank, machine);
  }
  if (remains.kept.empty())
    return Error(Code::kNotFound, fmt::format("nothing of cluster {} is left on {}", order.cluster, fleet.cloud.name()));
  return remains;
}

}  // namespace

Answer<std::vector<CloudMachine>> replace_ranks(Fleet& fleet, const CreateOrder& order, const std::string& owner, const OwnKey& key,
                                                const std::vector<int>& ranks, std::vector<std::string>& made) {
  const Wanted of_cluster{.owner = owner, .cluster = order.cluster, .token = order.token};
  TRY_ASSIGN(auto remains, remains_of(fleet, order, owner, ranks));
  std::vector<std::string> all;
  for (const auto& [rank, machine] : remains.kept) {
    if (machine.mark.generation == order.generation) made.push_back(machine.id);
    else all.push_back(machine.id);
  }
  // Before its successor counts: a lost machine that came back would be a second one of its rank.
  TRY(remove_machines(fleet, remains.going));
  TRY(start_again(fleet, of_cluster, remains.off));
  std::vector<int> missing;
  for (int rank = 0; rank < order.count; ++rank)
    if (!remains.kept.contains(rank)) missing.push_back(rank);
  TRY(make_ranks(fleet, order, key, missing, made));
  all.insert(all.end(), made.begin(), made.end());
  TRY_ASSIGN(auto machines, await_running(fleet, of_cluster, all));
  std::sort(machines.begin(), machines.end(), [](const auto& a, const auto& b) { return a.mark.rank < b.mark.rank; });
  return machines;
}

Answer<Nothing> undo_gang(Fleet& fleet, const CreateOrder& order, const std::string& owner, std::vector<std::string> made) {
  return remove_all(fleet, {.owner = owner, .cluster = order.cluster, .token = order.token, .generation = order.generation},
                    std::move(made));
}

}  // namespace isobar::cloud
