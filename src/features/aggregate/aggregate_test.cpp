#include "features/aggregate.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <map>
#include <set>

namespace isobar::features {
namespace {

using testing::HasSubstr;
using enum AggregateFunction;

const std::vector<Type>& types() {
  static const std::vector<Type> types{{Kind::kInt64}, {Kind::kFloat64}, {Kind::kString}};
  return types;
}
struct Sample {
  EventOrder order;
  std::vector<Value> arguments;
};
Sample sample(std::int64_t second, Value i, Value d = Value(), Value s = Value()) {
  return {{Instant::from_unix_seconds(second), Instant(), static_cast<std::uint64_t>(second)}, {std::move(i), std::move(d), std::move(s)}};
}
AggregateSet set_of(const AggregateSpec& spec) {
  auto set = AggregateSet::create({spec}, types());
  CHECK(set.ok(), set.error().message());
  return std::move(*set);
}
Value result_of(const AggregateSet& set, const std::vector<Sample>& samples, Instant at = Instant()) {
  AggregateSet::Block block(set);
  for (const Sample& each : samples) set.insert(block, each.order, each.arguments);
  return *set.result(block, 0, at);
}

/// All that the tests below run through merging, encoding and retracting.
std::vector<AggregateSpec> all_specs() {
  std::vector<AggregateSpec> specs{{.function = kCount}, {.function = kDecayedCount, .half_life = 1h}};
  for (const auto function : {kCount, kSum, kMean, kVariance, kStddev, kVariancePop, kStddevPop, kMin, kMax, kFirst, kLast, kDistinct})
    for (const std::size_t argument : {0u, 1u}) specs.push_back({.function = function, .argument = argument});
  for (const auto function : {kMin, kMax, kFirst, kLast, kDistinct, kTopK}) specs.push_back({.function = function, .argument = 2});
  specs.push_back({.function = kQuantiles, .argument = 1, .quantiles = {0, 0.5, 1}});
  specs.push_back({.function = kHistogram, .argument = 1, .bounds = {-1, 0, 10}});
  specs.push_back({.function = kDecayedSum, .argument = 1, .half_life = 10s});
  return specs;
}

rc::Gen<std::vector<Sample>> samples() {
  const auto one = rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 100), rc::gen::inRange<std::int64_t>(-1000, 1000),
                                               rc::gen::inRange(-1000, 1000), rc::gen::element("a", "b", "c", "")),
                                [](const auto& drawn) {
                                  const auto& [second, i, d, s] = drawn;
                                  return sample(second, i % 7 == 0 ? Value() : Value(i), d % 5 == 0 ? Value() : Value(d / 8.0),
                                                s[0] == 0 ? Value() : Value(s));
                                });
  return rc::gen::container<std::vector<Sample>>(one);
}

bool close(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}
bool close(const Value& a, const Value& b) {
  const auto *x = a.get_if<double>(), *y = b.get_if<double>();
  return x != nullptr && y != nullptr ? close(*x, *y) : a == b;
}

// chronon #807
RC_GTEST_PROP(Aggregate, MergingIsOnePassForEveryFunction, ()) {
  static const AggregateSet set = AggregateSet::create(all_specs(), types()).value();
  AggregateSet::Block one(set), merged(set);
  for (int part = 0; part < 3; ++part) {
    AggregateSet::Block block(set);
    for (const Sample& each : *samples()) {
      set.insert(one, each.order, each.arguments);
      set.insert(block, each.order, each.arguments);
    }
    set.merge(merged, block);
  }
  const Instant at = Instant::from_unix_seconds(120);
  for (std::size_t i = 0; i < set.size(); ++i) RC_ASSERT(close(*set.result(one, i, at), *set.result(merged, i, at)));
}

RC_GTEST_PROP(Aggregate, WhatIsStoredReadsBackAndAnythingElseIsRefused, ()) {
  static const AggregateSet set = AggregateSet::create(all_specs(), types()).value();
  AggregateSet::Block block(set);
  for (const Sample& each : *samples()) set.insert(block, each.order, each.arguments);
  std::string bytes, again;
  set.encode(block, bytes);
  ByteReader reader(bytes);
  const auto back = set.decode(reader);
  RC_ASSERT(back.ok());
  RC_ASSERT(reader.done());
  set.encode(*back, again);
  RC_ASSERT(bytes == again);
  ByteReader cut(std::string_view(bytes).substr(0, *rc::gen::inRange<std::size_t>(0, bytes.size())));
  RC_ASSERT(set.decode(cut).error().code() == Code::kDataLoss);
}

// chronon #527: an update is −1 and +1
RC_GTEST_PROP(Aggregate, RetractingLeavesWhatWasNeverInserted, ()) {
  std::vector<AggregateSpec> specs;
  for (const auto& spec : all_specs())
    if ((*Aggregate::create(spec, types()))->retracts()) specs.push_back(spec);
  const AggregateSet set = AggregateSet::create(specs, types()).value();
  RC_ASSERT(set.all_retract());
  AggregateSet::Block kept(set), all(set);
  const auto stay = *samples(), go = *samples();
  for (const Sample& each : stay) set.insert(kept, each.order, each.arguments);
  for (const auto* group : {&go, &stay})
    for (const Sample& each : *group) set.insert(all, each.order, each.arguments);
  for (const Sample& each : go) set.retract(all, each.order, each.arguments);
  for (std::size_t i = 0; i < set.size(); ++i) {
    const Instant at = Instant::from_unix_seconds(100);
    const Value x = *set.result(kept, i, at), y = *set.result(all, i, at);
    // What left leaves its rounding, some 1e-16 of the sums of squares (1e8) that it was part of; a deviation is the root of that, so its
    // square is what can be held to a bound: two equal values that stay may be 3e-5 apart for the root. A decayed sum's reference stays at
    // the newest that ever was.
    const auto *a = x.get_if<double>(), *b = y.get_if<double>();
    const auto near = [](double one, double other) { return std::abs(one - other) < 1e-5 || std::abs(one * one - other * other) < 1e-6; };
    RC_ASSERT(close(x, y) || (a != nullptr && b != nullptr && near(*a, *b)));
  }
}

// feast [src] tiling: what cannot be subtracted is not
TEST(Aggregate, MinimaEndsAndSketchesSayThatTheyDoNotRetract) {
  for (const auto function : {kMin, kMax, kFirst, kLast, kDistinct, kTopK})
    EXPECT_FALSE((*Aggregate::create({.function = function, .argument = 2}, types()))->retracts());
}

TEST(Aggregate, ASumOfIntegersNeverWrapsAndComesRightAgain) {
  const AggregateSet set = set_of({.function = kSum, .argument = 0});
  AggregateSet::Block block(set);
  const Sample most = sample(1, Value(std::int64_t{INT64_MAX}));
  for (int i = 0; i < 3; ++i) set.insert(block, most.order, most.arguments);
  EXPECT_THAT(set.result(block, 0, Instant()).error().message(), HasSubstr("beyond the range of int64"));
  set.retract(block, most.order, most.arguments);
  set.retract(block, most.order, most.arguments);
  EXPECT_EQ(*set.result(block, 0, Instant()), Value(std::int64_t{INT64_MAX}));
}

TEST(Aggregate, ASumOfFloatsKeepsWhatIsSmall) {
  const AggregateSet set = set_of({.function = kSum, .argument = 1});
  EXPECT_EQ(result_of(set, {sample(1, {}, Value(1e100)), sample(2, {}, Value(1.0)), sample(3, {}, Value(-1e100))}), Value(1.0));
  std::vector<Sample> tenths(10'000, sample(1, {}, Value(0.1)));
  EXPECT_EQ(result_of(set, tenths), Value(1000.0));
}

TEST(Aggregate, ANanThatIsRetractedIsGone) {
  for (const auto function : {kSum, kMean, kVariance, kDecayedSum}) {
    const AggregateSet set = set_of({.function = function, .argument = 1, .half_life = 1h});
    AggregateSet::Block block(set);
    const Sample nan = sample(1, {}, Value(std::nan(""))), inf = sample(2, {}, Value(INFINITY));
    const Sample one = sample(3, {}, Value(1.0)), three = sample(3, {}, Value(3.0));
    for (const auto* each : {&nan, &inf, &one, &three}) set.insert(block, each->order, each->arguments);
    EXPECT_TRUE(std::isnan(set.result(block, 0, Instant())->as<double>()));
    set.retract(block, nan.order, nan.arguments);
    set.retract(block, inf.order, inf.arguments);
    const double left = function == kVariance ? 2 : function == kMean ? 2 : 4;
    EXPECT_DOUBLE_EQ(set.result(block, 0, Instant::from_unix_seconds(3))->as<double>(), left);
  }
}

TEST(Aggregate, NullsAreLeftOutAndNothingIsNull) {
  const std::vector<Sample> nulls{sample(1, {}), sample(2, {})};
  EXPECT_EQ(result_of(set_of({.function = kCount}), nulls), Value(std::int64_t{2}));
  EXPECT_EQ(result_of(set_of({.function = kCount, .argument = 0}), nulls), Value(std::int64_t{0}));
  EXPECT_EQ(result_of(set_of({.function = kDistinct, .argument = 2}), nulls), Value(std::int64_t{0}));
  for (const auto function : {kSum, kMean, kVariance, kMin, kLast})
    EXPECT_TRUE(result_of(set_of({.function = function, .argument = 0}), nulls).is_null());
  EXPECT_TRUE(result_of(set_of({.function = kStddev, .argument = 0}), {sample(1, Value(std::int64_t{5}))}).is_null());
}

// feast #5163, #6656, SQLite and Redis stores: the event's time decides, then created, then the source's order
TEST(Aggregate, TheLastIsTheLastByTimeInAnyOrderOfArrival) {
  const AggregateSet last = set_of({.function = kLast, .argument = 0}), first = set_of({.function = kFirst, .argument = 0});
  const auto at = [](std::int64_t time, std::int64_t created, std::uint64_t sequence, std::int64_t value) {
    return Sample{{Instant::from_unix_seconds(time), Instant::from_unix_seconds(created), sequence}, {Value(value), Value(), Value()}};
  };
  std::vector<Sample> samples{at(1, 9, 9, 1), at(2, 1, 1, 2), at(2, 2, 1, 3), at(2, 2, 2, 4)};
  for (int i = 0; i < 24; ++i) {
    EXPECT_EQ(result_of(last, samples), Value(std::int64_t{4}));
    EXPECT_EQ(result_of(first, samples), Value(std::int64_t{1}));
    std::ranges::next_permutation(samples, {}, [](const Sample& each) { return each.order; });
  }
}

TEST(Aggregate, MinimaOfFloatsDoNotDependOnTheOrder) {
  const AggregateSet least = set_of({.function = kMin, .argument = 1}), most = set_of({.function = kMax, .argument = 1});
  const std::vector<Sample> forth{sample(1, {}, Value(0.0)), sample(2, {}, Value(-0.0)), sample(3, {}, Value(std::nan("")))};
  const std::vector<Sample> back(forth.rbegin(), forth.rend());
  EXPECT_EQ(result_of(least, forth), Value(-0.0));
  EXPECT_EQ(result_of(least, back), Value(-0.0));
  EXPECT_TRUE(std::isnan(result_of(most, back).as<double>()));
}

TEST(Aggregate, DistinctIsWithinItsError) {
  const AggregateSet set = set_of({.function = kDistinct, .argument = 0});
  AggregateSet::Block block(set);
  std::int64_t inserted = 0;
  for (const std::int64_t target : {1, 10, 100, 1'000, 20'000, 100'000}) {
    for (; inserted < target; ++inserted)
      for (int twice = 0; twice < 2; ++twice) set.insert(block, {}, sample(1, Value(inserted)).arguments);
    const auto estimate = static_cast<double>(set.result(block, 0, Instant())->as<std::int64_t>());
    EXPECT_NEAR(estimate, static_cast<double>(target), 0.05 * static_cast<double>(target)) << target;
  }
  EXPECT_LT(set.bytes(block), 6'000u);
}

RC_GTEST_PROP(Aggregate, QuantilesAreWithinTheirError, (const std::vector<std::int32_t>& numbers)) {
  static const std::vector<double> kQ{0, 0.1, 0.5, 0.99, 1};
  static const AggregateSet set = set_of({.function = kQuantiles, .argument = 1, .quantiles = kQ});
  std::vector<double> sorted;
  AggregateSet::Block block(set);
  for (const std::int32_t number : numbers) {
    sorted.push_back(std::ldexp(number, number % 40));
    set.insert(block, {}, sample(1, {}, Value(sorted.back())).arguments);
  }
  const Value result = *set.result(block, 0, Instant());
  RC_ASSERT(result.is_null() == numbers.empty());
  if (numbers.empty()) return;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < kQ.size(); ++i) {
    const double exact = sorted[static_cast<std::size_t>(std::floor(kQ[i] * static_cast<double>(sorted.size() - 1)))];
    RC_ASSERT(std::abs(std::get<std::vector<double>>(result.as<List>())[i] - exact) <= std::abs(exact) / 256);
  }
}

TEST(Aggregate, QuantilesOfAnythingStayBounded) {
  const AggregateSet set = set_of({.function = kQuantiles, .argument = 1, .quantiles = {0.5}});
  AggregateSet::Block block(set);
  for (int i = 0; i < 40'000; ++i)
    set.insert(block, {}, sample(1, {}, Value(std::ldexp(1 + i % 97 / 97.0, i % 2000 - 1000) * (i % 2 == 0 ? 1 : -1))).arguments);
  EXPECT_LT(set.bytes(block), 140'000u);
  for (const double odd : {HUGE_VAL, -HUGE_VAL, 0.0}) EXPECT_EQ(result_of(set, {sample(1, {}, Value(odd))}), Value(odd));
  EXPECT_TRUE(std::isnan(result_of(set, {sample(1, {}, Value(std::nan("")))}).as<double>()));
  EXPECT_NEAR(result_of(set, {sample(1, {}, Value(-1.7e308))}).as<double>(), -1.7e308, 1e306);
}

TEST(Aggregate, TheMostFrequentAreFoundAmongMany) {
  const AggregateSet set = set_of({.function = kTopK, .argument = 2, .k = 3});
  AggregateSet::Block block(set);
  for (int i = 0; i < 20'000; ++i) {
    const std::string value = i % 4 == 0 ? "often" : i % 4 == 1 ? (i % 8 == 1 ? "second" : "third") : fmt::format("rare{}", i);
    set.insert(block, {}, sample(1, {}, {}, Value(i % 40 == 5 ? "second" : value)).arguments);
  }
  EXPECT_EQ(*set.result(block, 0, Instant()), Value(List(std::vector<std::string>{"often", "second", "third"})));
}

TEST(Aggregate, ADecayedSumHalvesInItsHalfLife) {
  const AggregateSet set = set_of({.function = kDecayedSum, .argument = 1, .half_life = 10s});
  const std::vector<Sample> late_first{sample(20, {}, Value(8.0)), sample(10, {}, Value(8.0)), sample(0, {}, Value(8.0))};
  EXPECT_DOUBLE_EQ(result_of(set, late_first, Instant::from_unix_seconds(20)).as<double>(), 8 + 4 + 2);
  EXPECT_DOUBLE_EQ(result_of(set, late_first, Instant::from_unix_seconds(30)).as<double>(), 4 + 2 + 1);
}

TEST(Aggregate, HistogramsCountUpToAndWithTheirBounds) {
  const AggregateSet set = set_of({.function = kHistogram, .argument = 0, .bounds = {0, 10}});
  std::vector<Sample> samples;
  for (const std::int64_t i : {-5, 0, 1, 10, 11}) samples.push_back(sample(1, Value(i)));
  EXPECT_EQ(result_of(set, samples), Value(List(std::vector<std::int64_t>{2, 2, 1})));
  EXPECT_EQ(result_of(set, {}), Value(List(std::vector<std::int64_t>{0, 0, 0})));
}

TEST(Aggregate, RefusesWhatHasNoMeaning) {
  const auto error = [](const AggregateSpec& spec) { return AggregateSet::create({spec}, types()).error().message(); };
  EXPECT_THAT(error({.function = kSum, .argument = 2}), HasSubstr("aggregate 1: sum of string; it takes numbers"));
  EXPECT_THAT(error({.function = kSum}), HasSubstr("sum of which column?"));
  EXPECT_THAT(error({.function = kQuantiles, .argument = 1, .quantiles = {1.5}}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(error({.function = kHistogram, .argument = 1, .bounds = {1, 1}}), HasSubstr("do not ascend"));
  EXPECT_THAT(error({.function = kDecayedSum, .argument = 1}), HasSubstr("half-life"));
  EXPECT_THAT(error({.function = kDistinct, .argument = 1, .precision = 30}), HasSubstr("4 to 16"));
  EXPECT_THAT(parse_aggregate_function("maen").error().message(), HasSubstr("did you mean mean?"));
  EXPECT_EQ(*parse_aggregate_function("avg"), kMean);
}

}  // namespace
}  // namespace isobar::features
