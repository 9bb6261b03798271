// How many events a second one core takes in: three windows (1 h, 1 day, 7 days: three levels of tiles) of four aggregates (count, sum, min
// and max of a float), over many keys that come as Zipf has them, the map from key to state included. And what a read of all twelve values
// costs.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "base/random.h"
#include "features/keyed_windows.h"

namespace isobar::features {
namespace {

std::unique_ptr<KeyedWindows> four_aggregates(std::vector<Window> windows, std::size_t head_events = 8) {
  using enum AggregateFunction;
  auto made = KeyedWindows::create(
      {{.function = kCount}, {.function = kSum, .argument = 0}, {.function = kMin, .argument = 0}, {.function = kMax, .argument = 0}},
      {{Kind::kFloat64}}, windows, {.lateness = 10min, .head_events = head_events});
  CHECK(made.ok());
  return std::move(*made);
}

struct Stream {
  std::vector<std::string> keys;
  std::vector<std::uint32_t> order;  ///< which key comes when

  explicit Stream(std::size_t count) {
    Random random(7);
    std::vector<double> cumulative;
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(fmt::format("driver:{:08}", i));
      cumulative.push_back((cumulative.empty() ? 0 : cumulative.back()) + 1 / std::pow(static_cast<double>(i + 1), 0.99));
    }
    for (int i = 0; i < 1 << 20; ++i)
      order.push_back(
          static_cast<std::uint32_t>(std::ranges::lower_bound(cumulative, random.uniform() * cumulative.back()) - cumulative.begin()));
  }
};

const std::vector<Window> kTiled{Window::sliding(1h), Window::sliding(24h), Window::sliding(168h)};

void insert(benchmark::State& state, const std::vector<Window>& windows, Duration late, std::size_t head_events = 8) {
  const Stream stream(static_cast<std::size_t>(state.range(0)));
  const auto store = four_aggregates(windows, head_events);
  std::vector<Value> arguments{Value(1.5)};
  std::uint64_t sequence = 0;
  std::int64_t now = 1'700'000'000'000'000'000;
  for (auto _ : state) {
    const std::uint32_t key = stream.order[sequence++ & (stream.order.size() - 1)];
    now += 1'000'000;  // a thousand events a second
    arguments[0] = Value(static_cast<double>(sequence & 1023));
    const Duration behind(
        late.count() == 0 ? 0 : static_cast<std::int64_t>(sequence * 2'654'435'761 % static_cast<std::uint64_t>(late.count())));
    store->insert(stream.keys[key], {Instant::from_unix_nanos(now) - behind, Instant(), sequence}, arguments);
    if ((sequence & 0xffff) == 0) store->advance(Instant::from_unix_nanos(now) - 10min);
    if ((sequence & 0x3fffff) == 0) store->expire();
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_key"] = static_cast<double>(store->bytes()) / static_cast<double>(store->keys());
}
BENCHMARK_CAPTURE(insert, tiles, kTiled, 0s)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->MinTime(4);
BENCHMARK_CAPTURE(insert, tiles_without_head, kTiled, 0s, 0)->Arg(100'000)->MinTime(4);
BENCHMARK_CAPTURE(insert, tiles_up_to_5min_late, kTiled, 5min)->Arg(100'000)->MinTime(4);
BENCHMARK_CAPTURE(insert, exact_1min, std::vector<Window>{Window::exactly(1min)}, 0s)->Arg(1'000)->MinTime(2);
BENCHMARK_CAPTURE(insert, exact_1min_up_to_5s_late, std::vector<Window>{Window::exactly(1min)}, 5s)->Arg(1'000)->MinTime(2);

void read(benchmark::State& state) {
  const auto store = four_aggregates(kTiled);
  const std::int64_t start = 1'700'000'000;
  for (std::int64_t minute = 0; minute < 7 * 24 * 60; ++minute)
    store->insert("k", {Instant::from_unix_seconds(start + minute * 60), Instant(), static_cast<std::uint64_t>(minute)},
                  std::vector<Value>{Value(1.0)});
  const Instant at = Instant::from_unix_seconds(start + 7 * 24 * 3600);
  for (auto _ : state) benchmark::DoNotOptimize(store->read("k", at).values.size());
}
BENCHMARK(read);

}  // namespace
}  // namespace isobar::features

BENCHMARK_MAIN();
