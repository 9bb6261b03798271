#include "features/stl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "finite.h"
#include "loess.h"

namespace isobar::features {

namespace {

using Series = std::vector<double>;

constexpr double kNumbersMost = 256.0 * 1024 * 1024 / sizeof(double);

int odd_from(double bound) {
  const int next = static_cast<int>(std::ceil(bound));
  return next % 2 == 0 ? next + 1 : next;
}

/// The settings with everything in them that follows from others.
StlSettings complete(StlSettings s) {
  if (!s.trend) s.trend = odd_from(1.5 * s.period / (1 - 1.5 / s.seasonal));
  if (!s.low_pass) s.low_pass = odd_from(s.period + 1);
  if (!s.inner_loops) s.inner_loops = s.robust ? 2 : 5;
  if (!s.outer_loops) s.outer_loops = s.robust ? 15 : 0;
  return s;
}

Status check_window(const char* name, int window, int degree, int jump) {
  if (window < 3 || window % 2 == 0 || window > 1'000'000)
    return invalid(fmt::format("the {} window is {}; give an odd number of at least 3", name, window));
  if (degree != 0 && degree != 1) return invalid(fmt::format("the {} degree is {}; give 0 or 1", name, degree));
  if (jump < 1) return invalid(fmt::format("the {} jump is {}; give 1 or more", name, jump));
  return {};
}

Status check(std::size_t points, const StlSettings& s) {
  TRY(check_window("seasonal", s.seasonal, s.seasonal_degree, s.seasonal_jump));
  TRY(check_window("trend", *s.trend, s.trend_degree, s.trend_jump));
  TRY(check_window("low-pass", *s.low_pass, s.low_pass_degree, s.low_pass_jump));
  if (*s.low_pass <= s.period)
    return invalid(fmt::format("the low-pass window is {}; give more than the period, {}", *s.low_pass, s.period));
  if (*s.inner_loops < 1 || *s.outer_loops < 0) return invalid("give one inner loop or more, and no negative number of outer loops");
  if (points > 10'000'000) return invalid(fmt::format("a series of {} points is longer than ten million; decompose a part of it", points));
  const int n = static_cast<int>(points);
  if (Loess::numbers_kept({n, *s.trend, s.trend_degree, s.trend_jump}) > kNumbersMost)
    return invalid(
        fmt::format("a trend window of {} points takes more than 256 MiB; a trend jump of {} mends it", *s.trend, *s.trend / 10 + 1));
  if (Loess::numbers_kept({n, *s.low_pass, s.low_pass_degree, s.low_pass_jump}) > kNumbersMost)
    return invalid(fmt::format("a low-pass window of {} points takes more than 256 MiB; a low-pass jump of {} mends it", *s.low_pass,
                               *s.low_pass / 10 + 1));
  return {};
}

/// Means of `length` neighbours: shorter than its input by length − 1.
void moving_average(std::span<const double> in, std::size_t length, Series& out) {
  out.resize(in.size() - length + 1);
  double sum = 0;
  for (std::size_t i = 0; i < length; ++i) sum += in[i];
  for (std::size_t i = 0;; ++i) {
    out[i] = sum / static_cast<double>(length);
    if (i + 1 == out.size()) return;
    sum += in[i + length] - in[i];
  }
}

/// Bisquare weights of what does not fit, against six times its median.
void weigh_outliers(std::span<const double> series, const StlParts& parts, Series& weights) {
  const std::size_t n = series.size();
  for (std::size_t i = 0; i < n; ++i) weights[i] = std::abs(series[i] - parts.trend[i] - parts.seasonal[i]);
  Series sorted(weights);
  std::sort(sorted.begin(), sorted.end());
  const double reach = 3 * (sorted[n / 2] + sorted[(n - 1) / 2]);
  for (double& weight : weights) {
    if (weight <= 0.001 * reach) weight = 1;
    else weight = weight <= 0.999 * reach ? std::pow(1 - std::pow(weight / reach, 2), 2) : 0;
  }
}

}  // namespace

class Stl::Plan {
 public:
  Plan(std::size_t points, const StlSettings& settings)
      : n(points),
        s(settings),
        period(static_cast<std::size_t>(settings.period)),
        longer_(shape_of_season((points + period - 1) / period)),
        shorter_(shape_of_season(points / period)),
        low_pass_({static_cast<int>(points), *settings.low_pass, settings.low_pass_degree, settings.low_pass_jump}),
        trend_({static_cast<int>(points), *settings.trend, settings.trend_degree, settings.trend_jump}) {}

  struct Work {
    Series detrended, cycle, low, low_a, low_b, values, weights, smooth;
  };

  void inner_loop(std::span<const double> series, std::span<const double> weights, StlParts& parts, Work& work) const {
    work.detrended.resize(n);
    for (std::size_t i = 0; i < n; ++i) work.detrended[i] = series[i] - parts.trend[i];
    smooth_seasons(work.detrended, weights, work);
    // What of the cycle is no season: its own slow part, which belongs to the trend.
    moving_average(work.cycle, period, work.low_a);
    moving_average(work.low_a, period, work.low_b);
    moving_average(work.low_b, 3, work.low_a);
    work.low.resize(n);
    low_pass_.fit(work.low_a, {}, work.low);
    for (std::size_t i = 0; i < n; ++i) {
      parts.seasonal[i] = work.cycle[period + i] - work.low[i];
      work.detrended[i] = series[i] - parts.seasonal[i];
    }
    trend_.fit(work.detrended, weights, parts.trend);
  }

  std::size_t n;
  StlSettings s;
  std::size_t period;

 private:
  Loess::Shape shape_of_season(std::size_t seasons) const {
    return {static_cast<int>(seasons), s.seasonal, s.seasonal_degree, s.seasonal_jump};
  }

  /// Each point of the season smoothed over the seasons, and foretold for one before and one after: `cycle` is two periods longer.
  void smooth_seasons(std::span<const double> series, std::span<const double> weights, Work& work) const {
    work.cycle.resize(n + 2 * period);
    for (std::size_t point = 0; point < period; ++point) {
      const std::size_t seasons = (n - point - 1) / period + 1;
      const Loess& loess = point < n % period ? longer_ : shorter_;
      work.values.resize(seasons);
      work.smooth.resize(seasons);
      work.weights.resize(weights.empty() ? 0 : seasons);
      for (std::size_t i = 0; i < seasons; ++i) {
        work.values[i] = series[i * period + point];
        if (!weights.empty()) work.weights[i] = weights[i * period + point];
      }
      loess.fit(work.values, work.weights, work.smooth);
      work.cycle[point] = loess.before_first(work.values, work.weights, work.smooth.front());
      for (std::size_t i = 0; i < seasons; ++i) work.cycle[(i + 1) * period + point] = work.smooth[i];
      work.cycle[(seasons + 1) * period + point] = loess.after_last(work.values, work.weights, work.smooth.back());
    }
  }

  Loess longer_, shorter_;  ///< a series may end within a season
  Loess low_pass_, trend_;
};

Result<Stl> Stl::create(std::size_t points, const StlSettings& settings) {
  if (settings.period < 2 || settings.period > 1'000'000)
    return invalid(fmt::format("a period of {} points is no season; give 2 to 1000000", settings.period));
  if (settings.seasonal < 3) return invalid(fmt::format("the seasonal window is {}; give an odd number of at least 3", settings.seasonal));
  const StlSettings all = complete(settings);
  TRY(check(points, all));
  if (points < 2 * static_cast<std::size_t>(all.period))
    return invalid(fmt::format("{} points are less than two seasons of {}; take a longer window or a shorter period", points, all.period));
  return Stl(std::make_unique<const Plan>(points, all));
}

Stl::Stl(std::unique_ptr<const Plan> plan) : plan_(std::move(plan)) {}
Stl::Stl(Stl&&) noexcept = default;
Stl& Stl::operator=(Stl&&) noexcept = default;
Stl::~Stl() = default;
std::size_t Stl::points() const { return plan_->n; }

Result<StlParts> Stl::decompose(std::span<const double> series) const {
  const std::size_t n = plan_->n;
  if (series.size() != n) return invalid(fmt::format("the series has {} points, and this decomposition is for {}", series.size(), n));
  TRY(check_finite(series));
  StlParts parts{Series(n, 0.0), Series(n, 0.0), Series(n, 0.0), Series(n, 1.0)};
  Plan::Work work;
  for (int outer = 0; outer <= *plan_->s.outer_loops; ++outer) {
    const std::span<const double> weights = outer == 0 ? std::span<const double>() : parts.weights;
    for (int inner = 0; inner < *plan_->s.inner_loops; ++inner) plan_->inner_loop(series, weights, parts, work);
    if (outer < *plan_->s.outer_loops) weigh_outliers(series, parts, parts.weights);
  }
  for (std::size_t i = 0; i < n; ++i) parts.residual[i] = series[i] - parts.seasonal[i] - parts.trend[i];
  return parts;
}

}  // namespace isobar::features
