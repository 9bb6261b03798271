#include "broker/failover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::broker {
namespace {

using namespace launch;

Placement a_placement(std::string cloud, std::string region, std::string zone, std::string type, double price = 1) {
  return {
      {.cloud = std::move(cloud), .region = std::move(region), .zone = std::move(zone), .instance_type = std::move(type)}, false, price, 0};
}

template <class T>
const T* find(const std::vector<Effect>& effects) {
  for (const auto& effect : effects)
    if (const T* found = std::get_if<T>(&effect)) return found;
  return nullptr;
}

cloud::CloudError refusal(const Placement& placement, const std::string& code) {
  return {Error(Code::kExhausted, code), code, cloud::scope_of_error(placement.offer.cloud, code, placement.offer)};
}

// Drives a machine in which every creation fails with `code`; returns what was tried, in order.
std::vector<std::string> tried_when_all_fail(const std::vector<Placement>& ranked, const std::string& code) {
  LaunchMachine machine({.cluster = "c", .ranked = ranked}, "run");
  std::vector<std::string> tried;
  auto effects = machine.step(Start{}, Instant());
  while (!machine.finished()) {
    if (find<RecordIntent>(effects)) effects = machine.step(IntentRecorded{}, Instant());
    else if (const auto* create = find<Create>(effects)) {
      tried.push_back(describe(create->placement));
      effects = machine.step(CreateFailed{refusal(create->placement, code)}, Instant());
    } else if (find<Terminate>(effects)) effects = machine.step(Terminated{}, Instant());
  }
  return tried;
}

TEST(Failover, TriesEveryZoneWhenEachIsOutOfStock) {
  EXPECT_THAT(
      tried_when_all_fail({a_placement("aws", "r1", "a", "t"), a_placement("aws", "r1", "b", "t"), a_placement("aws", "r2", "a", "t")},
                          "InsufficientInstanceCapacity"),
      testing::ElementsAre("aws r1/a t", "aws r1/b t", "aws r2/a t"));
}

TEST(Failover, AQuotaRulesOutTheRegionForThatTypeOnly) {
  EXPECT_THAT(
      tried_when_all_fail({a_placement("aws", "r1", "a", "t"), a_placement("aws", "r1", "b", "t"), a_placement("aws", "r1", "a", "u")},
                          "VcpuLimitExceeded"),
      testing::ElementsAre("aws r1/a t", "aws r1/a u"));
}

TEST(Failover, ExpiredCredentialsRuleOutTheWholeCloud) {
  EXPECT_THAT(
      tried_when_all_fail({a_placement("aws", "r1", "a", "t"), a_placement("aws", "r2", "b", "u"), a_placement("gcp", "g", "g-a", "n")},
                          "ExpiredToken"),
      testing::ElementsAre("aws r1/a t", "gcp g/g-a n"));
}

TEST(Failover, AScopeThatDoesNotCoverWhatFailedStillDoesNotMakeItTriedTwice) {
  LaunchMachine machine({.cluster = "c", .ranked = {a_placement("aws", "r1", "a", "t")}}, "run");
  machine.step(Start{}, Instant());
  machine.step(IntentRecorded{}, Instant());
  machine.step(CreateFailed{{unavailable("odd"), "Odd", cloud::Scope{.cloud = "elsewhere"}}}, Instant());
  EXPECT_TRUE(find<Failed>(machine.step(Terminated{}, Instant())));
}

TEST(Failover, WhatWasRefusedNotLongAgoIsTriedLastInTheSameOrder) {
  const auto a = a_placement("aws", "r1", "a", "t"), b = a_placement("aws", "r1", "b", "t", 2), c = a_placement("gcp", "r2", "", "t", 3);
  const auto ranked = refused_last({a, b, c}, {{.cloud = "aws", .region = "r1", .zone = "a", .instance_type = "t", .use_spot = {}}});
  EXPECT_EQ(ranked, (std::vector{b, c, a}));
  EXPECT_EQ(refused_last({a, b, c}, {{.cloud = "aws", .region = {}, .zone = {}, .instance_type = {}, .use_spot = true}}),
            (std::vector{a, b, c}));
}

TEST(Failover, RecordsTheIntentBeforeItCreates) {
  LaunchMachine machine({.cluster = "c", .ranked = {a_placement("aws", "r", "", "t")}}, "run");
  const auto first = machine.step(Start{}, Instant());
  ASSERT_TRUE(find<RecordIntent>(first));
  EXPECT_FALSE(find<Create>(first));
  const auto second = machine.step(IntentRecorded{}, Instant());
  ASSERT_TRUE(find<Create>(second));
  EXPECT_EQ(find<Create>(second)->token, find<RecordIntent>(first)->token);
}

TEST(Failover, AfterAFailedAttemptNothingIsLeftBeforeTheNext) {
  LaunchMachine machine({.cluster = "c", .ranked = {a_placement("aws", "r1", "", "t"), a_placement("aws", "r2", "", "t")}}, "run");
  machine.step(Start{}, Instant());
  machine.step(IntentRecorded{}, Instant());
  auto effects = machine.step(CreateFailed{refusal(a_placement("aws", "r1", "", "t"), "X")}, Instant());
  ASSERT_TRUE(find<Terminate>(effects));
  EXPECT_FALSE(find<RecordIntent>(effects));
  effects = machine.step(TerminateFailed{unavailable("network")}, Instant());
  ASSERT_TRUE(find<SetTimer>(effects));
  effects = machine.step(TimerFired{}, Instant());
  ASSERT_TRUE(find<Terminate>(effects)) << "what may still run is removed before anything else";
  EXPECT_TRUE(find<RecordIntent>(machine.step(Terminated{}, Instant())));
}

TEST(Failover, ACloudThatLetsNothingBeRemovedEndsTheLaunchAndTheIntentStands) {
  LaunchMachine machine(
      {.cluster = "c", .ranked = {a_placement("aws", "r1", "", "t"), a_placement("aws", "r2", "", "t")}, .removals_most = 3}, "run");
  machine.step(Start{}, Instant());
  machine.step(IntentRecorded{}, Instant());
  auto effects = machine.step(CreateFailed{refusal(a_placement("aws", "r1", "", "t"), "X")}, Instant());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(find<SetTimer>(machine.step(TerminateFailed{unavailable("network")}, Instant())));
    ASSERT_TRUE(find<Terminate>(machine.step(TimerFired{}, Instant())));
  }
  effects = machine.step(TerminateFailed{unavailable("no route to host")}, Instant());
  ASSERT_TRUE(find<Failed>(effects));
  EXPECT_TRUE(find<Failed>(effects)->may_be_left);
  EXPECT_THAT(find<Failed>(effects)->error.message(),
              testing::AllOf(testing::HasSubstr("no route to host"), testing::HasSubstr("isobar status")));
}

TEST(Failover, NothingAboveThePriceBoundIsTried) {
  LaunchMachine machine({.cluster = "c", .ranked = {a_placement("aws", "r", "", "t", 5)}, .hourly_cost_max = 4, .retry_until_up = true},
                        "run");
  const auto effects = machine.step(Start{}, Instant());
  ASSERT_TRUE(find<Failed>(effects));
  EXPECT_THAT(find<Failed>(effects)->error.message(), testing::HasSubstr("no placement is within the price bound"));
}

TEST(Failover, RetryUntilUpWaitsLongerEachTimeAndBeginsAgain) {
  LaunchMachine machine({.cluster = "c", .ranked = {a_placement("aws", "r", "", "t")}, .retry_until_up = true}, "run");
  std::vector<Duration> waits;
  auto effects = machine.step(Start{}, Instant());
  for (int pass = 0; pass < 6; ++pass) {
    machine.step(IntentRecorded{}, Instant());
    machine.step(CreateFailed{refusal(a_placement("aws", "r", "", "t"), "X")}, Instant());
    effects = machine.step(Terminated{}, Instant());
    ASSERT_TRUE(find<SetTimer>(effects));
    waits.push_back(find<SetTimer>(effects)->after);
    effects = machine.step(TimerFired{}, Instant());
    ASSERT_TRUE(find<RecordIntent>(effects));
  }
  EXPECT_THAT(waits, testing::ElementsAre(60s, 120s, 240s, 480s, 600s, 600s));
}

TEST(Failover, ACancelDuringCreationRemovesWhatWasCreated) {
  LaunchMachine machine({.cluster = "c", .ranked = {a_placement("aws", "r", "", "t"), a_placement("aws", "r2", "", "t")}}, "run");
  machine.step(Start{}, Instant());
  machine.step(IntentRecorded{}, Instant());
  EXPECT_TRUE(machine.step(Cancel{}, Instant()).empty());
  EXPECT_TRUE(find<Terminate>(machine.step(Created{{cloud::Instance{.id = "i"}}}, Instant())));
  EXPECT_TRUE(find<Failed>(machine.step(Terminated{}, Instant())));
  EXPECT_TRUE(machine.finished());
}

TEST(Failover, AFailureTellsTheWholeHistory) {
  LaunchMachine machine({.cluster = "c", .ranked = {a_placement("aws", "r1", "a", "t")}}, "run");
  machine.step(Start{}, Instant());
  machine.step(IntentRecorded{}, Instant());
  machine.step(CreateFailed{refusal(a_placement("aws", "r1", "a", "t"), "InsufficientInstanceCapacity")}, Instant());
  const auto effects = machine.step(Terminated{}, Instant());
  EXPECT_THAT(find<Failed>(effects)->error.message(),
              testing::AllOf(testing::HasSubstr("aws r1/a t"), testing::HasSubstr("InsufficientInstanceCapacity: ")));
}

}  // namespace
}  // namespace isobar::broker
