#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "fuzz/aggregates.h"
#include "fuzz/champions.h"

namespace isobar::fuzz {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<Reducer> kReducers{Reducer::kMax, Reducer::kMin, Reducer::kUnion, Reducer::kIntersection, Reducer::kLog};

/// Two blocks, a domain of three keys for each reducer.
const TargetShape& shape() {
  static const TargetShape made = [] {
    TargetShape target{.blocks = 2, .slots = 1, .valid = true};
    for (const Reducer reducer : kReducers) {
      const bool downwards = reducer == Reducer::kMin || reducer == Reducer::kIntersection;
      target.domains.push_back({std::string(name_of(reducer)), target.slots, 3, reducer, downwards ? UINT64_MAX : 0});
      target.slots += 3;
    }
    return target;
  }();
  return made;
}
Feature of(Reducer reducer, std::uint32_t key, std::uint64_t value) {
  return {shape().domains[static_cast<std::size_t>(reducer)].first_slot + key, ISOBAR_FUZZ_WHAT_SLOT, value};
}
Feature block(std::uint32_t block, std::uint64_t bucket) { return {block, ISOBAR_FUZZ_PLANE_COVERAGE, bucket}; }
constexpr Goal goal_of(Reducer reducer) { return kFirstDomain + static_cast<Goal>(reducer); }

std::vector<Feature> any_features() {
  std::vector<Feature> features;
  const auto count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) {
    if (*rc::gen::inRange(0, 3) == 0) {
      features.push_back({*rc::gen::inRange(0U, 2U), *rc::gen::inRange(0U, 2U), std::uint64_t{1} << *rc::gen::inRange(0, 8)});
    } else {
      features.push_back(
          of(*rc::gen::elementOf(kReducers), *rc::gen::inRange(0U, 3U), *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(0, 64)));
    }
  }
  return features;
}

// FuzzFactory section 3.1: what makes progress monotone, and the order of a fleet's inputs irrelevant
RC_GTEST_PROP(Reducers, AreIdempotentAndTakeAnyOrder, (std::uint64_t a, std::uint64_t v, std::uint64_t w)) {
  for (const Reducer reducer : kReducers) {
    RC_ASSERT(reduce(reducer, reduce(reducer, a, v), v) == reduce(reducer, a, v));
    RC_ASSERT(reduce(reducer, reduce(reducer, a, v), w) == reduce(reducer, reduce(reducer, a, w), v));
    RC_ASSERT(join(reducer, a, v) == join(reducer, v, a));
    RC_ASSERT(join(reducer, a, a) == a);
    RC_ASSERT(join(reducer, join(reducer, a, v), w) == join(reducer, a, join(reducer, v, w)));
    // A join of aggregates is the aggregate of both sets of runs.
    RC_ASSERT(join(reducer, reduce(reducer, 0, v), reduce(reducer, 0, w)) == reduce(reducer, reduce(reducer, 0, v), w) ||
              reducer == Reducer::kMin || reducer == Reducer::kIntersection);
  }
}

// FuzzFactory#14
TEST(Aggregates, BeginAtTheDomainsInitialValues) {
  const Aggregates aggregates(shape());
  EXPECT_EQ(aggregates.value(goal_of(Reducer::kMin), 1), UINT64_MAX);
  EXPECT_EQ(aggregates.value(goal_of(Reducer::kIntersection), 1), UINT64_MAX);
  EXPECT_EQ(aggregates.value(goal_of(Reducer::kMax), 1), 0U);
}

TEST(Aggregates, SayWhichKeysAnInputMoved) {
  Aggregates aggregates(shape());
  const auto& changes = aggregates.add(std::vector{of(Reducer::kMax, 2, 7), of(Reducer::kMin, 0, 9), of(Reducer::kLog, 1, 0), block(1, 4)});
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].goal, goal_of(Reducer::kMax));
  EXPECT_EQ(changes[0].key, 2U);
  EXPECT_EQ(changes[1].before, UINT64_MAX);
  EXPECT_EQ(changes[1].after, 9U);
  EXPECT_EQ(changes[2].goal, kCoverage);
  EXPECT_THAT(aggregates.add(std::vector{of(Reducer::kMax, 2, 6), of(Reducer::kMin, 0, 10), block(1, 4)}), IsEmpty());
}

TEST(Aggregates, BelieveNothingOfKeysThatDoNotExist) {
  Aggregates aggregates(shape());
  const std::vector<Feature> lies{{2, ISOBAR_FUZZ_PLANE_COVERAGE, 1},
                                  {0, ISOBAR_FUZZ_PLANE_COVERAGE, 3},
                                  {0, ISOBAR_FUZZ_PLANE_COVERAGE, 256},
                                  {0, ISOBAR_FUZZ_PLANE_DIFF, 1},
                                  {0, 7, 1},
                                  {0, ISOBAR_FUZZ_WHAT_SLOT, 1},
                                  {16, ISOBAR_FUZZ_WHAT_SLOT, 1},
                                  {UINT32_MAX, ISOBAR_FUZZ_WHAT_SLOT, 1}};
  EXPECT_FALSE(aggregates.would_change(lies));
  EXPECT_THAT(aggregates.add(lies), IsEmpty());
}

RC_GTEST_PROP(Aggregates, MergedInAnyOrderAreThoseOfAllRuns, ()) {
  Aggregates all(shape()), one(shape()), other(shape());
  for (int run = 0; run < 6; ++run) {
    const auto features = any_features();
    const bool changes = all.would_change(features);
    RC_ASSERT(changes == !all.add(features).empty());
    (*rc::gen::arbitrary<bool>() ? one : other).add(features);
  }
  Aggregates ab(shape()), ba(shape());
  for (const auto* each : {&one, &other, &one}) RC_ASSERT(ab.merge(*each).ok());
  for (const auto* each : {&other, &one}) RC_ASSERT(ba.merge(*each).ok());
  RC_ASSERT(ab.encode() == all.encode());
  RC_ASSERT(ba.encode() == all.encode());
  RC_ASSERT(*ab.merge(all) == 0U);
}

RC_GTEST_PROP(Aggregates, AreReadBackAsTheyWere, ()) {
  Aggregates aggregates(shape());
  for (int run = 0; run < 3; ++run) aggregates.add(any_features());
  const std::string stored = aggregates.encode();
  const auto back = Aggregates::decode(shape(), stored);
  RC_ASSERT(back.ok());
  RC_ASSERT(back->encode() == stored);
  std::string damaged = stored;
  damaged[*rc::gen::inRange<std::size_t>(0, damaged.size())] ^= static_cast<char>(*rc::gen::inRange(1, 256));
  const auto read = Aggregates::decode(shape(), damaged);
  if (!read.ok()) RC_ASSERT(!read.error().message().empty());
}

TEST(Aggregates, OfAnotherTargetAreRefused) {
  TargetShape other = shape();
  other.blocks = 3;
  Aggregates aggregates(shape());
  EXPECT_EQ(aggregates.merge(Aggregates(other)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(Aggregates::decode(other, aggregates.encode()).error().code(), Code::kInvalidArgument);
}

void run(Aggregates& aggregates, Champions& champions, EntryId entry, InputCost cost, const std::vector<Feature>& features) {
  champions.claim(entry, cost, features, aggregates.add(features));
}

// FuzzFactory 1.4: there the last input that changed a key owns it for ever
TEST(Champions, ASmallerInputWithAnEqualValueTakesTheKey) {
  Aggregates aggregates(shape());
  Champions champions(shape());
  const std::vector<Feature> best{of(Reducer::kMax, 0, 5)};
  run(aggregates, champions, 0, {100, 10}, best);
  run(aggregates, champions, 1, {50, 500}, best);
  EXPECT_EQ(champions.holder(goal_of(Reducer::kMax), 0), 1U);
  EXPECT_EQ(champions.held(0, goal_of(Reducer::kMax)), 0U);
  run(aggregates, champions, 2, {5000, 500}, {of(Reducer::kMax, 0, 6)});
  EXPECT_THAT(champions.holders(goal_of(Reducer::kMax)), ElementsAre(2U));
}

TEST(Champions, OfSetsAreThoseWhoAdd) {
  Aggregates aggregates(shape());
  Champions champions(shape());
  run(aggregates, champions, 0, {10, 10}, {of(Reducer::kUnion, 0, 1)});
  run(aggregates, champions, 1, {1, 1}, {of(Reducer::kUnion, 0, 1)});
  EXPECT_EQ(champions.holder(goal_of(Reducer::kUnion), 0), 0U);
  run(aggregates, champions, 2, {99, 99}, {of(Reducer::kUnion, 0, 2)});
  EXPECT_EQ(champions.holder(goal_of(Reducer::kUnion), 0), 2U);
}

// FuzzFactory 1.4: with domains on, edges had no champions at all, and coverage starved
TEST(Champions, OfCoverageAreTheCheapestForEachClassOfCounts) {
  Aggregates aggregates(shape());
  Champions champions(shape());
  run(aggregates, champions, 0, {10, 10}, {block(0, 1), block(1, 1)});
  run(aggregates, champions, 1, {10, 9}, {block(0, 1), block(0, 2)});
  run(aggregates, champions, 2, {10, 11}, {block(0, 1), block(1, 1)});
  EXPECT_EQ(champions.held(0, kCoverage), 1U);
  EXPECT_EQ(champions.held(1, kCoverage), 2U);
  EXPECT_EQ(champions.held(2, kCoverage), 0U);
}

RC_GTEST_PROP(Champions, AreReadBackAsTheyWere, ()) {
  Aggregates aggregates(shape());
  Champions champions(shape());
  for (EntryId entry = 0; entry < 5; ++entry) run(aggregates, champions, entry, {*rc::gen::inRange(1U, 9U), 1}, any_features());
  const std::string stored = champions.encode();
  const auto back = Champions::decode(shape(), stored, 5);
  RC_ASSERT(back.ok());
  RC_ASSERT(back->encode() == stored);
  for (Goal goal = 0; goal < goals_of(shape()); ++goal) RC_ASSERT(back->holders(goal) == champions.holders(goal));
  std::string damaged = stored;
  damaged[*rc::gen::inRange<std::size_t>(0, damaged.size())] ^= static_cast<char>(*rc::gen::inRange(1, 256));
  const auto read = Champions::decode(shape(), damaged, 5);
  if (!read.ok()) RC_ASSERT(read.error().code() == Code::kDataLoss);
}

}  // namespace
}  // namespace isobar::fuzz
