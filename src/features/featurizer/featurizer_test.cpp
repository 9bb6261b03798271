// ARIMA, exponential smoothing, ridge regression and the forecasts made of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <numbers>

#include "base/random.h"
#include "features/arima.h"
#include "features/ets.h"
#include "features/forecast.h"
#include "features/ridge.h"
#include "features/stl.h"
#include "golden.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

TEST(Arima, IsTheExactMaximumThatStatsmodelsFindsOnRealSeries) {
  const auto series = golden_series();
  for (const auto& line : golden_lines("arima.txt")) {
    const auto expected = numbers(line, 1);
    const Arima110 model = *fit_arima110(series.at(line[0]).values);
    // A search by gradients stops near the maximum; so ours may be likelier, and never less likely.
    EXPECT_GE(model.log_likelihood, expected[3] - 1e-6) << line[0];
    EXPECT_LE(model.log_likelihood, expected[3] + 1e-2) << line[0];
    EXPECT_NEAR(model.autoregression, expected[1], 2e-3) << line[0];
    EXPECT_NEAR(model.variance, expected[2], 2e-3 * expected[2]) << line[0];
    double ahead = model.last;
    for (std::size_t h = 1; h <= 5; ++h) {
      ahead += expected[3 + h];
      EXPECT_NEAR(model.forecast(h), ahead, 5e-3 * std::sqrt(model.variance) * static_cast<double>(h)) << line[0] << " " << h;
    }
  }
}

/// The density of the differences as one normal vector, by Cholesky of its whole covariance.
double slow_log_likelihood(const std::vector<double>& w, double mean, double phi, double variance) {
  const std::size_t n = w.size();
  std::vector<std::vector<double>> lower(n, std::vector<double>(n, 0.0));
  double sum = 0;
  std::vector<double> white(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double rest = variance / (1 - phi * phi) * std::pow(phi, static_cast<double>(i - j));
      for (std::size_t k = 0; k < j; ++k) rest -= lower[i][k] * lower[j][k];
      lower[i][j] = i == j ? std::sqrt(rest) : rest / lower[j][j];
    }
    double rest = w[i] - mean;
    for (std::size_t k = 0; k < i; ++k) rest -= lower[i][k] * white[k];
    white[i] = rest / lower[i][i];
    sum += -0.5 * (white[i] * white[i] + std::log(2 * std::numbers::pi)) - std::log(lower[i][i]);
  }
  return sum;
}

TEST(Arima, NothingNearIsLikelier) {
  EXPECT_TRUE(rc::check([] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    const double phi = random.uniform() * 1.8 - 0.9, drift = random.uniform() * 4 - 2;
    std::vector<double> series{0}, steps;
    for (double step = drift; series.size() < 20;) {
      step = drift + phi * (step - drift) + random.uniform() - 0.5;
      series.push_back(series.back() + step);
      steps.push_back(step);
    }
    const Arima110 m = *fit_arima110(series);
    RC_ASSERT(std::abs(slow_log_likelihood(steps, m.drift, m.autoregression, m.variance) - m.log_likelihood) < 1e-6);
    for (int i = 0; i < 20; ++i) {
      const double other_phi = std::clamp(m.autoregression + (random.uniform() - 0.5) * 0.5, -0.99, 0.99);
      const double other_mean = m.drift + (random.uniform() - 0.5) * 0.2, other_variance = m.variance * (0.5 + random.uniform());
      RC_ASSERT(slow_log_likelihood(steps, other_mean, other_phi, other_variance) <= m.log_likelihood + 1e-6);
    }
  }));
}

TEST(Arima, ALineGoesOnAndAConstantStays) {
  const Arima110 line = *fit_arima110(std::vector<double>{1, 3, 5, 7, 9});
  EXPECT_NEAR(line.forecast(10), 29, 1e-9);
  const Arima110 constant = *fit_arima110(std::vector<double>(48, 0.1));
  EXPECT_EQ(constant.forecast(100), 0.1);
  EXPECT_EQ(constant.autoregression, 0);
  EXPECT_FALSE(fit_arima110(std::vector<double>{1, 2, 3}).ok());
  EXPECT_THAT(fit_arima110(std::vector<double>{1, 2, HUGE_VAL, 3}).error().message(), HasSubstr("point 2 is inf"));
}

TEST(Ets, SmoothsAsStatsmodelsDoesOnRealSeries) {
  const auto series = golden_series();
  for (const auto& line : golden_lines("ets.txt")) {
    const auto& [period, values] = series.at(line[0]);
    const auto expected = numbers(line, 1);
    const EtsFit fit = smooth_ets(values, {expected[0], expected[1], expected[2]}, ets_start(values, period));
    const double scale = std::sqrt(expected[3]);
    EXPECT_NEAR(fit.squared_error, expected[3], 1e-9 * expected[3]) << line[0];
    EXPECT_NEAR(fit.state.level, expected[4], 1e-9 * scale) << line[0];
    EXPECT_NEAR(fit.state.slope, expected[5], 1e-9 * scale) << line[0];
    for (std::size_t h = 1; h <= 5; ++h) EXPECT_NEAR(fit.forecast(h), expected[5 + h], 1e-9 * scale) << line[0] << " " << h;
    EXPECT_LE(fit_ets(values, period)->squared_error, expected[11] * 1.01) << line[0] << ": the least that was found";
  }
}

TEST(Ets, RefusesWhatHasNoTwoSeasons) {
  EXPECT_THAT(fit_ets(std::vector<double>(23), 12).error().message(), HasSubstr("less than two seasons of 12"));
  EXPECT_THAT(fit_ets(std::vector<double>(23), 1).error().message(), HasSubstr("no season"));
}

TEST(Ridge, IsWhereTheSlopeOfItsCostIsZero) {
  EXPECT_TRUE(rc::check([] {
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    const std::size_t d = 1 + random.below(12), ratings = random.below(30);
    const double lambda = 0.1 + random.uniform();
    RidgeSums sums(d);
    std::vector<std::pair<std::vector<double>, double>> told;
    for (std::size_t i = 0; i < ratings; ++i) {
      std::vector<double> factors;
      for (std::size_t k = 0; k < d; ++k) factors.push_back(random.uniform() * 2 - 1);
      told.emplace_back(factors, random.uniform() * 5);
      sums.add(factors, told.back().second);
    }
    const auto user = *sums.solve(lambda);
    for (std::size_t k = 0; k < d; ++k) {
      double slope = lambda * user[k];
      for (const auto& [factors, rating] : told) slope += (dot(factors, user) - rating) * factors[k];
      RC_ASSERT(std::abs(slope) < 1e-9);
    }
  }));
}

TEST(Ridge, RefusesWhatHasNoSolution) {
  RidgeSums sums(2);
  EXPECT_THAT(sums.solve(0).error().message(), HasSubstr("ridge of 0"));
  sums.add(std::vector<double>{1e200, 1e200}, 1);
  EXPECT_FALSE(sums.solve(1).ok());
}

std::unique_ptr<Forecaster> forecaster_for(const std::string& name, std::size_t window, int period) {
  return std::move(make_forecaster(name, window, period)).value();
}

TEST(Forecasters, FollowASeasonOnATrend) {
  std::vector<double> window;
  const auto truth = [](double t) { return 10 + 0.1 * t + 3 * std::sin(2 * std::numbers::pi * t / 12); };
  for (int t = 0; t < 60; ++t) window.push_back(truth(t));
  for (const auto& name : forecaster_names()) {
    const auto forecaster = forecaster_for(name, 60, 12);
    EXPECT_EQ(forecaster->name(), name);
    const Forecast forecast = *forecaster->fit(window);
    // The mean of the season is five periods old in the middle: it lags behind the trend.
    for (std::size_t h = 1; h <= 24; ++h)
      EXPECT_NEAR(forecast.at(h), truth(59 + static_cast<double>(h)), name == "seasonal" ? 5.5 : 0.2) << name << h;
  }
}

TEST(Forecasters, TheFirstIsStlAndThenArima) {
  const auto [period, values] = golden_series().at("taxi");
  const StlParts parts = *Stl::create(values.size(), {.period = period})->decompose(values);
  std::vector<double> rest;
  for (std::size_t i = 0; i < values.size(); ++i) rest.push_back(values[i] - parts.seasonal[i]);
  const Arima110 model = *fit_arima110(rest);
  const Forecast forecast = *forecaster_for("stl-arima", values.size(), period)->fit(values);
  const auto m = static_cast<std::size_t>(period);
  for (std::size_t h = 1; h <= 2 * m; ++h)
    EXPECT_NEAR(forecast.at(h), model.forecast(h) + parts.seasonal[values.size() - m + (h - 1) % m], 1e-6) << h;
}

TEST(Forecasters, RefuseWhatTheyCannotWorkWith) {
  EXPECT_THAT(make_forecaster("prophet", 48, 24).error().message(), HasSubstr("there are stl-arima, ets, seasonal"));
  for (const auto& name : forecaster_names()) {
    EXPECT_THAT(make_forecaster(name, 47, 24).error().message(), HasSubstr("less than two periods of 24; give at least 48"));
    EXPECT_THAT(make_forecaster(name, 48, 1).error().message(), HasSubstr("no season"));
    const auto forecaster = forecaster_for(name, 4, 2);
    EXPECT_FALSE(forecaster->fit(std::vector<double>(5)).ok());
    EXPECT_THAT(forecaster->fit(std::vector<double>{1, 2, std::nan(""), 4}).error().message(), HasSubstr("point 2 is nan"));
  }
}

}  // namespace
}  // namespace isobar::features
