#include "features/keyed_windows.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "key_windows.h"

namespace isobar::features {

namespace {

constexpr std::uint8_t kStateVersion = 1;

}  // namespace

/// Found by a view of the key, without making a string of it.
struct KeyedWindows::Map {
  struct KeyHash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(std::string_view key) const noexcept { return XXH3_64bits(key.data(), key.size()); }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
  };
  boost::unordered_flat_map<std::string, std::unique_ptr<KeyWindows>, KeyHash, KeyEqual> keys;

  const KeyWindows* find(std::string_view key) const {
    const auto at = keys.find(key);
    return at == keys.end() ? nullptr : at->second.get();
  }
};

Shape KeyedWindows::shape() const { return {*set_, plan_, options_.head_events, watermark_, first_tiles_}; }

Result<std::unique_ptr<KeyedWindows>> KeyedWindows::create(const std::vector<AggregateSpec>& aggregates, std::vector<Type> arguments,
                                                           const std::vector<Window>& windows, Options options) {
  TRY_ASSIGN(AggregateSet set, AggregateSet::create(aggregates, std::move(arguments)));
  TRY_ASSIGN(WindowPlan plan, WindowPlan::create(windows, options.lateness));
  return std::unique_ptr<KeyedWindows>(new KeyedWindows(std::move(set), std::move(plan), options));
}

KeyedWindows::KeyedWindows(AggregateSet set, WindowPlan plan, Options options)
    : set_(std::make_unique<const AggregateSet>(std::move(set))),
      plan_(std::move(plan)),
      options_(options),
      first_tiles_(features::first_tiles(plan_, watermark_)),
      map_(std::make_unique<Map>()) {
  // Only what is read from tiles needs a head: exact windows have all events.
  if (plan_.levels.empty() && !plan_.unbounded) options_.head_events = 0;
}
KeyedWindows::~KeyedWindows() = default;

Placed KeyedWindows::insert(std::string_view key, const EventOrder& order, std::span<const Value> arguments) {
  CHECK(arguments.size() == set_->arguments().size(), arguments.size(), set_->arguments().size());
  const Shape shape = this->shape();
  if (!shape.takes(order.time)) {
    ++counts_.late;
    return Placed::kLate;
  }
  auto at = map_->keys.find(key);
  if (at == map_->keys.end()) at = map_->keys.emplace(std::string(key), std::make_unique<KeyWindows>(shape)).first;
  at->second->insert(shape, order, arguments);
  ++counts_.merged;
  return Placed::kMerged;
}

Retraction KeyedWindows::retract(std::string_view key, const EventOrder& order, std::span<const Value> arguments) {
  const Shape shape = this->shape();
  const auto at = map_->keys.find(key);
  Retraction done{Retraction::What::kUnknown};
  if (!shape.takes(order.time)) done.what = Retraction::What::kLate;
  else if (at != map_->keys.end()) done = at->second->retract(shape, order, arguments);
  counts_.retracted += done.what == Retraction::What::kDone ? 1 : 0;
  counts_.retracted_unknown += done.what == Retraction::What::kUnknown ? 1 : 0;
  return done;
}

void KeyedWindows::rebuild(std::string_view key, Span span, std::span<const Event> events) {
  const Shape shape = this->shape();
  auto at = map_->keys.find(key);
  if (at == map_->keys.end()) at = map_->keys.emplace(std::string(key), std::make_unique<KeyWindows>(shape)).first;
  at->second->rebuild(shape, span, events);
  ++counts_.rebuilt;
}

void KeyedWindows::advance(Instant watermark) {
  watermark_ = std::max(watermark_, watermark);
  first_tiles_ = features::first_tiles(plan_, watermark_);
}

void KeyedWindows::expire() {
  const Shape shape = this->shape();
  boost::unordered::erase_if(map_->keys, [&](auto& entry) { return entry.second->expire(shape), entry.second->empty(); });
}

Reading KeyedWindows::read(std::string_view key, Instant at, const std::vector<bool>& wanted) const {
  const Shape shape = this->shape();
  const KeyWindows* known = map_->find(key);
  Reading reading{.found = known != nullptr};
  reading.values.reserve(plan_.windows.size() * set_->size());
  for (const auto& window : plan_.windows) {
    const auto first = static_cast<std::ptrdiff_t>(reading.values.size());
    const auto end = first + static_cast<std::ptrdiff_t>(set_->size());
    if (!wanted.empty() && std::find(wanted.begin() + first, wanted.begin() + end, true) == wanted.begin() + end) {
      reading.windows.emplace_back();
      reading.values.resize(static_cast<std::size_t>(end));
      continue;
    }
    AggregateSet::Block block(*set_);
    reading.windows.push_back(known != nullptr ? known->collect(shape, window, at, block) : Reading::Quality{});
    for (std::size_t i = 0; i < set_->size(); ++i) {
      if (!wanted.empty() && !wanted[reading.values.size()]) {
        reading.values.emplace_back();
        continue;
      }
      auto value = set_->result(block, i, at);
      if (!value) reading.problems.push_back({reading.values.size(), value.error().message()});
      reading.values.push_back(value ? std::move(*value) : Value());
    }
  }
  return reading;
}

std::optional<std::string> KeyedWindows::encode(std::string_view key) const {
  const KeyWindows* known = map_->find(key);
  if (known == nullptr) return std::nullopt;
  std::string out;
  append_byte(out, kStateVersion);
  known->encode(shape(), out);
  return out;
}

Status KeyedWindows::decode(std::string_view key, std::string_view bytes) {
  const Shape shape = this->shape();
  ByteReader reader(bytes);
  TRY_ASSIGN(const std::uint8_t version, reader.byte().context("state of windows"));
  if (version != kStateVersion)
    return damaged(fmt::format("state of windows: of version {}; this program reads version {}", version, kStateVersion));
  auto read = std::make_unique<KeyWindows>(shape);
  TRY(read->decode(shape, reader).context("state of windows"));
  TRY(reader.finish().context("state of windows"));
  map_->keys.insert_or_assign(std::string(key), std::move(read));
  return {};
}

void KeyedWindows::erase(std::string_view key) {
  if (const auto at = map_->keys.find(key); at != map_->keys.end()) map_->keys.erase(at);
}

std::size_t KeyedWindows::keys() const { return map_->keys.size(); }

std::size_t KeyedWindows::bytes() const {
  const Shape shape = this->shape();
  constexpr std::size_t kSlotBytes = sizeof(std::pair<std::string, void*>) + 1;
  std::size_t bytes = map_->keys.bucket_count() * kSlotBytes;
  for (const auto& [key, known] : map_->keys) bytes += known->bytes(shape) + (key.capacity() > 15 ? key.capacity() : 0);
  return bytes;
}

}  // namespace isobar::features
