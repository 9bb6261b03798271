// Whole lives of a store beside a map: commits in any order of time, replays, expiry, compaction, definitions that come and go, reopenings.

#include <fmt/format.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "base/random.h"
#include "store_keys.h"
#include "store_testing.h"

namespace isobar::features {
namespace {

/// What the store says it does, written out plainly.
struct Model {
  struct View {
    Lifetime lifetime;
    std::map<std::int64_t, std::map<EventOrder, std::optional<std::string>>> history;
    std::map<std::int64_t, std::pair<EventOrder, std::optional<std::string>>> latest;
    std::map<std::int64_t, std::string> states;
  };
  std::map<ViewId, View> views;
  std::optional<Position> offset;
  std::set<std::string> pushes;

  Outcome commit(const Commit& commit, const std::vector<std::int64_t>& keys) {
    if (commit.push && pushes.contains(commit.push->id)) return Outcome::kReplayed;
    if (!commit.advances.empty() && offset && *offset >= commit.advances[0].upto) return Outcome::kReplayed;
    if (commit.push) pushes.insert(commit.push->id);
    if (!commit.advances.empty()) offset = commit.advances[0].upto;
    for (std::size_t i = 0; i < commit.rows.size(); ++i) {
      const auto& write = commit.rows[i];
      auto& view = views.at(write.view);
      if (write.history) view.history[keys[i]][write.order] = write.row;
      const auto known = view.latest.find(keys[i]);
      if (write.latest && (known == view.latest.end() || known->second.first < write.order))
        view.latest[keys[i]] = {write.order, write.row};
    }
    for (const auto& write : commit.states) views.at(write.view).states[write.bucket] = *write.state;
    return Outcome::kApplied;
  }

  static LatestRow latest(const View& view, std::int64_t key, Instant now) {
    const auto found = view.latest.find(key);
    if (found == view.latest.end() || !found->second.second) return {};
    const auto& [order, row] = found->second;
    const Duration age = now - order.time;
    if (view.lifetime.ttl == 0s || age <= view.lifetime.ttl) return {LatestRow::Status::kFound, order, *row};
    if (age <= view.lifetime.ttl + view.lifetime.remembered) return {LatestRow::Status::kExpired, order, ""};
    return {};
  }
};

constexpr std::int64_t kEntities = 4;

/// A store and its model, taken through steps that a seed decides.
class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed), store_(opened(folder_ / "store", clock_)) { define(); }

  void step() {
    switch (random_.below(16)) {
      case 0: return reopen();
      case 1: return define();
      case 2: return compact();
      case 3:
      case 4: return tick();
      default: return commit();
    }
  }

  void check() {
    const auto snapshot = store_->snapshot();
    ASSERT_EQ(*snapshot->offset({"s", "0"}), model_.offset);
    for (const auto& [id, view] : model_.views) {
      for (std::int64_t key = 0; key < kEntities; ++key) {
        const std::string bytes = key_of(key);
        const RowKey of{id, bytes};
        ASSERT_EQ(snapshot->latest({&of, 1})->front(), Model::latest(view, key, now_));
        ASSERT_EQ(latest(*store_, id, key), Model::latest(view, key, now_));
        ASSERT_EQ(history(*snapshot, id, key, newest_), expected_history(view, key));
      }
      std::map<std::int64_t, std::string> states;
      ASSERT_TRUE(
          snapshot->scan_states(id, [&](const StoredState& found) { return states.emplace(found.bucket, found.state).second; }).ok());
      ASSERT_EQ(states, view.states);
    }
  }

 private:
  Seen expected_history(const Model::View& view, std::int64_t key) const {
    Seen expected;
    const auto found = view.history.find(key);
    if (found == view.history.end()) return expected;
    for (auto at = found->second.rbegin(); at != found->second.rend(); ++at) {
      const bool expired = view.lifetime.history != 0s && now_ - at->first.time > view.lifetime.history;
      if (!expired && at->first.time <= newest_) expected.emplace_back(*at);
    }
    return expected;
  }

  void tick() {
    now_ = now_ + Duration(std::chrono::seconds(random_.below(4)));
    clock_.set(now_);
    newest_ = now_ - Duration(std::chrono::seconds(random_.below(5)));
  }
  void reopen() {
    store_.reset();
    store_ = opened(folder_ / "store", clock_);
  }
  void compact() { ASSERT_TRUE(store_->compact().ok()); }

  /// Each of three views is there or not; its lifetime stays what it was when it came.
  void define() {
    std::vector<ViewSpec> specs;
    constexpr std::array<Lifetime, 3> kLifetimes{Lifetime{}, Lifetime{.ttl = 5s, .remembered = 5s, .history = 12s},
                                                 Lifetime{.ttl = 8s, .remembered = 0s, .history = 0s}};
    for (std::size_t i = 0; i < kLifetimes.size(); ++i)
      if (random_.chance(0.9)) specs.push_back({fmt::format("v{}", i), kLifetimes[i]});
    const auto applied = store_->apply("", specs);
    ASSERT_TRUE(applied.ok());
    std::map<ViewId, Model::View> views;
    for (const auto& [name, id, lifetime] : applied->views) {
      views[id] = std::move(model_.views[id]);
      views[id].lifetime = lifetime;
    }
    model_.views = std::move(views);
  }

  ViewId any_view() { return std::next(model_.views.begin(), static_cast<std::ptrdiff_t>(random_.below(model_.views.size())))->first; }

  /// Rows lie within the last seconds, since what expired already is compaction's to take whenever it likes.
  void commit() {
    if (model_.views.empty()) return;
    Commit commit;
    std::vector<std::int64_t> keys;
    for (auto left = random_.below(6); left > 0; --left) {
      keys.push_back(static_cast<std::int64_t>(random_.below(kEntities)));
      const EventOrder order{now_ - Duration(std::chrono::seconds(random_.below(4))), at(static_cast<std::int64_t>(random_.below(3))),
                             ++sequence_};
      const bool gone = random_.chance(0.15);
      commit.rows.push_back({.view = any_view(),
                             .key = key_of(keys.back()),
                             .order = order,
                             .row = gone ? std::nullopt : std::optional(row_of(static_cast<std::int64_t>(sequence_))),
                             .latest = random_.chance(0.8),
                             .history = random_.chance(0.8)});
    }
    if (random_.chance(0.5))
      commit.states.push_back(
          {.view = any_view(), .key = "", .bucket = static_cast<std::int64_t>(random_.below(3)), .state = row_of(random_.below(9))});
    if (random_.chance(0.3)) commit.push = PushId{"s", fmt::format("{}", random_.below(20))};
    if (random_.chance(0.5)) {
      const bool replay = model_.offset && random_.chance(0.3);
      commit.advances = {{{"s", "0"}, replay ? std::nullopt : model_.offset, {replay ? model_.offset->major : ++position_}}};
    }
    const auto expected = model_.commit(commit, keys);
    const auto outcome = store_->commit(std::move(commit));
    ASSERT_TRUE(outcome.ok()) << outcome.error().message();
    ASSERT_EQ(*outcome, expected);
  }

  Random random_;
  TemporaryFolder folder_;
  SetClock clock_;
  std::unique_ptr<Store> store_;
  Model model_;
  Instant now_, newest_;
  std::uint64_t sequence_ = 0, position_ = 0;
};

TEST(StoreModel, LivesAsAMapDoes) {
  const std::uint64_t seeds = std::getenv("ISOBAR_LONG") != nullptr ? 200 : 4;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Life life(seed);
    for (int step = 0; step < 60 && !testing::Test::HasFatalFailure(); ++step) {
      life.step();
      life.check();
    }
    if (testing::Test::HasFatalFailure()) return;
  }
}

RC_GTEST_PROP(StoreKeys, KeysOfHistoryAreInTheOrderOfScans, ()) {
  const auto any = [] {
    const auto time = [] {
      return Instant::from_unix_nanos(*rc::gen::oneOf(rc::gen::arbitrary<std::int64_t>(), rc::gen::inRange<std::int64_t>(-2, 2)));
    };
    return std::tuple(*rc::gen::inRange<std::uint32_t>(0, 3), *rc::gen::inRange<std::int64_t>(-2, 2),
                      EventOrder{time(), time(), *rc::gen::arbitrary<std::uint64_t>()});
  };
  const auto [view_a, key_a, order_a] = any();
  const auto [view_b, key_b, order_b] = any();
  const std::string a = history_key(ViewId{view_a}, key_of(key_a), order_a), b = history_key(ViewId{view_b}, key_of(key_b), order_b);
  const auto expected = std::tuple(view_a, key_a, order_b) <=> std::tuple(view_b, key_b, order_a);  // newest first
  RC_ASSERT((a <=> b) == expected);
  RC_ASSERT(*history_order(a) == order_a);
  RC_ASSERT(view_of(a) == ViewId{view_a});
}

RC_GTEST_PROP(StoreKeys, OffsetsOfAnySourceAreReadAsTheyWereWritten, (const std::string& source, const std::string& partition)) {
  const PartitionId of{source, partition};
  RC_ASSERT(*parse_offset_key(offset_key(of)) == of);
  RC_ASSERT(!parse_offset_key(offset_key(of) + "x").ok());
}

RC_GTEST_PROP(StoreKeys, AnyBytesAsValuesAreReadOrRefused, (const std::string& bytes)) {
  (void)parse_latest(bytes);
  (void)parse_history(bytes);
  (void)parse_position(bytes);
  (void)parse_offset_key(bytes);
  (void)history_order(bytes);
}

}  // namespace
}  // namespace isobar::features
