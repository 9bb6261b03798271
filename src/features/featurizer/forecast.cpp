#include "features/forecast.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "features/arima.h"
#include "features/ets.h"
#include "features/stl.h"
#include "finite.h"

namespace isobar::features {

namespace {

Status check_window(std::span<const double> window, std::size_t points) {
  if (window.size() != points)
    return invalid(fmt::format("the window has {} points, and this forecaster is for {}", window.size(), points));
  return check_finite(window);
}

class StlArima final : public Forecaster {
 public:
  StlArima(Stl stl, std::size_t period) : stl_(std::move(stl)), period_(period) {}
  std::string_view name() const override { return "stl-arima"; }
  Result<Forecast> fit(std::span<const double> window) const override {
    TRY_ASSIGN(const StlParts parts, stl_.decompose(window));
    std::vector<double> rest(window.begin(), window.end());
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= parts.seasonal[i];
    TRY_ASSIGN(const Arima110 model, fit_arima110(rest));
    return Forecast{model.last,
                    model.drift,
                    model.last_step - model.drift,
                    model.autoregression,
                    {parts.seasonal.end() - static_cast<std::ptrdiff_t>(period_), parts.seasonal.end()}};
  }

 private:
  Stl stl_;
  std::size_t period_;
};

class Ets final : public Forecaster {
 public:
  Ets(std::size_t points, int period) : points_(points), period_(period) {}
  std::string_view name() const override { return "ets"; }
  Result<Forecast> fit(std::span<const double> window) const override {
    TRY(check_window(window, points_));
    TRY_ASSIGN(EtsFit found, fit_ets(window, period_));
    return Forecast{found.state.level, found.state.slope, 0, 0, std::move(found.state.seasonal)};
  }

 private:
  std::size_t points_;
  int period_;
};

class Seasonal final : public Forecaster {
 public:
  Seasonal(std::size_t points, std::size_t period) : points_(points), period_(period) {}
  std::string_view name() const override { return "seasonal"; }
  Result<Forecast> fit(std::span<const double> window) const override {
    TRY(check_window(window, points_));
    Forecast forecast{0, 0, 0, 0, std::vector<double>(period_, 0.0)};
    // The last whole seasons, so that each point of the season has as many values.
    const std::size_t seasons = points_ / period_, from = points_ - seasons * period_;
    for (std::size_t i = from; i < points_; ++i) forecast.seasonal[(i - from) % period_] += window[i] / static_cast<double>(seasons);
    return forecast;
  }

 private:
  std::size_t points_, period_;
};

}  // namespace

double Forecast::at(std::size_t steps) const {
  const auto h = static_cast<double>(steps);
  const double season = seasonal.empty() ? 0 : seasonal[(steps - 1) % seasonal.size()];
  return level + slope * h + momentum * damping * (1 - std::pow(damping, h)) / (1 - damping) + season;
}

std::vector<std::string> forecaster_names() { return {"stl-arima", "ets", "seasonal"}; }

Result<std::unique_ptr<Forecaster>> make_forecaster(std::string_view name, std::size_t window, int period) {
  const auto names = forecaster_names();
  if (period < 2) return invalid(fmt::format("a period of {} steps is no season; give 2 or more", period));
  if (window < 2 * static_cast<std::size_t>(period))
    return invalid(fmt::format("a window of {} steps is less than two periods of {}; give at least {}", window, period, 2 * period));
  if (name == "stl-arima") {
    TRY_ASSIGN(Stl stl, Stl::create(window, {.period = period}));
    return std::unique_ptr<Forecaster>(std::make_unique<StlArima>(std::move(stl), static_cast<std::size_t>(period)));
  }
  if (name == "ets") return std::unique_ptr<Forecaster>(std::make_unique<Ets>(window, period));
  if (name == "seasonal") return std::unique_ptr<Forecaster>(std::make_unique<Seasonal>(window, static_cast<std::size_t>(period)));
  return invalid(fmt::format("there is no featurizer '{}'; there are {}", name, join(names, ", ")));
}

}  // namespace isobar::features
