// The closed formulas against every subset of domains, each of them well, out or lying.

#include "db/survival.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "base/random.h"
#include "db/survival_text.h"

namespace isobar::db {
namespace {

using testing::HasSubstr;
using Sizes = std::vector<std::uint32_t>;

std::map<std::string, std::uint32_t> named(const Sizes& sizes) {
  std::map<std::string, std::uint32_t> domains;
  for (std::size_t i = 0; i < sizes.size(); ++i) domains[std::string(1, static_cast<char>('a' + i))] = sizes[i];
  return domains;
}

/// All ways to write `replicas` as a sum of at most `most` sizes, the largest first.
void each_partition(std::uint32_t replicas, std::uint32_t largest, std::size_t most, Sizes& so_far, const std::function<void()>& visit) {
  if (replicas == 0) return visit();
  if (so_far.size() == most) return;
  for (std::uint32_t size = std::min(replicas, largest); size > 0; --size) {
    so_far.push_back(size);
    each_partition(replicas - size, size, most, so_far, visit);
    so_far.pop_back();
  }
}

/// What a shard has left: from the quorums' meaning, and the worst that so many liars choose to do.
Service worst_service(FaultBudget budget, std::uint32_t out, std::uint32_t lying) {
  if (lying > budget.f()) return Service::kNoPromise;  // f+1 of them forge an abort tally and any read
  Service worst = Service::kFast;
  for (std::uint32_t speak = 0; speak <= lying; ++speak) {
    const std::uint32_t answers = budget.replicas() - out - lying + speak;
    const Service now = answers == budget.replicas()    ? Service::kFast
                        : answers >= 4 * budget.f() + 1 ? Service::kSecondRound
                        : answers >= budget.f() + 1     ? Service::kReads
                                                        : Service::kNothing;
    worst = std::max(worst, now);
  }
  return worst;
}

/// Calls with every way in which the domains may fail: how many are out and lie, and how many replicas those have.
void each_failure(const Sizes& sizes, const std::function<void(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t)>& visit) {
  std::uint32_t ways = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) ways *= 3;
  for (std::uint32_t way = 0; way < ways; ++way) {
    std::uint32_t out = 0, lying = 0, replicas_out = 0, replicas_lying = 0, rest = way;
    for (const std::uint32_t size : sizes) {
      if (rest % 3 == 1) ++out, replicas_out += size;
      if (rest % 3 == 2) ++lying, replicas_lying += size;
      rest /= 3;
    }
    visit(out, lying, replicas_out, replicas_lying);
  }
}

TEST(TrustDomains, ClosedFormulasAgreeWithEverySubsetOfEveryPlacementOfSmallShards) {
  int placements = 0;
  for (const std::uint32_t f : {1U, 2U}) {
    const FaultBudget budget(f);
    Sizes sizes;
    each_partition(budget.replicas(), budget.replicas(), 7, sizes, [&] {
      ++placements;
      const ShardSurvival survival = survival_of(budget, named(sizes));
      std::map<std::uint32_t, Service> worst, worst_outage;                      // by domains failing
      std::map<std::pair<std::uint32_t, std::uint32_t>, Service> worst_mixture;  // by domains out and lying
      each_failure(sizes, [&](std::uint32_t out, std::uint32_t lying, std::uint32_t replicas_out, std::uint32_t replicas_lying) {
        const Service left = worst_service(budget, replicas_out, replicas_lying);
        EXPECT_EQ(service_with(budget, replicas_out, replicas_lying), left);
        worst[out + lying] = std::max(worst[out + lying], left);
        if (lying == 0) worst_outage[out] = std::max(worst_outage[out], left);
        worst_mixture[{out, lying}] = std::max(worst_mixture[{out, lying}], left);
      });
      const auto most = [&](const std::map<std::uint32_t, Service>& by_count, Service least) {
        std::uint32_t count = 0;
        while (count < sizes.size() && by_count.at(count + 1) <= least) ++count;
        return count;
      };
      EXPECT_EQ(survival.failing_most, most(worst, Service::kSecondRound)) << testing::PrintToString(sizes);
      EXPECT_EQ(survival.out_most_for_reads, most(worst_outage, Service::kReads)) << testing::PrintToString(sizes);
      EXPECT_EQ(survival.together.size(), std::min<std::size_t>(f, sizes.size()) + 1);
      for (const auto& mixed : survival.together)
        EXPECT_EQ(mixed.service, worst_mixture.at({mixed.out, mixed.lying})) << testing::PrintToString(sizes);
      for (const auto& alike : survival.domains) {
        EXPECT_EQ(alike.outage, worst_service(budget, alike.replicas, 0));
        EXPECT_EQ(alike.corruption, worst_service(budget, 0, alike.replicas));
      }
    });
  }
  EXPECT_EQ(placements, 11 + 49);  // partitions of 6 and of 11 into at most seven parts
}

TEST(TrustDomains, SixOnThreeCloudsSurviveNeitherTheOutageNorTheCorruptionOfOne) {
  const auto survival = survival_of(FaultBudget(1), {{"aws", 2}, {"gcp", 2}, {"azure", 2}});
  EXPECT_EQ(survival.failing_most, 0U);
  EXPECT_EQ(survival.out_most_for_reads, 2U);
  EXPECT_THAT(verdict("cloud", survival), HasSubstr("Survives neither the outage nor the corruption of any one cloud."));
  const std::string table = render_survival(FaultBudget(1), {"cloud", {survival}, 0});
  EXPECT_THAT(table, HasSubstr("4 are left, and 5 are needed to log a decision: values can be read, but no transaction commits"));
  EXPECT_THAT(table, HasSubstr("2 lie, and f is 1: anything may happen in this shard"));
}

TEST(TrustDomains, WhichDomainsMayFailAndWhichMayNotIsNamed) {
  EXPECT_THAT(verdict("cloud", survival_of(FaultBudget(1), {{"aws", 4}, {"gcp", 1}, {"azure", 1}})),
              HasSubstr("Survives the failure of azure or gcp, one of them at a time; neither the outage nor the corruption of aws."));
  EXPECT_THAT(verdict("city", survival_of(FaultBudget(2), named(Sizes(11, 1)))), HasSubstr("Survives any 2 of 11 cities failing at once"));
}

TEST(TrustDomains, AShardOfSeveralBoundsThemAllAndUnnamedReplicasCountAsOneDomain) {
  Placement placement;
  placement.shards.resize(2);
  for (int i = 0; i < 6; ++i) {
    placement.shards[0].push_back({{"cloud", "c" + std::to_string(i)}});
    placement.shards[1].push_back(i < 4 ? DomainLabels{{"cloud", "c" + std::to_string(i)}, {"rack", "r"}} : DomainLabels{});
  }
  const auto kinds = survival_of(placement);
  ASSERT_TRUE(kinds.ok());
  ASSERT_EQ(kinds->size(), 2U);
  EXPECT_EQ((*kinds)[0].kind, "cloud");
  EXPECT_EQ((*kinds)[0].shards[0].failing_most, 1U);
  EXPECT_EQ((*kinds)[0].shards[1].failing_most, 0U);
  EXPECT_EQ((*kinds)[0].failing_most, 0U);
  EXPECT_EQ((*kinds)[0].shards[1].unnamed, 2U);
  EXPECT_EQ((*kinds)[1].shards[0].domains[0].domains, std::vector<std::string>{kUnnamedDomain});
  const std::string text = render_survival(placement.budget, (*kinds)[0]);
  EXPECT_THAT(text, HasSubstr("2 of its replicas name no cloud; as they may all be in one, they are counted so"));
  EXPECT_THAT(text, HasSubstr("cloud, all shards: any 0 clouds may fail at once"));
}

TEST(TrustDomains, ReplicasThatNameNothingAreRefused) {
  Placement placement;
  placement.shards.assign(1, std::vector<DomainLabels>(6));
  EXPECT_EQ(survival_of(placement).error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace isobar::db
