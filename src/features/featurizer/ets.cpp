#include "features/ets.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "finite.h"

namespace isobar::features {

namespace {

constexpr int kRateBits = 14, kRounds = 40;
constexpr double kRateLeast = 1e-6;
/// A round that gains less than this share has found the bottom.
constexpr double kGainLeast = 1e-5;

/// Runs along the series from `state`, which is left turned by so many points of the season; returns Σ e².
double run(std::span<const double> series, const EtsRates& rates, EtsState& state) {
  double level = state.level, slope = state.slope, sum = 0;
  std::size_t point = 0;
  for (const double value : series) {
    const double error = value - level - slope - state.seasonal[point];
    level += slope + rates.alpha * error;
    slope += rates.alpha * rates.beta * error;
    state.seasonal[point] += rates.gamma * error;
    sum += error * error;
    if (++point == state.seasonal.size()) point = 0;
  }
  state.level = level;
  state.slope = slope;
  return sum;
}

double squared_error(std::span<const double> series, const EtsRates& rates, const EtsState& start, EtsState& work) {
  work = start;
  return run(series, rates, work);
}

/// γ as a share of 1 − α, so that each rate has the same bounds whatever the others are.
struct Shares {
  double alpha, beta, gamma;
  EtsRates rates() const { return {alpha, beta, gamma * (1 - alpha)}; }
};

/// Down from one start, one rate at a time.
std::pair<Shares, double> descend(std::span<const double> series, const EtsState& start, Shares at, EtsState& work) {
  double best = squared_error(series, at.rates(), start, work);
  for (int round = 0; round < kRounds; ++round) {
    const double before = best;
    for (double Shares::*rate : {&Shares::alpha, &Shares::beta, &Shares::gamma}) {
      Shares trial = at;
      const auto cost = [&](double share) {
        trial.*rate = share;
        return squared_error(series, trial.rates(), start, work);
      };
      const auto [share, error] = boost::math::tools::brent_find_minima(cost, kRateLeast, 1 - kRateLeast, kRateBits);
      if (error < best) {
        at.*rate = share;
        best = error;
      }
    }
    if (before - best <= kGainLeast * before) break;
  }
  return {at, best};
}

}  // namespace

double EtsFit::forecast(std::size_t steps) const {
  return state.level + state.slope * static_cast<double>(steps) + state.seasonal[(steps - 1) % state.seasonal.size()];
}

EtsState ets_start(std::span<const double> series, int period) {
  const auto m = static_cast<std::size_t>(period);
  const auto mean = [&](std::size_t from) {
    return std::accumulate(series.begin() + static_cast<std::ptrdiff_t>(from), series.begin() + static_cast<std::ptrdiff_t>(from + m),
                           0.0) /
           static_cast<double>(m);
  };
  EtsState state{mean(0), (mean(m) - mean(0)) / static_cast<double>(m), {}};
  for (std::size_t i = 0; i < m; ++i) state.seasonal.push_back(series[i] - state.level);
  return state;
}

EtsFit smooth_ets(std::span<const double> series, const EtsRates& rates, EtsState start) {
  EtsFit fit{rates, std::move(start), 0};
  fit.squared_error = run(series, rates, fit.state);
  const std::size_t point = series.size() % fit.state.seasonal.size();
  std::rotate(fit.state.seasonal.begin(), fit.state.seasonal.begin() + static_cast<std::ptrdiff_t>(point), fit.state.seasonal.end());
  return fit;
}

Result<EtsFit> fit_ets(std::span<const double> series, int period) {
  if (period < 2) return invalid(fmt::format("a period of {} points is no season; give 2 or more", period));
  if (series.size() < 2 * static_cast<std::size_t>(period))
    return invalid(
        fmt::format("{} points are less than two seasons of {}; take a longer window or a shorter period", series.size(), period));
  TRY(check_finite(series));
  const EtsState start = ets_start(series, period);
  EtsState work;
  std::pair<Shares, double> best{{}, std::numeric_limits<double>::infinity()};
  for (const Shares& from : {Shares{0.2, 0.05, 0.1}, Shares{0.8, 0.05, 0.5}, Shares{0.5, 0.5, 0.1}, Shares{0.001, 0.001, 0.5}}) {
    const auto found = descend(series, start, from, work);
    if (found.second < best.second) best = found;
  }
  return smooth_ets(series, best.first.rates(), start);
}

}  // namespace isobar::features
