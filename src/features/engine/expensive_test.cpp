// Expensive features in the running engine: made within their budgets, judged by what comes, and the same after the process ended.

#include <cmath>
#include <thread>

#include "engine_testing.h"

namespace isobar::features {

namespace {

constexpr std::string_view kMachines = R"(
project: machines
entities: {machine: {keys: {name: string}}}
sources:
  measured: {kind: push, schema: {at: timestamp, name: string, value: float64}, timestamp: at}
views:
  load:
    source: measured
    entity: machine
    features:
      latest: value
      forecast:
        featurizer: stl-arima
        of: value
        horizon: 3
        schedule: {policy: regret, budget: BUDGET, loss: absolute, max_staleness: 12h}
)";

std::string machines(std::string_view budget) {
  std::string text(kMachines);
  return text.replace(text.find("BUDGET"), 6, budget);
}

class ExpensiveTest : public ::testing::Test {
 protected:
  void open(std::string_view budget) {
    engine_.reset();
    auto opened = Engine::open(folder_ / "store", {}, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    engine_ = std::move(*opened);
    ASSERT_TRUE(engine_->apply(definition_of(machines(budget)), "machines.yaml").ok());
  }
  /// A day's wave, of one machine, for so many hours up to now.
  void push_hours(const char* name, int hours) {
    std::vector<SourceRow> rows;
    for (int hour = hours; hour > 0; --hour) {
      const Instant when = clock_.now() - std::chrono::hours(hour);
      const double of_day = static_cast<double>(when.unix_nanos() / 3'600'000'000'000 % 24);
      rows.push_back({{Value(when), Value(name), Value(50 + 10 * std::sin(of_day / 24 * 6.283185307))}});
    }
    ASSERT_TRUE(engine_->push({.source = "measured", .rows = std::move(rows)}).ok());
  }
  std::string forecast(const char* name) { return answered(*engine_, {.features = {"load:forecast"}}, {Value(name)}); }
  Explanation explain(const char* name) {
    const Value key(name);
    return engine_->explain("load", "", std::span(&key, 1)).value();
  }
  template <class Condition>
  bool comes_true(Condition condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  Counters counters() { return engine_->status().expensive.at(0).counters; }

  TestFolder folder_;
  SetClock clock_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ExpensiveTest, AForecastIsMadeWhenThereIsEnoughToMakeItOf) {
  open("unlimited");
  push_hours("young", 20);
  push_hours("old", 60);
  EXPECT_EQ(forecast("nobody"), "forecast=NOT_FOUND");
  EXPECT_TRUE(comes_true([&] { return forecast("old").starts_with("forecast=["); })) << forecast("old");
  EXPECT_EQ(forecast("young"), "forecast=NULL_VALUE");
  const std::string before = forecast("old");
  open("unlimited");
  EXPECT_EQ(forecast("old"), before) << "the row outlives the process";
}

TEST_F(ExpensiveTest, TheBudgetGoesToTheKeyWhoseAnswersAreWrong) {
  open("unlimited");
  push_hours("right", 60);
  push_hours("wrong", 60);
  ASSERT_TRUE(comes_true([&] { return forecast("right").size() > 20 && forecast("wrong").size() > 20; }));
  ASSERT_TRUE(comes_true(
      [&] { return explain("right").where == Explanation::Where::kUpToDate && explain("wrong").where == Explanation::Where::kUpToDate; }));
  open("1/h");  // and that one is spent on the key that is found first
  // Together, or the first to come would take what there is.
  const auto measure = [&](double right, double wrong) {
    std::vector<SourceRow> rows{{{Value(clock_.now()), Value("right"), Value(right)}},
                                {{Value(clock_.now()), Value("wrong"), Value(wrong)}}};
    ASSERT_TRUE(engine_->push({.source = "measured", .rows = std::move(rows)}).ok());
  };
  clock_.pass(1h);
  measure(50, 50);  // no hour of theirs ended by it that their rows lack
  const std::uint64_t begin = counters().refreshes;
  for (std::uint64_t hour = 1; hour <= 12; ++hour) {
    clock_.pass(1h);
    measure(50, hour % 2 == 0 ? 500 : -300);
    ASSERT_TRUE(comes_true([&] { return counters().refreshes == begin + hour; })) << counters().refreshes;
    std::this_thread::sleep_for(20ms);  // until nobody looks for more to do: or the next hour's budget is spent before its values come
  }
  // In the first hours nobody knows yet who is wrong.
  EXPECT_GT(explain("wrong").refreshes, explain("right").refreshes);
  const Value key("right");
  EXPECT_TRUE(engine_->feedback({.view = "load", .key = {key}, .error = 1e6}).ok());
  EXPECT_GT(explain("right").regret, 100);
  const Row row{Value("right")};
  const auto plan = engine_->plan({.features = {"load:latest", "load:forecast"}}).value();
  const auto answers = engine_->answer(*plan, std::span(&row, 1)).value();
  EXPECT_FALSE(answers[0].regret.has_value()) << "it is up to date";
  EXPECT_EQ(answers[1].regret, explain("right").regret);
  EXPECT_EQ(engine_->feedback({.view = "load", .key = {Value("nobody")}, .error = 1}).error().code(), Code::kNotFound);
}

TEST_F(ExpensiveTest, AnotherScheduleGoesOnWithTheRowsThatAreThere) {
  open("unlimited");
  push_hours("old", 60);
  ASSERT_TRUE(comes_true([&] { return forecast("old").size() > 20; }));
  const std::string before = forecast("old");
  ASSERT_TRUE(engine_->apply(definition_of(machines("600/h")), "machines.yaml").ok());
  EXPECT_EQ(forecast("old"), before);
  EXPECT_EQ(explain("old").where, Explanation::Where::kUpToDate) << explain("old").why;
}

}  // namespace

}  // namespace isobar::features
