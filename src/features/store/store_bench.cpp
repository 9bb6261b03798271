// How many events a second one core makes durable: events of many keys are aggregated in memory, and every 50 ms what changed goes to the
// store in one commit (offset, state, latest row and history row of each key that changed). And what a read of many rows takes.
//
// Times are of the process's CPU, all threads: tables are flushed and compacted beside. The store lies in the folder for temporary files.

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/random.h"
#include "features/key_codec.h"
#include "features/keyed_windows.h"
#include "features/store.h"

namespace isobar::features {
namespace {

struct OpenStore {
  fs::path folder = fs::temp_directory_path() / fmt::format("isobar-store-bench-{}", ::getpid());
  SystemClock clock;
  std::unique_ptr<Store> store;
  ViewId view{};

  OpenStore() {
    fs::remove_all(folder);
    StoreConfig config;
    config.group_delay.value = 0ms;  // the events are grouped already
    auto opened = Store::open(folder, config, clock);
    CHECK(opened.ok());
    store = std::move(*opened);
    const std::vector<ViewSpec> views{{"bench", {}}};
    view = store->apply("", views).value().views[0].id;
  }
  ~OpenStore() {
    store.reset();
    fs::remove_all(folder);
  }
  OpenStore(const OpenStore&) = delete;
  OpenStore& operator=(const OpenStore&) = delete;
};

std::string key_of(std::int64_t number) {
  std::string key;
  append_key_value(key, Value(number));
  return key;
}

std::unique_ptr<KeyedWindows> hourly_counts_and_sums() {
  using enum AggregateFunction;
  auto made = KeyedWindows::create({{.function = kCount}, {.function = kSum, .argument = 0}}, {{Kind::kFloat64}}, {Window::sliding(1h)},
                                   {.lateness = 1min, .head_events = 0});
  CHECK(made.ok());
  return std::move(*made);
}

/// Everything that the keys which changed come to, in one commit.
Commit publish(const OpenStore& open, const KeyedWindows& windows, const std::unordered_set<std::uint32_t>& changed,
               const std::vector<std::string>& keys, EventOrder order, std::optional<Position>& offset) {
  Commit commit;
  commit.advances = {{{"events", "0"}, offset, {order.sequence}}};
  offset = Position{order.sequence};
  for (const std::uint32_t which : changed) {
    const std::string& key = keys[which];
    commit.states.push_back({.view = open.view, .key = key, .state = windows.encode(key)});
    commit.rows.push_back({.view = open.view, .key = key, .order = order, .row = encode_row(windows.read(key, order.time).values)});
  }
  return commit;
}

void ingest(benchmark::State& state) {
  const OpenStore open;
  const auto windows = hourly_counts_and_sums();
  Random random(7);
  std::vector<std::string> keys;
  std::vector<double> cumulative;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    keys.push_back(key_of(i));
    cumulative.push_back((cumulative.empty() ? 0 : cumulative.back()) + 1 / std::pow(static_cast<double>(i + 1), 0.99));
  }
  std::vector<std::uint32_t> order(1 << 18);
  for (auto& which : order)
    which = static_cast<std::uint32_t>(std::ranges::lower_bound(cumulative, random.uniform() * cumulative.back()) - cumulative.begin());
  std::unordered_set<std::uint32_t> changed;
  std::optional<Position> offset;
  std::future<Result<Outcome>> before;
  std::uint64_t sequence = 0, rows = 0;
  auto published = std::chrono::steady_clock::now();
  std::vector<Value> arguments{Value(1.5)};
  for (auto _ : state) {
    const std::uint32_t which = order[sequence++ & (order.size() - 1)];
    const EventOrder at{Instant::from_unix_nanos(1'700'000'000'000'000'000 + static_cast<std::int64_t>(sequence) * 1'000), {}, sequence};
    windows->insert(keys[which], at, arguments);
    changed.insert(which);
    if ((sequence & 0xff) != 0 || std::chrono::steady_clock::now() - published < 50ms) continue;
    published = std::chrono::steady_clock::now();
    rows += changed.size();
    if (before.valid()) CHECK(before.get().ok());  // at most one under way, so that nothing piles up
    before = open.store->submit(publish(open, *windows, changed, keys, at, offset)).value();
    changed.clear();
  }
  if (before.valid()) CHECK(before.get().ok());
  state.SetItemsProcessed(state.iterations());
  state.counters["rows_per_second"] = benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsRate);
}
BENCHMARK(ingest)->Arg(1'000)->Arg(10'000)->Arg(100'000)->MinTime(1)->MeasureProcessCPUTime();

/// Each event as a row of its own, with history: nothing is aggregated, and commits of 100 events share what flushes there are.
void ingest_raw(benchmark::State& state) {
  const OpenStore open;
  const std::string row = encode_row(Row{Value(std::int64_t{1}), Value(1.5), Value("some text")});
  std::vector<std::future<Result<Outcome>>> under_way;
  std::uint64_t sequence = 0;
  for (auto _ : state) {
    Commit commit;
    for (int i = 0; i < 100; ++i, ++sequence)
      commit.rows.push_back({.view = open.view,
                             .key = key_of(static_cast<std::int64_t>(sequence * 2'654'435'761 % 100'000)),
                             .order = {Instant::from_unix_nanos(static_cast<std::int64_t>(sequence)), {}, sequence},
                             .row = row});
    under_way.push_back(open.store->submit(std::move(commit)).value());
    if (under_way.size() < 100) continue;
    for (auto& done : under_way) CHECK(done.get().ok());
    under_way.clear();
  }
  for (auto& done : under_way) CHECK(done.get().ok());
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(ingest_raw)->MinTime(4)->MeasureProcessCPUTime();

/// Rows of a hundred thousand keys, read by their number at once; half of the keys are in tables, half in memory.
void read_many(benchmark::State& state) {
  const OpenStore open;
  constexpr std::int64_t kKeys = 100'000;
  const std::string row = encode_row(std::vector<Value>(10, Value(0.5)));
  for (std::int64_t half : {0, 1}) {
    Commit commit;
    for (std::int64_t i = half; i < kKeys; i += 2)
      commit.rows.push_back({.view = open.view, .key = key_of(i), .order = {Instant::from_unix_seconds(1), {}, 0}, .row = row});
    CHECK(open.store->commit(std::move(commit)).ok());
    if (half == 0) CHECK(open.store->compact().ok());
  }
  Random random(3);
  std::vector<std::string> keys;
  for (int i = 0; i < 1 << 16; ++i) keys.push_back(key_of(static_cast<std::int64_t>(random.below(kKeys))));
  std::size_t next = 0;
  std::vector<RowKey> asked(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (auto& each : asked) each = {open.view, keys[next++ & (keys.size() - 1)]};
    benchmark::DoNotOptimize(open.store->latest(asked).value().size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_many)->Arg(1)->Arg(10)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace isobar::features

BENCHMARK_MAIN();
