#include "broker/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::broker {
namespace {

using namespace recovery;
using testing::ElementsAre;

Placement at(std::string region) { return {{.cloud = "aws", .region = std::move(region), .instance_type = "t"}, true, 1, 0}; }

LaunchGoal a_goal(const std::vector<std::string>& regions) {
  LaunchGoal goal{.cluster = "j"};
  for (const auto& region : regions) goal.ranked.push_back(at(region));
  return goal;
}

std::vector<std::string> regions_of(const std::optional<Effect>& effect) {
  std::vector<std::string> regions;
  for (const auto& placement : std::get<Launch>(*effect).goal.ranked) regions.push_back(placement.offer.region);
  return regions;
}

// Runs the machine until it launches again after a preemption in `region`.
std::optional<Effect> after_preemption(RecoveryMachine& machine, const std::string& region) {
  machine.step(LaunchSucceeded{at(region)});
  const auto clean = machine.step(Preempted{});
  EXPECT_TRUE(std::holds_alternative<CleanUp>(*clean));
  return machine.step(Cleaned{});
}

TEST(Recovery, EagerNextRegionLeavesTheRegionThatTookTheMachine) {
  RecoveryMachine machine(a_goal({"r1", "r2", "r3"}), RecoveryStrategy::kEagerNextRegion);
  machine.step(Start{});
  EXPECT_THAT(regions_of(after_preemption(machine, "r1")), ElementsAre("r2", "r3"));
}

TEST(Recovery, AfterThreeFailedPassesTheOldRegionIsConsideredAgainForAsLongAsItTakes) {
  RecoveryMachine machine(a_goal({"r1", "r2"}), RecoveryStrategy::kEagerNextRegion);
  machine.step(Start{});
  auto effect = after_preemption(machine, "r1");
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_THAT(regions_of(effect), ElementsAre("r2"));
    EXPECT_FALSE(std::get<Launch>(*effect).goal.retry_until_up);
    effect = machine.step(LaunchFailed{unavailable("none")});
  }
  EXPECT_THAT(regions_of(effect), ElementsAre("r2"));
  effect = machine.step(LaunchFailed{unavailable("none")});
  EXPECT_THAT(regions_of(effect), ElementsAre("r1", "r2"));
  EXPECT_TRUE(std::get<Launch>(*effect).goal.retry_until_up);
}

TEST(Recovery, ARequestThatPinsItsRegionStaysThere) {
  RecoveryMachine machine(a_goal({"r1"}), RecoveryStrategy::kEagerNextRegion);
  machine.step(Start{});
  EXPECT_THAT(regions_of(after_preemption(machine, "r1")), ElementsAre("r1"));
}

TEST(Recovery, FailoverTriesTheSameRegionFirst) {
  RecoveryMachine machine(a_goal({"r1", "r2"}), RecoveryStrategy::kFailover);
  machine.step(Start{});
  EXPECT_THAT(regions_of(after_preemption(machine, "r2")), ElementsAre("r2"));
}

TEST(Recovery, TheFirstLaunchThatFindsNoPlaceEndsTheJob) {
  RecoveryMachine machine(a_goal({"r1"}), RecoveryStrategy::kEagerNextRegion);
  machine.step(Start{});
  const auto effect = machine.step(LaunchFailed{unavailable("none")});
  EXPECT_TRUE(std::get<Finish>(*effect).error);
}

TEST(Recovery, WhatIsDoneIsCleanedUpBeforeItIsFinished) {
  RecoveryMachine machine(a_goal({"r1"}), RecoveryStrategy::kEagerNextRegion);
  machine.step(Start{});
  machine.step(LaunchSucceeded{at("r1")});
  EXPECT_TRUE(std::holds_alternative<CleanUp>(*machine.step(WorkDone{})));
  EXPECT_FALSE(machine.step(Preempted{}).has_value()) << "too late to matter";
  EXPECT_FALSE(std::get<Finish>(*machine.step(Cleaned{})).error);
}

}  // namespace
}  // namespace isobar::broker
