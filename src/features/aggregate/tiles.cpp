#include <algorithm>

#include "key_windows.h"

namespace isobar::features {

std::int64_t tile_of(Instant time, std::int64_t hop) {
  const std::int64_t before = minus(time.unix_nanos(), 1);
  return floor_to(before, hop) / hop;
}

namespace {

template <class Container>
auto at_or_after(Container& tiles, std::int64_t index) {
  return std::ranges::lower_bound(tiles, index, {}, &Tiles::Tile::index);
}

}  // namespace

Tiles::Tile& Tiles::find_or_make(const AggregateSet& set, std::int64_t index) {
  // Nearly always the last one.
  if (!tiles_.empty() && tiles_.back().index == index) return tiles_.back();
  const auto at = at_or_after(tiles_, index);
  if (at != tiles_.end() && at->index == index) return *at;
  return *tiles_.insert(at, Tile{index, Instant::from_unix_nanos(INT64_MIN), AggregateSet::Block(set)});
}

Tiles::Tile* Tiles::find(std::int64_t index) {
  const auto at = at_or_after(tiles_, index);
  return at != tiles_.end() && at->index == index ? &*at : nullptr;
}

std::span<const Tiles::Tile> Tiles::between(std::int64_t first, std::int64_t end) const {
  const auto begin = at_or_after(tiles_, first);
  return {begin, std::lower_bound(begin, tiles_.end(), end, [](const Tile& tile, std::int64_t index) { return tile.index < index; })};
}

void Tiles::drop_before(std::int64_t first) {
  if (tiles_.empty() || tiles_.front().index >= first) return;
  tiles_.erase(tiles_.begin(), at_or_after(tiles_, first));
}

void Tiles::drop(std::int64_t first, std::int64_t end) {
  std::erase_if(tiles_, [&](const Tile& tile) { return tile.index >= first && tile.index < end; });
}

void Tiles::encode(const AggregateSet& set, std::string& out) const {
  append_varint(out, tiles_.size());
  for (const Tile& tile : tiles_) {
    append_zigzag(out, tile.index);
    append_zigzag(out, tile.newest.unix_nanos());
    set.encode(tile.states, out);
  }
}

Status Tiles::decode(const AggregateSet& set, ByteReader& reader) {
  TRY_ASSIGN(const std::size_t count, reader.count(2 + set.size()));
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const std::int64_t index, reader.zigzag());
    TRY_ASSIGN(const std::int64_t newest, reader.zigzag());
    TRY_ASSIGN(AggregateSet::Block states, set.decode(reader));
    if (!tiles_.empty() && tiles_.back().index >= index) return damaged("tiles out of order");
    tiles_.push_back({index, Instant::from_unix_nanos(newest), std::move(states)});
  }
  return {};
}

}  // namespace isobar::features
