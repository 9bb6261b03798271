// What the scheduler promises, one by one. Those named R1 to R9 are defects of a laboratory scheduler for the same purpose, as tests.

#include "features/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace isobar::features {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Instant at(double seconds) {
  return Instant::from_unix_nanos(1'700'000'000'000'000'000 + static_cast<std::int64_t>(seconds * 1e9));
}
constexpr InputVersion version(std::uint64_t number) { return InputVersion(number); }

SchedulerConfig unlimited(std::string policy) {
  SchedulerConfig config;
  config.policy = std::move(policy);
  config.budget = {CostUnit::kRefreshes, std::numeric_limits<double>::infinity(), 1};
  return config;
}
Scheduler make(const SchedulerConfig& config) { return std::move(Scheduler::create(config)).value(); }

/// Takes what is given out now, and finishes each before the next.
std::vector<std::string> refresh_all(Scheduler& s, double now, double cost = 0.01) {
  std::vector<std::string> order;
  while (auto refresh = s.next(at(now)).refresh) {
    order.push_back(refresh->key);
    EXPECT_TRUE(s.finished(refresh->key, refresh->version, cost, at(now)).ok());
  }
  return order;
}

TEST(SchedulerDefaults, R1ASchedulerWithoutAnySettingRefreshes) {
  Scheduler s = make({});
  ASSERT_TRUE(s.input("k", at(0), version(1), at(0)).ok());
  EXPECT_THAT(refresh_all(s, 0), ElementsAre("k"));
}

TEST(SchedulerCreate, R2WhatCannotWorkIsRefusedWhenItIsMade) {
  const auto why = [](SchedulerConfig config) { return Scheduler::create(std::move(config)).error().message(); };
  EXPECT_THAT(why({.policy = "regrets"}), HasSubstr("did you mean 'regret'"));
  EXPECT_THAT(why({.policy = "fifo", .staleness_most = 1s}), HasSubstr("looks at events"));
  EXPECT_THAT(why({.policy = "lifo", .cold_first = true}), HasSubstr("choose another policy"));
  EXPECT_THAT(why({.budget = {CostUnit::kRefreshes, 0, 1}}), HasSubstr("budget of 0"));
  EXPECT_THAT(why({.budget = {CostUnit::kRefreshes, 1, 0.5}}), HasSubstr("never holds a whole refresh"));
  EXPECT_THAT(why({.staleness_most = 0s}), HasSubstr("bound of staleness"));
  EXPECT_THAT(why({.policy_options = {.floor_per_hour = -1}}), HasSubstr("floor"));
  EXPECT_THAT(why({.error_most = 0}), HasSubstr("error_most"));
}

TEST(Schedulers, R3TwoOfTheSameDefaultsShareNothing) {
  Scheduler one = make({}), other = make({});
  ASSERT_TRUE(one.input("k", at(0), version(1), at(0)).ok());
  EXPECT_FALSE(other.next(at(0)).refresh.has_value());
  EXPECT_THAT(refresh_all(one, 0), ElementsAre("k"));
}

TEST(Results, R4ARowFromOlderInputNeverReplacesANewerOne) {
  for (const std::string& policy : policy_names()) {
    Scheduler s = make(unlimited(policy));
    for (std::uint64_t v = 1; v <= 3; ++v) ASSERT_TRUE(s.input("k", at(0), version(v), at(0)).ok());
    EXPECT_EQ(*s.finished("k", version(2), 0.1, at(1)), Accepted::kNewest) << policy;
    EXPECT_EQ(*s.finished("k", version(1), 0.1, at(1)), Accepted::kSuperseded) << policy;
    EXPECT_EQ(*s.finished("k", version(2), 0.1, at(1)), Accepted::kSuperseded) << policy;
    EXPECT_EQ(*s.finished("k", version(3), 0.1, at(1)), Accepted::kNewest) << policy;
    EXPECT_EQ(s.explain("k", at(2)).served, version(3));
    EXPECT_EQ(s.counters().results_superseded, 2U);
    EXPECT_FALSE(s.next(at(2)).refresh.has_value()) << policy;
  }
}

TEST(Lifo, R4StartsWithTheNewestEventAndThenSkipsOlderOnesOfTheSameKey) {
  Scheduler s = make(unlimited("lifo"));
  for (std::uint64_t v = 1; v <= 3; ++v) ASSERT_TRUE(s.input("k", at(0), version(v), at(0)).ok());
  const auto first = s.next(at(1)).refresh;
  EXPECT_EQ(first->version, version(3));
  EXPECT_EQ(*s.finished("k", version(3), 0.1, at(1)), Accepted::kNewest);
  EXPECT_FALSE(s.next(at(1)).refresh.has_value());
  EXPECT_TRUE(s.drained());
}

TEST(Policies, R5EachOneTakesInputsGivesOutWorkAndEnds) {
  for (const std::string& policy : policy_names()) {
    Scheduler s = make(unlimited(policy));
    std::uint64_t v = 0;
    for (int round = 0; round < 3; ++round) {
      for (const char* key : {"a", "b", "c"}) {
        ASSERT_TRUE(s.input(key, at(round), version(++v), at(round)).ok());
        s.query(key, at(round));
        ASSERT_TRUE(s.feedback(key, {1.0, std::nullopt}, at(round)).ok());
      }
      const auto order = refresh_all(s, round);
      EXPECT_EQ(std::set<std::string>(order.begin(), order.end()).size(), 3U) << policy;
      EXPECT_TRUE(s.drained()) << policy;
    }
  }
}

TEST(Close, R6WhatIsPendingIsRefreshedBeforeTheEnd) {
  for (const std::string& policy : policy_names()) {
    Scheduler s = make(unlimited(policy));
    for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
    s.close();
    EXPECT_EQ(s.input("d", at(0), version(2), at(0)).error().code(), Code::kUnavailable);
    EXPECT_FALSE(s.drained()) << policy;
    EXPECT_EQ(refresh_all(s, 0).size(), 3U) << policy;
    EXPECT_TRUE(s.drained()) << policy;
  }
}

TEST(Next, R8AskingInVainIsHarmless) {
  Scheduler s = make({});
  EXPECT_FALSE(s.next(at(0)).refresh.has_value());
  EXPECT_FALSE(s.next(at(0)).ask_again.has_value());
  ASSERT_TRUE(s.input("k", at(0), version(1), at(0)).ok());
  EXPECT_TRUE(s.next(at(0)).refresh.has_value());
  EXPECT_FALSE(s.next(at(0)).refresh.has_value());
}

TEST(Mailbox, R9HoldsTheNewestInputOfEachKeyAlone) {
  Scheduler s = make(unlimited("regret"));
  for (std::uint64_t v = 1; v <= 100'000; ++v) ASSERT_TRUE(s.input("k", at(0), version(v), at(0)).ok());
  EXPECT_LT(s.memory_bytes(), 64U << 10);
  EXPECT_EQ(s.explain("k", at(0)).pending, 100'000U);
  EXPECT_EQ(s.next(at(0)).refresh->version, version(100'000));
}

TEST(Mailbox, R9AFurtherKeyIsRefusedAndCountedWhenFull) {
  SchedulerConfig config = unlimited("regret");
  config.keys_most = 2;
  Scheduler s = make(config);
  ASSERT_TRUE(s.input("a", at(0), version(1), at(0)).ok());
  ASSERT_TRUE(s.input("b", at(0), version(2), at(0)).ok());
  const Status refused = s.input("c", at(0), version(3), at(0));
  EXPECT_EQ(refused.error().code(), Code::kExhausted);
  EXPECT_EQ(s.counters().keys_shed, 1U);
  EXPECT_TRUE(s.input("a", at(1), version(4), at(1)).ok()) << "keys that are known stay";
  s.forget("b", at(1));
  EXPECT_TRUE(s.input("c", at(1), version(5), at(1)).ok());
}

TEST(Events, R9TheOldestIsDroppedAndCountedWhenFull) {
  for (const char* policy : {"fifo", "lifo"}) {
    SchedulerConfig config = unlimited(policy);
    config.events_most = 3;
    Scheduler s = make(config);
    for (std::uint64_t v = 1; v <= 5; ++v) ASSERT_TRUE(s.input(v % 2 == 0 ? "a" : "b", at(0), version(v), at(0)).ok());
    EXPECT_EQ(s.counters().events_shed, 2U) << policy;
    EXPECT_EQ(s.next(at(0)).refresh->version, version(policy == std::string("fifo") ? 3 : 5));
  }
}

TEST(Fifo, TakesEventsAsTheyCameWhateverTheirKey) {
  Scheduler s = make(unlimited("fifo"));
  std::uint64_t v = 0;
  for (const char* key : {"a", "a", "b", "a"}) ASSERT_TRUE(s.input(key, at(0), version(++v), at(0)).ok());
  EXPECT_THAT(refresh_all(s, 1), ElementsAre("a", "a", "b", "a"));
}

TEST(Batch, WaitsUntilAllCanGoAndThenAllGo) {
  SchedulerConfig config;
  config.policy = "batch";
  config.budget = {CostUnit::kRefreshes, 1, 1};
  Scheduler s = make(config);
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
  const Next first = s.next(at(0));
  EXPECT_FALSE(first.refresh.has_value());
  EXPECT_EQ(*first.ask_again, at(2));
  EXPECT_THAT(refresh_all(s, 1.5), ElementsAre());
  EXPECT_THAT(refresh_all(s, 2), ElementsAre("a", "b", "c"));
}

TEST(Regret, GoesWhereAnswersAreWrongNotWhereDataIsOld) {
  Scheduler s = make(unlimited("regret"));
  for (const char* key : {"old", "wrong", "asked"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(key[0] == 'o' ? 0 : 60)).ok());
  for (int i = 0; i < 9; ++i) s.query("asked", at(61));
  ASSERT_TRUE(s.feedback("wrong", {0.5, std::nullopt}, at(62)).ok());
  EXPECT_THAT(refresh_all(s, 63), ElementsAre("wrong", "old", "asked"));
}

TEST(Regret, TheFloorLetsNoKeyStarveAndWithoutItOneDoes) {
  for (const bool floor : {true, false}) {
    SchedulerConfig config = unlimited(floor ? "regret" : "regret-plain");
    Scheduler s = make(config);
    ASSERT_TRUE(s.input("quiet", at(0), version(1), at(0)).ok());
    bool seen = false;
    for (int hour = 1; hour <= 200; ++hour) {
      ASSERT_TRUE(s.input("loud", at(hour * 3600), version(1 + static_cast<std::uint64_t>(hour)), at(hour * 3600)).ok());
      ASSERT_TRUE(s.feedback("loud", {1, std::nullopt}, at(hour * 3600)).ok());
      const auto refresh = s.next(at(hour * 3600)).refresh;
      seen = seen || refresh->key == "quiet";
      ASSERT_TRUE(s.finished(refresh->key, refresh->version, 0.01, at(hour * 3600)).ok());
    }
    EXPECT_EQ(seen, floor);
  }
}

TEST(Feedback, OneContributionIsCapped) {
  SchedulerConfig config = unlimited("regret");
  config.error_most = 5;
  Scheduler s = make(config);
  for (const char* key : {"attacked", "honest"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
  ASSERT_TRUE(s.feedback("attacked", {1e300, std::nullopt}, at(1)).ok());
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(s.feedback("honest", {1, std::nullopt}, at(1)).ok());
  EXPECT_EQ(s.explain("attacked", at(1)).regret, 5);
  EXPECT_EQ(s.counters().feedback_capped, 1U);
  EXPECT_THAT(refresh_all(s, 1), ElementsAre("honest", "attacked"));
  for (const double bad : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(s.feedback("honest", {bad, std::nullopt}, at(1)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(s.feedback("nobody", {1, std::nullopt}, at(1)).error().code(), Code::kNotFound);
}

TEST(Feedback, IsAttributedToTheRowThatWasServed) {
  Scheduler s = make(unlimited("regret"));
  ASSERT_TRUE(s.input("k", at(0), version(1), at(0)).ok());
  refresh_all(s, 0);
  ASSERT_TRUE(s.input("k", at(1), version(2), at(1)).ok());
  refresh_all(s, 1);
  ASSERT_TRUE(s.feedback("k", {7, version(1)}, at(2)).ok()) << "a late label of an answer from the row before";
  EXPECT_EQ(s.explain("k", at(2)).regret, 0);
  EXPECT_EQ(s.counters().feedback_of_older_rows, 1U);
  ASSERT_TRUE(s.feedback("k", {3, version(2)}, at(2)).ok());
  EXPECT_EQ(s.explain("k", at(2)).regret, 3);
}

TEST(Feedback, WithoutLabelsQueriesCount) {
  SchedulerConfig config = unlimited("regret");
  config.regret_source = RegretSource::kQueries;
  Scheduler s = make(config);
  for (const char* key : {"a", "b"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
  for (int i = 0; i < 3; ++i) s.query("b", at(1));
  EXPECT_THAT(refresh_all(s, 1), ElementsAre("b", "a"));
}

TEST(Cost, MoreRegretForTheSameCostGoesFirst) {
  Scheduler s = make(unlimited("regret-per-cost"));
  for (const char* key : {"dear", "cheap"}) {
    ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
    const auto refresh = s.next(at(0)).refresh;
    ASSERT_TRUE(s.finished(key, refresh->version, key[0] == 'd' ? 10 : 0.1, at(0)).ok());
  }
  for (const char* key : {"dear", "cheap"}) {
    ASSERT_TRUE(s.input(key, at(1), version(2), at(1)).ok());
    ASSERT_TRUE(s.feedback(key, {key[0] == 'd' ? 20.0 : 1.0, std::nullopt}, at(1)).ok());
  }
  EXPECT_EQ(s.next(at(1)).refresh->key, "cheap");
}

TEST(Staleness, AKeyOverItsBoundGoesBeforeAllOthersLongestFirst) {
  SchedulerConfig config = unlimited("regret");
  config.staleness_most = 100s;
  Scheduler s = make(config);
  ASSERT_TRUE(s.input("first", at(0), version(1), at(0)).ok());
  ASSERT_TRUE(s.input("second", at(1), version(2), at(1)).ok());
  ASSERT_TRUE(s.input("wrong", at(90), version(3), at(90)).ok());
  ASSERT_TRUE(s.feedback("wrong", {900, std::nullopt}, at(90)).ok());
  EXPECT_EQ(s.explain("first", at(100)).rank, 1U) << "at its bound it is not over it";
  EXPECT_EQ(s.explain("first", at(102)).rank, 0U);
  const auto refresh = s.next(at(102)).refresh;
  EXPECT_EQ(refresh->key, "first");
  EXPECT_EQ(refresh->cause, Cause::kStaleness);
  EXPECT_THAT(refresh_all(s, 102), ElementsAre("second", "wrong"));
}

TEST(Cold, KeysWithoutARowGoFirstIfAsked) {
  SchedulerConfig config = unlimited("regret");
  config.cold_first = true;
  Scheduler s = make(config);
  ASSERT_TRUE(s.input("warm", at(0), version(1), at(0)).ok());
  refresh_all(s, 0);
  ASSERT_TRUE(s.input("warm", at(1), version(2), at(1)).ok());
  ASSERT_TRUE(s.feedback("warm", {900, std::nullopt}, at(1)).ok());
  ASSERT_TRUE(s.input("new", at(2), version(3), at(2)).ok());
  const auto refresh = s.next(at(2)).refresh;
  EXPECT_EQ(refresh->key, "new");
  EXPECT_EQ(refresh->cause, Cause::kCold);
}

TEST(UnderWay, AKeyIsRefreshedOnceAtATimeAndWhatCameMeanwhileWaitsOn) {
  Scheduler s = make(unlimited("regret"));
  ASSERT_TRUE(s.input("k", at(0), version(1), at(0)).ok());
  const auto refresh = s.next(at(0)).refresh;
  ASSERT_TRUE(s.input("k", at(1), version(2), at(1)).ok());
  EXPECT_FALSE(s.next(at(1)).refresh.has_value());
  ASSERT_TRUE(s.finished("k", refresh->version, 0.1, at(2)).ok());
  EXPECT_EQ(s.explain("k", at(3)).pending, 1U);
  EXPECT_EQ(s.explain("k", at(3)).staleness, 2s);
  EXPECT_EQ(s.next(at(3)).refresh->version, version(2));
}

TEST(UnderWay, OneThatAlwaysFailsTakesNoMoreThanItsShare) {
  SchedulerConfig config = unlimited("round-robin");
  Scheduler s = make(config);
  for (const char* key : {"bad", "good"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
  int bad = 0;
  for (std::uint64_t i = 2; i < 102; ++i) {
    const auto refresh = s.next(at(1)).refresh;
    if (refresh->key == "bad") {
      ++bad;
      ASSERT_TRUE(s.failed("bad", refresh->version, at(1)).ok());
    } else {
      ASSERT_TRUE(s.finished("good", refresh->version, 0.1, at(1)).ok());
      ASSERT_TRUE(s.input("good", at(1), version(i), at(1)).ok());
    }
  }
  EXPECT_EQ(bad, 50);
  EXPECT_EQ(s.explain("bad", at(1)).pending, 1U);
  EXPECT_EQ(s.failed("bad", version(9), at(1)).error().code(), Code::kNotFound);
}

TEST(Results, RowsOfInputsThatWereNeverToldAreRefused) {
  Scheduler s = make({});
  ASSERT_TRUE(s.input("k", at(0), version(4), at(0)).ok());
  EXPECT_THAT(s.finished("k", version(5), 0.1, at(0)).error().message(), HasSubstr("newest that was told is 4"));
  EXPECT_EQ(s.finished("other", version(1), 0.1, at(0)).error().code(), Code::kNotFound);
  EXPECT_EQ(s.finished("k", version(4), -1, at(0)).error().code(), Code::kInvalidArgument);
}

TEST(Budget, OfCpuSecondsIsChargedWhatRefreshesCostOnceThatIsMeasured) {
  SchedulerConfig config;
  config.budget = {CostUnit::kCpuSeconds, 0.5, 1};
  config.cost_first = 0.25;
  Scheduler s = make(config);
  std::uint64_t v = 0;
  const auto input = [&](double now) { ASSERT_TRUE(s.input("k", at(now), version(++v), at(now)).ok()); };
  input(0);
  ASSERT_TRUE(s.next(at(0)).refresh.has_value());
  EXPECT_DOUBLE_EQ(s.gauges(at(0)).allowance, 0.75) << "what is expected is charged when it begins";
  ASSERT_TRUE(s.finished("k", version(1), 2, at(0)).ok());
  EXPECT_DOUBLE_EQ(s.gauges(at(0)).allowance, -1) << "and the rest when it is known";
  EXPECT_EQ(s.counters().cost, 2);
  input(1);
  const Next next = s.next(at(1));
  EXPECT_FALSE(next.refresh.has_value());
  EXPECT_EQ(*next.ask_again, at(4)) << "a refresh that costs 2 begins when the burst, 1, is there";
  EXPECT_TRUE(s.next(at(4)).refresh.has_value());
}

TEST(Results, ARowComputedOtherwiseTakesWhatWaitsOutOfTheQueue) {
  Scheduler s = make(unlimited("regret"));
  for (std::uint64_t v = 1; v <= 2; ++v) ASSERT_TRUE(s.input("k", at(0), version(v), at(0)).ok());
  ASSERT_TRUE(s.finished("k", version(2), 0.1, at(1)).ok());
  EXPECT_TRUE(s.drained());
  EXPECT_THAT(s.explain("k", at(1)).why, HasSubstr("not by order of the scheduler"));
  ASSERT_TRUE(s.input("k", at(2), version(3), at(2)).ok());
  const auto refresh = s.next(at(2)).refresh;
  ASSERT_TRUE(s.input("k", at(3), version(4), at(3)).ok());
  ASSERT_TRUE(s.finished("k", version(4), 0.1, at(3)).ok()) << "a newer row than the one under way";
  EXPECT_EQ(*s.finished("k", refresh->version, 0.1, at(4)), Accepted::kSuperseded);
  EXPECT_TRUE(s.drained());
}

TEST(UnderWay, AFailureAfterANewerRowLeavesNothingToDo) {
  for (const char* policy : {"regret", "fifo"}) {
    Scheduler s = make(unlimited(policy));
    ASSERT_TRUE(s.input("k", at(0), version(1), at(0)).ok());
    const auto refresh = s.next(at(0)).refresh;
    ASSERT_TRUE(s.input("k", at(1), version(2), at(1)).ok());
    ASSERT_TRUE(s.finished("k", version(2), 0.1, at(1)).ok());
    ASSERT_TRUE(s.failed("k", refresh->version, at(2)).ok());
    EXPECT_FALSE(s.next(at(2)).refresh.has_value()) << policy;
    EXPECT_TRUE(s.drained()) << policy;
  }
}

TEST(Explain, SaysWhyAKeyWasOrWasNotRefreshed) {
  SchedulerConfig config;
  config.budget = {CostUnit::kRefreshes, 0.5, 1};
  Scheduler s = make(config);
  EXPECT_EQ(s.explain("k", at(0)).why, "No input of this key was ever seen.");
  for (const char* key : {"k", "other"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
  ASSERT_TRUE(s.feedback("other", {4, std::nullopt}, at(0)).ok());
  EXPECT_EQ(s.next(at(10)).refresh->key, "other");
  EXPECT_EQ(s.explain("other", at(10)).why, "It is being refreshed.");
  const Explanation waiting = s.explain("k", at(10));
  EXPECT_EQ(waiting.rank, 0U);
  EXPECT_EQ(*waiting.expected_in, 2s);
  EXPECT_THAT(waiting.why, HasSubstr("1 input is not in its row; it waits since 10s, and 0 of 1 that wait go first; within the budget its "
                                     "turn comes in about 2s, if nothing changes. It never had a row."));
  ASSERT_TRUE(s.finished("other", version(1), 0.1, at(11)).ok());
  ASSERT_TRUE(s.feedback("other", {2.5, version(1)}, at(12)).ok());
  EXPECT_THAT(s.explain("other", at(20)).why, HasSubstr("all of its inputs are in its row"));
  EXPECT_THAT(s.explain("other", at(20)).why, HasSubstr("wrong by 2.5 in all"));
}

TEST(Forget, LeavesNothingBehind) {
  for (const std::string& policy : policy_names()) {
    Scheduler s = make(unlimited(policy));
    for (const char* key : {"a", "b"}) ASSERT_TRUE(s.input(key, at(0), version(1), at(0)).ok());
    ASSERT_TRUE(s.feedback("a", {3, std::nullopt}, at(0)).ok());
    s.forget("a", at(0));
    ASSERT_TRUE(s.input("c", at(1), version(1), at(1)).ok()) << "it takes the place of a";
    EXPECT_EQ(s.gauges(at(1)).regret, 0) << policy;
    EXPECT_EQ(refresh_all(s, 1).size(), 2U) << policy;
    EXPECT_EQ(s.gauges(at(1)).keys, 2U);
  }
}

TEST(Random, EveryKeyThatWaitsHasTheSameChance) {
  Scheduler s = make(unlimited("random"));
  std::map<std::string, int> chosen;
  std::uint64_t v = 0;
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(s.input(key, at(0), version(++v), at(0)).ok());
  for (int i = 0; i < 8000; ++i) {
    const auto refresh = s.next(at(i)).refresh;
    ++chosen[refresh->key];
    ASSERT_TRUE(s.finished(refresh->key, refresh->version, 0.01, at(i)).ok());
    ASSERT_TRUE(s.input(refresh->key, at(i), version(++v), at(i)).ok());
  }
  double chi_square = 0;
  for (const auto& [key, count] : chosen) chi_square += (count - 2000.0) * (count - 2000.0) / 2000;
  EXPECT_LT(chi_square, 16.3) << "one in a thousand of uniform draws is further off";
}

}  // namespace
}  // namespace isobar::features
