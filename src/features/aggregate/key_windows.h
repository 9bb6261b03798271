#pragma once

/// The windows of one key: its head, its tiles, its total, its events.

#include <array>
#include <optional>

#include "features/exact_window.h"
#include "features/keyed_windows.h"

namespace isobar::features {

/// What all keys have in common.
struct Shape {
  const AggregateSet& set;
  const WindowPlan& plan;
  std::size_t head_events;
  Instant watermark;
  std::array<std::int64_t, 3> first_tile;  ///< of each level; those before it are let go of

  /// Events of this time and before are let go of.
  Instant exact_horizon() const { return Instant::from_unix_nanos(minus(watermark.unix_nanos(), plan.exact_retain)); }
  /// Whether anything still takes an event of this time.
  bool takes(Instant time) const;
};

/// For `Shape`: INT64_MIN before there is a watermark.
std::array<std::int64_t, 3> first_tiles(const WindowPlan& plan, Instant watermark);

/// The tile of (index·hop, (index+1)·hop].
std::int64_t tile_of(Instant time, std::int64_t hop);

/// The tiles of one level, ascending; those without events are not there.
class Tiles {
 public:
  struct Tile {
    std::int64_t index;
    Instant newest;  ///< event that was ever in it
    AggregateSet::Block states;
  };
  Tile& find_or_make(const AggregateSet& set, std::int64_t index);
  Tile* find(std::int64_t index);
  /// Those from `first` up to but not including `end`.
  std::span<const Tile> between(std::int64_t first, std::int64_t end) const;
  void drop_before(std::int64_t first);
  void drop(std::int64_t first, std::int64_t end);
  bool empty() const { return tiles_.empty(); }
  const std::vector<Tile>& all() const { return tiles_; }
  Status decode(const AggregateSet& set, ByteReader& reader);
  void encode(const AggregateSet& set, std::string& out) const;

 private:
  std::vector<Tile> tiles_;
};

class KeyWindows {
 public:
  explicit KeyWindows(const Shape& shape);

  void insert(const Shape& shape, const EventOrder& order, std::span<const Value> arguments);
  Retraction retract(const Shape& shape, const EventOrder& order, std::span<const Value> arguments);
  void rebuild(const Shape& shape, Span span, std::span<const Event> events);
  void expire(const Shape& shape);
  bool empty() const;

  /// Adds all events of a window as of an instant to a block.
  Reading::Quality collect(const Shape& shape, const WindowPlan::Planned& window, Instant at, AggregateSet::Block& into) const;

  void encode(const Shape& shape, std::string& out) const;
  Status decode(const Shape& shape, ByteReader& reader);
  std::size_t bytes(const Shape& shape) const;

 private:
  void fold(const Shape& shape, std::size_t events);
  void add_to_tiles(const Shape& shape, const EventOrder& order, std::span<const Value> arguments);
  bool retract_from_head(const Shape& shape, const EventOrder& order);
  Retraction retract_from_tiles(const Shape& shape, const EventOrder& order, std::span<const Value> arguments);
  void collect_tiles(const Shape& shape, std::size_t level, std::int64_t after, std::int64_t until, AggregateSet::Block& into) const;
  Reading::Quality collect_sawtooth(const Shape& shape, std::size_t level, Span span, AggregateSet::Block& into) const;
  void collect_head(const Shape& shape, Span span, AggregateSet::Block& into) const;
  std::span<const Value> head_arguments(const Shape& shape, std::size_t event) const;
  void drop_from_head(const Shape& shape, std::size_t event);

  std::vector<EventOrder> head_;       ///< ascending
  std::vector<Value> head_arguments_;  ///< of each event in turn
  std::array<Tiles, 3> levels_;
  AggregateSet::Block total_;
  Instant total_newest_ = Instant::from_unix_nanos(INT64_MIN);
  std::unique_ptr<ExactWindow> exact_;
};

}  // namespace isobar::features
