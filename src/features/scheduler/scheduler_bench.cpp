// What one event costs when a million keys are known and wait, and what a key takes of memory. Keys are 8 bytes, as an int64 is.

#include <benchmark/benchmark.h>

#include <cstring>

#include "features/scheduler.h"

namespace isobar::features {
namespace {

constexpr std::uint64_t kKeys = 1'000'000;

std::string_view key_of(std::uint64_t number, char (&bytes)[8]) {
  std::memcpy(bytes, &number, sizeof number);
  return {bytes, sizeof bytes};
}

Scheduler with_a_million_keys(const std::string& policy) {
  SchedulerConfig config;
  config.policy = policy;
  config.budget = {CostUnit::kRefreshes, std::numeric_limits<double>::infinity(), 1};
  Scheduler scheduler = std::move(Scheduler::create(config)).value();
  char bytes[8];
  for (std::uint64_t k = 0; k < kKeys; ++k)
    (void)scheduler.input(key_of(k, bytes), Instant(), InputVersion(k + 1), Instant::from_unix_nanos(static_cast<std::int64_t>(k)));
  return scheduler;
}

/// Of ten events, four are inputs, two queries, three labels, and one a refresh that is begun and finished; keys at random.
void AnEvent(benchmark::State& state, const std::string& policy) {
  Scheduler scheduler = with_a_million_keys(policy);
  const double before = static_cast<double>(scheduler.memory_bytes());
  Random random(1);
  std::uint64_t events = 0, version = kKeys;
  char bytes[8];
  for (auto _ : state) {
    const Instant now = Instant::from_unix_nanos(static_cast<std::int64_t>(kKeys + ++events));
    const auto key = key_of(random.below(kKeys), bytes);
    const auto kind = events % 10;
    if (kind < 4) (void)scheduler.input(key, now, InputVersion(++version), now);
    else if (kind < 6) scheduler.query(key, now);
    else if (kind < 9) (void)scheduler.feedback(key, {random.uniform() * 4, std::nullopt}, now);
    else if (auto next = scheduler.next(now); next.refresh) (void)scheduler.finished(next.refresh->key, next.refresh->version, 0.01, now);
  }
  state.counters["bytes_per_key"] = before / kKeys;
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}

BENCHMARK_CAPTURE(AnEvent, regret, "regret");
BENCHMARK_CAPTURE(AnEvent, round_robin, "round-robin");
BENCHMARK_CAPTURE(AnEvent, max_pending, "max-pending");
BENCHMARK_CAPTURE(AnEvent, random, "random");

}  // namespace
}  // namespace isobar::features

BENCHMARK_MAIN();
