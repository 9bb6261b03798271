// Workloads made of traces, and policies run over them: against a second simulation that is written out plainly, and at the bounds.

#include "features/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>

#include "base/random.h"
#include "features/curves.h"
#include "features/forecast.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

Instant at_hour(double hour) { return Instant::from_unix_nanos(1'700'000'000'000'000'000 + static_cast<std::int64_t>(hour * 3.6e12)); }

/// Series with a daily season; each changes its level now and then, some often.
Trace seasonal_trace(std::size_t keys, int hours, std::uint64_t seed) {
  Random random(seed);
  Trace trace;
  trace.in_files_by_key = true;
  std::vector<double> level(keys, 0);
  for (std::size_t key = 0; key < keys; ++key) trace.keys.push_back(fmt::format("k{}", key));
  for (int hour = 0; hour < hours; ++hour)
    for (std::uint32_t key = 0; key < keys; ++key) {
      if (random.chance(0.03 * key / static_cast<double>(keys))) level[key] += 10 * (random.uniform() - 0.5);
      trace.rows.push_back({key, 0, at_hour(hour), level[key] + std::sin(2 * M_PI * hour / 24) + 0.1 * random.uniform()});
    }
  return trace;
}

std::unique_ptr<Workload> workload_of(const Trace& trace, const SeriesOptions& options) {
  auto made = make_series_workload(trace, options);
  EXPECT_TRUE(made.ok()) << made.error().message();
  return std::move(made).value();
}
std::string why(const Trace& trace, const SeriesOptions& options) { return make_series_workload(trace, options).error().message(); }

TEST(SeriesWorkload, R1WithoutAnySettingEveryKeyHasRows) {
  const auto workload = workload_of(seasonal_trace(3, 60, 1), {});
  EXPECT_EQ(workload->keys().size(), 3U);
  EXPECT_EQ(workload->events().size(), 3U * 13U) << "a first row at the end of the window, then one for each hour";
}

TEST(SeriesWorkload, ValuesWithinAStepAreAveragedAndGapsHaveTheValueBeforeAndNoEvent) {
  Trace trace{{"a"}, {}, {}, true};
  for (const double hour : {0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 7.0, 8.0}) trace.rows.push_back({0, 0, at_hour(hour), hour});
  const auto workload = workload_of(trace, {.forecaster = "seasonal", .window = 4, .period = 2});
  std::vector<std::uint32_t> steps;
  for (const TraceEvent& event : workload->events()) steps.push_back(event.step);
  EXPECT_THAT(steps, testing::ElementsAre(3, 4, 7, 8));
  // Values 0.25 1 2 3 4 4 4 7 8: their mean step is 7.75 / 8. The row of step 3 says 1.125 for each second step, and 2 for those between.
  EXPECT_NEAR(workload->answer(2, 0).reported, (7 - 2) / (7.75 / 8), 1e-12);
  EXPECT_NEAR(workload->answer(1, 0).reported, (4 - 1.125) / (7.75 / 8), 1e-12);
}

TEST(SeriesWorkload, KeysAreTakenAsTheyAreInTimeOrAsIfAllHadBegunTogether) {
  Trace trace{{"early", "late"}, {}, {}, false};
  for (int hour = 0; hour < 20; ++hour) trace.rows.push_back({0, 0, at_hour(hour), hour * 1.0});
  for (int hour = 0; hour < 20; ++hour) trace.rows.push_back({1, 0, at_hour(100 + hour), hour * 1.0});
  SeriesOptions options{.forecaster = "seasonal", .window = 4, .period = 2};
  EXPECT_EQ(workload_of(trace, options)->events().back().step, 119U);
  options.align_starts = true;
  EXPECT_EQ(workload_of(trace, options)->events().back().step, 19U);
}

TEST(SeriesWorkload, ShortKeysAreLeftOutAndThatIsSaid) {
  Trace trace = seasonal_trace(2, 60, 1);
  std::erase_if(trace.rows, [](const TraceRow& row) { return row.key == 1 && row.time > at_hour(30); });
  const auto workload = workload_of(trace, {.length = std::chrono::hours(60)});
  EXPECT_EQ(workload->keys(), std::vector<std::string>{"k0"});
  EXPECT_THAT(workload->remarks().at(0), HasSubstr("1 of 2 keys are left out"));
  EXPECT_THAT(why(trace, {.length = std::chrono::hours(61)}), HasSubstr("no key has values over 2d 13h"));
  EXPECT_THAT(why(trace, {.length = std::chrono::hours(48)}), HasSubstr("48 steps, and the first 48 of them are history"));
  EXPECT_THAT(why(trace, {.window = 40}), HasSubstr("less than two periods of 24; give at least 48"));
  EXPECT_THAT(why(trace, {.step = 0s}), HasSubstr("a step takes no time"));
  EXPECT_THAT(why(trace, {.step = 1ns}), HasSubstr("more than a hundred million steps"));
  EXPECT_THAT(why(trace, {.forecaster = "lstm"}), HasSubstr("no featurizer 'lstm'"));
}

TEST(SeriesWorkload, ZipfAsksForAsManyAsThereAreButForSomeMuchMoreOften) {
  const auto workload = workload_of(seasonal_trace(20, 200, 1), {.queries = Queries::kZipf});
  std::vector<double> asked(20);
  double all = 0;
  for (const TraceEvent& event : workload->events()) asked[event.key] += event.queries, all += event.queries;
  EXPECT_EQ(all, 20 * 152);
  std::sort(asked.rbegin(), asked.rend());
  EXPECT_NEAR(asked[0] / all, 1 / 3.598, 0.03) << "the first of 20 by Zipf's law";
  EXPECT_NEAR(asked[9] / all, 0.1 / 3.598, 0.015);
}

/// The same simulation once more, with nothing shared but the rows: every key looked at for every refresh.
double slow_error(const Workload& workload, const std::string& policy, double budget) {
  struct Key {
    std::uint32_t row = Workload::kNoRow, newest = Workload::kNoRow, last_refresh = 0;
    int waits_since = -1;
    double regret = 0;
  };
  std::vector<Key> keys(workload.keys().size());
  double sum = 0, answers = 0, saved = std::max(1.0, budget);
  std::uint32_t refreshes = 0;
  const auto& events = workload.events();
  std::uint32_t last_step = events.front().step;
  for (std::uint32_t from = 0, to = 0; from < events.size(); from = to) {
    while (to < events.size() && events[to].step == events[from].step) ++to;
    saved = std::min(std::max(1.0, budget), saved + budget * (events[from].step - last_step));
    last_step = events[from].step;
    for (std::uint32_t e = from; e < to; ++e) {
      Key& key = keys[events[e].key];
      if (events[e].queries == 0) continue;
      const AnswerError error = workload.answer(e, key.row);
      sum += error.reported * events[e].queries, answers += events[e].queries, key.regret += error.told * events[e].queries;
    }
    for (std::uint32_t e = from; e < to; ++e) {
      Key& key = keys[events[e].key];
      key.newest = e;
      if (events[e].first_row) key.row = e, key.last_refresh = ++refreshes;
      else if (key.waits_since < 0) key.waits_since = static_cast<int>(events[e].step);
    }
    for (; saved >= 1 - 1e-9; saved -= 1) {
      Key* best = nullptr;
      for (Key& key : keys) {
        if (key.waits_since < 0) continue;
        const double score = policy == "regret-plain" ? key.regret : -static_cast<double>(key.last_refresh);
        const double best_score = best == nullptr ? 0 : policy == "regret-plain" ? best->regret : -static_cast<double>(best->last_refresh);
        if (best == nullptr || score > best_score || (score == best_score && key.waits_since < best->waits_since)) best = &key;
      }
      if (best == nullptr) break;
      *best = {best->newest, best->newest, ++refreshes, -1, 0};
    }
  }
  return sum / answers;
}

TEST(Simulate, IsWhatASecondSimulationWrittenOutPlainlySays) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto workload = workload_of(seasonal_trace(8, 150, seed), {.queries = seed == 3 ? Queries::kZipf : Queries::kUniform});
    const auto simulation = *simulate(*workload, {.policies = {"regret-plain", "round-robin"}, .budgets = {0.1, 0.3, 1, 2.5}});
    for (const Curve& curve : simulation.curves)
      for (const CurvePoint& point : curve.points)
        EXPECT_NEAR(point.error, slow_error(*workload, curve.policy, point.budget), 1e-9) << curve.policy << " " << point.budget;
  }
}

TEST(Simulate, WithAllTheBudgetRowsAreAlwaysFreshAndWithNoneTheyStay) {
  const auto workload = workload_of(seasonal_trace(5, 120, 4), {});
  const auto simulation = *simulate(*workload, {.policies = policy_names(), .budgets = {1e-6, 1000}});
  EXPECT_GT(simulation.never, simulation.always);
  for (const Curve& curve : simulation.curves) {
    // The first refresh is there from the start.
    EXPECT_EQ(curve.points[0].refreshes, curve.policy == "batch" ? 0U : 1U) << curve.policy;
    EXPECT_NEAR(curve.points[1].error, simulation.always, 1e-9) << curve.policy;
  }
}

TEST(Simulate, RegretGoesWhereSeriesChange) {
  const auto workload = workload_of(seasonal_trace(30, 300, 5), {});
  const auto simulation = *simulate(*workload, {.policies = {"regret", "round-robin", "fifo"}, .budgets = {0.5}});
  EXPECT_LT(simulation.curve("regret")->points[0].error, 0.8 * simulation.curve("round-robin")->points[0].error);
  EXPECT_LT(simulation.curve("round-robin")->points[0].error, simulation.curve("fifo")->points[0].error);
}

TEST(Simulate, IsTheSameForTheSameSeed) {
  const auto workload = workload_of(seasonal_trace(8, 100, 6), {});
  const SimulationOptions options{.policies = {"random"}, .budgets = {0.5}, .seed = 9};
  EXPECT_EQ(curves_csv(*simulate(*workload, options)), curves_csv(*simulate(*workload, options)));
}

TEST(Simulate, RefusesWhatCannotBe) {
  const auto workload = workload_of(seasonal_trace(2, 60, 1), {});
  const auto refused = [&](const SimulationOptions& options) { return simulate(*workload, options).error().message(); };
  EXPECT_THAT(refused({.policies = {}}), HasSubstr("no policy"));
  EXPECT_THAT(refused({.policies = {"regrett"}}), HasSubstr("did you mean 'regret'"));
  EXPECT_THAT(refused({.policies = {"fifo", "fifo"}}), HasSubstr("named twice"));
  EXPECT_THAT(refused({.budgets = {0}}), HasSubstr("budget of 0"));
  EXPECT_THAT(refused({.budgets = {}}), HasSubstr("no budget"));
}

/// Users who like some items and not others, by two hidden tastes.
Trace ratings_trace(std::size_t users, int ratings) {
  Random random(3);
  Trace trace;
  for (std::size_t user = 0; user < users; ++user) trace.keys.push_back(fmt::format("u{}", user));
  for (int item = 0; item < 40; ++item) trace.items.push_back(fmt::format("i{}", item));
  for (int i = 0; i < ratings; ++i) {
    const auto user = static_cast<std::uint32_t>(random.below(users)), item = static_cast<std::uint32_t>(random.below(40));
    const double taste = (user % 2 == 0 ? 1 : -1) * (item % 2 == 0 ? 1 : -1);
    trace.rows.push_back({user, item, at_hour(i / 60.0), 3 + taste + 0.5 * (item % 3) + 0.2 * random.uniform()});
  }
  return trace;
}

TEST(RatingsWorkload, AUsersVectorExplainsWhatTheUserLikes) {
  auto made = make_ratings_workload(ratings_trace(20, 4000), {.factors = 4, .ridge = 0.5});
  ASSERT_TRUE(made.ok()) << made.error().message();
  const auto simulation = *simulate(**made, {.policies = {"regret"}, .budgets = {100}});
  EXPECT_EQ(simulation.answers, 2000U);
  EXPECT_LT(simulation.always, 0.05) << "of ratings that are 1 away from the mean of their item, either way";
  EXPECT_NEAR(simulation.curves[0].points[0].error, simulation.always, 1e-9) << "one rating a minute, refreshed at once";
}

TEST(RatingsWorkload, NewUsersBeginWithoutARow) {
  Trace trace = ratings_trace(20, 4000);
  trace.keys.push_back("new");
  for (std::size_t i = 2000; i < trace.rows.size(); i += 4) trace.rows[i].key = 20;
  auto made = make_ratings_workload(trace, {.factors = 4, .ridge = 0.5});
  const auto& events = (*made)->events();
  std::uint32_t first = 0;
  while (events[first].key != 20) ++first;
  EXPECT_FALSE(events[first].first_row);
  EXPECT_GT((*made)->answer(first, Workload::kNoRow).reported, 0.2);
}

TEST(RatingsWorkload, RefusesWhatHasNoItems) {
  EXPECT_THAT(make_ratings_workload(seasonal_trace(2, 60, 1), {}).error().message(), HasSubstr("no column 'item'"));
  EXPECT_THAT(make_ratings_workload(ratings_trace(2, 3), {}).error().message(), HasSubstr("3 ratings are too few"));
  EXPECT_THAT(make_ratings_workload(ratings_trace(2, 30), {.factors = 0}).error().message(), HasSubstr("0 factors"));
  EXPECT_THAT(make_ratings_workload(ratings_trace(2, 30), {.ridge = -1}).error().message(), HasSubstr("ridge of -1"));
}

TEST(Curves, AreTablesCsvAndAPlot) {
  const auto workload = workload_of(seasonal_trace(4, 100, 1), {});
  const auto simulation = *simulate(*workload, {.policies = {"regret", "round-robin"}, .budgets = {0.25, 1}});
  const std::string text = render_simulation(*workload, simulation);
  EXPECT_THAT(text, HasSubstr("4 keys, 52 steps of 1h 0m, 208 answers."));
  EXPECT_THAT(text, HasSubstr("b=0.25"));
  EXPECT_THAT(text, HasSubstr("ERROR, OF round-robin'S"));
  EXPECT_THAT(text, testing::Not(HasSubstr("fifo")));
  EXPECT_THAT(curves_csv(simulation), testing::StartsWith("policy,budget,error,refreshes\nnever,,"));
  EXPECT_THAT(gnuplot_script(*workload, simulation, "svg", "a \"b\".svg"), HasSubstr("set output \"a \\\"b\\\".svg\""));
  EXPECT_EQ(excess_removed(2, 4, 1), 2.0 / 3);
  EXPECT_EQ(excess_removed(2, 1, 1), std::nullopt);
}

}  // namespace
}  // namespace isobar::features
