// How long does a user wait for the optimizer's table? Unit: milliseconds of wall time.
//
// The market is synthetic: 10 clouds, 100 000 offers (1 000 types in 10 regions of up to 10 zones), with prices drawn
// from a fixed seed. "Cold" starts from the file on disk, as a new process does: map, verify, match, rank, plan. "Warm"
// holds the catalog open, as the server does.

#include <benchmark/benchmark.h>

#include <filesystem>

#include "base/check.h"
#include "base/file.h"
#include "base/random.h"
#include "broker/optimizer.h"
#include "cloud/catalog_import.h"

namespace isobar::broker {
namespace {

constexpr int kClouds = 10, kTypes = 100, kRegions = 10, kZones = 10;

std::string price_list(int cloud, Random& random) {
  std::string text = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region,AvailabilityZone\n";
  for (int type = 0; type < kTypes; ++type) {
    const int vcpus = 2 << random.below(6), gpus = type % 5 == 0 ? 1 << random.below(4) : 0;
    for (int region = 0; region < kRegions; ++region) {
      const double price = vcpus * 0.05 * (0.8 + 0.4 * random.uniform()) + gpus * 2.5;
      for (int zone = 0; zone < kZones; ++zone)
        text += fmt::format("type-{}-{},{},{},{},{},{:.5f},{:.5f},region-{},region-{}-{}\n", cloud, type, vcpus, vcpus * 4,
                            gpus ? "A100" : "", gpus, price, price * (0.2 + 0.2 * random.uniform()), region, region, zone);
    }
  }
  return text;
}

/// A folder of imported catalogs with 100 000 offers; made once, removed at the end.
class SyntheticCatalog {
 public:
  SyntheticCatalog() {
    Random random(1);
    CHECK(make_folders(folder_ / "lists").ok());
    for (int cloud = 0; cloud < kClouds; ++cloud)
      CHECK(write_file(folder_ / "lists" / fmt::format("cloud{}.csv", cloud), price_list(cloud, random), Durability::kCache).ok());
    const std::vector<fs::path> inputs = {folder_ / "lists"};
    CHECK(cloud::import_price_lists(inputs, {}, imported(), Instant::from_unix_seconds(1'800'000'000)).ok());
  }
  ~SyntheticCatalog() { fs::remove_all(folder_); }
  fs::path imported() const { return folder_ / "imported"; }

 private:
  const fs::path folder_ = fs::temp_directory_path() / ("isobar_bench_" + secure_random_hex(8));
};

Market open_market() {
  static const SyntheticCatalog catalog;
  auto opened = cloud::Catalog::open({}, catalog.imported());
  CHECK(opened.ok());
  Market market;
  market.catalog = std::move(opened).value();
  return market;
}

std::vector<TaskNode> a_chain(std::size_t length) {
  std::vector<TaskNode> tasks(length);
  for (std::size_t i = 0; i < length; ++i) {
    tasks[i].name = fmt::format("task{}", i);
    tasks[i].output_gb = 100;
    if (i > 0) tasks[i].parents = {i - 1};
  }
  return tasks;
}

void plan(const std::vector<TaskNode>& tasks, const Market& market, std::size_t candidates_least, benchmark::State& state) {
  const auto made = optimize(tasks, market);
  CHECK(made.ok() && made->tasks[0].candidates->ranked.size() >= candidates_least, made.ok());
  state.counters["candidates"] = static_cast<double>(made->tasks[0].candidates->ranked.size());
}

void OneTaskCold(benchmark::State& state) {
  open_market();  // writes the files before the clock starts
  for (auto _ : state) plan(a_chain(1), open_market(), 1000, state);
}
BENCHMARK(OneTaskCold)->Unit(benchmark::kMillisecond);

void OneTaskWarm(benchmark::State& state) {
  const Market market = open_market();
  for (auto _ : state) plan(a_chain(1), market, 1000, state);
}
BENCHMARK(OneTaskWarm)->Unit(benchmark::kMillisecond);

void OneSpotGpuTaskWarm(benchmark::State& state) {
  const Market market = open_market();
  auto tasks = a_chain(1);
  tasks[0].resources.alternatives[0].accelerator = AcceleratorRequest{"a100", 8, {}};
  tasks[0].resources.alternatives[0].use_spot = true;
  for (auto _ : state) plan(tasks, market, 100, state);
}
BENCHMARK(OneSpotGpuTaskWarm)->Unit(benchmark::kMillisecond);

/// Each task asks for something else, so that none can share another's candidates.
void ChainOfTasksWarm(benchmark::State& state) {
  const Market market = open_market();
  auto tasks = a_chain(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i].resources.alternatives[0].hourly_cost_max = 1000.0 + static_cast<double>(i);
  for (auto _ : state) plan(tasks, market, 1000, state);
}
BENCHMARK(ChainOfTasksWarm)->Arg(10)->Arg(100)->Unit(benchmark::kMillisecond);

/// The same with equal requests, as most pipelines have.
void ChainOfEqualTasksWarm(benchmark::State& state) {
  const Market market = open_market();
  const auto tasks = a_chain(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) plan(tasks, market, 1000, state);
}
BENCHMARK(ChainOfEqualTasksWarm)->Arg(100)->Unit(benchmark::kMillisecond);

/// Every task reads the two before it: no tree, so the integer program solves it.
void LatticeOfTasksWarm(benchmark::State& state) {
  const Market market = open_market();
  auto tasks = a_chain(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 2; i < tasks.size(); ++i) tasks[i].parents = {i - 2, i - 1};
  for (auto _ : state) plan(tasks, market, 1000, state);
}
BENCHMARK(LatticeOfTasksWarm)->Arg(20)->Arg(100)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace isobar::broker

BENCHMARK_MAIN();
