#include "newest_join.h"

#include <algorithm>
#include <cstring>

namespace isobar::features {

namespace {

constexpr std::size_t kRounding = 8;

struct TextHead {
  std::uint32_t length, room;
};

}  // namespace

ReplacedTexts::Place ReplacedTexts::put(Place instead_of, std::string_view text) {
  if (instead_of != kNone) {
    char* before = blocks_[instead_of >> kBlockBits].get() + (instead_of & (kBlockBytes - 1));
    TextHead head{};
    std::memcpy(&head, before, sizeof head);
    if (text.size() <= head.room) {
      head.length = static_cast<std::uint32_t>(text.size());
      std::memcpy(before, &head, sizeof head);
      std::memcpy(before + sizeof head, text.data(), text.size());
      return instead_of;
    }
  }
  const std::size_t room = (text.size() + kRounding - 1) / kRounding * kRounding;
  if (room_ - used_ < sizeof(TextHead) + room) {
    // The first eight bytes of a block are not used, so that no place is kNone.
    used_ = kRounding;
    room_ = std::max(kBlockBytes, used_ + sizeof(TextHead) + room);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(room_));
    bytes_ += room_;
  }
  const Place place = (blocks_.size() - 1) << kBlockBits | used_;
  const TextHead head{static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(room)};
  char* at = blocks_.back().get() + used_;
  std::memcpy(at, &head, sizeof head);
  std::memcpy(at + sizeof head, text.data(), text.size());
  used_ += sizeof head + room;
  return place;
}

std::string_view ReplacedTexts::at(Place place) const {
  const char* text = blocks_[place >> kBlockBits].get() + (place & (kBlockBytes - 1));
  TextHead head{};
  std::memcpy(&head, text, sizeof head);
  return {text + sizeof head, head.length};
}

Status NewestJoin::add_row(std::string_view key, Instant at, const SeenUpto&) {
  auto known = ids_.find(key);
  if (known == ids_.end()) {
    known = ids_.emplace(std::string(key), static_cast<std::uint32_t>(ids_.size())).first;
    key_bytes_ += key.size();
  }
  rows_.push_back({known->second, at.unix_nanos()});
  return {};
}

Status NewestJoin::end_rows() {
  rows_ended_ = true;
  keys_.resize(ids_.size());
  for (const Asked& row : rows_) ++keys_[row.key].end;
  std::uint32_t begin = 0;
  for (Key& key : keys_) {
    key.begin = key.last = begin;
    begin += key.end;
    key.end = key.begin;
  }
  std::vector<std::pair<std::int64_t, std::uint32_t>> sorted(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) sorted[keys_[rows_[i].key].end++] = {rows_[i].at, static_cast<std::uint32_t>(i)};
  ends_.resize(rows_.size());
  interval_.resize(rows_.size());
  for (Key& key : keys_) std::sort(sorted.begin() + key.begin, sorted.begin() + key.end);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ends_[i] = sorted[i].first;
    interval_[sorted[i].second] = static_cast<std::uint32_t>(i);
  }
  newest_.resize(rows_.size());
  return {};
}

/// The first interval that ends at an instant or after it; the key's end: there is none.
std::uint32_t NewestJoin::interval_of(const Key& key, std::int64_t from) const {
  const auto begin = ends_.begin() + key.begin, end = ends_.begin() + key.end;
  auto low = ends_.begin() + key.last, high = low;
  // Doubling steps from where the key's last event went, to either side, then halving ones.
  if (key.last < key.end && *low < from) {
    for (std::ptrdiff_t step = 1; high != end && *high < from; step *= 2) {
      low = high + 1;
      high += std::min(step, end - high);
    }
  } else {
    for (std::ptrdiff_t step = 1; low != begin && *(low - 1) >= from; step *= 2) {
      high = low - 1;
      low -= std::min(step, low - begin);
    }
    if (low == high) return static_cast<std::uint32_t>(low - ends_.begin());
  }
  return static_cast<std::uint32_t>(std::lower_bound(low, high, from) - ends_.begin());
}

/// Puts the event that waits beside its key into its interval.
void NewestJoin::settle(Key& key) {
  if (!key.waits) return;
  key.waits = false;
  Newest& newest = newest_[key.last];
  if (newest.values != ReplacedTexts::kNone && key.order < newest.order) return;
  encoded_.clear();
  append_values(encoded_, key.newest);
  newest.order = key.order;
  newest.values = values_.put(newest.values, encoded_);
}

Status NewestJoin::add_event(const ViewEvent& event) {
  const auto known = ids_.find(event.contribution.key);
  if (known == ids_.end()) return {};
  Key& key = keys_[known->second];
  const std::int64_t at = (as_of_knowledge_ ? std::max(event.order.time, event.arrived) : event.order.time).unix_nanos();
  if (!key.waits || at < key.from || at > key.until) {
    settle(key);
    key.last = interval_of(key, at);
    if (key.last == key.end) return {};
    key.waits = true;
    key.until = ends_[key.last];
    key.from = key.last == key.begin ? INT64_MIN : ends_[key.last - 1] + 1;
  } else if (event.order < key.order) {
    return {};
  }
  key.order = event.order;
  key.newest = event.contribution.newest;
  return {};
}

Status NewestJoin::end_events() {
  for (Key& key : keys_) settle(key);
  for (const Key& key : keys_) {
    for (std::uint32_t i = key.begin + 1; i < key.end; ++i) {
      const Newest& before = newest_[i - 1];
      const bool older = newest_[i].values == ReplacedTexts::kNone || newest_[i].order < before.order;
      if (before.values != ReplacedTexts::kNone && older) newest_[i] = before;
    }
  }
  return {};
}

/// Rows that are next to one another are far from one another in memory.
void NewestJoin::fetch_ahead() const {
  constexpr std::size_t kFar = 16, kNear = 8;
  if (given_ + kFar < interval_.size()) __builtin_prefetch(&newest_[interval_[given_ + kFar]]);
  if (given_ + kNear < interval_.size()) {
    const Newest& soon = newest_[interval_[given_ + kNear]];
    if (soon.values != ReplacedTexts::kNone) values_.fetch(soon.values);
  }
}

Status NewestJoin::next(ViewReading& reading) {
  if (given_ == rows_.size()) return Error(Code::kConflict, "there are more rows than there were");
  const Instant at = Instant::from_unix_nanos(rows_[given_].at);
  fetch_ahead();
  const Newest& newest = newest_[interval_[given_++]];
  reading.status = ViewReading::Status::kNotFound;
  reading.newest = {};
  if (newest.values == ReplacedTexts::kNone) return {};
  reading.newest = newest.order;
  const auto& ttl = view_.view().ttl;
  const bool expired = ttl && newest.order.time.unix_nanos() < minus(at.unix_nanos(), ttl->count());
  reading.status = expired ? ViewReading::Status::kExpired : ViewReading::Status::kFound;
  if (expired) return {};
  reading.values.resize(view_.stored().size());
  reading.statuses.resize(view_.stored().size());
  ByteReader reader(values_.at(newest.values));
  for (const std::size_t place : view_.newest_features()) {
    TRY_ASSIGN(reading.values[place], reader.value());
    reading.statuses[place] = status_of(reading.values[place]);
  }
  return {};
}

std::uint64_t NewestJoin::bytes() const {
  const std::uint64_t key_bytes = sizeof(std::pair<std::string, std::uint32_t>) * 2 + sizeof(Key) + view_.stored().size() * sizeof(Value);
  // While rows are sorted their instants are there twice.
  constexpr std::uint64_t kRowBytes = sizeof(Asked) + sizeof(std::int64_t) + sizeof(std::uint32_t) + sizeof(Newest);
  return ids_.size() * key_bytes + key_bytes_ + std::max(rows_.capacity() * sizeof(Asked), rows_.size() * kRowBytes) + values_.bytes();
}

Status NewestJoin::move_to(ViewJoin& other) {
  for (Key& key : keys_) settle(key);
  std::vector<std::string_view> names(ids_.size());
  for (const auto& [name, id] : ids_) names[id] = name;
  for (const Asked& row : rows_) TRY(other.add_row(names[row.key], Instant::from_unix_nanos(row.at), {}));
  if (!rows_ended_) return {};
  TRY(other.end_rows());
  Contribution contribution;
  for (std::size_t id = 0; id < keys_.size(); ++id) {
    contribution.key = names[id];
    for (std::uint32_t i = keys_[id].begin; i < keys_[id].end; ++i) {
      if (newest_[i].values == ReplacedTexts::kNone) continue;
      ByteReader reader(values_.at(newest_[i].values));
      TRY(read_values(reader, view_.newest_features().size(), contribution.newest));
      // It was known within the interval, of which there is no other instant than its end.
      const Instant arrived = Instant::from_unix_nanos(ends_[i]);
      TRY(other.add_event({newest_[i].order, arrived, false, {}, contribution}));
    }
  }
  return {};
}

}  // namespace isobar::features
