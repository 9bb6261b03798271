#pragma once

/// ARIMA(1,1,0) with a drift: the differences of a series are an autoregression of order one around a mean.
///   w_t = y_t − y_{t−1},   w_t − μ = φ (w_{t−1} − μ) + ε_t,   ε ~ N(0, σ²)

#include <span>

#include "base/result.h"

namespace isobar::features {

struct Arima110 {
  double drift = 0;                ///< μ
  double autoregression = 0;       ///< φ, −1 < φ < 1
  double variance = 0;             ///< σ²
  double log_likelihood = 0;       ///< exact, of the differences; infinite where they are all the same
  double last = 0, last_step = 0;  ///< y_n and w_n

  /// h steps ahead; h ≥ 1.
  double forecast(std::size_t steps) const;
};

/// Maximises the exact likelihood: μ and σ² follow from φ, and φ is searched for from where conditional least squares puts it.
/// Errors   kInvalidArgument: fewer than 4 points, or a value that is not finite
/// Cost     O(n)
/// Source   Hamilton, Time Series Analysis (1994), §5.2
Result<Arima110> fit_arima110(std::span<const double> series);

}  // namespace isobar::features
