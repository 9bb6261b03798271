#pragma once

// Local regression of a series of evenly spaced points: at each point a line (or a constant) is fitted to the points around it, near ones
// counting most (tricube weights). What the fit makes of the series is a weighted sum of it, and without weights from outside it is the
// same sum for every series; away from the ends it is also the same at every point. So the sums are worked out once.

#include <cstddef>
#include <map>
#include <span>
#include <vector>

namespace isobar::features {

class Loess {
 public:
  struct Shape {
    int points = 0, window = 3, degree = 1, jump = 1;
  };
  explicit Loess(Shape shape);
  Loess(const Loess&) = delete;
  Loess& operator=(const Loess&) = delete;

  /// Numbers that the sums of such a Loess take.
  static double numbers_kept(Shape shape);

  /// weights   of each point, from outside; empty: all 1
  /// smooth    [points] out
  void fit(std::span<const double> series, std::span<const double> weights, std::span<double> smooth) const;
  /// The same one step before the first point, or one after the last.
  double before_first(std::span<const double> series, std::span<const double> weights, double otherwise) const;
  double after_last(std::span<const double> series, std::span<const double> weights, double otherwise) const;

 private:
  /// Where a point is fitted: its index may be one beyond either end. `first` to `last` are the points that count.
  struct Place {
    int at = 0, first = 0, last = 0;
  };
  struct Row {
    std::vector<double> tricube, sum;
    bool fits = false;
  };
  using Distances = std::pair<int, int>;
  struct Fitted {
    Place place;
    const Row* row = nullptr;
  };

  Place place_of(int at) const;
  Fitted prepare(const Place& place);
  std::vector<double> tricube(const Place& place) const;
  /// Makes weights those of the regression's value at the place; false: nothing counts.
  bool to_regression(const Place& place, std::vector<double>& weights) const;
  double value(const Fitted& fitted, std::span<const double> series, std::span<const double> weights, double otherwise) const;

  Shape shape_;
  std::map<Distances, Row> rows_;
  std::vector<Fitted> fitted_;  ///< each point that is fitted: all, or those a jump apart and the last
  Fitted before_, after_;
};

}  // namespace isobar::features
