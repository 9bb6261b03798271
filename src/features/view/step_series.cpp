#include "step_series.h"

#include "features/window.h"

namespace isobar::features {

std::int64_t StepSeries::Shape::step_of(Instant time) const { return floor_to(time.unix_nanos(), step) / step; }

std::optional<StepSeries::Ended> StepSeries::add(const Shape& shape, const EventOrder& order, double value) {
  const std::int64_t at = shape.step_of(order.time);
  std::optional<Ended> ended;
  if (cells_.empty()) first_ = at;
  const std::int64_t newest = first_ + static_cast<std::int64_t>(cells_.size()) - 1;
  if (at < first_) {
    // Its like was let go of; or the series is so young that its beginning may still move.
    const auto behind = static_cast<std::uint64_t>(newest - at);
    if (before_ || behind >= shape.window + shape.late) return ended;
    for (; first_ > at; --first_) cells_.emplace_front();
  } else if (at > newest) {
    if (!cells_.empty() && cells_.back().count > 0) ended = Ended{newest, cells_.back().sum / static_cast<double>(cells_.back().count)};
    // After a long silence all that was is out of every window.
    const auto kept = static_cast<std::int64_t>(shape.window + shape.late + 1);
    drop_before(at - kept + 1);
    if (cells_.empty()) first_ = before_ ? at - kept + 1 : at;
    cells_.resize(static_cast<std::size_t>(at - first_ + 1));
  }
  Cell& cell = cells_[static_cast<std::size_t>(at - first_)];
  cell.sum += value;
  ++cell.count;
  newest_ = std::max(newest_, order);
  return ended;
}

void StepSeries::remove(const Shape& shape, Instant time, double value) {
  const std::int64_t at = shape.step_of(time);
  if (at < first_ || at - first_ >= static_cast<std::int64_t>(cells_.size())) return;
  Cell& cell = cells_[static_cast<std::size_t>(at - first_)];
  if (cell.count == 0) return;
  cell.sum = cell.count == 1 ? 0 : cell.sum - value;
  --cell.count;
}

void StepSeries::drop_before(std::int64_t step) {
  for (; !cells_.empty() && first_ < step; ++first_) {
    if (cells_.front().count > 0) before_ = cells_.front().sum / static_cast<double>(cells_.front().count);
    cells_.pop_front();
  }
}

std::optional<double> StepSeries::mean_before(std::int64_t step) const {
  std::optional<double> mean = before_;
  for (std::int64_t i = first_; i < step; ++i)
    if (const Cell& cell = cells_[static_cast<std::size_t>(i - first_)]; cell.count > 0) mean = cell.sum / static_cast<double>(cell.count);
  return mean;
}

std::optional<StepSeries::Points> StepSeries::points(const Shape& shape, Instant at) const {
  if (cells_.empty()) return std::nullopt;
  const std::int64_t end = std::min(shape.step_of(at), first_ + static_cast<std::int64_t>(cells_.size()));
  const std::int64_t begin = end - static_cast<std::int64_t>(shape.window);
  if (begin < first_) return std::nullopt;
  std::optional<double> last = mean_before(begin);
  Points points{end - 1, {}};
  points.values.reserve(shape.window);
  for (std::int64_t i = begin; i < end; ++i) {
    if (const Cell& cell = cells_[static_cast<std::size_t>(i - first_)]; cell.count > 0) last = cell.sum / static_cast<double>(cell.count);
    if (!last) return std::nullopt;
    points.values.push_back(*last);
  }
  return points;
}

void StepSeries::encode(std::string& out) const {
  append_zigzag(out, first_);
  append_byte(out, before_ ? 1 : 0);
  if (before_) append_fixed(out, *before_);
  encode_order(out, newest_);
  append_varint(out, cells_.size());
  for (const auto& cell : cells_) {
    append_varint(out, cell.count);
    if (cell.count > 0) append_fixed(out, cell.sum);
  }
}

Result<StepSeries> StepSeries::decode(ByteReader& reader) {
  StepSeries series;
  TRY_ASSIGN(series.first_, reader.zigzag());
  TRY_ASSIGN(const std::uint8_t before, reader.byte());
  if (before != 0) {
    TRY_ASSIGN(series.before_, reader.fixed<double>());
  }
  TRY_ASSIGN(series.newest_, decode_order(reader));
  TRY_ASSIGN(const std::size_t cells, reader.count(1));
  for (std::size_t i = 0; i < cells; ++i) {
    Cell cell;
    TRY_ASSIGN(cell.count, reader.varint());
    if (cell.count > 0) {
      TRY_ASSIGN(cell.sum, reader.fixed<double>());
    }
    series.cells_.push_back(cell);
  }
  return series;
}

}  // namespace isobar::features
