#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "features/exact_window.h"
#include "features/keyed_windows.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;
using enum AggregateFunction;

Instant second(std::int64_t at) { return Instant::from_unix_seconds(at); }

// --- which tiles

TEST(WindowPlan, ChoosesHopsAsChrononDoes) {
  const auto plan = *WindowPlan::create({Window::sliding(1h), Window::sliding(24h), Window::sliding(168h)}, 0s);
  ASSERT_EQ(plan.levels.size(), 3u);
  EXPECT_EQ(Duration(plan.levels[0].hop), 5min);
  EXPECT_EQ(Duration(plan.levels[1].hop), 1h);
  EXPECT_EQ(Duration(plan.levels[2].hop), 24h);
  EXPECT_EQ(plan.windows[2].level, 1u);
  EXPECT_GE(Duration(plan.levels[0].retain), 1h + 5min);
}

TEST(WindowPlan, NeverHasMoreThanThreeLevels) {
  const auto plan = *WindowPlan::create(
      {Window::sliding(20s), Window::sliding(2min), Window::sliding(20min), Window::sliding(1h), Window::sliding(24h * 30)}, 1h);
  EXPECT_EQ(plan.levels.size(), 3u);
  for (const auto& [window, level] : plan.windows) EXPECT_LE(Duration(plan.levels[level].hop), window.size / 12);
}

TEST(WindowPlan, RefusesWithTheMend) {
  const auto error = [](std::vector<Window> windows) { return WindowPlan::create(windows, 0s).error().message(); };
  EXPECT_THAT(error({}), HasSubstr("name at least one"));
  EXPECT_THAT(error({Window::sliding(0s)}), HasSubstr("window 1: its size"));
  EXPECT_THAT(error({Window::hopping(1h, 2h)}), HasSubstr("events would fall between"));
  EXPECT_THAT(error({Window::sliding(3s)}), HasSubstr("ask for an exact one"));
  EXPECT_THAT(error({Window::tumbling(Duration(90'000'001)), Window::tumbling(1h)}), HasSubstr("share no tiles"));
}

TEST(Window, CoversWhatItSays) {
  EXPECT_EQ(span_of(Window::sliding(10s), second(25)), (Span{second(15), second(25)}));
  EXPECT_EQ(span_of(Window::tumbling(10s), second(25)), (Span{second(10), second(20)}));
  EXPECT_EQ(span_of(Window::tumbling(10s), second(20)), (Span{second(10), second(20)}));
  EXPECT_EQ(span_of(Window::hopping(30s, 10s), second(-1)), (Span{second(-40), second(-10)}));
  EXPECT_EQ(span_of(Window::sliding(10s), Instant::from_unix_nanos(INT64_MIN)).after, Instant::from_unix_nanos(INT64_MIN));
}

// A leap day is a day like any other; a tumbling day is that of UTC, and has no hour twice.
TEST(Window, ATumblingDayIsOneOfUtcAlsoInFebruary) {
  const Instant noon = second(1'709'208'000);  // 2024-02-29T12:00:00Z
  EXPECT_EQ(span_of(Window::tumbling(24h), noon), (Span{second(1'709'078'400), second(1'709'164'800)}));
}

// --- against the obvious

const std::vector<AggregateSpec>& specs(bool retracting) {
  static const std::vector<AggregateSpec> invertible{{.function = kCount},
                                                     {.function = kSum, .argument = 0},
                                                     {.function = kMean, .argument = 1},
                                                     {.function = kVariance, .argument = 1},
                                                     {.function = kQuantiles, .argument = 0, .quantiles = {0.5}},
                                                     {.function = kHistogram, .argument = 0, .bounds = {0, 50}}};
  static const std::vector<AggregateSpec> all = [] {
    std::vector<AggregateSpec> more = invertible;
    more.push_back({.function = kMin, .argument = 0});
    more.push_back({.function = kMax, .argument = 1});
    more.push_back({.function = kFirst, .argument = 0});
    more.push_back({.function = kLast, .argument = 0});
    more.push_back({.function = kDistinct, .argument = 0});
    more.push_back({.function = kTopK, .argument = 0, .k = 2});
    return more;
  }();
  return retracting ? invertible : all;
}
const std::vector<Type>& argument_types() {
  static const std::vector<Type> types{{Kind::kInt64}, {Kind::kFloat64}};
  return types;
}
const std::vector<Window>& windows() {
  static const std::vector<Window> windows{Window::sliding(1min),      Window::sliding(20min),     Window::tumbling(30s),
                                           Window::hopping(1min, 20s), Window::hopping(2h, 10min), Window::unbounded(),
                                           Window::exactly(7s),        Window::exactly(5min)};
  return windows;
}

Event event_at(Instant time, std::uint64_t sequence) {
  const auto value = static_cast<std::int64_t>(sequence * 7919 % 101);
  return {{time, Instant(), sequence}, {sequence % 11 == 0 ? Value() : Value(value), Value(static_cast<double>(value) / 8)}};
}

/// All events in a list, and every window computed from them anew.
struct Slow {
  std::map<EventOrder, std::vector<Value>> events;
  std::vector<Value> read(const AggregateSet& set, const WindowPlan& plan, Instant at) const {
    std::vector<Value> values;
    for (const auto& [window, level] : plan.windows) {
      Span span = span_of(window, at);
      if (!window.exact && window.kind == WindowKind::kSliding)
        span.after = Instant::from_unix_nanos(floor_to(span.after.unix_nanos(), plan.levels[level].hop));
      AggregateSet::Block block(set);
      for (const auto& [order, arguments] : events)
        if ((order.time > span.after || window.kind == WindowKind::kUnbounded) && order.time <= span.until)
          set.insert(block, order, arguments);
      for (std::size_t i = 0; i < set.size(); ++i) values.push_back(*set.result(block, i, at));
    }
    return values;
  }
};

bool nearly(const Value& a, const Value& b) {
  const auto *x = a.get_if<double>(), *y = b.get_if<double>();
  if (x == nullptr || y == nullptr) return a == b;
  return std::abs(*x - *y) <= 1e-9 * std::max({1.0, std::abs(*x), std::abs(*y)});
}

std::unique_ptr<KeyedWindows> made(const std::vector<AggregateSpec>& aggregates, std::vector<Type> arguments,
                                   const std::vector<Window>& over, KeyedWindows::Options options) {
  auto windows = KeyedWindows::create(aggregates, std::move(arguments), over, options);
  CHECK(windows.ok(), windows.error().message());
  return std::move(*windows);
}

/// Draws a life of one key: a clock that goes on, events around it and late, some taken out again, reads in the recent past.
class Life {
 public:
  Life(bool retracting, std::size_t head_events)
      : fast_(made(specs(retracting), argument_types(), windows(), {.lateness = kLateness, .head_events = head_events})) {}

  void step() {
    switch (*rc::gen::inRange(0, 10)) {
      case 0: now_ += *rc::gen::inRange<std::int64_t>(0, 900) * kSecond; break;
      case 1: fast_->advance(Instant::from_unix_nanos(now_)); break;
      case 2: fast_->expire(); break;
      case 3: retract(); break;
      case 4: read(); break;
      default: insert();
    }
  }
  void read() {
    const Instant least = fast_->watermark() == Instant::from_unix_nanos(INT64_MIN) ? Instant::from_unix_nanos(now_) : fast_->watermark();
    const Instant at = least - kLateness + Duration(*rc::gen::inRange<std::int64_t>(0, 120) * kSecond);
    const Reading reading = fast_->read("k", at);
    const auto exact = slow_.read(fast_->aggregates(), fast_->plan(), at);
    const std::size_t each = fast_->aggregates().size();
    for (std::size_t w = 0; w < windows().size(); ++w) {
      RC_ASSERT(!reading.windows[w].incomplete);
      ++read_;
      if (reading.windows[w].end_rounded) continue;
      for (std::size_t i = w * each; i < (w + 1) * each; ++i) RC_ASSERT(nearly(reading.values[i], exact[i]));
      ++compared_;
    }
  }
  /// A rounded end is for a head that is too short, or none; with a long one there is none.
  double share_compared() const { return read_ == 0 ? 1 : static_cast<double>(compared_) / static_cast<double>(read_); }

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;
  static constexpr Duration kLateness = 1min;

  void insert() {
    const std::int64_t back =
        *rc::gen::weightedOneOf<std::int64_t>({{5, rc::gen::inRange<std::int64_t>(0, 10)}, {2, rc::gen::inRange<std::int64_t>(0, 9000)}});
    Event event = event_at(Instant::from_unix_nanos(now_ - back * kSecond - *rc::gen::inRange<std::int64_t>(0, 3)), ++sequence_);
    RC_ASSERT(fast_->insert("k", event.order, event.arguments) == Placed::kMerged);  // there is an unbounded window
    slow_.events.emplace(event.order, event.arguments);
  }
  void retract() {
    if (slow_.events.empty()) return;
    auto gone = slow_.events.begin();
    std::advance(gone, *rc::gen::inRange<std::size_t>(0, slow_.events.size()));
    const auto [order, arguments] = *gone;
    slow_.events.erase(gone);
    const Retraction done = fast_->retract("k", order, arguments);
    if (done.what == Retraction::What::kRebuild) {
      std::vector<Event> left;
      for (const auto& [kept, values] : slow_.events) left.push_back({kept, values});
      fast_->rebuild("k", done.span, left);
    } else {
      RC_ASSERT(done.what == Retraction::What::kDone);
    }
  }

  std::unique_ptr<KeyedWindows> fast_;
  Slow slow_;
  std::int64_t now_ = 1'700'000'000 * kSecond;
  std::uint64_t sequence_ = 0;
  std::size_t read_ = 0, compared_ = 0;
};

void live(bool retracting, std::size_t head_events) {
  Life life(retracting, head_events);
  const int steps = *rc::gen::inRange(0, 120);
  for (int i = 0; i < steps; ++i) life.step();
  life.read();
  RC_ASSERT(life.share_compared() >= (head_events >= 200 ? 1 : 0.5));
}

RC_GTEST_PROP(KeyedWindows, AnyOrderWithRetractionsIsAsFromScratch, ()) { live(true, *rc::gen::element<std::size_t>(0, 1, 8, 200)); }
RC_GTEST_PROP(KeyedWindows, WhatCannotBeRetractedIsRebuilt, ()) { live(false, *rc::gen::element<std::size_t>(0, 1, 8, 200)); }

// --- one by one

std::unique_ptr<KeyedWindows> counting(std::vector<Window> windows, KeyedWindows::Options options = {}) {
  return made({{.function = kCount}, {.function = kMax, .argument = 0}}, argument_types(), windows, options);
}
std::int64_t count(const Reading& reading, std::size_t window = 0) { return reading.values[window * 2].as<std::int64_t>(); }

TEST(KeyedWindows, AnEventAtTheEdgeIsInExactlyOneTumblingWindow) {
  const auto windows = counting({Window::tumbling(10s), Window::exactly(10s)});
  const Event edge = event_at(second(1000), 1);
  windows->insert("k", edge.order, edge.arguments);
  EXPECT_EQ(count(windows->read("k", second(1000))), 1);
  EXPECT_EQ(count(windows->read("k", second(1009))), 1);
  EXPECT_EQ(count(windows->read("k", second(1010))), 0);
  EXPECT_EQ(count(windows->read("k", second(1000) - 1ns), 1), 0);
  EXPECT_EQ(count(windows->read("k", second(1000)), 1), 1);
  EXPECT_EQ(count(windows->read("k", second(1010) - 1ns), 1), 1);
  EXPECT_EQ(count(windows->read("k", second(1010)), 1), 0);
}

// chronon #1032
TEST(KeyedWindows, ReadsChangeNothing) {
  const auto windows = counting({Window::sliding(1h), Window::unbounded(), Window::exactly(1h)});
  for (std::uint64_t i = 0; i < 100; ++i)
    windows->insert("k", event_at(second(static_cast<std::int64_t>(i) * 10), i).order, event_at(second(0), i).arguments);
  const auto before = *windows->encode("k");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(count(windows->read("k", second(1000))), 100);
  EXPECT_TRUE(*windows->encode("k") == before);
}

// risingwave #23270, feast #4133
TEST(KeyedWindows, LateEventsAreMergedWhileRetainedAndCountedAfter) {
  const auto windows = counting({Window::sliding(1h)}, {.lateness = 1h});
  const auto insert = [&](std::int64_t at, std::uint64_t sequence) {
    const Event event = event_at(second(at), sequence);
    return windows->insert("k", event.order, event.arguments);
  };
  EXPECT_EQ(insert(100'000, 1), Placed::kMerged);
  windows->advance(second(100'000));
  EXPECT_EQ(insert(100'000 - 3'000, 2), Placed::kMerged);
  EXPECT_EQ(count(windows->read("k", second(100'000))), 2);
  EXPECT_EQ(insert(100'000 - 90'000, 3), Placed::kLate);
  EXPECT_EQ(windows->counts().late, 1u);
  EXPECT_EQ(windows->counts().merged, 2u);
}

// risingwave #22672
TEST(KeyedWindows, OneKeysClockClosesNoOthersWindow) {
  const auto windows = counting({Window::sliding(1h)});
  const Event future = event_at(second(10'000'000), 1), now = event_at(second(1'000), 2);
  windows->insert("ahead", future.order, future.arguments);
  EXPECT_EQ(windows->insert("k", now.order, now.arguments), Placed::kMerged);
  EXPECT_EQ(windows->insert("ahead", now.order, now.arguments), Placed::kMerged);
  EXPECT_EQ(count(windows->read("ahead", second(1'000))), 1);
}

// chronon #870
TEST(KeyedWindows, AReadBeyondWhatIsRetainedSaysSo) {
  const auto windows = counting({Window::sliding(1h), Window::exactly(1h)});
  const Event event = event_at(second(100'000), 1);
  windows->insert("k", event.order, event.arguments);
  windows->advance(second(100'000));
  EXPECT_FALSE(windows->read("k", second(100'000)).windows[0].incomplete);
  EXPECT_TRUE(windows->read("k", second(90'000)).windows[0].incomplete);
  EXPECT_TRUE(windows->read("k", second(90'000)).windows[1].incomplete);
}

TEST(KeyedWindows, AReadInTheMiddleOfAnOpenTileFindsWhatWasThereOrSaysThatItDoesNot) {
  for (const std::size_t head : {0u, 8u}) {
    const auto windows = counting({Window::sliding(1h)}, {.head_events = head});
    for (std::uint64_t i = 1; i <= 4; ++i)
      windows->insert("k", event_at(second(static_cast<std::int64_t>(i) * 10), i).order, event_at(second(0), i).arguments);
    const Reading reading = windows->read("k", second(25));
    EXPECT_EQ(reading.windows[0].end_rounded, head == 0);
    EXPECT_EQ(count(reading), head == 0 ? 4 : 2);
  }
}

// feast [src] tiling: a windowed maximum is not that of all time, and a gap between events subtracts nothing
TEST(KeyedWindows, AMaximumLeavesWithItsWindowAlsoAcrossGaps) {
  const auto windows = counting({Window::sliding(1h), Window::exactly(1h)});
  const std::vector<Value> high{Value(std::int64_t{99}), Value()}, low{Value(std::int64_t{1}), Value()};
  windows->insert("k", {second(0), Instant(), 1}, high);
  windows->insert("k", {second(20'000), Instant(), 2}, low);
  for (const std::size_t window : {0u, 1u}) EXPECT_EQ(windows->read("k", second(20'001)).values[window * 2 + 1], Value(std::int64_t{1}));
  EXPECT_TRUE(windows->read("k", second(10'000)).values[1].is_null());
}

TEST(KeyedWindows, ExpiringLetsGoOfKeysAndMemory) {
  const auto windows = counting({Window::sliding(1h), Window::exactly(10s)});
  for (int i = 0; i < 1000; ++i) windows->insert(fmt::format("key{}", i), event_at(second(i), 1).order, event_at(second(0), 1).arguments);
  EXPECT_EQ(windows->keys(), 1000u);
  windows->advance(second(100'000));
  windows->expire();
  EXPECT_EQ(windows->keys(), 0u);
  EXPECT_FALSE(windows->read("key1", second(100'000)).found);
  EXPECT_EQ(count(windows->read("key1", second(100'000))), 0);
}

TEST(KeyedWindows, RetractingWhatNeverWasIsCounted) {
  const auto windows = made({{.function = kCount}}, argument_types(), {Window::sliding(1h)}, {});
  const Event event = event_at(second(1000), 1);
  EXPECT_EQ(windows->retract("k", event.order, event.arguments).what, Retraction::What::kUnknown);
  windows->insert("k", event.order, event.arguments);
  EXPECT_EQ(windows->retract("k", event_at(second(9'000), 2).order, event.arguments).what, Retraction::What::kUnknown);
  EXPECT_EQ(windows->counts().retracted_unknown, 2u);
}

RC_GTEST_PROP(KeyedWindows, AStoredStateReadsBackAndACutOneIsRefused, ()) {
  const auto make = [] { return made(specs(false), argument_types(), windows(), {.lateness = 1h}); };
  const auto windows = make(), restored = make();
  const auto events = *rc::gen::inRange<std::uint64_t>(1, 60);
  for (std::uint64_t i = 1; i <= events; ++i) {
    const Event event = event_at(second(1'700'000'000 + *rc::gen::inRange<std::int64_t>(0, 4000)), i);
    windows->insert("k", event.order, event.arguments);
  }
  const std::string bytes = *windows->encode("k");
  RC_ASSERT(restored->decode("k", bytes).ok());
  RC_ASSERT(*restored->encode("k") == bytes);
  // The tree of exact windows may have another shape, and the means of floats other last digits.
  const auto before = windows->read("k", second(1'700'003'000)).values, after = restored->read("k", second(1'700'003'000)).values;
  for (std::size_t i = 0; i < before.size(); ++i) RC_ASSERT(nearly(before[i], after[i]));
  const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size());
  RC_ASSERT(restored->decode("k", bytes.substr(0, cut)).error().code() == Code::kDataLoss);
}

// --- the tree by itself

RC_GTEST_PROP(ExactWindow, IsATreeAndHasTheAggregateOfEverySpan, ()) {
  static const AggregateSet set =
      AggregateSet::create(
          {{.function = kCount}, {.function = kSum, .argument = 0}, {.function = kMax, .argument = 0}, {.function = kLast, .argument = 0}},
          argument_types())
          .value();
  ExactWindow tree(set);
  std::map<EventOrder, std::vector<Value>> slow;
  const int steps = *rc::gen::inRange(0, 400);
  std::uint64_t sequence = 0;
  const int keep = *rc::gen::inRange(3, 9);  // of ten steps, how many insert
  for (int i = 0; i < steps; ++i) {
    const int what = *rc::gen::inRange(0, 10);
    const auto drawn = *rc::gen::inRange<std::int64_t>(0, 50 + 2 * i);
    if (what < keep) {
      const Event event = event_at(second(*rc::gen::arbitrary<bool>() ? 2 * i : drawn), ++sequence);
      tree.insert(event.order, event.arguments);
      slow.emplace(event.order, event.arguments);
    } else if (what == 9) {
      tree.evict(second(drawn / 4));
      std::erase_if(slow, [&](const auto& each) { return each.first.time <= second(drawn / 4); });
    } else if (!slow.empty()) {
      auto gone = slow.begin();
      std::advance(gone, static_cast<std::int64_t>(static_cast<std::size_t>(drawn) % slow.size()));
      RC_ASSERT(tree.erase(gone->first));
      RC_ASSERT(!tree.erase(gone->first));
      slow.erase(gone);
    }
    tree.check();
    RC_ASSERT(tree.size() == slow.size());
    const auto after = second(*rc::gen::inRange<std::int64_t>(-1, 2 * i + 50)),
               until = second(*rc::gen::inRange<std::int64_t>(-1, 2 * i + 50));
    for (const auto& [from, to] : {std::pair(after, until), std::pair(second(-10), second(100'000))}) {
      AggregateSet::Block fast(set), exact(set);
      tree.collect(from, to, fast);
      for (const auto& [order, arguments] : slow)
        if (order.time > from && order.time <= to) set.insert(exact, order, arguments);
      std::string a, b;
      set.encode(fast, a);
      set.encode(exact, b);
      RC_ASSERT(a == b);
    }
  }
}

}  // namespace
}  // namespace isobar::features
