#include "features/view_state.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "features/project.h"
#include "features/timestamp.h"

namespace isobar::features {

namespace {

Instant at(std::string_view text) { return *parse_timestamp(text); }

std::shared_ptr<const Project> project_of(std::string_view text) {
  auto definition = parse_definition(text, "test.yaml");
  CHECK(definition.ok(), definition.ok() ? "" : definition.error().message());
  auto project = Project::create(std::move(*definition));
  CHECK(project.ok(), project.ok() ? "" : project.error().message());
  return *project;
}

constexpr std::string_view kPayments = R"(
project: payments
entities: {user: {keys: {user_id: int64}}}
sources:
  payments:
    kind: push
    schema: {amount: int64, at: timestamp, user_id: int32}
    timestamp: at
    lateness: 10m
views:
  spending:
    source: payments
    entity: user
    where: amount <> 13
    ttl: 1h
    features:
      last: amount
      inverse: {sql: 100 / amount}
      total: sum(amount) over unbounded
      most: {function: max, of: amount, windows: 10m, exact: true}
      half_hours: {function: count, kind: tumbling, windows: 30m}
)";

// Columns are in the order of their names: amount, at, user_id.
Row payment(std::int32_t user, std::int64_t amount, Instant when) { return {Value(amount), Value(when), Value(user)}; }

class SpendingTest : public ::testing::Test {
 protected:
  const CompiledView& view() const { return project_->views()[0]; }
  std::unique_ptr<ViewState> state() const { return ViewState::create(view(), {}).value(); }
  std::string key(std::int64_t user) const {
    const Value value(user);
    return *view().key_bytes(std::span(&value, 1));
  }
  std::shared_ptr<const Project> project_ = project_of(kPayments);
};

TEST_F(SpendingTest, AnEventGivesWhatTheDefinitionSays) {
  const auto gives = view().contribution(payment(7, 50, at("2026-01-01")));
  ASSERT_TRUE(gives.ok());
  ASSERT_TRUE(gives->has_value());
  EXPECT_EQ((*gives)->key, key(7));  // int32 in the source, int64 in the entity
  EXPECT_EQ((*gives)->newest, (Row{Value(std::int64_t{2}), Value(std::int64_t{50})}));
  EXPECT_FALSE(view().contribution(payment(7, 13, at("2026-01-01")))->has_value());
}

TEST_F(SpendingTest, AnExpressionWithoutAResultIsNullAndTold) {
  const auto gives = view().contribution(payment(7, 0, at("2026-01-01")));
  ASSERT_TRUE(gives.ok() && gives->has_value());
  EXPECT_TRUE((*gives)->newest[0].is_null());
  EXPECT_EQ((*gives)->newest[1], Value(std::int64_t{0}));
  EXPECT_THAT((*gives)->problem, ::testing::HasSubstr("spending:inverse: division by zero"));
}

TEST_F(SpendingTest, AKeyIsNeverNull) {
  const auto gives = view().contribution({Value(std::int64_t{1}), Value(at("2026-01-01")), Value()});
  ASSERT_FALSE(gives.ok());
  EXPECT_EQ(gives.error().message(), "spending: the key 'user_id' is null");
}

/// An event as the slow version keeps it.
struct Kept {
  EventOrder order;
  std::int64_t amount;
  bool there = true;
};

/// The features by their definition: all events, one after another.
struct Slow {
  std::vector<Kept> events;

  std::string read(Instant now) const {
    const Kept* newest = nullptr;
    std::int64_t total = 0, most = INT64_MIN, half_hours = 0;
    const Instant half = Instant::from_unix_nanos(floor_to(now.unix_nanos(), Duration(30min).count()));
    for (const auto& event : events) {
      if (!event.there || event.order.time > now) continue;
      if (newest == nullptr || event.order > newest->order) newest = &event;
      total += event.amount;
      if (event.order.time > now - 10min) most = std::max(most, event.amount);
      if (event.order.time > half - 30min && event.order.time <= half) ++half_hours;
    }
    if (newest == nullptr) return "not found";
    if (now - newest->order.time > 1h) return "expired";
    return fmt::format("{} {} {} {}", half_hours, newest->amount, most == INT64_MIN ? "null" : fmt::format("{}", most), total);
  }
};

std::string read(const ViewState& state, std::string_view key, Instant now) {
  const ViewReading reading = state.read(key, now);
  if (reading.status == ViewReading::Status::kNotFound) return "not found";
  if (reading.status == ViewReading::Status::kExpired) return "expired";
  // half_hours, inverse, last, most, total
  return fmt::format("{} {} {} {}", describe(reading.values[0]), describe(reading.values[2]), describe(reading.values[3]),
                     describe(reading.values[4]));
}

RC_GTEST_FIXTURE_PROP(SpendingTest, IsWhatTheDefinitionSaysWhateverComesAndWhen, ()) {
  auto state = this->state();
  std::map<std::int64_t, Slow> slow;
  Instant now = at("2026-01-01T12:00:00Z");
  state->advance(now);
  const auto contribution = [&](std::int64_t user, const Kept& event) {
    return **view().contribution(payment(static_cast<std::int32_t>(user), event.amount, event.order.time));
  };
  const int steps = *rc::gen::inRange(1, 60);
  for (int step = 1; step <= steps; ++step) {
    const std::int64_t user = *rc::gen::inRange(0, 3);
    auto& events = slow[user].events;
    switch (*rc::gen::inRange(0, 6)) {
      case 0:  // time passes
        now = now + std::chrono::seconds(*rc::gen::inRange(0, 3000));
        state->advance(now);
        break;
      case 1: {  // one is taken out
        if (events.empty()) break;
        Kept& event = events[*rc::gen::inRange<std::size_t>(0, events.size())];
        // Of tiles that were let go of nothing can be taken.
        if (!event.there || event.order.time < now - 10min) break;
        const auto retracted = state->retract(event.order, contribution(user, event));
        event.there = false;
        if (!retracted.newest && !retracted.span) break;
        std::optional<ViewState::KeyEvent> newest;
        std::vector<ViewState::KeyEvent> left;
        for (const auto& other : events) {
          if (!other.there || other.order.time > now) continue;
          if (!newest || other.order > newest->order) newest = ViewState::KeyEvent{other.order, contribution(user, other)};
          if (retracted.span && other.order.time > retracted.span->after && other.order.time <= retracted.span->until)
            left.push_back({other.order, contribution(user, other)});
        }
        state->rebuild(key(user), newest, retracted.span, left);
        break;
      }
      case 2: {  // the process ends, and another goes on
        auto next = this->state();
        next->advance(now);
        state->each_key([&](std::string_view each) {
          const auto bytes = state->encode(each);
          RC_ASSERT(bytes.has_value());
          RC_ASSERT(next->decode(each, *bytes).ok());
          RC_ASSERT(next->encode(each) == bytes);
        });
        state = std::move(next);
        break;
      }
      default: {  // an event, late by up to the lateness, or of the future
        const Instant when = now + std::chrono::seconds(*rc::gen::inRange(-600, 300));
        const Kept event{{when, when + std::chrono::seconds(*rc::gen::inRange(0, 2)), static_cast<std::uint64_t>(step)},
                         *rc::gen::elementOf(std::vector<std::int64_t>{1, 2, 5, 100, -7})};
        events.push_back(event);
        RC_ASSERT(state->insert(event.order, contribution(user, event)) == Placed::kMerged);
      }
    }
    for (const auto& [each, kept] : slow) {
      RC_ASSERT(read(*state, key(each), now) == kept.read(now));
      // What is asked for alone is as it is among the others.
      const auto all = state->read(key(each), now);
      for (std::size_t i = 0; i < all.values.size(); ++i) {
        std::vector<bool> wanted(all.values.size());
        wanted[i] = true;
        const auto one = state->read(key(each), now, wanted);
        RC_ASSERT(one.status == all.status && one.values[i] == all.values[i] && one.statuses[i] == all.statuses[i]);
      }
    }
  }
}

constexpr std::string_view kLoad = R"(
project: load
entities: {machine: {keys: {name: string}}}
sources:
  measured: {kind: push, schema: {at: timestamp, name: string, value: float64}, timestamp: at}
views:
  load:
    source: measured
    entity: machine
    features:
      forecast: {featurizer: seasonal, of: value, step: 1h, window: 4, period: 2, horizon: 2, schedule: {loss: absolute}}
)";

class LoadTest : public ::testing::Test {
 protected:
  void push(double value, Instant when) {
    state_->advance(when);
    const auto gives = project_->views()[0].contribution({Value(when), Value("a"), Value(value)});
    state_->insert({when, when, ++sequence_}, **gives);
  }
  std::string key() const {
    const Value value("a");
    return *project_->views()[0].key_bytes(std::span(&value, 1));
  }
  std::shared_ptr<const Project> project_ = project_of(kLoad);
  std::unique_ptr<ViewState> state_ = ViewState::create(project_->views()[0], {}).value();
  std::uint64_t sequence_ = 0;
};

TEST_F(LoadTest, AForecastIsOfTheStepOfWhoeverAsks) {
  const Instant begin = at("2026-01-01T00:00:00Z");
  for (int hour = 0; hour < 4; ++hour) push(hour % 2 == 0 ? 10 : 20, begin + std::chrono::hours(hour));
  EXPECT_FALSE(state_->work(key(), 0, begin + 3h).has_value()) << "the fourth hour has not ended";
  const auto work = state_->work(key(), 0, begin + 4h);
  ASSERT_TRUE(work.has_value());
  EXPECT_EQ(work->points, (std::vector<double>{10, 20, 10, 20}));
  auto row = state_->featurizer(0)->make(*work);
  ASSERT_TRUE(row.ok());
  EXPECT_TRUE(state_->set_expensive(key(), 0, *row));
  EXPECT_FALSE(state_->set_expensive(key(), 0, *row)) << "it is no newer";
  const auto value = [&](Duration after) { return describe(state_->read(key(), begin + after).values[0]); };
  EXPECT_EQ(value(4h), "[10.0,20.0]");
  EXPECT_EQ(value(4h + 59min), "[10.0,20.0]");
  EXPECT_EQ(value(5h), "[20.0,10.0]");
  EXPECT_EQ(value(9h), "[20.0,10.0]") << "a row that is old still says what it foretold of now";
}

TEST_F(LoadTest, WhatWasForetoldIsHeldAgainstWhatCame) {
  const Instant begin = at("2026-01-01T00:00:00Z");
  for (int hour = 0; hour < 5; ++hour) push(hour % 2 == 0 ? 10 : 20, begin + std::chrono::hours(hour));
  auto notes = state_->take_notes();
  ASSERT_EQ(notes.size(), 4U) << "one for each step that ended";
  EXPECT_FALSE(notes.back().error.has_value()) << "there was no row";
  state_->set_expensive(key(), 0, *state_->featurizer(0)->make(*state_->work(key(), 0, begin + 4h)));
  push(16, begin + 4h + 30min);  // of the step of 10: their mean is 13
  EXPECT_TRUE(state_->take_notes().empty());
  push(20, begin + 5h);
  notes = state_->take_notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].error, 3.0);
  EXPECT_TRUE(notes[0].fresh);
}

TEST_F(LoadTest, AGapHasTheValueBeforeIt) {
  const Instant begin = at("2026-01-01T00:00:00Z");
  push(1, begin);
  push(2, begin + 1h);
  push(3, begin + 6h);
  EXPECT_EQ(state_->work(key(), 0, begin + 7h)->points, (std::vector<double>{2, 2, 2, 3}));
}

}  // namespace

}  // namespace isobar::features
