#include "key_windows.h"

#include <algorithm>

namespace isobar::features {

namespace {

constexpr Instant kBeginning = Instant::from_unix_nanos(INT64_MIN), kEnd = Instant::from_unix_nanos(INT64_MAX);

/// At the ends of time, as much of it as there is.
Span span_of_tile(std::int64_t index, std::int64_t hop) {
  const auto bound = [&](std::int64_t i) {
    std::int64_t at = 0;
    if (__builtin_mul_overflow(i, hop, &at)) return i < 0 ? kBeginning : kEnd;
    return Instant::from_unix_nanos(at);
  };
  return {bound(index), bound(index + 1)};
}

}  // namespace

std::array<std::int64_t, 3> first_tiles(const WindowPlan& plan, Instant watermark) {
  std::array<std::int64_t, 3> first{INT64_MIN, INT64_MIN, INT64_MIN};
  if (watermark == kBeginning) return first;
  for (std::size_t i = 0; i < plan.levels.size(); ++i) {
    const auto& [hop, retain] = plan.levels[i];
    first[i] = floor_to(minus(watermark.unix_nanos(), retain), hop) / hop;
  }
  return first;
}

bool Shape::takes(Instant time) const {
  if (plan.unbounded || (plan.exact_retain > 0 && time > exact_horizon())) return true;
  // The coarsest reaches back furthest.
  for (std::size_t i = plan.levels.size(); i-- > 0;)
    if (tile_of(time, plan.levels[i].hop) >= first_tile[i]) return true;
  return false;
}

KeyWindows::KeyWindows(const Shape& shape) {
  if (shape.plan.unbounded) total_ = AggregateSet::Block(shape.set);
  if (shape.plan.exact_retain > 0) exact_ = std::make_unique<ExactWindow>(shape.set);
}

bool KeyWindows::empty() const {
  const bool no_tiles = std::ranges::all_of(levels_, [](const Tiles& tiles) { return tiles.empty(); });
  return no_tiles && head_.empty() && !total_ && (exact_ == nullptr || exact_->size() == 0);
}

std::span<const Value> KeyWindows::head_arguments(const Shape& shape, std::size_t event) const {
  const std::size_t each = shape.set.arguments().size();
  return std::span(head_arguments_).subspan(event * each, each);
}

void KeyWindows::insert(const Shape& shape, const EventOrder& order, std::span<const Value> arguments) {
  if (exact_ != nullptr && order.time > shape.exact_horizon()) exact_->insert(order, arguments);
  if (shape.head_events == 0) return add_to_tiles(shape, order, arguments);
  const auto at = std::ranges::upper_bound(head_, order);
  const bool full = head_.size() >= shape.head_events;
  // One that is older than a full head would be pushed out at once.
  if (full && at == head_.begin()) return add_to_tiles(shape, order, arguments);
  head_arguments_.insert(head_arguments_.begin() + (at - head_.begin()) * static_cast<std::ptrdiff_t>(arguments.size()), arguments.begin(),
                         arguments.end());
  head_.insert(at, order);
  if (full) fold(shape, std::max<std::size_t>(head_.size() / 2, 1));
}

/// So many of the oldest events go from the head to the tiles.
void KeyWindows::fold(const Shape& shape, std::size_t events) {
  for (std::size_t i = 0; i < events; ++i) add_to_tiles(shape, head_[i], head_arguments(shape, i));
  head_.erase(head_.begin(), head_.begin() + static_cast<std::ptrdiff_t>(events));
  head_arguments_.erase(head_arguments_.begin(),
                        head_arguments_.begin() + static_cast<std::ptrdiff_t>(events * shape.set.arguments().size()));
}

void KeyWindows::add_to_tiles(const Shape& shape, const EventOrder& order, std::span<const Value> arguments) {
  for (std::size_t i = 0; i < shape.plan.levels.size(); ++i) {
    const std::int64_t index = tile_of(order.time, shape.plan.levels[i].hop);
    if (index < shape.first_tile[i]) continue;
    levels_[i].drop_before(shape.first_tile[i]);
    Tiles::Tile& tile = levels_[i].find_or_make(shape.set, index);
    tile.newest = std::max(tile.newest, order.time);
    shape.set.insert(tile.states, order, arguments);
  }
  if (!total_) return;
  total_newest_ = std::max(total_newest_, order.time);
  shape.set.insert(total_, order, arguments);
}

void KeyWindows::drop_from_head(const Shape& shape, std::size_t event) {
  const auto each = static_cast<std::ptrdiff_t>(shape.set.arguments().size()), at = static_cast<std::ptrdiff_t>(event);
  head_.erase(head_.begin() + at);
  head_arguments_.erase(head_arguments_.begin() + at * each, head_arguments_.begin() + (at + 1) * each);
}

bool KeyWindows::retract_from_head(const Shape& shape, const EventOrder& order) {
  const auto at = std::ranges::lower_bound(head_, order);
  if (at == head_.end() || *at != order) return false;
  drop_from_head(shape, static_cast<std::size_t>(at - head_.begin()));
  return true;
}

Retraction KeyWindows::retract(const Shape& shape, const EventOrder& order, std::span<const Value> arguments) {
  // All forms of an event are there or none is, so each is asked before any is changed.
  const bool in_head = std::ranges::binary_search(head_, order);
  Retraction done;
  if (!in_head) done = retract_from_tiles(shape, order, arguments);
  const bool tiles_alone = done.what == Retraction::What::kLate && exact_ != nullptr;
  if (done.what != Retraction::What::kDone && !tiles_alone) return done;
  const bool erased = exact_ != nullptr && exact_->erase(order);
  if (tiles_alone) done.what = erased ? Retraction::What::kDone : Retraction::What::kUnknown;
  if (in_head) retract_from_head(shape, order);
  return done;
}

Retraction KeyWindows::retract_from_tiles(const Shape& shape, const EventOrder& order, std::span<const Value> arguments) {
  std::array<Tiles::Tile*, 3> touched{};
  bool any = false;
  for (std::size_t i = 0; i < shape.plan.levels.size(); ++i) {
    const std::int64_t index = tile_of(order.time, shape.plan.levels[i].hop);
    if (index < shape.first_tile[i]) continue;
    touched[i] = levels_[i].find(index);
    if (touched[i] == nullptr) return {Retraction::What::kUnknown};
    any = true;
  }
  if (!any && !total_) return {Retraction::What::kLate};
  if (!shape.set.all_retract()) {
    if (total_) return {Retraction::What::kRebuild, {kBeginning, kEnd}};
    const std::int64_t hop = shape.plan.levels.back().hop, index = tile_of(order.time, hop);
    return {Retraction::What::kRebuild, span_of_tile(index, hop)};
  }
  for (Tiles::Tile* tile : touched)
    if (tile != nullptr) shape.set.retract(tile->states, order, arguments);
  if (total_) shape.set.retract(total_, order, arguments);
  return {};
}

void KeyWindows::rebuild(const Shape& shape, Span span, std::span<const Event> events) {
  for (std::size_t i = head_.size(); i-- > 0;)
    if (head_[i].time > span.after && head_[i].time <= span.until) drop_from_head(shape, i);
  for (std::size_t i = 0; i < shape.plan.levels.size(); ++i) {
    const std::int64_t hop = shape.plan.levels[i].hop;
    levels_[i].drop(floor_to(span.after.unix_nanos(), hop) / hop,
                    span.until == kEnd ? INT64_MAX : floor_to(span.until.unix_nanos(), hop) / hop);
  }
  if (total_ && span.after == kBeginning) total_ = AggregateSet::Block(shape.set), total_newest_ = kBeginning;
  if (exact_ != nullptr) {
    std::vector<EventOrder> gone;
    exact_->each([&](const EventOrder& order, std::span<const Value>) {
      if (order.time > span.after && order.time <= span.until) gone.push_back(order);
    });
    for (const EventOrder& order : gone) exact_->erase(order);
  }
  for (const Event& event : events) {
    add_to_tiles(shape, event.order, event.arguments);
    if (exact_ != nullptr && event.order.time > shape.exact_horizon()) exact_->insert(event.order, event.arguments);
  }
}

void KeyWindows::expire(const Shape& shape) {
  for (std::size_t i = 0; i < shape.plan.levels.size(); ++i) levels_[i].drop_before(shape.first_tile[i]);
  if (exact_ != nullptr) exact_->evict(shape.exact_horizon());
  while (!head_.empty() && !shape.takes(head_.front().time)) drop_from_head(shape, 0);
}

Reading::Quality KeyWindows::collect(const Shape& shape, const WindowPlan::Planned& window, Instant at, AggregateSet::Block& into) const {
  const Span span = span_of(window.window, at);
  if (window.window.exact) {
    exact_->collect(span.after, span.until, into);
    return {.incomplete = shape.watermark != kBeginning && span.after < shape.exact_horizon()};
  }
  if (window.window.kind != WindowKind::kUnbounded) return collect_sawtooth(shape, window.level, span, into);
  shape.set.merge(into, total_);
  collect_head(shape, span, into);
  return {.end_rounded = total_newest_ > at};
}

/// From the window's beginning, on a bound of its level, by its own tiles and coarser ones up to its last bound; from there by finer ones;
/// and from the last bound of the finest by what its open tile has.
Reading::Quality KeyWindows::collect_sawtooth(const Shape& shape, std::size_t level, Span span, AggregateSet::Block& into) const {
  const auto hop_of = [&](std::size_t i) { return shape.plan.levels[i].hop; };
  const std::int64_t after = floor_to(span.after.unix_nanos(), hop_of(level)), until = span.until.unix_nanos();
  std::int64_t bound = floor_to(until, hop_of(level));
  collect_tiles(shape, level, after, bound, into);
  for (std::size_t i = level; i-- > 0;) {
    const std::int64_t next = floor_to(until, hop_of(i));
    collect_tiles(shape, i, bound, next, into);
    bound = next;
  }
  Reading::Quality quality;
  if (bound < until)
    for (const Tiles::Tile& open : levels_[0].between(bound / hop_of(0), bound / hop_of(0) + 1)) {
      shape.set.merge(into, open.states);
      quality.end_rounded = open.newest > span.until;
    }
  collect_head(shape, {Instant::from_unix_nanos(after), span.until}, into);
  quality.incomplete = shape.watermark != kBeginning && after / hop_of(level) < shape.first_tile[level];
  return quality;
}

/// Tiles of (after, until], both bounds of the level; coarser ones where whole ones lie inside.
void KeyWindows::collect_tiles(const Shape& shape, std::size_t level, std::int64_t after, std::int64_t until,
                               AggregateSet::Block& into) const {
  if (after >= until) return;
  const std::int64_t hop = shape.plan.levels[level].hop;
  const auto add = [&](std::int64_t from, std::int64_t to) {
    for (const Tiles::Tile& tile : levels_[level].between(from / hop, to / hop)) shape.set.merge(into, tile.states);
  };
  if (level + 1 == shape.plan.levels.size()) return add(after, until);
  const std::int64_t coarser = shape.plan.levels[level + 1].hop;
  const std::int64_t inner_end = floor_to(until, coarser), before = floor_to(after, coarser),
                     inner = before == after ? after : minus(before, -coarser);
  if (inner >= inner_end) return add(after, until);
  add(after, inner);
  collect_tiles(shape, level + 1, inner, inner_end, into);
  add(inner_end, until);
}

void KeyWindows::collect_head(const Shape& shape, Span span, AggregateSet::Block& into) const {
  for (std::size_t i = 0; i < head_.size(); ++i)
    if (head_[i].time > span.after && head_[i].time <= span.until) shape.set.insert(into, head_[i], head_arguments(shape, i));
}

void encode_order(std::string& out, const EventOrder& order) {
  append_zigzag(out, order.time.unix_nanos());
  append_zigzag(out, order.created.unix_nanos());
  append_varint(out, order.sequence);
}

Result<EventOrder> decode_order(ByteReader& reader) {
  TRY_ASSIGN(const std::int64_t time, reader.zigzag());
  TRY_ASSIGN(const std::int64_t created, reader.zigzag());
  TRY_ASSIGN(const std::uint64_t sequence, reader.varint());
  return EventOrder{Instant::from_unix_nanos(time), Instant::from_unix_nanos(created), sequence};
}

namespace {

Status decode_arguments(const AggregateSet& set, ByteReader& reader, std::vector<Value>& into) {
  for (const Type type : set.arguments()) {
    TRY_ASSIGN(Value value, reader.value());
    if (!value.is_null() && value.type() != type) return damaged("an event's argument of another type");
    into.push_back(std::move(value));
  }
  return {};
}

}  // namespace

void KeyWindows::encode(const Shape& shape, std::string& out) const {
  append_varint(out, head_.size());
  for (std::size_t i = 0; i < head_.size(); ++i) {
    encode_order(out, head_[i]);
    for (const Value& value : head_arguments(shape, i)) append_value(out, value);
  }
  for (std::size_t i = 0; i < shape.plan.levels.size(); ++i) levels_[i].encode(shape.set, out);
  if (total_) {
    append_zigzag(out, total_newest_.unix_nanos());
    shape.set.encode(total_, out);
  }
  if (exact_ == nullptr) return;
  append_varint(out, exact_->size());
  exact_->each([&](const EventOrder& order, std::span<const Value> arguments) {
    encode_order(out, order);
    for (const Value& value : arguments) append_value(out, value);
  });
}

Status KeyWindows::decode(const Shape& shape, ByteReader& reader) {
  const std::size_t event_bytes_least = 3 + shape.set.arguments().size();
  TRY_ASSIGN(const std::size_t head, reader.count(event_bytes_least));
  for (std::size_t i = 0; i < head; ++i) {
    TRY_ASSIGN(const EventOrder order, decode_order(reader));
    if (!head_.empty() && order < head_.back()) return damaged("a head out of order");
    head_.push_back(order);
    TRY(decode_arguments(shape.set, reader, head_arguments_));
  }
  for (std::size_t i = 0; i < shape.plan.levels.size(); ++i) TRY(levels_[i].decode(shape.set, reader));
  if (total_) {
    TRY_ASSIGN(const std::int64_t newest, reader.zigzag());
    total_newest_ = Instant::from_unix_nanos(newest);
    TRY_ASSIGN(total_, shape.set.decode(reader));
  }
  if (exact_ == nullptr) return {};
  TRY_ASSIGN(const std::size_t events, reader.count(event_bytes_least));
  for (std::size_t i = 0; i < events; ++i) {
    TRY_ASSIGN(const EventOrder order, decode_order(reader));
    std::vector<Value> arguments;
    TRY(decode_arguments(shape.set, reader, arguments));
    exact_->insert(order, arguments);
  }
  return {};
}

std::size_t KeyWindows::bytes(const Shape& shape) const {
  std::size_t bytes = sizeof *this + head_.capacity() * sizeof(EventOrder) + head_arguments_.capacity() * sizeof(Value);
  for (const Tiles& tiles : levels_)
    for (const Tiles::Tile& tile : tiles.all()) bytes += sizeof tile + shape.set.bytes(tile.states);
  if (total_) bytes += shape.set.bytes(total_);
  if (exact_ != nullptr) bytes += sizeof *exact_ + exact_->bytes();
  return bytes;
}

}  // namespace isobar::features
