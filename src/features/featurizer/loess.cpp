#include "loess.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace isobar::features {

namespace {

/// Four pairs of sums side by side: one alone would wait for each addition to end.
double dot(const double* a, const double* b, std::size_t count) {
  using Pair [[gnu::vector_size(16), gnu::aligned(8)]] = double;
  Pair sums[4] = {};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    sums[0] += *reinterpret_cast<const Pair*>(a + i) * *reinterpret_cast<const Pair*>(b + i);
    sums[1] += *reinterpret_cast<const Pair*>(a + i + 2) * *reinterpret_cast<const Pair*>(b + i + 2);
    sums[2] += *reinterpret_cast<const Pair*>(a + i + 4) * *reinterpret_cast<const Pair*>(b + i + 4);
    sums[3] += *reinterpret_cast<const Pair*>(a + i + 6) * *reinterpret_cast<const Pair*>(b + i + 6);
  }
  const Pair all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double sum = all[0] + all[1];
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

double Loess::numbers_kept(Shape shape) {
  const double window = std::min(shape.window, shape.points), places = std::min<double>(window, 1.0 + (shape.points - 1.0) / shape.jump);
  return 2 * window * places;
}

Loess::Loess(Shape shape) : shape_(shape) {
  CHECK(shape_.points >= 1 && shape_.window >= 2 && shape_.jump >= 1, shape_.points, shape_.window, shape_.jump);
  const int last = shape_.points - 1;
  shape_.jump = std::max(1, std::min(shape_.jump, last));
  for (int at = 0; at <= last; at += shape_.jump) fitted_.push_back(prepare(place_of(at)));
  if (last % shape_.jump != 0) fitted_.push_back(prepare(place_of(last)));
  before_ = prepare({-1, 0, std::min(shape_.window, shape_.points) - 1});
  after_ = prepare({shape_.points, std::max(0, shape_.points - shape_.window), last});
}

Loess::Fitted Loess::prepare(const Place& place) {
  const auto [row, is_new] = rows_.try_emplace({place.at - place.first, place.last - place.at});
  if (is_new) {
    row->second.tricube = tricube(place);
    row->second.sum = row->second.tricube;
    row->second.fits = to_regression(place, row->second.sum);
  }
  return {place, &row->second};
}

/// The window is centred where there is room, and is never shorter than it is long.
Loess::Place Loess::place_of(int at) const {
  const int length = std::min(shape_.window, shape_.points);
  const int first = std::clamp(at - (shape_.window - 1) / 2, 0, shape_.points - length);
  return {at, first, first + length - 1};
}

std::vector<double> Loess::tricube(const Place& place) const {
  // A window longer than the series reaches beyond it, half on each side, so that its weights fall off more slowly.
  const int beyond = std::max(0, shape_.window - shape_.points) / 2;
  const double reach = std::max(place.at - place.first, place.last - place.at) + beyond;
  std::vector<double> weights;
  for (int j = place.first; j <= place.last; ++j) {
    const double distance = std::abs(j - place.at);
    if (distance <= 0.001 * reach) weights.push_back(1);
    else if (distance <= 0.999 * reach) weights.push_back(std::pow(1 - std::pow(distance / reach, 3), 3));
    else weights.push_back(0);
  }
  return weights;
}

bool Loess::to_regression(const Place& place, std::vector<double>& weights) const {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  if (sum <= 0) return false;
  for (double& weight : weights) weight /= sum;
  if (shape_.degree == 0) return true;
  // The weighted mean of the points' places, and how far they spread around it: a slope needs some spread.
  double mean = 0, spread = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) mean += weights[i] * (place.first + static_cast<double>(i));
  for (std::size_t i = 0; i < weights.size(); ++i) spread += weights[i] * std::pow(place.first + static_cast<double>(i) - mean, 2);
  if (std::sqrt(spread) <= 0.001 * (shape_.points - 1)) return true;
  const double slope = (place.at - mean) / spread;
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] *= 1 + slope * (place.first + static_cast<double>(i) - mean);
  return true;
}

double Loess::value(const Fitted& fitted, std::span<const double> series, std::span<const double> weights, double otherwise) const {
  const auto& [place, row] = fitted;
  const double* from = series.data() + place.first;
  if (weights.empty()) return row->fits ? dot(row->sum.data(), from, row->sum.size()) : otherwise;
  std::vector<double> sum = row->tricube;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] *= weights[static_cast<std::size_t>(place.first) + i];
  return to_regression(place, sum) ? dot(sum.data(), from, sum.size()) : otherwise;
}

void Loess::fit(std::span<const double> series, std::span<const double> weights, std::span<double> smooth) const {
  if (shape_.points < 2) {
    smooth[0] = series[0];
    return;
  }
  std::size_t before = 0;
  for (const Fitted& fitted : fitted_) {
    const auto at = static_cast<std::size_t>(fitted.place.at);
    smooth[at] = value(fitted, series, weights, series[at]);
    if (at > before + 1) {
      const double slope = (smooth[at] - smooth[before]) / static_cast<double>(at - before);
      for (std::size_t between = before + 1; between < at; ++between)
        smooth[between] = smooth[before] + slope * static_cast<double>(between - before);
    }
    before = at;
  }
}

double Loess::before_first(std::span<const double> series, std::span<const double> weights, double otherwise) const {
  return value(before_, series, weights, otherwise);
}

double Loess::after_last(std::span<const double> series, std::span<const double> weights, double otherwise) const {
  return value(after_, series, weights, otherwise);
}

}  // namespace isobar::features
