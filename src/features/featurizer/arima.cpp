#include "features/arima.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "finite.h"

namespace isobar::features {

namespace {

/// How near to a random walk of the differences φ may come: beyond, the mean is not determined any more.
constexpr double kAutoregressionMost = 0.9999;
constexpr int kGridSteps = 64;
constexpr int kPhiBits = 40;

/// The sums from which the likelihood of any φ follows, of differences around their mean.
struct Sums {
  double count = 0, first = 0, all = 0, later = 0, earlier = 0;  // later: all but the first; earlier: all but the last
  double later_squared = 0, product = 0, earlier_squared = 0;

  explicit Sums(std::span<const double> w) : count(static_cast<double>(w.size())), first(w[0]) {
    for (std::size_t t = 0; t < w.size(); ++t) {
      all += w[t];
      if (t == 0) continue;
      later_squared += w[t] * w[t];
      product += w[t] * w[t - 1];
      earlier_squared += w[t - 1] * w[t - 1];
    }
    later = all - first;
    earlier = all - w.back();
  }
  /// The mean that is likeliest given φ.
  double mean(double phi) const { return ((1 + phi) * first + later - phi * earlier) / ((1 + phi) + (count - 1) * (1 - phi)); }
  /// Squares of what is not foretold, the first difference by its own distribution.
  double squares(double phi) const {
    const double mu = mean(phi), rest = mu * (1 - phi);
    return (1 - phi * phi) * (first - mu) * (first - mu) + later_squared - 2 * phi * product + phi * phi * earlier_squared -
           2 * rest * (later - phi * earlier) + (count - 1) * rest * rest;
  }
  /// −2/n of the log likelihood at the best mean and variance, but for a constant.
  double cost(double phi) const { return std::log(squares(phi)) - std::log1p(-phi * phi) / count; }
};

double least_squares(const Sums& sums) {
  const double n = sums.count - 1, mean_later = sums.later / n, mean_earlier = sums.earlier / n;
  const double spread = sums.earlier_squared - n * mean_earlier * mean_earlier;
  const double together = sums.product - n * mean_later * mean_earlier;
  return spread > 0 ? std::clamp(together / spread, -kAutoregressionMost, kAutoregressionMost) : 0;
}

/// The conditional estimate is near the exact one, or the likelihood has two maxima and the grid knows the other.
double likeliest(const Sums& sums) {
  constexpr double kStep = 2 * kAutoregressionMost / kGridSteps;
  double best = least_squares(sums);
  for (int i = 0; i <= kGridSteps; ++i) {
    const double phi = -kAutoregressionMost + i * kStep;
    if (sums.cost(phi) < sums.cost(best)) best = phi;
  }
  const auto cost = [&](double phi) { return sums.cost(phi); };
  const double low = std::max(-kAutoregressionMost, best - kStep), high = std::min(kAutoregressionMost, best + kStep);
  return boost::math::tools::brent_find_minima(cost, low, high, kPhiBits).first;
}

}  // namespace

double Arima110::forecast(std::size_t steps) const {
  const auto h = static_cast<double>(steps);
  const double phi = autoregression;
  return last + drift * h + (last_step - drift) * phi * (1 - std::pow(phi, h)) / (1 - phi);
}

Result<Arima110> fit_arima110(std::span<const double> series) {
  if (series.size() < 4) return invalid(fmt::format("{} points are too few for ARIMA(1,1,0); give 4 or more", series.size()));
  TRY(check_finite(series));
  std::vector<double> steps(series.size() - 1);
  const double mean = (series.back() - series.front()) / static_cast<double>(steps.size());
  double largest = 0;
  for (std::size_t t = 0; t < steps.size(); ++t) {
    steps[t] = series[t + 1] - series[t] - mean;
    largest = std::max({largest, std::abs(series[t + 1]), std::abs(series[t])});
  }
  Arima110 model{.drift = mean, .last = series.back(), .last_step = steps.back() + mean};
  const Sums sums(steps);
  // What rounding leaves of a straight line is no noise to be explained.
  constexpr double kRounding = 64 * std::numeric_limits<double>::epsilon();
  if (sums.squares(0) <= sums.count * kRounding * kRounding * largest * largest) {
    model.log_likelihood = std::numeric_limits<double>::infinity();
    return model;
  }
  model.autoregression = likeliest(sums);
  model.drift += sums.mean(model.autoregression);
  model.variance = sums.squares(model.autoregression) / sums.count;
  model.log_likelihood = -sums.count / 2 * (std::log(2 * std::numbers::pi * model.variance) + 1) +
                         std::log1p(-model.autoregression * model.autoregression) / 2;
  return model;
}

}  // namespace isobar::features
