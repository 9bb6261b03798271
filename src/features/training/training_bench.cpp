// What does the point-in-time join cost? A row joined with three views over a history of three times as many events, in memory, on one
// core: views of columns by the short way and by replay, and a view of windows. Events and rows are like flights: 300 places, three keys.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/random.h"
#include "training_testing.h"

using namespace isobar;
using namespace isobar::features;

namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kEvents = 3 * kRows;
constexpr std::uint64_t kPlaces = 300;
constexpr std::int64_t kSecondsOfHistory = 180 * 86400;

constexpr std::string_view kFlights = R"(project: flights
entities:
  origin: {keys: {origin: string}}
  destination: {keys: {destination: string}}
sources:
  flights: {kind: push, schema: {at: timestamp, origin: string, destination: string, delay: int32, distance: int32}, timestamp: at}
views:
  from_here: {source: flights, entity: origin, features: {delay:, distance:}}
  to_here: {source: flights, entity: destination, features: {delay_to: delay}}
  between: {source: flights, entities: [origin, destination], ttl: 7d, features: {delay_between: delay}}
  lately: {source: flights, entity: origin, features: {late: "mean(delay) over 1h, 24h", flights: count(*) over 24h}}
)";

const Value& place(std::uint64_t number) {
  static const std::vector<Value> places = [] {
    std::vector<Value> made;
    for (std::uint64_t i = 0; i < kPlaces; ++i) made.emplace_back(fmt::format("P{:02}", i));
    return made;
  }();
  return places[number];
}

/// In the order of time, made as they are asked for.
class Flights final : public EventStream {
 public:
  Flights() {
    Random random(1);
    for (std::size_t i = 0; i < kEvents; ++i)
      drawn_.push_back({static_cast<std::uint16_t>(random.below(kPlaces)), static_cast<std::uint16_t>(random.below(kPlaces))});
  }
  Status each(const std::function<Status(const TrainingEvent&)>& visit) const override {
    Row row(5);
    for (std::size_t i = 0; i < kEvents; ++i) {
      const Instant at = at_second(static_cast<std::int64_t>(i) * kSecondsOfHistory / static_cast<std::int64_t>(kEvents));
      row[0] = Value(at);
      row[1] = Value(static_cast<std::int32_t>(i % 60));
      row[2] = place(drawn_[i].second);
      row[3] = Value(static_cast<std::int32_t>(i % 2000));
      row[4] = place(drawn_[i].first);
      TRY(visit({0, {at, at, i}, at, false, {}, row}));
    }
    return {};
  }
  bool removes() const override { return false; }

 private:
  std::vector<std::pair<std::uint16_t, std::uint16_t>> drawn_;
};

void join(benchmark::State& state, const std::vector<std::string>& features, JoinPath path) {
  const auto plan = plan_of(kFlights, {.features = features});
  Random random(2);
  RowsInMemory rows;
  for (std::size_t i = 0; i < kRows; ++i) {
    Row inputs;
    for (std::size_t k = 0; k < plan->inputs().size(); ++k) inputs.push_back(place(random.below(kPlaces)));
    rows.rows.emplace_back(std::move(inputs), at_second(static_cast<std::int64_t>(random.below(kSecondsOfHistory))));
  }
  const Flights flights;
  JoinOptions options = in_memory();
  options.path = path;
  std::uint64_t spilled = 0;
  for (auto _ : state) {
    const auto report = join_as_of(*plan, rows, flights, options, [](const Row&, std::span<const Answered> answers) {
      benchmark::DoNotOptimize(answers.data());
      return Status();
    });
    CHECK(report.ok());
    spilled = report->spilled_bytes;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kRows) * static_cast<std::int64_t>(state.iterations()));
  state.counters["spilled_MiB"] = static_cast<double>(spilled) / (1 << 20);
}

void columns(benchmark::State& state) { join(state, {"delay", "distance", "delay_to", "delay_between"}, JoinPath::kFastest); }
void replayed(benchmark::State& state) { join(state, {"delay", "distance", "delay_to", "delay_between"}, JoinPath::kReplay); }
void windows(benchmark::State& state) { join(state, {"late_1h", "late_24h", "flights"}, JoinPath::kFastest); }

BENCHMARK(columns)->Name("join/columns")->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(replayed)->Name("join/replayed")->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(windows)->Name("join/windows")->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
