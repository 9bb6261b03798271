#pragma once

/// One key's values by steps of time: what forecasts are made from. A step has the mean of its values; one without any has that of the step
/// before it.

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "features/aggregate.h"

namespace isobar::features {

class StepSeries {
 public:
  struct Shape {
    std::int64_t step;   ///< ns; the i-th is [i·step, (i+1)·step)
    std::size_t window;  ///< how many steps a forecast is made from
    std::size_t late;    ///< how many steps before the newest values may still come for
    std::int64_t step_of(Instant time) const;
  };
  /// A step that ended because a later one began.
  struct Ended {
    std::int64_t step;
    double mean;
  };

  /// Whether a step ended by it, and which. One that is too old for any window changes nothing.
  std::optional<Ended> add(const Shape& shape, const EventOrder& order, double value);
  void remove(const Shape& shape, Instant time, double value);

  /// The last `window` steps that are complete at an instant and not after the newest with a value; the newest last.
  struct Points {
    std::int64_t base;  ///< the step of the last one
    std::vector<double> values;
  };
  /// None: there are too few yet.
  std::optional<Points> points(const Shape& shape, Instant at) const;
  /// Of the newest value.
  const EventOrder& newest() const { return newest_; }

  void encode(std::string& out) const;
  static Result<StepSeries> decode(ByteReader& reader);

 private:
  struct Cell {
    double sum = 0;
    std::uint64_t count = 0;
  };
  std::optional<double> mean_before(std::int64_t step) const;
  void drop_before(std::int64_t step);

  std::int64_t first_ = 0;        ///< the step of cells_[0]
  std::deque<Cell> cells_;        ///< the last is of the newest step
  std::optional<double> before_;  ///< the mean of the last step that was let go of
  EventOrder newest_{};
};

}  // namespace isobar::features
