// What a launch takes of isobar's own time when every place refuses: all that is decided, and all that must be on disk before each attempt
// and after it. The cloud answers at once, so that nothing else is in the number.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/random.h"
#include "broker/broker.h"

namespace isobar::broker {
namespace {

class RefusingCloud final : public cloud::Provider {
 public:
  std::string name() const override { return "none"; }
  Status check() override { return {}; }
  cloud::CreateOutcome create(const cloud::CreateOrder& order, Duration) override {
    ++attempts;
    const cloud::Scope here{
        .cloud = "none", .region = order.offer.region, .zone = order.offer.zone, .instance_type = order.offer.instance_type};
    return {{}, cloud::CloudError{Error(Code::kExhausted, "no capacity"), "InsufficientInstanceCapacity", here}};
  }
  Result<std::vector<cloud::Instance>> list(const std::string&) override { return std::vector<cloud::Instance>(); }
  Result<std::vector<std::string>> clusters() override { return std::vector<std::string>(); }
  Status stop(const std::string&, Duration) override { return {}; }
  Result<std::vector<cloud::Instance>> start(const std::string&, Duration) override { return std::vector<cloud::Instance>(); }
  Status terminate(const std::string&, Duration) override { return {}; }

  std::size_t attempts = 0;
};

LaunchGoal goal_of(std::size_t places) {
  LaunchGoal goal{.cluster = "train"};
  for (std::size_t i = 0; i < places; ++i) {
    Placement placement;
    placement.offer.cloud = "none";
    placement.offer.region = fmt::format("r{}", i / 10);
    placement.offer.zone = fmt::format("r{}-z{}", i / 10, i % 10);
    placement.offer.instance_type = "gpu8";
    placement.hourly_price = 1 + static_cast<double>(i) / 100;
    goal.ranked.push_back(placement);
  }
  return goal;
}

void EveryPlaceRefuses(benchmark::State& state) {
  const auto places = static_cast<std::size_t>(state.range(0));
  std::size_t attempts = 0;
  for (auto _ : state) {
    state.PauseTiming();
    // On the disk that a home is on: what is durable there is part of the number.
    const fs::path folder = fs::current_path() / ("bench-failover-" + secure_random_hex(5));
    CHECK(make_folders(folder).ok());
    auto stored = StateStore::open(folder / "state.db").value();
    RefusingCloud cloud;
    SystemClock clock;
    Log log;
    Broker broker({.config = {},
                   .lock_folder = folder / "locks",
                   .state = stored,
                   .providers = {{"none", &cloud}},
                   .clock = clock,
                   .log = log,
                   .say = [](const std::string&) {}});
    state.ResumeTiming();
    auto session = broker.open("train", "launch").value();
    ClusterRecord blank;
    blank.name = "train";
    const auto refused = session.provision(goal_of(places), blank);
    CHECK(!refused.ok() && refused.error().code() == Code::kExhausted);
    state.PauseTiming();
    attempts += cloud.attempts;
    fs::remove_all(folder);
    state.ResumeTiming();
  }
  CHECK(attempts == places * static_cast<std::size_t>(state.iterations()), attempts);
}
BENCHMARK(EveryPlaceRefuses)->Arg(200)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace isobar::broker

BENCHMARK_MAIN();
