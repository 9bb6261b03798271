#pragma once

/// A forecast as a row can hold it: a few numbers, from which any step ahead follows in O(1). It is the feature; to make one is what costs.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::features {

/// Steps are counted from the last point that was known; 1 is the next.
///   level + slope · h + momentum · (φ + φ² + … + φʰ) + the season's part
struct Forecast {
  double level = 0, slope = 0;
  double momentum = 0, damping = 0;  ///< damping is φ, −1 < φ < 1
  std::vector<double> seasonal;      ///< of the next steps, one period of them; empty: none

  /// steps   ≥ 1
  double at(std::size_t steps) const;
};

class Forecaster {
 public:
  virtual ~Forecaster() = default;
  virtual std::string_view name() const = 0;
  /// window   evenly spaced points, the newest last; of the length that the forecaster was made for
  /// Errors   kInvalidArgument: another length, or a value that is not finite
  virtual Result<Forecast> fit(std::span<const double> window) const = 0;
};

/// name     stl-arima   STL, then ARIMA(1,1,0) with a drift on what is left without the season (ralf's featurizer)
///          ets         Holt-Winters, additive, fitted to the window
///          seasonal    the mean of each point of the season: cheap, for comparison
/// window   points of history, at least two periods
/// Errors   kInvalidArgument: no such forecaster, or a window or period that it cannot work with
Result<std::unique_ptr<Forecaster>> make_forecaster(std::string_view name, std::size_t window, int period);
std::vector<std::string> forecaster_names();

}  // namespace isobar::features
