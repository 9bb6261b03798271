#pragma once

/// Exponential smoothing with an additive trend and season (Holt 1957, Winters 1960), in its error-correction form:
///   e = y_t − (l + b + s_{t−m}),   l ← l + b + α e,   b ← b + αβ e,   s_t ← s_{t−m} + γ e
/// The names of the rates are those of Hyndman, Koehler, Ord and Snyder (2008) with b's rate as αβ; γ is at most 1 − α.

#include <span>
#include <vector>

#include "base/result.h"

namespace isobar::features {

struct EtsRates {
  double alpha = 0.5, beta = 0.1, gamma = 0.1;  ///< 0 < α < 1, 0 ≤ β ≤ 1, 0 ≤ γ ≤ 1 − α
};

struct EtsState {
  double level = 0, slope = 0;
  std::vector<double> seasonal;  ///< of the next `period` points
};

struct EtsFit {
  EtsRates rates;
  EtsState state;            ///< after the last point
  double squared_error = 0;  ///< Σ e² over the series

  /// h steps ahead; h ≥ 1.
  double forecast(std::size_t steps) const;
};

/// Where smoothing starts: the mean of the first season, the mean step from it to the second, and what of the first is left.
EtsState ets_start(std::span<const double> series, int period);

/// Runs along a series with given rates from a given start.
EtsFit smooth_ets(std::span<const double> series, const EtsRates& rates, EtsState start);

/// The rates with the least squared error, from `ets_start`: searched for in each direction in turn, from several starts.
/// Errors   kInvalidArgument: a period below 2, fewer than two seasons, or a value that is not finite
/// Cost     some 1000 runs along the series
Result<EtsFit> fit_ets(std::span<const double> series, int period);

}  // namespace isobar::features
