#include "features/demo.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cmath>
#include <thread>

#include "features/testing.h"

namespace isobar::features {

namespace {

/// One key that is a wave of a day, and one that jumps; begun at different times.
Trace two_keys(int hours) {
  Trace trace;
  trace.keys = {"wave", "jumps"};
  for (int hour = 0; hour < hours; ++hour) {
    const Instant when = Instant::from_unix_seconds(3600 * hour);
    trace.rows.push_back(
        {.key = 0, .item = 0, .time = when + std::chrono::minutes(5), .value = 50 + 10 * std::sin(hour * 6.283185307 / 24)});
    trace.rows.push_back(
        {.key = 1, .item = 0, .time = when + std::chrono::hours(1000), .value = (hour / 9 % 2 == 0 ? 10.0 : 80.0) + hour % 3});
  }
  std::ranges::stable_sort(trace.rows, {}, &TraceRow::time);
  return trace;
}

class DemoTest : public ::testing::Test {
 protected:
  DemoTest() : engine_(Engine::open(folder_ / "store", {}, clock_).value()) {}
  TestFolder folder_;
  DemoClock clock_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(DemoTest, PlaysTheTraceThroughTheStore) {
  auto demo = Demo::create(two_keys(80), {.refreshes_per_hour = 0.5}, *engine_, clock_);
  ASSERT_TRUE(demo.ok()) << demo.error().message();
  const Status begun = (*demo)->begin();
  ASSERT_TRUE(begun.ok()) << begun.error().message();
  std::size_t steps = 0;
  while (true) {
    const auto more = (*demo)->step();
    ASSERT_TRUE(more.ok()) << more.error().message();
    if (!*more) break;
    ++steps;
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_EQ(steps, 80U - 48U);
  const auto state = boost::json::parse((*demo)->page("/demo/state")->body);
  EXPECT_EQ(state.at("hour").to_number<int>(), 80);
  for (const auto& policy : state.at("policies").as_array()) {
    EXPECT_EQ(policy.at("mean_error").as_array().size(), steps);
    const double error = policy.at("mean_error").as_array().back().to_number<double>();
    EXPECT_GT(error, 0);
    EXPECT_LT(error, 50);
    // Half a refresh an hour, and one that was saved up.
    EXPECT_NEAR(policy.at("refreshes").to_number<double>(), 0.5 * static_cast<double>(steps), 3);
  }
  // What the page shows is what anybody may ask the store for.
  const auto plan = engine_->plan({.features = {"by_regret:latest"}}).value();
  const Row row{Value("wave")};
  EXPECT_NEAR(engine_->answer(*plan, std::span(&row, 1)).value()[0].value.as<double>(), 50 + 10 * std::sin(79 * 6.283185307 / 24), 1e-9);
}

TEST_F(DemoTest, HasItsPages) {
  auto demo = Demo::create(two_keys(60), {}, *engine_, clock_).value();
  EXPECT_THAT(demo->page("/")->body, ::testing::HasSubstr("/demo/demo.js"));
  for (const char* path : {"/demo/demo.js", "/demo/demo.css", "/demo/uplot.js", "/demo/uplot.css", "/demo/state"})
    EXPECT_TRUE(demo->page(path).has_value()) << path;
  EXPECT_FALSE(demo->page("/elsewhere").has_value());
}

TEST_F(DemoTest, TheSampleThatIsShippedIsLongEnough) {
  const Trace trace = sample_trace();
  EXPECT_EQ(trace.keys.size(), 10U);
  auto demo = Demo::create(trace, {}, *engine_, clock_);
  ASSERT_TRUE(demo.ok()) << demo.error().message();
  EXPECT_GT((*demo)->hours(), 150U);
}

TEST_F(DemoTest, ATraceThatIsTooShortIsSaid) {
  EXPECT_EQ(Demo::create(two_keys(40), {}, *engine_, clock_).error().message(),
            "key 'wave' has 40 hours; a forecast is made from 48, and more are to be played");
  EXPECT_EQ(Demo::create(two_keys(60), {.refreshes_per_hour = 0}, *engine_, clock_).error().message(),
            "a budget of no refreshes is none; give more than 0");
}

}  // namespace

}  // namespace isobar::features
