#include "broker/rehearsal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/random.h"

namespace isobar::broker {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Placement at(std::string cloud, std::string region, std::string zone, double price, std::string type = "t") {
  return {
      {.cloud = std::move(cloud), .region = std::move(region), .zone = std::move(zone), .instance_type = std::move(type)}, true, price, 0};
}

RehearsedTask a_task(std::vector<Placement> ranked) {
  return {"train", {.cluster = "train", .ranked = std::move(ranked)}, RecoveryStrategy::kEagerNextRegion};
}

FaultPlan plan_of(const std::string& yaml) {
  auto plan = parse_fault_plan(yaml, "faults.yaml");
  CHECK(plan.ok(), plan.error().message());
  return *plan;
}

RehearsalReport run(const RehearsedTask& task, const FaultPlan& plan) { return rehearse(std::span(&task, 1), plan); }

std::string timeline_of(const RehearsalReport& report) { return render_rehearsal(report); }

TEST(Rehearsal, WithoutFaultsAJobCostsItsTimeAtThePriceOfTheBestPlace) {
  const auto report = run(a_task({at("aws", "r1", "a", 3.6), at("gcp", "g", "g-a", 5)}), plan_of("work: 1h\nprovision: 100s\n"));
  EXPECT_TRUE(report.succeeded);
  // An hour of work, 100 s to come up and 20 s to be removed, at a tenth of a cent a second.
  EXPECT_NEAR(report.cost, (3600 + 100 + 20) * 0.001, 1e-9);
  EXPECT_EQ(report.attempts, 1);
  EXPECT_THAT(report.violations, IsEmpty());
}

TEST(Rehearsal, AStockoutMovesOnToTheNextPlaceAndSaysWhy) {
  const auto report = run(a_task({at("aws", "r1", "a", 1), at("aws", "r1", "b", 1), at("gcp", "g", "g-a", 2)}),
                          plan_of("faults: [{kind: stockout, cloud: aws}]"));
  EXPECT_TRUE(report.succeeded);
  EXPECT_EQ(report.attempts, 3);
  EXPECT_THAT(timeline_of(report), HasSubstr("failed: out of stock (InsufficientInstanceCapacity)"));
  EXPECT_THAT(timeline_of(report), HasSubstr("SIMULATED"));
}

TEST(Rehearsal, AnOutageRulesOutTheWholeCloudAtOnce) {
  const auto report = run(a_task({at("aws", "r1", "a", 1), at("aws", "r2", "b", 1), at("gcp", "g", "g-a", 2)}),
                          plan_of("faults: [{kind: outage, cloud: aws, until: 10s}]"));
  EXPECT_TRUE(report.succeeded);
  EXPECT_EQ(report.attempts, 2);
}

TEST(Rehearsal, APreemptedJobResumesElsewhereFromItsCheckpoint) {
  const auto report = run(a_task({at("aws", "r1", "a", 1), at("aws", "r2", "a", 1.1)}),
                          plan_of("work: 2h\ncheckpoint_every: 10m\nprovision: 1m\nfaults: [{kind: preempt, at: 65m}]"));
  EXPECT_TRUE(report.succeeded);
  EXPECT_EQ(report.preemptions, 1);
  EXPECT_EQ(report.recoveries, 1);
  EXPECT_THAT(timeline_of(report), HasSubstr("1h 0m of work is kept"));
  EXPECT_THAT(timeline_of(report), HasSubstr("trying aws r2/a t (spot)"));
}

TEST(Rehearsal, APartialGangIsRemovedBeforeTheNextAttempt) {
  auto task = a_task({at("aws", "r1", "a", 1), at("aws", "r2", "a", 1)});
  task.goal.num_nodes = 4;
  const auto report = run(task, plan_of("faults: [{kind: partial, region: r1}]"));
  EXPECT_TRUE(report.succeeded);
  EXPECT_THAT(report.violations, IsEmpty());
}

TEST(Rehearsal, AFirstLaunchThatFindsNothingFailsWithItsHistory) {
  const auto report = run(a_task({at("aws", "r1", "a", 1)}), plan_of("faults: [{kind: quota}]"));
  EXPECT_FALSE(report.succeeded);
  EXPECT_THAT(report.failure, HasSubstr("VcpuLimitExceeded"));
}

TEST(Rehearsal, ReplaysExactlyFromItsSeed) {
  const auto plan =
      plan_of("seed: 42\nwork: 20h\ncheckpoint_every: 5m\nfaults: [{kind: lifetime, delay: 2h}, {kind: flaky, probability: 0.3}]");
  const auto task = a_task({at("aws", "r1", "a", 1), at("aws", "r2", "a", 1), at("gcp", "g", "g-a", 2)});
  EXPECT_EQ(timeline_of(run(task, plan)), timeline_of(run(task, plan)));
  auto other = plan;
  other.seed = 43;
  EXPECT_NE(timeline_of(run(task, plan)), timeline_of(run(task, other)));
}

TEST(FaultPlan, EveryProblemIsReportedWithItsPlace) {
  const auto refused =
      parse_fault_plan("work: soon\nfaults:\n  - kind: stokout\n  - {kind: slow}\n  - {kind: error, clod: aws}\n", "f.yaml");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("f.yaml:1:7: work: expected seconds"));
  EXPECT_THAT(refused.error().message(), HasSubstr("did you mean stockout?"));
  EXPECT_THAT(refused.error().message(), HasSubstr("faults[1].delay: slow and lifetime faults need a delay"));
  EXPECT_THAT(refused.error().message(), HasSubstr("faults[2].clod: there is no such field; did you mean cloud?"));
}

// ---- many schedules -------------------------------------------------------------------------------------------

Fault a_random_fault(Random& random) {
  Fault fault;
  static constexpr FaultKind kKinds[] = {FaultKind::kStockout, FaultKind::kQuota,    FaultKind::kOutage,
                                         FaultKind::kError,    FaultKind::kPartial,  FaultKind::kSlow,
                                         FaultKind::kPreempt,  FaultKind::kLifetime, FaultKind::kFlaky};
  fault.kind = kKinds[random.below(std::size(kKinds))];
  if (random.chance(0.6)) fault.where.cloud = random.chance(0.5) ? "aws" : "gcp";
  if (random.chance(0.3)) fault.where.region = fmt::format("r{}", random.below(3));
  fault.from = from_seconds(random.uniform() * 20000);
  fault.until = fault.from + from_seconds(random.uniform() * 40000);
  if (fault.kind == FaultKind::kError) fault.code = random.chance(0.5) ? "ExpiredToken" : "NeverSeenBefore";
  fault.delay = from_seconds(30 + random.uniform() * 8000);
  fault.probability = random.uniform() * 0.9;
  return fault;
}

struct Scenario {
  RehearsedTask task;
  FaultPlan plan;
};

Scenario a_random_scenario(std::uint64_t seed) {
  Random random(seed);
  Scenario scenario{a_task({}), {}};
  scenario.plan.seed = seed;
  scenario.plan.work = from_seconds(600 + random.uniform() * 20000);
  if (random.chance(0.7)) scenario.plan.checkpoint_every = from_seconds(60 + random.uniform() * 1000);
  for (std::uint64_t i = 0, n = 1 + random.below(12); i < n; ++i)
    scenario.task.goal.ranked.push_back(at(random.chance(0.5) ? "aws" : "gcp", fmt::format("r{}", random.below(3)), fmt::format("z{}", i),
                                           0.1 + random.uniform() * 5, fmt::format("t{}", random.below(2))));
  scenario.task.goal.num_nodes = static_cast<int>(1 + random.below(4));
  if (random.chance(0.4)) scenario.task.goal.hourly_cost_max = 0.5 + random.uniform() * 4;
  scenario.task.goal.retry_until_up = random.chance(0.5);
  scenario.task.strategy = random.chance(0.6) ? RecoveryStrategy::kEagerNextRegion : RecoveryStrategy::kFailover;
  for (std::uint64_t i = 0, n = random.below(6); i < n; ++i) scenario.plan.faults.push_back(a_random_fault(random));
  return scenario;
}

TEST(Rehearsal, ThousandsOfSchedulesKeepEveryPromise) {
  const char* wanted = std::getenv("ISOBAR_SIM_SCHEDULES");
  const std::uint64_t schedules = wanted ? std::strtoull(wanted, nullptr, 10) : 3000;
  std::uint64_t succeeded = 0, preempted = 0, recovered = 0;
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    const auto scenario = a_random_scenario(seed);
    const auto report = run(scenario.task, scenario.plan);
    ASSERT_THAT(report.violations, IsEmpty()) << "seed " << seed << "\n" << timeline_of(report);
    succeeded += report.succeeded;
    preempted += report.preemptions > 0;
    recovered += report.recoveries > 0;
  }
  // A run in which nothing happens proves nothing.
  EXPECT_GT(succeeded, schedules / 4);
  EXPECT_GT(preempted, schedules / 20);
  EXPECT_GT(recovered, schedules / 40);
}

}  // namespace
}  // namespace isobar::broker
