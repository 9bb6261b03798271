#include "features/stl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "golden.h"
#include "loess.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

StlSettings settings_of(const std::vector<std::string>& words, int period) {
  StlSettings s{.period = period};
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const int value = std::stoi(words[i].substr(equals + 1));
    if (key == "robust") s.robust = value != 0;
    else if (key == "seasonal") s.seasonal = value;
    else if (key == "trend") s.trend = value;
    else if (key == "seasonal_deg") s.seasonal_degree = value;
    else if (key == "trend_deg") s.trend_degree = value;
    else if (key == "low_pass_deg") s.low_pass_degree = value;
    else if (key == "seasonal_jump") s.seasonal_jump = value;
    else if (key == "trend_jump") s.trend_jump = value;
    else if (key == "low_pass_jump") s.low_pass_jump = value;
    else if (key == "inner_iter") s.inner_loops = value;
    else if (key == "outer_iter") s.outer_loops = value;
    else ADD_FAILURE() << "unknown setting " << key;
  }
  return s;
}

double furthest(const std::vector<double>& a, const std::vector<double>& b) {
  double most = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

TEST(Stl, IsThatOfStatsmodelsOnRealSeriesToABillionth) {
  const auto series = golden_series();
  const auto lines = golden_lines("stl.txt");
  ASSERT_GE(lines.size(), 30U);
  for (std::size_t i = 0; i + 3 < lines.size(); i += 4) {
    const auto& [period, values] = series.at(lines[i][0]);
    const auto stl = Stl::create(values.size(), settings_of(lines[i], period));
    ASSERT_TRUE(stl.ok()) << stl.error().message();
    const StlParts parts = *stl->decompose(values);
    double scale = 1;
    for (const double value : values) scale = std::max(scale, std::abs(value));
    EXPECT_LE(furthest(parts.seasonal, numbers(lines[i + 1])), 1e-9 * scale) << lines[i][0] << " run " << i / 4;
    EXPECT_LE(furthest(parts.trend, numbers(lines[i + 2])), 1e-9 * scale) << lines[i][0] << " run " << i / 4;
    EXPECT_LE(furthest(parts.weights, numbers(lines[i + 3])), 1e-9) << lines[i][0] << " run " << i / 4;
  }
}

TEST(Stl, PartsAddUpAndALineIsAllTrend) {
  std::vector<double> line;
  for (int i = 0; i < 60; ++i) line.push_back(3 + 0.5 * i);
  const StlParts parts = *Stl::create(60, {.period = 6})->decompose(line);
  for (std::size_t i = 0; i < line.size(); ++i) {
    EXPECT_NEAR(parts.trend[i], line[i], 1e-9);
    EXPECT_NEAR(parts.seasonal[i], 0, 1e-9);
    EXPECT_NEAR(parts.seasonal[i] + parts.trend[i] + parts.residual[i], line[i], 1e-12);
  }
}

TEST(Stl, ARobustOneLeavesAnOutlierInTheResidual) {
  std::vector<double> values;
  for (int i = 0; i < 96; ++i) values.push_back(std::sin(2 * M_PI * i / 12));
  values[50] += 100;
  const StlParts plain = *Stl::create(96, {.period = 12})->decompose(values),
                 robust = *Stl::create(96, {.period = 12, .robust = true})->decompose(values);
  EXPECT_NEAR(robust.residual[50], 100, 0.5);
  EXPECT_LT(plain.residual[50], 70);
  EXPECT_EQ(robust.weights[50], 0);
}

TEST(Stl, WhatCannotBeDecomposedIsRefusedWithItsMend) {
  const auto why = [](std::size_t points, StlSettings s) { return Stl::create(points, s).error().message(); };
  EXPECT_THAT(why(100, {.period = 1}), HasSubstr("period of 1"));
  EXPECT_THAT(why(47, {.period = 24}), HasSubstr("less than two seasons"));
  EXPECT_THAT(why(100, {.period = 12, .seasonal = 8}), HasSubstr("seasonal window is 8; give an odd number"));
  EXPECT_THAT(why(100, {.period = 12, .seasonal = 1}), HasSubstr("seasonal window is 1"));
  EXPECT_THAT(why(100, {.period = 12, .low_pass = 11}), HasSubstr("more than the period"));
  EXPECT_THAT(why(100, {.period = 12, .trend_degree = 2}), HasSubstr("trend degree is 2"));
  EXPECT_THAT(why(100, {.period = 12, .trend_jump = 0}), HasSubstr("trend jump is 0"));
  EXPECT_THAT(why(90'000, {.period = 30'000}), HasSubstr("a trend jump of 5728 mends it"));
  const Stl stl = std::move(Stl::create(24, {.period = 12})).value();
  std::vector<double> values(24, 1.0);
  values[7] = std::nan("");
  EXPECT_THAT(stl.decompose(values).error().message(), HasSubstr("point 7 is nan"));
  EXPECT_THAT(stl.decompose(std::vector<double>(23)).error().message(), HasSubstr("has 23 points, and this decomposition is for 24"));
}

/// The fit at one place straight from its definition: weighted least squares of a line.
double slow_loess(const std::vector<double>& y, const std::vector<double>& outside, int window, int degree, int at) {
  const int n = static_cast<int>(y.size()), length = std::min(window, n);
  const int first = std::clamp(at - (window - 1) / 2, 0, n - length);
  double reach = std::max(at - first, first + length - 1 - at);
  if (window > n) reach += (window - n) / 2;
  double w = 0, wx = 0, wxx = 0, wy = 0, wxy = 0;
  for (int j = first; j < first + length; ++j) {
    const double r = std::abs(j - at) / reach, x = j - at;
    const double weight = (r > 0.999 ? 0 : std::pow(1 - r * r * r, 3)) * outside[static_cast<std::size_t>(j)];
    w += weight, wx += weight * x, wxx += weight * x * x;
    wy += weight * y[static_cast<std::size_t>(j)], wxy += weight * x * y[static_cast<std::size_t>(j)];
  }
  const double determinant = w * wxx - wx * wx;
  return degree == 0 || std::sqrt(determinant) / w < 0.001 * (n - 1) ? wy / w : (wy * wxx - wx * wxy) / determinant;
}

TEST(Loess, IsAWeightedLineThroughTheNeighboursAtEveryPoint) {
  EXPECT_TRUE(rc::check([] {
    const int n = *rc::gen::inRange(4, 40), window = 3 + 2 * *rc::gen::inRange(0, 30), degree = *rc::gen::inRange(0, 2);
    std::vector<double> y, weights;
    for (int i = 0; i < n; ++i) {
      y.push_back(*rc::gen::inRange(-100, 100));
      weights.push_back(*rc::gen::inRange(1, 9) / 8.0);
    }
    const Loess loess({n, window, degree, 1});
    std::vector<double> smooth(y.size());
    const bool weighted = *rc::gen::arbitrary<bool>();
    loess.fit(y, weighted ? weights : std::vector<double>(), smooth);
    if (!weighted) weights.assign(y.size(), 1);
    for (int at = 0; at < n; ++at)
      RC_ASSERT(std::abs(smooth[static_cast<std::size_t>(at)] - slow_loess(y, weights, window, degree, at)) < 1e-6);
  }));
}

}  // namespace
}  // namespace isobar::features
