// Suggested placements against every placement there is, for small shards.

#include "db/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <tuple>

#include "base/random.h"
#include "db/survival.h"

namespace isobar::db {
namespace {

using testing::HasSubstr;
using Counts = std::vector<std::uint32_t>;

std::vector<DomainRoom> rooms(const std::vector<std::optional<std::uint32_t>>& most) {
  std::vector<DomainRoom> list;
  for (std::size_t i = 0; i < most.size(); ++i) list.push_back({std::string(1, static_cast<char>('a' + i)), most[i]});
  return list;
}

/// Better placements compare greater, in the order that `place_replicas` promises.
std::tuple<std::uint32_t, int, int, int> goodness(FaultBudget budget, const Counts& counts) {
  std::map<std::string, std::uint32_t> domains;
  int alone = 0, beyond = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) domains[std::to_string(i)] = counts[i];
    if (counts[i] <= budget.f()) ++alone;
    else beyond += static_cast<int>(counts[i]);
  }
  return {survival_of(budget, domains).failing_most, alone, -beyond, -static_cast<int>(*std::max_element(counts.begin(), counts.end()))};
}

void each_placement(std::uint32_t replicas, const Counts& most, Counts& so_far, const std::function<void()>& visit) {
  if (so_far.size() == most.size()) return replicas == 0 ? visit() : void();
  for (std::uint32_t count = 0; count <= std::min(replicas, most[so_far.size()]); ++count) {
    so_far.push_back(count);
    each_placement(replicas - count, most, so_far, visit);
    so_far.pop_back();
  }
}

TEST(PlaceReplicas, NoPlacementSurvivesMore) {
  Random random(1);
  int placed = 0;
  for (int round = 0; round < 300; ++round) {
    const FaultBudget budget(1 + static_cast<std::uint32_t>(random.below(2)));
    std::vector<std::optional<std::uint32_t>> limits(1 + random.below(budget.f() == 1 ? 7 : 6));
    Counts most;
    for (auto& limit : limits) {
      if (random.chance(0.6)) limit = static_cast<std::uint32_t>(random.below(budget.replicas()));
      most.push_back(limit.value_or(budget.replicas()));
    }
    const auto suggested = place_replicas(budget, rooms(limits));
    if (std::accumulate(most.begin(), most.end(), 0U) < budget.replicas()) {
      EXPECT_THAT(suggested.error().message(), HasSubstr("there is room for"));
      continue;
    }
    ASSERT_TRUE(suggested.ok());
    ++placed;
    ASSERT_EQ(std::accumulate(suggested->begin(), suggested->end(), 0U), budget.replicas());
    for (std::size_t i = 0; i < most.size(); ++i) ASSERT_LE((*suggested)[i], most[i]);
    const auto promised = goodness(budget, *suggested);
    Counts other;
    bool best = true;
    each_placement(budget.replicas(), most, other, [&] { best = best && goodness(budget, other) <= promised; });
    EXPECT_TRUE(best) << "f=" << budget.f() << " " << testing::PrintToString(most) << ": " << testing::PrintToString(*suggested);
  }
  EXPECT_GT(placed, 150);
}

TEST(PlaceReplicas, SixDomainsGetOneEachAndThreeAreNotEnough) {
  EXPECT_EQ(*place_replicas(FaultBudget(1), rooms(std::vector<std::optional<std::uint32_t>>(6))), Counts(6, 1));
  EXPECT_EQ(*place_replicas(FaultBudget(1), rooms({std::nullopt, std::nullopt, std::nullopt})), (Counts{4, 1, 1}));
}

TEST(PlaceReplicas, TooLittleRoomIsRefused) {
  EXPECT_THAT(place_replicas(FaultBudget(1), rooms({2, 2})).error().message(),
              HasSubstr("room for 4 replicas in all, and a shard that bears f=1 has 5f+1=6"));
}

TEST(DomainsNeeded, FewerDoNotDoHoweverTheyAreFilled) {
  for (std::uint32_t f = 1; f <= 2; ++f) {
    const FaultBudget budget(f);
    EXPECT_EQ(domains_needed(budget, 1), 6U);
    EXPECT_EQ(domains_needed(budget, f), f == 1 ? 6U : 11U);
    EXPECT_EQ(domains_needed(budget, f + 1), std::nullopt);
    for (std::uint32_t failing = 1; failing <= f; ++failing) {
      const std::uint32_t needed = *domains_needed(budget, failing);
      EXPECT_GE(std::get<0>(goodness(budget, *place_replicas(budget, rooms(std::vector<std::optional<std::uint32_t>>(needed))))), failing);
      const auto fewer = place_replicas(budget, rooms(std::vector<std::optional<std::uint32_t>>(needed - 1)));
      EXPECT_LT(std::get<0>(goodness(budget, *fewer)), failing);
    }
  }
  EXPECT_EQ(domains_needed(FaultBudget(10), 1), 6U);
  EXPECT_EQ(domains_needed(FaultBudget(10), 5), 26U);
}

}  // namespace
}  // namespace isobar::db
