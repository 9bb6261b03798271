// Features that programs of the user's make, in the running engine: beside all else, and never in its way.

#include <thread>

#include "engine_testing.h"

namespace isobar::features {

namespace {

constexpr std::string_view kTexts = R"(
project: texts
entities: {user: {keys: {user_id: int64}}}
sources: {texts: {kind: push, schema: {user_id: int64, words: string, at: timestamp}, timestamp: at}}
views:
  interest:
    source: texts
    entity: user
    features:
      words:
      counted: {featurizer: command, command: [PROGRAM], of: [words], window: 2, type: int64, batch: 4, timeout: 30s, schedule: {budget: unlimited}}
      trend: {featurizer: seasonal, of: user_id, window: 8, period: 4, step: 1s, schedule: {budget: unlimited}}
)";

/// Counts letters; says who it is; is as slow as the text "slow N" asks for; fails at "die".
constexpr std::string_view kCounts = R"(#!/usr/bin/python3
import json, os, sys, time
print("begun", file=sys.stderr, flush=True)
for line in sys.stdin:
    request = json.loads(line)
    values = []
    for events in request["inputs"]:
        newest = events[-1][0]
        if newest == "die": os._exit(3)
        if newest.startswith("slow"): time.sleep(float(newest.split()[1]))
        values.append({"error": "bad"} if newest == "bad" else sum(len(event[0]) for event in events))
    print(json.dumps({"batch": request["batch"], "values": values}), flush=True)
)";

class OutsideTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file(folder_ / "count.py", kCounts, Durability::kCache, 0755).ok()); }
  void open(bool allowed = true) {
    engine_.reset();
    EngineConfig config;
    if (allowed) config.programs.folders = {folder_.path()};
    config.programs.said = [this](std::string_view, std::string_view line) { begun_ += line == "begun" ? 1 : 0; };
    auto opened = Engine::open(folder_ / "store", config, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    engine_ = std::move(*opened);
  }
  Result<DefinitionPlan> apply(std::string_view more = "") {
    std::string text(kTexts);
    text.replace(text.find("PROGRAM"), 7, "count.py" + std::string(more));
    return engine_->apply(definition_of(text), "texts.yaml");
  }
  void say(std::int64_t user, std::string_view words) {
    clock_.pass(1ms);
    ASSERT_TRUE(engine_->push({.source = "texts", .rows = {{{Value(clock_.now()), Value(user), Value(words)}}}}).ok());
  }
  std::string counted(std::int64_t user) { return answered(*engine_, {.features = {"interest:counted"}}, {Value(user)}); }
  bool becomes(std::int64_t user, const std::string& answer) {
    for (int i = 0; i < 500; ++i) {
      if (counted(user) == answer) return true;
      std::this_thread::sleep_for(10ms);
    }
    ADD_FAILURE() << counted(user);
    return false;
  }

  TestFolder folder_;
  SystemClock clock_wall_;
  SetClock clock_;
  std::atomic<int> begun_{0};
  std::unique_ptr<Engine> engine_;
};

TEST_F(OutsideTest, RowsAreMadeOfTheNewestEventsAndOutliveTheProcess) {
  open();
  ASSERT_TRUE(apply().ok());
  for (std::int64_t user = 1; user <= 10; ++user) say(user, "four");
  for (std::int64_t user = 1; user <= 10; ++user) EXPECT_TRUE(becomes(user, "counted=4"));
  say(1, "sixsix");
  EXPECT_TRUE(becomes(1, "counted=10"));
  say(1, "two");
  EXPECT_TRUE(becomes(1, "counted=9"));
  EXPECT_EQ(begun_, 1);
  open();
  EXPECT_EQ(counted(1), "counted=9");
  say(1, "x");
  EXPECT_TRUE(becomes(1, "counted=4"));
}

TEST_F(OutsideTest, OneThatIsSlowHoldsUpNobodyAndItsEndWaitsForNothing) {
  open();
  ASSERT_TRUE(apply().ok());
  say(1, "fast");
  EXPECT_TRUE(becomes(1, "counted=4"));
  const auto began = std::chrono::steady_clock::now();
  say(2, "slow 20");
  for (int i = 0; i < 30; ++i) {
    clock_.pass(1s);
    say(3, "x");
  }
  EXPECT_EQ(counted(1), "counted=4");
  // What is made here goes on meanwhile.
  bool made = false;
  for (int i = 0; i < 500 && !made; ++i) {
    made = answered(*engine_, {.features = {"interest:trend"}}, {Value(std::int64_t{3})}) == "trend=[3.0]";
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(made) << answered(*engine_, {.features = {"interest:trend"}}, {Value(std::int64_t{3})});
  engine_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 15s);
}

TEST_F(OutsideTest, ARowOfOlderEventsNeverTakesTheTurnOfANewer) {
  open();
  ASSERT_TRUE(apply().ok());
  say(1, "slow 0.3");
  std::this_thread::sleep_for(100ms);  // it is under way
  say(1, "slow 0.1");
  EXPECT_TRUE(becomes(1, "counted=16"));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(counted(1), "counted=16");
}

TEST_F(OutsideTest, AKeyThatFailsFailsAloneAndOneThatEndsTheProgramIsTriedAgain) {
  open();
  ASSERT_TRUE(apply().ok());
  say(1, "four");
  EXPECT_TRUE(becomes(1, "counted=4"));
  say(1, "bad");
  say(2, "four");
  EXPECT_TRUE(becomes(2, "counted=4"));
  EXPECT_EQ(counted(1), "counted=4");  // the row that there was
  std::this_thread::sleep_for(300ms);
  EXPECT_LE(engine_->status().expensive[0].counters.refreshes_failed, 4u);  // it is not tried again and again
  say(2, "die");
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(counted(2), "counted=4");
  say(2, "x");
  say(2, "y");
  say(1, "zz");
  clock_.pass(2min);
  std::this_thread::sleep_for(1s);
  clock_.pass(2min);
  say(3, "w");  // somebody wakes it
  EXPECT_TRUE(becomes(2, "counted=2"));
  EXPECT_GE(begun_, 2);
}

TEST_F(OutsideTest, ADefinitionRunsNothingThatTheOperatorDoesNotAllow) {
  open(false);
  const auto refused = apply();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(refused.error().message(),
              testing::AllOf(testing::HasSubstr("interest:counted"), testing::HasSubstr("--allow-programs DIR")));
  EXPECT_EQ(engine_->project(), nullptr);
  open();
  ASSERT_TRUE(apply().ok());
  say(1, "four");
  EXPECT_TRUE(becomes(1, "counted=4"));
  open(false);  // what is there is served, and no more
  EXPECT_EQ(counted(1), "counted=4");
  say(1, "more");
  EXPECT_EQ(counted(1), "counted=4");
  EXPECT_EQ(begun_, 1);
}

TEST_F(OutsideTest, AnotherDefinitionLeavesAProgramRunningThatItHasToo) {
  open();
  ASSERT_TRUE(apply().ok());
  say(1, "four");
  EXPECT_TRUE(becomes(1, "counted=4"));
  std::string text(kTexts);
  text.replace(text.find("PROGRAM"), 7, "count.py");
  text.replace(text.find("      words:\n"), 13, "      words:\n      again: {on_demand: true, sql: words}\n");
  ASSERT_TRUE(engine_->apply(definition_of(text), "texts.yaml").ok());
  EXPECT_EQ(counted(1), "counted=4");
  say(1, "xx");
  EXPECT_TRUE(becomes(1, "counted=6"));
  EXPECT_EQ(begun_, 1);
}

}  // namespace

}  // namespace isobar::features
