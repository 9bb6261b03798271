#include "drift.h"

#include <rapidcheck/gtest.h>

#include <cmath>

#include "base/random.h"
#include "engine_testing.h"

namespace isobar::features {

namespace {

FeatureDrift with_reference(Random& random, double mean) {
  FeatureDrift drift({Kind::kFloat64});
  for (std::size_t i = 0; i < FeatureDrift::kReference; ++i) drift.add(Value(mean + random.uniform()), FieldStatus::kPresent);
  return drift;
}

TEST(Drift, TheSameDistributionHasAlmostNoneAndAnotherMuch) {
  Random random(1);
  FeatureDrift drift = with_reference(random, 0);
  EXPECT_FALSE(drift.psi());
  for (int i = 0; i < 2000; ++i) drift.add(Value(random.uniform()), FieldStatus::kPresent);
  EXPECT_LT(*drift.psi(), 0.05);
  for (int i = 0; i < 2000; ++i) drift.add(Value(0.3 + random.uniform()), FieldStatus::kPresent);
  EXPECT_GT(*drift.psi(), 0.25);
  for (int i = 0; i < 2000; ++i) drift.add(Value(random.uniform()), FieldStatus::kPresent);
  EXPECT_LT(*drift.psi(), 0.05);  // only the last ones count
}

TEST(Drift, OfAConstantEitherSideIsSeen) {
  for (const double other : {4.0, 6.0}) {
    FeatureDrift drift({Kind::kInt64});
    for (std::size_t i = 0; i < FeatureDrift::kReference; ++i) drift.add(Value(std::int64_t{5}), FieldStatus::kPresent);
    for (int i = 0; i < 200; ++i) drift.add(Value(std::int64_t{5}), FieldStatus::kPresent);
    EXPECT_LT(*drift.psi(), 0.05);
    for (int i = 0; i < 200; ++i) drift.add(Value(static_cast<std::int64_t>(other)), FieldStatus::kPresent);
    EXPECT_GT(*drift.psi(), 0.25);
  }
}

TEST(Drift, NamesAreCountedByTheFrequentOnes) {
  Random random(2);
  FeatureDrift drift({Kind::kString});
  const auto some = [&](int names) { return Value("n" + std::to_string(random.below(static_cast<std::uint64_t>(names)))); };
  for (std::size_t i = 0; i < FeatureDrift::kReference; ++i) drift.add(some(5), FieldStatus::kPresent);
  for (int i = 0; i < 1000; ++i) drift.add(some(5), FieldStatus::kPresent);
  EXPECT_LT(*drift.psi(), 0.05);
  for (int i = 0; i < 2000; ++i) drift.add(some(10), FieldStatus::kPresent);
  EXPECT_GT(*drift.psi(), 0.25);
}

TEST(Drift, NullsAreSharesThenAndNow) {
  FeatureDrift drift({Kind::kFloat64, true});
  EXPECT_FALSE(drift.nulls_then());
  for (std::size_t i = 0; i < FeatureDrift::kReference; ++i)
    drift.add(Value(), i % 4 == 0 ? FieldStatus::kNullValue : FieldStatus::kPresent);
  EXPECT_FALSE(drift.nulls_now());
  for (int i = 0; i < 10; ++i) drift.add(Value(), FieldStatus::kNullValue);
  EXPECT_EQ(*drift.nulls_then(), 0.25);
  EXPECT_EQ(*drift.nulls_now(), 1);
  EXPECT_FALSE(drift.psi());  // of a list
}

/// Σ (p − q)·ln(p / q) over bins that are counted by going through all values.
double plainly(std::vector<double> then, const std::vector<double>& now) {
  std::ranges::sort(then);
  std::vector<double> edges{-HUGE_VAL};
  for (std::size_t i = 0; i < 10; ++i) edges.push_back(then[then.size() * i / 10]);
  edges.push_back(std::nextafter(then.back(), HUGE_VAL));
  edges.push_back(HUGE_VAL);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  const auto bins = edges.size() - 1;
  const auto share = [&](const std::vector<double>& values, std::size_t bin) {
    const auto there = std::ranges::count_if(values, [&](double x) { return x >= edges[bin] && x < edges[bin + 1]; });
    return (static_cast<double>(there) + 0.5) / (static_cast<double>(values.size()) + 0.5 * static_cast<double>(bins));
  };
  double sum = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) sum += (share(now, bin) - share(then, bin)) * std::log(share(now, bin) / share(then, bin));
  return sum;
}

RC_GTEST_PROP(Drift, IsWhatCountingAllValuesGives, ()) {
  const auto spread = *rc::gen::inRange(1, 100);
  Random random(*rc::gen::arbitrary<std::uint64_t>());
  FeatureDrift drift({Kind::kFloat64});
  std::vector<double> then, now;
  for (std::size_t i = 0; i < FeatureDrift::kReference; ++i) {
    then.push_back(static_cast<double>(random.below(static_cast<std::uint64_t>(spread))));
    drift.add(Value(then.back()), FieldStatus::kPresent);
  }
  const auto more = *rc::gen::inRange<std::size_t>(FeatureDrift::kLeast, 2 * FeatureDrift::kReference);
  for (std::size_t i = 0; i < more; ++i) {
    now.push_back(static_cast<double>(random.below(120)) - 10);
    drift.add(Value(now.back()), FieldStatus::kPresent);
  }
  if (now.size() > FeatureDrift::kReference) now.erase(now.begin(), now.end() - static_cast<std::ptrdiff_t>(FeatureDrift::kReference));
  RC_ASSERT(std::abs(*drift.psi() - plainly(then, now)) < 1e-9);
  // The reference as it is stored is the same one.
  std::string bytes;
  drift.encode_reference(bytes);
  FeatureDrift again({Kind::kFloat64});
  ByteReader reader(bytes);
  RC_ASSERT(again.decode_reference(reader).ok());
  for (const double value : now) again.add(Value(value), FieldStatus::kPresent);
  RC_ASSERT(*again.psi() == *drift.psi());
}

constexpr std::string_view kLoads = R"(
project: loads
entities: {machine: {keys: {machine: int64}}}
sources: {loads: {kind: push, schema: {machine: int64, load: float64, at: timestamp}, timestamp: at}}
views: {load: {source: loads, entity: machine, features: {load: , half: {sql: load / 2}}}}
)";

TEST(Drift, IsToldByTheEngineAndItsReferenceOutlivesTheProcess) {
  TestFolder folder;
  SetClock clock;
  std::unique_ptr<Engine> engine;
  Random random(3);
  const auto open = [&] {
    engine.reset();
    engine = Engine::open(folder / "store", {.drift_every = {.value = 1ms}}, clock).value();
    ASSERT_TRUE(engine->apply(definition_of(kLoads), "loads.yaml").ok());
  };
  const auto read = [&](int times, double more) {
    for (int i = 0; i < times; ++i) {
      clock.pass(1ms);
      const Value key(std::int64_t{1});
      if (i % 10 == 0) {
        const auto pushed = engine->push({.source = "loads", .rows = {{{Value(clock.now()), Value(more + random.uniform()), key}}}});
        ASSERT_TRUE(pushed.ok()) << pushed.error().message();
      }
      ASSERT_TRUE(engine->read("load", {&key, 1}).ok());
      ASSERT_TRUE(engine->read("load", {&key, 1}).ok());  // within the same millisecond: not looked at
    }
  };
  open();
  read(2000, 0);
  read(99, 0);
  EXPECT_FALSE(engine->status().drift[1].psi);
  open();
  read(500, 0);
  ASSERT_EQ(engine->status().drift.size(), 2u);
  EXPECT_EQ(engine->status().drift[1].feature, "load");
  ASSERT_TRUE(engine->status().drift[1].psi);
  EXPECT_LT(*engine->status().drift[1].psi, 0.5);
  read(1000, 5);
  EXPECT_GT(*engine->status().drift[1].psi, 1);
  ASSERT_TRUE(engine->restart_drift("load").ok());
  EXPECT_FALSE(engine->status().drift[1].psi);
  EXPECT_FALSE(engine->restart_drift("loads").ok());
}

}  // namespace

}  // namespace isobar::features
