// What a fit costs, on one thread: the paper's window of 48 hours, and its other one, three days of five-minute points. The same fits by
// statsmodels are timed by bench/features/featurizers.py.

#include <benchmark/benchmark.h>

#include <cmath>

#include "base/random.h"
#include "features/forecast.h"
#include "features/ridge.h"
#include "features/stl.h"

namespace isobar::features {
namespace {

std::vector<double> made_up(std::size_t points, int period) {
  Random random(1);
  std::vector<double> series;
  for (std::size_t t = 0; t < points; ++t) series.push_back(std::sin(2 * M_PI * static_cast<double>(t) / period) + random.uniform());
  return series;
}

void DecomposeByStl(benchmark::State& state) {
  const auto points = static_cast<std::size_t>(state.range(0));
  const int period = static_cast<int>(state.range(1));
  const Stl stl = std::move(Stl::create(points, {.period = period})).value();
  const auto series = made_up(points, period);
  for (auto _ : state) benchmark::DoNotOptimize(stl.decompose(series));
}
BENCHMARK(DecomposeByStl)->Args({48, 24})->Args({330, 24})->Args({864, 288});

void FitForecaster(benchmark::State& state, const char* name) {
  const auto points = static_cast<std::size_t>(state.range(0));
  const int period = static_cast<int>(state.range(1));
  const auto forecaster = std::move(make_forecaster(name, points, period)).value();
  const auto series = made_up(points, period);
  for (auto _ : state) benchmark::DoNotOptimize(forecaster->fit(series));
}
BENCHMARK_CAPTURE(FitForecaster, stl_arima, "stl-arima")->Args({48, 24})->Args({864, 288});
BENCHMARK_CAPTURE(FitForecaster, ets, "ets")->Args({48, 24})->Args({864, 288});

void SolveForAUser(benchmark::State& state) {
  const auto dimensions = static_cast<std::size_t>(state.range(0));
  Random random(1);
  RidgeSums sums(dimensions);
  for (std::size_t i = 0; i < 4 * dimensions; ++i) {
    std::vector<double> factors;
    for (std::size_t k = 0; k < dimensions; ++k) factors.push_back(random.uniform());
    sums.add(factors, random.uniform());
  }
  for (auto _ : state) benchmark::DoNotOptimize(sums.solve(1));
}
BENCHMARK(SolveForAUser)->Arg(50);

}  // namespace
}  // namespace isobar::features

BENCHMARK_MAIN();
