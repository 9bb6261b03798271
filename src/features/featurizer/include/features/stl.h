#pragma once

/// STL: a series as the sum of a seasonal part, a trend and what is left, each by local regression.
///
/// Source   Cleveland, Cleveland, McRae, Terpenning: STL (Journal of Official Statistics 6(1), 1990), with its loops, its loess with jumps
///          and its weights against outliers; the defaults are those of statsmodels for a given period

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

namespace isobar::features {

/// Lengths are of loess windows, in points: odd, at least 3. Degrees are 0 or 1. A jump of j smooths each j-th point and joins them by
/// lines.
struct StlSettings {
  int period = 0;               ///< points in a season; at least 2
  int seasonal = 7;             ///< over the seasons, of each point of the season
  std::optional<int> trend;     ///< none: the smallest odd from 1.5 · period / (1 − 1.5 / seasonal)
  std::optional<int> low_pass;  ///< none: the smallest odd above the period
  int seasonal_degree = 1, trend_degree = 1, low_pass_degree = 1;
  int seasonal_jump = 1, trend_jump = 1, low_pass_jump = 1;
  bool robust = false;
  std::optional<int> inner_loops, outer_loops;  ///< none: 5 and 0; robust: 2 and 15
};

/// Each as long as the series; series = seasonal + trend + residual.
struct StlParts {
  std::vector<double> seasonal, trend, residual;
  std::vector<double> weights;  ///< what is made of outliers, 0 to 1; all 1 unless robust
};

/// Everything about a decomposition that does not depend on the values: made once for a length and settings, used for any number of series.
class Stl {
 public:
  /// Errors   kInvalidArgument: a setting that is not possible, fewer than two seasons, or so long windows that the regressions would take
  ///          more than 256 MiB (the message says which jump mends it)
  static Result<Stl> create(std::size_t points, const StlSettings& settings);
  Stl(Stl&&) noexcept;
  Stl& operator=(Stl&&) noexcept;
  ~Stl();

  std::size_t points() const;
  /// Errors   kInvalidArgument: another length than `points`, or a value that is not finite
  /// Cost     O(points · window / jump) for each loop. Pure: safe from any thread.
  Result<StlParts> decompose(std::span<const double> series) const;

 private:
  class Plan;
  explicit Stl(std::unique_ptr<const Plan> plan);
  std::unique_ptr<const Plan> plan_;
};

}  // namespace isobar::features
