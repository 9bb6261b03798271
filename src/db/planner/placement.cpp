#include "db/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace isobar::db {

namespace {

using Counts = std::vector<std::uint32_t>;

/// Adds replicas one by one where there are fewest, the earlier of equals, among those of `where`.
void spread(Counts& counts, std::uint32_t replicas, const Counts& most, const std::vector<std::size_t>& where) {
  for (; replicas > 0; --replicas) {
    std::optional<std::size_t> emptiest;
    for (const std::size_t i : where)
      if (counts[i] < most[i] && (!emptiest || counts[i] < counts[*emptiest])) emptiest = i;
    CHECK(emptiest.has_value(), replicas);
    ++counts[*emptiest];
  }
}

Status check_room(FaultBudget budget, const Counts& most) {
  const std::uint32_t all = std::accumulate(most.begin(), most.end(), 0U);
  if (all < budget.replicas())
    return invalid(
        fmt::format("there is room for {} replicas in all, and a shard that bears f={} has 5f+1={}", all, budget.f(), budget.replicas()));
  return {};
}

}  // namespace

Result<std::vector<std::uint32_t>> place_replicas(FaultBudget budget, std::span<const DomainRoom> domains) {
  Counts most;
  for (const auto& room : domains) most.push_back(std::min(room.replicas_most.value_or(budget.replicas()), budget.replicas()));
  TRY(check_room(budget, most));
  std::vector<std::size_t> by_room(domains.size());
  std::iota(by_room.begin(), by_room.end(), 0U);
  std::stable_sort(by_room.begin(), by_room.end(), [&](std::size_t a, std::size_t b) { return most[a] > most[b]; });
  // The fewest domains, of those with the most room, that must take more than f each for all replicas to have a place.
  Counts within = most;
  for (auto& count : within) count = std::min(count, budget.f());
  std::size_t beyond = 0;
  std::uint32_t room = std::accumulate(within.begin(), within.end(), 0U);
  for (; room < budget.replicas(); ++beyond) room += most[by_room[beyond]] - within[by_room[beyond]];
  std::vector<std::size_t> large(by_room.begin(), by_room.begin() + static_cast<std::ptrdiff_t>(beyond));
  Counts counts(domains.size(), 0);
  if (large.empty()) {
    spread(counts, budget.replicas(), most, by_room);
    return counts;
  }
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (std::find(large.begin(), large.end(), i) == large.end()) counts[i] = within[i];
  spread(counts, budget.replicas() - std::accumulate(counts.begin(), counts.end(), 0U), most, large);
  return counts;
}

std::optional<std::uint32_t> domains_needed(FaultBudget budget, std::uint32_t failing) {
  if (failing > budget.f()) return std::nullopt;
  for (std::uint32_t domains = 1; domains < budget.replicas(); ++domains) {
    const std::uint32_t each = budget.replicas() / domains, one_more = budget.replicas() % domains;
    if (failing * each + std::min(failing, one_more) <= budget.f()) return domains;
  }
  return budget.replicas();
}

}  // namespace isobar::db
