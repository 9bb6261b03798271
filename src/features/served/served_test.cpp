// What is served is kept and made again, from the log of events, to the bit: while events arrive, late ones, corrections and deletions
// among them, and over a restart and another definition.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/random.h"
#include "features/served_files.h"
#include "features/served_log.h"
#include "features/skew_check.h"
#include "features/testing.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::string_view kShop = R"(project: shop
entities: {user: {keys: {user_id: int64}}}
sources:
  payments: {kind: push, schema: {user_id: int64, amount: float64, at: timestamp}, timestamp: at, lateness: 1s}
  orders: {kind: push, schema: {id: int64, user_id: int64, amount: float64, at: timestamp}, timestamp: at, key: id}
views:
  spending:
    source: payments
    entity: user
    ttl: 1h
    features:
      lately: {function: sum, of: amount, windows: [500ms], exact: true}
      spent: sum(amount) over 1h
      mean: mean(amount) over 10m
      last: amount
      much: {request: {offered: float64}, sql: offered > last}
  ordered:
    source: orders
    entity: user
    features: {total: sum(amount) over unbounded, most: max(amount) over 1h, newest: amount}
services:
  all: [spending:lately, spending:spent, spending:mean, spending:last, spending:much, ordered:total, ordered:most, ordered:newest]
)";
constexpr std::int64_t kUsers = 8, kOrders = 30;

SourceRow payment(std::int64_t user, double amount, Instant when) { return {{Value(amount), Value(when), Value(user)}}; }
SourceRow order(std::int64_t id, std::int64_t user, double amount, Instant when, bool deleted = false) {
  return {{Value(amount), Value(when), Value(id), Value(user)}, deleted};
}

class ServedTest : public ::testing::Test {
 protected:
  ~ServedTest() override { close(); }
  void open(double rate = 1, const Clock* clock = nullptr, std::string_view definition = kShop) {
    ServedLogConfig config{.rate = rate};
    config.file_bytes.value = {file_bytes_};
    config.rows_waiting_most.value = waiting_most_;
    config.bytes_most.value = {bytes_most_};
    log_ = ServedLog::open(folder_ / "served", config, journal_).value();
    EngineConfig with;
    with.sample = log_.get();
    engine_ = Engine::open(folder_ / "store", with, clock != nullptr ? *clock : clock_).value();
    const auto applied = engine_->apply(definition_of(definition), "test.yaml");
    ASSERT_TRUE(applied.ok()) << applied.error().message();
  }
  void close() {
    engine_.reset();
    log_.reset();
  }
  /// With nobody serving.
  SkewCheck check(std::uint64_t rows_most = 0) {
    close();
    const auto engine = Engine::open(folder_ / "store", {}, clock_).value();
    auto checked = check_skew(*engine, folder_ / "served", {.rows_most = rows_most, .temporary = folder_.path()});
    EXPECT_TRUE(checked.ok()) << checked.error().message();
    return checked.ok() ? *checked : SkewCheck{};
  }
  void push(std::string_view source, std::vector<SourceRow> rows) {
    const auto taken = engine_->push({.source = std::string(source), .rows = std::move(rows)});
    ASSERT_TRUE(taken.ok()) << taken.error().message();
  }
  void ask(std::int64_t user) {
    const auto plan = engine_->plan({.service = "all"});
    ASSERT_TRUE(plan.ok()) << plan.error().message();
    const Row row{Value(user), Value(0.5)};
    const auto answers = engine_->answer(**plan, {&row, 1});
    ASSERT_TRUE(answers.ok()) << answers.error().message();
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder_ / "served")) all.push_back(entry.path());
    std::ranges::sort(all);
    return all;
  }

  TestFolder folder_;
  SetClock clock_;
  SystemClock wall_;
  Log journal_;
  std::uint64_t file_bytes_ = 64 * kMiB, bytes_most_ = kGiB;
  std::int64_t waiting_most_ = 1'000'000;
  std::unique_ptr<ServedLog> log_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ServedTest, WhatIsServedWhileEventsArriveIsMadeAgainToTheBit) {
  open(1, &wall_);
  std::atomic<bool> ended = false;
  std::vector<std::jthread> askers;
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    askers.emplace_back([this, seed, &ended] {
      Random random(100 + seed);
      while (!ended) {
        const auto user = static_cast<std::int64_t>(random.below(kUsers + 1));
        const Value key(user);
        if (random.chance(0.2)) ASSERT_TRUE(engine_->read("spending", {&key, 1}).ok());
        else ask(user);
        std::this_thread::sleep_for(50us);
      }
    });
  Random random(7);
  for (int round = 0; round < 120; ++round) {
    std::vector<SourceRow> payments, orders;
    for (int i = 0; i < 5; ++i) {
      const auto user = static_cast<std::int64_t>(random.below(kUsers));
      // Some late, some too late for a window, a few from the future.
      const Duration ago = random.chance(0.8)   ? Duration(0)
                           : random.chance(0.8) ? Duration(static_cast<std::int64_t>(random.below(4'000'000'000)))
                                                : -Duration(static_cast<std::int64_t>(random.below(50'000'000)));
      payments.push_back(payment(user, random.uniform(), wall_.now() - ago));
      const auto id = static_cast<std::int64_t>(random.below(kOrders));
      orders.push_back(order(id, id % kUsers, random.uniform(), wall_.now() - ago, random.chance(0.1)));
    }
    push("payments", std::move(payments));
    push("orders", std::move(orders));
  }
  ended = true;
  askers.clear();
  const SkewCheck checked = check();
  EXPECT_GT(checked.rows, 1000u);
  EXPECT_EQ(checked.differing(), 0u) << render_skew(checked);
  EXPECT_EQ(checked.features.size(), 8u);
}

TEST_F(ServedTest, WhatWasServedWronglyIsFoundAndTold) {
  open();
  push("payments", {payment(1, 2.5, clock_.now())});
  ask(1);
  ask(2);
  close();
  const fs::path file = files().front();
  std::string text = *read_file(file);
  const std::size_t at = text.find("[2.5,");
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(at, 5, "[2.75,");
  ASSERT_TRUE(write_file(file, text).ok());
  const SkewCheck checked = check();
  EXPECT_EQ(checked.rows, 2u);
  EXPECT_EQ(checked.differing_rows, 1u);
  ASSERT_EQ(checked.examples.size(), 1u);
  EXPECT_EQ(checked.examples[0].feature + " " + checked.examples[0].key, "spending:lately 1");
  EXPECT_THAT(render_skew(checked),
              HasSubstr("spending:lately 1 at 2026-05-01T12:00:00Z 2.75 (PRESENT) was served, and 2.5 (PRESENT) is recomputed"));
  EXPECT_THAT(skew_json(checked), AllOf(HasSubstr(R"("differing_rows":1)"), HasSubstr(R"("served":2.75)")));
}

TEST_F(ServedTest, ARestartAndAnotherDefinitionChangeNothing) {
  open();
  push("payments", {payment(1, 1.0, clock_.now()), payment(1, 2.0, clock_.now() - 500ms)});
  ask(1);
  close();
  clock_.pass(1s);
  std::string other(kShop);
  other.replace(other.find("over 10m"), 8, "over 20m");
  open(1, nullptr, other);
  ask(1);
  clock_.pass(12s);
  ask(1);
  const SkewCheck checked = check();
  EXPECT_EQ(checked.rows, 3u);
  EXPECT_EQ(checked.differing(), 0u) << render_skew(checked);
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(ServedTest, RowsOfAnotherFormOfASourceAreLeftOutAndCounted) {
  open();
  push("payments", {payment(1, 1.0, clock_.now())});
  ask(1);
  close();
  std::string other(kShop);
  other.replace(other.find("amount: float64, at"), 19, "amount: float64, note: string, at");
  open(1, nullptr, other);
  const SkewCheck checked = check();
  EXPECT_EQ(checked.rows, 0u);
  EXPECT_EQ(checked.rows_left_out, 1u);
  EXPECT_THAT(render_skew(checked), HasSubstr("1 rows left out: source 'payments' has other columns than when it was served"));
}

TEST_F(ServedTest, WhatAScheduleRefreshesIsNotComparedAndIsNamed) {
  open(1, nullptr, R"(project: loads
entities: {machine: {keys: {machine: string}}}
sources: {loads: {kind: push, schema: {machine: string, load: float64, at: timestamp}, timestamp: at}}
views:
  load:
    source: loads
    entity: machine
    features:
      newest: load
      next: {featurizer: seasonal, of: load, window: 8, period: 4, step: 1s}
      double: {request: {times: float64}, sql: newest * times}
      far: {request: {times: float64}, sql: "CASE WHEN next IS NULL THEN 0 ELSE times END"}
services: {all: [load:newest, load:next, load:double, load:far]}
)");
  for (int i = 0; i < 20; ++i) {
    clock_.pass(1s);
    push("loads", {{{Value(clock_.now()), Value(1.0 * i), Value("a")}}});
  }
  const auto plan = engine_->plan({.service = "all"}).value();
  const Row row{Value("a"), Value(2.0)};
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(engine_->answer(*plan, {&row, 1}).ok());
  const SkewCheck checked = check();
  EXPECT_EQ(checked.rows, 10u);
  EXPECT_EQ(checked.differing(), 0u) << render_skew(checked);
  EXPECT_THAT(render_skew(checked),
              HasSubstr("2 not compared, as a schedule refreshes them and they are stale by design: load:far, load:next"));
}

TEST_F(ServedTest, TheSampleIsAboutTheShareThatWasAskedForAndEvenlyThinned) {
  open(0.25);
  push("payments", {payment(1, 1.0, clock_.now())});
  for (int i = 0; i < 4000; ++i) ask(1);
  close();
  const std::uint64_t kept = count_served(folder_ / "served").value();
  EXPECT_GT(kept, 800u);
  EXPECT_LT(kept, 1200u);
  EXPECT_EQ(check(100).rows, 100u);
}

TEST_F(ServedTest, FilesAreOfBoundedSizeAndTheOldestGo) {
  file_bytes_ = 20 * kKiB;
  bytes_most_ = 100 * kKiB;
  open();
  for (int i = 0; i < 3000; ++i) ask(1);
  close();
  const auto left = files();
  std::uint64_t bytes = 0;
  for (const auto& file : left) bytes += fs::file_size(file);
  EXPECT_LE(bytes, 120 * kKiB);
  EXPECT_GT(bytes, 40 * kKiB);
  EXPECT_NE(left.front().filename(), "00000001.jsonl");
  EXPECT_EQ(check().differing(), 0u);
}

TEST_F(ServedTest, WhoAnswersIsNotHeldUpByADiskThatTakesNothing) {
  fs::create_directories(folder_ / "served");
  open();
  fs::remove_all(folder_ / "served");  // nothing can be written from here on
  waiting_most_ = 10;
  for (int i = 0; i < 100; ++i) ask(1);
  for (int i = 0; i < 300 && log_->counts().dropped < 100; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(log_->counts().dropped, 100u);
  EXPECT_EQ(log_->counts().written, 0u);
  EXPECT_THAT(log_->counts().problem, HasSubstr("No such file"));
  fs::create_directories(folder_ / "served");
  ask(1);
  for (int i = 0; i < 300 && log_->counts().written < 1; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(log_->counts().written, 1u);
  EXPECT_EQ(log_->counts().problem, "");
}

TEST_F(ServedTest, MoreThanMayWaitIsDroppedAndCounted) {
  waiting_most_ = 5;
  open();
  const auto plan = engine_->plan({.service = "all"}).value();
  const std::vector<Row> rows(1000, Row{Value(std::int64_t{1}), Value(0.5)});
  ASSERT_TRUE(engine_->answer(*plan, rows).ok());
  EXPECT_GE(log_->counts().dropped, 900u);
}

TEST_F(ServedTest, AHalfLineAtTheEndIsLeftOutAndADamagedOneIsNamed) {
  open();
  ask(1);
  close();
  const fs::path file = files().front();
  std::ofstream(file, std::ios::app) << R"({"of":0,"at":"2026-)";
  EXPECT_EQ(check().rows, 1u);
  std::ofstream(file, std::ios::app) << "\n";
  const auto engine = Engine::open(folder_ / "store", {}, clock_).value();
  const auto failed = check_skew(*engine, folder_ / "served", {.temporary = folder_.path()});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), Code::kDataLoss);
  EXPECT_THAT(failed.error().message(), HasSubstr("00000001.jsonl:4: it is no JSON object"));
}

}  // namespace
}  // namespace isobar::features
