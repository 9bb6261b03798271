#include "features/store.h"

#include <fmt/format.h>

#include "store_testing.h"

namespace isobar::features {
namespace {

using testing::ElementsAre;
using Status_ = LatestRow::Status;

class StoreTest : public testing::Test {
 protected:
  StoreTest() : store_(opened(folder_ / "store", clock_)) {}
  void reopen(const StoreConfig& config = at_once()) {
    store_.reset();
    store_ = opened(folder_ / "store", clock_, config);
  }
  void put(Commit commit) {
    const auto done = store_->commit(std::move(commit));
    ASSERT_TRUE(done.ok()) << done.error().message();
    ASSERT_EQ(*done, Outcome::kApplied);
  }

  TemporaryFolder folder_;
  SetClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, TheNewestEventWinsInAnyOrderOfArrival) {  // a batch [t3, t2, t1] ended as t1
  const ViewId view = features::view(*store_, "v");
  put(rows({row(view, 1, {at(3), at(3), 0}, 33), row(view, 1, {at(2), at(2), 0}, 22), row(view, 1, {at(1), at(1), 0}, 11)}));
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(33));
  put(rows({row(view, 1, {at(2), at(9), 9}, 99)}));  // in a later commit as well
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(33));
  EXPECT_EQ(latest(*store_, view, 1).order, (EventOrder{at(3), at(3), 0}));
}

TEST_F(StoreTest, ACorrectionOfTheSameTimeLands) {
  const ViewId view = features::view(*store_, "v");
  put(rows({row(view, 1, {at(5), at(6), 1}, 1)}));
  put(rows({row(view, 1, {at(5), at(7), 0}, 2)}));  // created later
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(2));
  put(rows({row(view, 1, {at(5), at(7), 1}, 3)}));  // later in its source
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(3));
  put(rows({row(view, 1, {at(5), at(6), 9}, 4)}));
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(3));
}

TEST_F(StoreTest, TimesBefore1970AndOfTheEndsOfTimeAreInOrder) {
  const ViewId view = features::view(*store_, "v");
  const Instant least = Instant::from_unix_nanos(INT64_MIN), most = Instant::from_unix_nanos(INT64_MAX);
  put(rows({row(view, 1, {least, least, 0}, 1), row(view, 1, {at(-1), at(0), 0}, 2), row(view, 1, {most, least, UINT64_MAX}, 4),
            row(view, 1, {at(0), at(0), 0}, 3)}));
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(4));
  std::vector<std::optional<std::string>> seen;
  for (const auto& [order, bytes] : history(*store_->snapshot(), view, 1, most)) seen.push_back(bytes);
  EXPECT_THAT(seen, ElementsAre(row_of(4), row_of(3), row_of(2), row_of(1)));
}

TEST_F(StoreTest, AnEntityThatIsGoneIsNotFoundUntilItComesAgain) {
  const ViewId view = features::view(*store_, "v");
  put(rows({row(view, 1, {at(1), at(1), 0}, 1), {.view = view, .key = key_of(1), .order = {at(2), at(2), 0}, .row = {}}}));
  EXPECT_EQ(latest(*store_, view, 1), LatestRow{});
  EXPECT_THAT(history(*store_->snapshot(), view, 1, at(9)),
              ElementsAre(std::pair(EventOrder{at(2), at(2), 0}, std::optional<std::string>()),
                          std::pair(EventOrder{at(1), at(1), 0}, std::optional(row_of(1)))));
  put(rows({row(view, 1, {at(1), at(8), 0}, 1)}));  // late, and older than the end
  EXPECT_EQ(latest(*store_, view, 1).status, Status_::kNotFound);
  put(rows({row(view, 1, {at(3), at(3), 0}, 3)}));
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(3));
}

TEST_F(StoreTest, ManyRowsOfManyViewsAreReadAtOnceInTheOrderAsked) {
  const ViewId a = features::view(*store_, "a"), b = features::view(*store_, "b");
  put(rows({row(a, 1, {at(1), at(1), 0}, 1), row(b, 1, {at(1), at(1), 0}, 2), row(b, 2, {at(1), at(1), 0}, 3)}));
  const std::string one = key_of(1), two = key_of(2);
  const std::vector<RowKey> keys{{b, two}, {a, one}, {a, two}, {b, one}, {b, two}};
  const auto found = store_->latest(keys);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ((*found)[0].row, row_of(3));
  EXPECT_EQ((*found)[1].row, row_of(1));
  EXPECT_EQ((*found)[2], LatestRow{});
  EXPECT_EQ((*found)[3].row, row_of(2));
  EXPECT_EQ((*found)[4], (*found)[0]);
}

TEST_F(StoreTest, KeysOfAnyBytesAreKeptApartAndAViewMayHaveNone) {
  const ViewId view = features::view(*store_, "v"), global = features::view(*store_, "no key");
  std::vector<RowWrite> writes;
  const std::vector<std::string> texts{"", std::string(1, '\0'), "a", std::string("a\0", 2), "a\xff", "b", std::string(65536, 'x')};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string key;
    append_key_value(key, Value(texts[i]));
    writes.push_back({.view = view, .key = key, .order = {at(1), at(1), 0}, .row = row_of(static_cast<std::int64_t>(i))});
  }
  writes.push_back({.view = global, .key = "", .order = {at(1), at(1), 0}, .row = row_of(77)});
  const auto expected = writes;
  put(rows(std::move(writes)));
  reopen();
  for (const auto& write : expected) {
    const RowKey key{write.view, write.key};
    EXPECT_EQ(store_->latest({&key, 1})->front().row, *write.row);
    Seen seen;
    ASSERT_TRUE(store_->snapshot()
                    ->history(key, at(2),
                              [&](const HistoryRow& found) {
                                EXPECT_EQ(found.key, write.key);
                                seen.emplace_back(found.order, std::string(*found.row));
                                return true;
                              })
                    .ok());
    EXPECT_EQ(seen.size(), 1U);
  }
}

TEST_F(StoreTest, HistoryIsReadNewestFirstFromATimeAndUntilItIsEnough) {
  const ViewId view = features::view(*store_, "v");
  for (int i = 1; i <= 5; ++i) put(rows({row(view, 1, {at(i), at(10 - i), 0}, i), row(view, 2, {at(i), at(i), 0}, -i)}));
  const auto snapshot = store_->snapshot();
  const auto seen = history(*snapshot, view, 1, at(3));
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].first.time, at(3));
  EXPECT_EQ(seen[2].first.time, at(1));
  int visited = 0;
  ASSERT_TRUE(snapshot->history({view, key_of(1)}, at(9), [&](const HistoryRow&) { return ++visited < 2; }).ok());
  EXPECT_EQ(visited, 2);
  std::vector<std::pair<std::string, std::int64_t>> all;
  ASSERT_TRUE(snapshot
                  ->scan_history(view,
                                 [&](const HistoryRow& found) {
                                   all.emplace_back(found.key, found.order.time.unix_nanos() / 1'000'000'000);
                                   return true;
                                 })
                  .ok());
  const std::string one = key_of(1), two = key_of(2);
  using P = std::pair<std::string, std::int64_t>;
  EXPECT_THAT(all,
              ElementsAre(P{one, 5}, P{one, 4}, P{one, 3}, P{one, 2}, P{one, 1}, P{two, 5}, P{two, 4}, P{two, 3}, P{two, 2}, P{two, 1}));
}

TEST_F(StoreTest, AReplayOfInputThatIsInTheStoreChangesNothing) {
  const ViewId view = features::view(*store_, "v");
  const PartitionId of{"orders", "0"};
  const auto count = [&](std::optional<Position> after, Position upto, std::string state) {
    Commit commit = states({{.view = view, .key = key_of(1), .state = std::move(state)}});
    commit.advances = {{of, after, upto}};
    return store_->commit(std::move(commit));
  };
  EXPECT_EQ(*count({}, {10}, "ten"), Outcome::kApplied);
  EXPECT_EQ(*count({}, {10}, "twice"), Outcome::kReplayed);
  EXPECT_EQ(*count({{3}}, {7}, "part"), Outcome::kReplayed);
  EXPECT_TRUE(has_code(count({{5}}, {15}, "overlap"), Code::kConflict, "source orders partition 0 stands at 10, not at 5"));
  EXPECT_TRUE(has_code(count({{12}}, {15}, "gap"), Code::kConflict, "stands at 10, not at 12"));
  EXPECT_TRUE(has_code(count({{15}}, {15}, "no advance"), Code::kInvalidArgument, "from 15 to 15 is no advance"));
  reopen();
  EXPECT_EQ(*count({}, {10}, "after a restart"), Outcome::kReplayed);
  EXPECT_EQ(*store_->snapshot()->state({view, key_of(1)}, 0, 0), "ten");
  EXPECT_EQ(*count({{10}}, {10, 1}, "a Redis stream's second of the millisecond"), Outcome::kApplied);
  EXPECT_EQ(*store_->snapshot()->offset(of), (Position{10, 1}));
  EXPECT_EQ(*store_->snapshot()->offset({"orders", "1"}), std::nullopt);
}

TEST_F(StoreTest, SeveralSourcesAdvanceTogetherOrNotAtAll) {
  const auto both = [&](std::optional<Position> a, Position to_a, std::optional<Position> b, Position to_b) {
    return store_->commit({.advances = {{{"a", ""}, a, to_a}, {{"b", ""}, b, to_b}}, .push = {}, .states = {}, .rows = {}});
  };
  EXPECT_EQ(*both({}, {1}, {}, {1}), Outcome::kApplied);
  EXPECT_TRUE(has_code(both({}, {1}, {{1}}, {2}), Code::kConflict, "of 2 partitions that the commit advances, 1 are beyond it"));
  EXPECT_EQ(*both({}, {1}, {}, {1}), Outcome::kReplayed);
  EXPECT_EQ(*both({{1}}, {2}, {{1}}, {2}), Outcome::kApplied);
}

TEST_F(StoreTest, APushIsTakenOnceForAsLongAsItsIdIsRemembered) {
  const ViewId view = features::view(*store_, "v");
  const auto push = [&](const std::string& source, const std::string& id, std::int64_t time) {
    Commit commit = rows({row(view, 1, {at(time), at(time), 0}, time)});
    commit.push = {source, id};
    return *store_->commit(std::move(commit));
  };
  clock_.set(at(0));
  EXPECT_EQ(push("s", "id", 1), Outcome::kApplied);
  EXPECT_EQ(push("s", "id", 2), Outcome::kReplayed);
  EXPECT_EQ(push("t", "id", 3), Outcome::kApplied);  // another source's
  clock_.set(at(24 * 3600));
  reopen();
  ASSERT_TRUE(store_->compact().ok());
  EXPECT_EQ(push("s", "id", 4), Outcome::kReplayed);  // to the very end of the span
  clock_.set(at(24 * 3600) + 1ns);
  EXPECT_EQ(push("s", "id", 5), Outcome::kApplied);
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(5));
}

TEST_F(StoreTest, ARefusedCommitDoesNotStopItsNeighbours) {
  const ViewId view = features::view(*store_, "v");
  StoreConfig config = at_once();
  config.group_delay.value = 30ms;
  reopen(config);
  auto good = store_->submit(rows({row(view, 1, {at(1), at(1), 0}, 1)}));
  auto bad = store_->submit(rows({row(view, 2, {at(1), at(1), 0}, 2), row(ViewId{99}, 1, {at(1), at(1), 0}, 1)}));
  auto last = store_->submit(rows({row(view, 1, {at(2), at(2), 0}, 3)}));
  EXPECT_EQ(latest(*store_, view, 1), LatestRow{});  // nothing is seen before it is durable
  EXPECT_EQ(*good->get(), Outcome::kApplied);
  EXPECT_TRUE(has_code(bad->get(), Code::kNotFound, "no view of number 99"));
  EXPECT_EQ(*last->get(), Outcome::kApplied);
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(3));
  EXPECT_EQ(latest(*store_, view, 2), LatestRow{});
}

TEST_F(StoreTest, AFullQueueRefusesAndWhatWaitedIsWrittenAtTheEnd) {
  const ViewId view = features::view(*store_, "v");
  StoreConfig config = at_once();
  config.group_delay.value = 1s;
  config.queue_bytes.value = {kMiB};
  reopen(config);
  const std::string large(400 << 10, 'x');
  const auto state = [&](std::int64_t bucket) { return states({{.view = view, .key = "", .bucket = bucket, .state = large}}); };
  ASSERT_TRUE(store_->submit(state(1)).ok());
  ASSERT_TRUE(store_->submit(state(2)).ok());
  const auto refused = store_->submit(state(3));
  EXPECT_TRUE(has_code(refused, Code::kExhausted, "wait to be written"));
  EXPECT_EQ(refused.error().retry_after(), Duration(1s));
  reopen();
  EXPECT_TRUE((*store_->snapshot()->state({view, ""}, 0, 2)).has_value());
  EXPECT_FALSE((*store_->snapshot()->state({view, ""}, 0, 3)).has_value());
}

TEST_F(StoreTest, AnAgeOfExactlyTheTtlIsInsideAndCompactionChangesNoAnswer) {
  const ViewId view = features::view(*store_, "v", {.ttl = 10s, .remembered = 5s, .history = 20s});
  const EventOrder order{at(100), at(100), 0};
  put(rows({row(view, 1, order, 1)}));
  const std::string key = key_of(1);
  for (const bool compacted : {false, true}) {
    const auto status_at = [&](Instant now) {
      TemporaryFolder copies;  // a copy each, so that compaction at one time does not decide the next
      EXPECT_TRUE(store_->checkpoint(copies / "copy").ok());
      SetClock clock;
      clock.set(now);
      const auto copy = opened(copies / "copy", clock);
      if (compacted) CHECK(copy->compact().ok());
      return std::pair(latest(*copy, view, 1).status, history(*copy->snapshot(), view, 1, at(999)).size());
    };
    EXPECT_EQ(status_at(at(110)), std::pair(Status_::kFound, std::size_t{1})) << compacted;
    EXPECT_EQ(status_at(at(110) + 1ns), std::pair(Status_::kExpired, std::size_t{1})) << compacted;
    EXPECT_EQ(status_at(at(115)), std::pair(Status_::kExpired, std::size_t{1})) << compacted;
    EXPECT_EQ(status_at(at(115) + 1ns), std::pair(Status_::kNotFound, std::size_t{1})) << compacted;
    EXPECT_EQ(status_at(at(120)), std::pair(Status_::kNotFound, std::size_t{1})) << compacted;
    EXPECT_EQ(status_at(at(120) + 1ns), std::pair(Status_::kNotFound, std::size_t{0})) << compacted;
  }
}

TEST_F(StoreTest, AnExpiredRowIsToldByItsTimeWithoutTheRow) {
  const ViewId view = features::view(*store_, "v", {.ttl = 1s});
  put(rows({row(view, 1, {at(1), at(2), 3}, 1)}));
  clock_.set(at(17 * 60));
  const LatestRow expired{Status_::kExpired, {at(1), at(2), 3}, ""};
  EXPECT_EQ(latest(*store_, view, 1), expired);
  ASSERT_TRUE(store_->compact().ok());
  EXPECT_EQ(latest(*store_, view, 1), expired);
  clock_.set(at(0));  // a clock that is set back brings nothing back
  EXPECT_EQ(latest(*store_, view, 1), expired);
}

TEST_F(StoreTest, WithoutATtlNothingExpires) {
  const ViewId view = features::view(*store_, "v");
  put(rows({row(view, 1, {Instant::from_unix_nanos(INT64_MIN), at(1), 0}, 1)}));
  clock_.set(Instant::from_unix_nanos(INT64_MAX));
  ASSERT_TRUE(store_->compact().ok());
  EXPECT_EQ(latest(*store_, view, 1).status, Status_::kFound);
}

TEST_F(StoreTest, AChangedTtlIsInForceAtOnce) {
  const ViewId view = features::view(*store_, "v", {.ttl = 1s});
  put(rows({row(view, 1, {at(1), at(1), 0}, 1)}));
  clock_.set(at(100));
  EXPECT_EQ(latest(*store_, view, 1).status, Status_::kExpired);
  EXPECT_EQ(features::view(*store_, "v", {.ttl = 0s}), view);  // to none, too
  EXPECT_EQ(latest(*store_, view, 1).status, Status_::kFound);
  reopen();
  EXPECT_EQ(latest(*store_, view, 1).status, Status_::kFound);
}

TEST_F(StoreTest, StatesAreKeptByLevelAndBucketUntilTheirTime) {
  const ViewId view = features::view(*store_, "v");
  put(states({{.view = view, .key = key_of(1), .level = 1, .bucket = -5, .state = "old"},
              {.view = view, .key = key_of(1), .level = 1, .bucket = 7, .state = "new", .keep_until = at(50)},
              {.view = view, .key = key_of(1), .level = 0, .bucket = 9, .state = "gone"},
              {.view = view, .key = key_of(1), .level = 0, .bucket = 9, .state = {}}}));
  const auto seen = [&] {
    std::vector<std::pair<std::int64_t, std::string>> states;
    EXPECT_TRUE(store_->snapshot()
                    ->scan_states(view,
                                  [&](const StoredState& found) {
                                    EXPECT_EQ(found.key, key_of(1));
                                    EXPECT_EQ(found.level, 1);
                                    states.emplace_back(found.bucket, found.state);
                                    return true;
                                  })
                    .ok());
    return states;
  };
  using P = std::pair<std::int64_t, std::string>;
  clock_.set(at(50) - 1ns);
  EXPECT_THAT(seen(), ElementsAre(P{-5, "old"}, P{7, "new"}));
  clock_.set(at(50));
  EXPECT_THAT(seen(), ElementsAre(P{-5, "old"}));
  ASSERT_TRUE(store_->compact().ok());
  EXPECT_THAT(seen(), ElementsAre(P{-5, "old"}));
}

TEST_F(StoreTest, WhatExpiredAndWhatWasDroppedLeavesTheDisk) {
  const ViewId expiring = features::view(*store_, "expiring", {.ttl = 1s, .remembered = 1s, .history = 1s});
  const ViewId dropped = features::view(*store_, "dropped"), kept = features::view(*store_, "kept");
  for (const ViewId view : {expiring, dropped, kept}) {
    std::vector<RowWrite> writes;
    for (int i = 0; i < 2000; ++i)
      writes.push_back({.view = view, .key = key_of(i), .order = {at(1), at(1), 0}, .row = fmt::format("{:x}", i * 2'654'435'761U)});
    put(rows(std::move(writes)));
  }
  ASSERT_TRUE(store_->compact().ok());
  const auto all = store_->disk_bytes();
  clock_.set(at(100));
  const std::vector<ViewSpec> rest{{"expiring", {.ttl = 1s, .remembered = 1s, .history = 1s}}, {"kept", {}}};
  ASSERT_TRUE(store_->apply("without it", rest).ok());
  ASSERT_TRUE(store_->compact().ok());
  EXPECT_LT(store_->disk_bytes(), all / 2);
  EXPECT_EQ(latest(*store_, kept, 1999).status, Status_::kFound);
}

TEST_F(StoreTest, ADroppedViewIsGoneAtOnceAndItsNameBeginsAnew) {
  const ViewId before = features::view(*store_, "v"), other = features::view(*store_, "other");
  Commit commit = rows({row(before, 1, {at(1), at(1), 0}, 1), row(other, 1, {at(1), at(1), 0}, 2)});
  commit.states = {{.view = before, .key = key_of(1), .state = "s"}};
  put(std::move(commit));
  const auto snapshot = store_->snapshot();
  const std::vector<ViewSpec> only{{"other", {}}};
  ASSERT_TRUE(store_->apply("only other", only).ok());
  const std::string one = key_of(1);
  const RowKey key{before, one};
  EXPECT_TRUE(has_code(store_->latest({&key, 1}), Code::kNotFound, "no view of number 1"));
  EXPECT_TRUE(has_code(store_->commit(rows({row(before, 1, {at(2), at(2), 0}, 1)})), Code::kNotFound, "no view"));
  const ViewId after = features::view(*store_, "v");
  EXPECT_NE(after, before);
  EXPECT_EQ(latest(*store_, after, 1), LatestRow{});
  EXPECT_EQ(latest(*store_, other, 1).row, row_of(2));
  ASSERT_TRUE(store_->compact().ok());
  EXPECT_EQ(snapshot->latest({&key, 1})->front().row, row_of(1));  // whoever reads as of before still does
  EXPECT_EQ(*snapshot->state(key, 0, 0), "s");
}

TEST_F(StoreTest, ApplyingTheSameAgainIsNoNewVersion) {
  const std::vector<ViewSpec> views{{"b", {.ttl = 1s}}, {"a", {}}}, turned{{"a", {}}, {"b", {.ttl = 1s}}};
  const auto first = store_->apply("text", views);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->version, 1U);
  EXPECT_EQ(*store_->apply("text", turned), *first);
  reopen();
  EXPECT_EQ(store_->registry(), *first);
  EXPECT_EQ(*store_->apply("text", views), *first);
  EXPECT_EQ(store_->apply("another", views)->version, 2U);
  EXPECT_EQ(*store_->registry(1), *first);
  EXPECT_TRUE(has_code(store_->registry(3), Code::kNotFound, "no version 3 of its definition; the newest is 2"));
  const std::vector<ViewSpec> twice{{"a", {}}, {"a", {}}}, negative{{"a", {.ttl = -1s}}}, nameless{{"", {}}};
  EXPECT_TRUE(has_code(store_->apply("", twice), Code::kInvalidArgument, "view a is there twice"));
  EXPECT_TRUE(has_code(store_->apply("", negative), Code::kInvalidArgument, "view a: ttl"));
  EXPECT_TRUE(has_code(store_->apply("", nameless), Code::kInvalidArgument, "no name"));
  EXPECT_EQ(store_->registry().version, 2U);
}

TEST_F(StoreTest, ASnapshotStaysAsItWasWhateverIsCommittedOrExpires) {
  const ViewId view = features::view(*store_, "v", {.ttl = 10s, .remembered = 0s, .history = 10s});
  Commit first = rows({row(view, 1, {at(1), at(1), 0}, 1)});
  first.advances = {{{"s", "0"}, {}, {1}}};
  put(std::move(first));
  const auto snapshot = store_->snapshot();
  Commit second = rows({row(view, 1, {at(2), at(2), 0}, 2)});
  second.advances = {{{"s", "0"}, {{1}}, {2}}};
  put(std::move(second));
  clock_.set(at(1000));
  ASSERT_TRUE(store_->compact().ok());
  const std::string one = key_of(1);
  const RowKey key{view, one};
  EXPECT_EQ(snapshot->latest({&key, 1})->front().row, row_of(1));
  EXPECT_EQ(*snapshot->offset({"s", "0"}), Position{1});
  EXPECT_EQ(history(*snapshot, view, 1, at(9)).size(), 1U);
  EXPECT_EQ(*store_->snapshot()->offset({"s", "0"}), Position{2});
  EXPECT_EQ(latest(*store_, view, 1), LatestRow{});
}

TEST_F(StoreTest, ACheckpointIsAStoreAsOfItsInstant) {
  const ViewId view = features::view(*store_, "v");
  Commit first = rows({row(view, 1, {at(1), at(1), 0}, 1)});
  first.advances = {{{"s", "0"}, {}, {1}}};
  put(std::move(first));
  ASSERT_TRUE(store_->checkpoint(folder_ / "copy").ok());
  put(rows({row(view, 1, {at(2), at(2), 0}, 2)}));
  EXPECT_TRUE(has_code(store_->checkpoint(folder_ / "copy"), Code::kAlreadyExists, "name a new folder"));
  const auto copy = opened(folder_ / "copy", clock_);
  EXPECT_EQ(latest(*copy, view, 1).row, row_of(1));
  EXPECT_EQ(*copy->snapshot()->offset({"s", "0"}), Position{1});
  EXPECT_EQ(copy->registry(), store_->registry());
  ASSERT_TRUE(copy->commit(rows({row(view, 1, {at(3), at(3), 0}, 3)})).ok());  // each goes its own way
  EXPECT_EQ(latest(*store_, view, 1).row, row_of(2));
}

TEST_F(StoreTest, OneProcessAtATime) {
  EXPECT_TRUE(has_code(Store::open(folder_ / "store", at_once(), clock_), Code::kUnavailable, "another process has the store open"));
}

TEST(StoreFolderTest, WhatCannotBeOpenedSaysWhy) {
  TemporaryFolder folder;
  SetClock clock;
  const auto error_of = [&](std::string_view name) { return Store::open(folder / name, at_once(), clock); };
  ASSERT_TRUE(write_file(folder / "letter.txt", "hello").ok());
  EXPECT_TRUE(has_code(error_of(""), Code::kInvalidArgument, "holds something that is no feature store"));
  opened(folder / "deep/in/store", clock).reset();
  opened(folder / "deep/in/store", clock).reset();
  ASSERT_TRUE(write_file(folder / "deep/in/store/FORMAT", "isobar feature store, format 2\n").ok());
  EXPECT_TRUE(has_code(error_of("deep/in/store"), Code::kInvalidArgument, "is of format 2, of a newer isobar; this one reads format 1"));
  ASSERT_TRUE(write_file(folder / "deep/in/store/FORMAT", "isobar feature stohe, format 1\n").ok());
  EXPECT_TRUE(has_code(error_of("deep/in/store"), Code::kDataLoss, "restore the store from a checkpoint"));
  ASSERT_TRUE(write_file(folder / "deep/in/store/FORMAT", "isobar feature store, format 1\n").ok());
  opened(folder / "deep/in/store", clock).reset();
  fs::remove(folder / "deep/in/store/tables/CURRENT");
  EXPECT_TRUE(has_code(error_of("deep/in/store"), Code::kDataLoss, "damaged"));  // and no empty store in its place
  StoreConfig config;
  config.group_delay.value = 2s;
  EXPECT_TRUE(has_code(Store::open(folder / "new", config, clock), Code::kInvalidArgument, "group_delay: 2s is out of its bounds"));
}

}  // namespace
}  // namespace isobar::features
