// How many events a second the engine takes in, durable and seen by readers, and what a reading costs.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "base/random.h"
#include "features/engine.h"

namespace isobar::features {

namespace {

constexpr std::string_view kSpending = R"(
project: bench
entities: {user: {keys: {user_id: int64}}}
sources:
  payments: {kind: push, schema: {amount: float64, at: timestamp, user_id: int64}, timestamp: at}
views:
  spending:
    source: payments
    entity: user
    features:
      spent: sum(amount) over 1h, 24h, 7d
      payments: count(*) over 1h, 24h, 7d
      least: min(amount) over 1h, 24h, 7d
      most: max(amount) over 1h, 24h, 7d
      last: amount
)";

constexpr std::int64_t kUsers = 100'000;

/// Some users much more often than others.
std::int64_t some_user(Random& random) { return static_cast<std::int64_t>(std::pow(static_cast<double>(kUsers), random.uniform())) - 1; }

struct Bench {
  Bench() {
    std::string name = "/tmp/isobar-engine-bench-XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    folder = name;
    engine = Engine::open(folder / "store", {}, clock).value();
    auto applied = engine->apply(*parse_definition(kSpending, "bench.yaml"), "bench.yaml");
    CHECK(applied.ok(), applied.ok() ? "" : applied.error().message());
  }
  ~Bench() {
    engine.reset();
    fs::remove_all(folder);
  }
  std::vector<SourceRow> rows(std::size_t count) {
    std::vector<SourceRow> rows;
    const Instant now = clock.now();
    for (std::size_t i = 0; i < count; ++i) rows.push_back({{Value(random.uniform()), Value(now), Value(some_user(random))}});
    return rows;
  }
  fs::path folder;
  SystemClock clock;
  Random random{1};
  std::unique_ptr<Engine> engine;
};

void push(benchmark::State& state) {
  Bench bench;
  const auto rows = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kUnderWay = 8;
  std::atomic<std::size_t> under_way{0};
  for (auto _ : state) {
    while (under_way >= kUnderWay) std::this_thread::yield();
    ++under_way;
    bench.engine->push({.source = "payments", .rows = bench.rows(rows)}, [&under_way](Result<Taken> taken) {
      CHECK(taken.ok(), taken.ok() ? "" : taken.error().message());
      --under_way;
    });
  }
  while (under_way > 0) std::this_thread::yield();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(push)->Arg(100)->Arg(1000)->Arg(10000)->MeasureProcessCPUTime()->UseRealTime();

void answer(benchmark::State& state) {
  Bench bench;
  CHECK(bench.engine->push({.source = "payments", .rows = bench.rows(300'000)}).ok());
  const auto plan = bench.engine
                        ->plan({.features = {"spending:spent_1h", "spending:spent_24h", "spending:spent_7d", "spending:payments_1h",
                                             "spending:payments_24h", "spending:payments_7d", "spending:most_1h", "spending:least_1h",
                                             "spending:most_24h", "spending:last"}})
                        .value();
  for (auto _ : state) {
    const Row row{Value(some_user(bench.random))};
    auto answers = bench.engine->answer(*plan, std::span(&row, 1));
    CHECK(answers.ok());
    benchmark::DoNotOptimize(answers);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(answer);

}  // namespace

}  // namespace isobar::features

BENCHMARK_MAIN();
