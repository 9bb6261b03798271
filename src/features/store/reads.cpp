#include "reads.h"

#include <fmt/format.h>

#include "features/row_codec.h"
#include "store_keys.h"

namespace isobar::features {

namespace {

/// The entries of one family from `first` on, before `end`.
class Scan {
 public:
  Scan(const ReadPoint& at, Family family, std::string_view first, std::string end, bool whole_view)
      : rocks_(at.rocks), end_(std::move(end)), bound_(end_) {
    rocksdb::ReadOptions options;
    options.snapshot = at.snapshot;
    options.iterate_upper_bound = &bound_;
    if (whole_view) {
      options.fill_cache = false;  // or it would push out what is served
      options.readahead_size = 1U << 20;
    }
    iterator_.reset(rocks_.db().NewIterator(options, rocks_.family(family)));
    iterator_->Seek(slice(first));
  }
  bool valid() const { return iterator_->Valid(); }
  void next() { iterator_->Next(); }
  std::string_view key() const { return iterator_->key().ToStringView(); }
  std::string_view value() const { return iterator_->value().ToStringView(); }
  Status status() const { return iterator_->status().ok() ? Status() : rocks_.error_of(iterator_->status()); }

 private:
  const Rocks& rocks_;
  std::string end_;
  rocksdb::Slice bound_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

std::string after(ViewId view) { return view_prefix(ViewId{static_cast<std::uint32_t>(view) + 1}); }

Result<HistoryRow> history_row(const Scan& scan) {
  TRY_ASSIGN(const EventOrder order, history_order(scan.key()));
  TRY_ASSIGN(const auto row, parse_history(scan.value()));
  return HistoryRow{scan.key().substr(kViewBytes, scan.key().size() - kViewBytes - kOrderBytes), order, row};
}

Result<LatestRow> judge(const Lifetime& lifetime, std::string_view value, Instant now) {
  TRY_ASSIGN(const LatestValue latest, parse_latest(value));
  const Age age = age_of(lifetime, latest.order.time, now);
  if (latest.mark == Mark::kDeleted || age == Age::kForgotten) return LatestRow{};
  // A row that compaction took stays expired, though the ttl was made longer since.
  if (age == Age::kExpired || latest.mark == Mark::kForgotten) return LatestRow{LatestRow::Status::kExpired, latest.order, {}};
  return LatestRow{LatestRow::Status::kFound, latest.order, std::string(latest.row)};
}

Result<std::optional<std::string_view>> living_state(std::string_view value, Instant now) {
  if (value.size() < kInstantBytes) return damaged("a state is too short");
  if (state_expired(Instant::from_unix_nanos(ordered_signed_from(value)), now)) return std::optional<std::string_view>();
  return std::optional(value.substr(kInstantBytes));
}

}  // namespace

Result<Lifetime> ReadPoint::lifetime_of(ViewId view) const {
  const auto found = views->find(view);
  if (found != views->end()) return found->second;
  return not_found(fmt::format("the store has no view of number {}: apply its definition first", static_cast<std::uint32_t>(view)));
}

Result<std::vector<LatestRow>> ReadPoint::latest(std::span<const RowKey> keys) const {
  std::vector<std::string> bytes;
  std::vector<rocksdb::Slice> slices;
  bytes.reserve(keys.size());
  slices.reserve(keys.size());
  for (const auto& [view, key] : keys) slices.push_back(slice(bytes.emplace_back(row_key(view, key))));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  TRY_ASSIGN(const auto found, rocks.get_many(Family::kRow, slices, values, snapshot));
  std::vector<LatestRow> rows(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    TRY_ASSIGN(const Lifetime lifetime, lifetime_of(keys[i].view));
    if (!found[i]) continue;
    TRY_ASSIGN(rows[i], judge(lifetime, values[i].ToStringView(), now));
  }
  return rows;
}

Status ReadPoint::history(RowKey of, Instant newest, const HistoryVisitor& visit) const {
  TRY_ASSIGN(const Lifetime lifetime, lifetime_of(of.view));
  const EventOrder first{newest, Instant::from_unix_nanos(INT64_MAX), UINT64_MAX};
  const std::string begin = history_key(of.view, of.key, first);
  Scan scan(*this, Family::kHistory, begin, row_key(of.view, of.key).append(kOrderBytes + 1, '\xff'), false);
  for (; scan.valid(); scan.next()) {
    if (scan.key().size() != begin.size()) continue;  // of a key that begins with this one: no two of a view's are so, if they are whole
    TRY_ASSIGN(const HistoryRow row, history_row(scan));
    if (history_expired(lifetime, row.order.time, now) || !visit(row)) break;
  }
  return scan.status();
}

Status ReadPoint::scan_history(ViewId view, const HistoryVisitor& visit) const {
  TRY_ASSIGN(const Lifetime lifetime, lifetime_of(view));
  Scan scan(*this, Family::kHistory, view_prefix(view), after(view), true);
  for (; scan.valid(); scan.next()) {
    TRY_ASSIGN(const HistoryRow row, history_row(scan));
    if (history_expired(lifetime, row.order.time, now)) continue;
    if (!visit(row)) break;
  }
  return scan.status();
}

Status ReadPoint::scan_states(ViewId view, const StateVisitor& visit) const {
  TRY(lifetime_of(view));
  Scan scan(*this, Family::kState, view_prefix(view), after(view), true);
  for (; scan.valid(); scan.next()) {
    TRY_ASSIGN(const auto state, living_state(scan.value(), now));
    if (!state) continue;
    const std::string_view key = scan.key();
    if (key.size() < kViewBytes + kStateSuffixBytes) return damaged("the key of a state is too short");
    const std::string_view suffix = key.substr(key.size() - kStateSuffixBytes);
    if (!visit({key.substr(kViewBytes, key.size() - kViewBytes - kStateSuffixBytes), static_cast<std::uint8_t>(suffix[0]),
                ordered_signed_from(suffix.substr(1)), *state}))
      break;
  }
  return scan.status();
}

Status ReadPoint::states(RowKey of, std::uint8_t level, std::int64_t first_bucket, const StateVisitor& visit) const {
  TRY(lifetime_of(of.view));
  const std::string begin = state_key(of.view, of.key, level, first_bucket);
  std::string end = row_key(of.view, of.key);
  end += static_cast<char>(level);
  const std::size_t prefix = end.size();
  Scan scan(*this, Family::kState, begin, end.append(kStateSuffixBytes, '\xff'), true);
  for (; scan.valid(); scan.next()) {
    if (scan.key().size() != begin.size()) continue;  // of a longer key
    TRY_ASSIGN(const auto state, living_state(scan.value(), now));
    if (state && !visit({of.key, level, ordered_signed_from(scan.key().substr(prefix)), *state})) break;
  }
  return scan.status();
}

Result<std::optional<std::string>> ReadPoint::state(RowKey of, std::uint8_t level, std::int64_t bucket) const {
  TRY(lifetime_of(of.view));
  TRY_ASSIGN(const auto value, rocks.get(Family::kState, state_key(of.view, of.key, level, bucket), snapshot));
  if (!value) return std::optional<std::string>();
  TRY_ASSIGN(const auto state, living_state(*value, now));
  return state ? std::optional(std::string(*state)) : std::nullopt;
}

namespace {

class HeldSnapshot final : public Snapshot {
 public:
  HeldSnapshot(const Rocks& rocks, Expiry& expiry) : expiry_(expiry), at_(begin(rocks, expiry)) {}
  ~HeldSnapshot() override {
    at_.rocks.db().ReleaseSnapshot(at_.snapshot);
    expiry_.release();
  }
  HeldSnapshot(const HeldSnapshot&) = delete;
  HeldSnapshot& operator=(const HeldSnapshot&) = delete;

  Instant at() const override { return at_.now; }
  Result<std::optional<Position>> offset(const PartitionId& of) const override {
    TRY_ASSIGN(const auto value, at_.rocks.get(Family::kOffset, offset_key(of), at_.snapshot));
    if (!value) return std::optional<Position>();
    TRY_ASSIGN(const Position position, parse_position(*value));
    return std::optional(position);
  }
  Result<std::vector<LatestRow>> latest(std::span<const RowKey> keys) const override { return at_.latest(keys); }
  Status history(RowKey of, Instant newest, const HistoryVisitor& visit) const override { return at_.history(of, newest, visit); }
  Status scan_history(ViewId view, const HistoryVisitor& visit) const override { return at_.scan_history(view, visit); }
  Status scan_states(ViewId view, const StateVisitor& visit) const override { return at_.scan_states(view, visit); }
  Status states(RowKey of, std::uint8_t level, std::int64_t first_bucket, const StateVisitor& visit) const override {
    return at_.states(of, level, first_bucket, visit);
  }
  Result<std::optional<std::string>> state(RowKey of, std::uint8_t level, std::int64_t bucket) const override {
    return at_.state(of, level, bucket);
  }

 private:
  /// Expiry is held before anything is looked at.
  static ReadPoint begin(const Rocks& rocks, Expiry& expiry) {
    expiry.hold();
    return {rocks, rocks.db().GetSnapshot(), expiry.now(), expiry.lifetimes()};
  }

  Expiry& expiry_;
  const ReadPoint at_;
};

}  // namespace

std::unique_ptr<const Snapshot> make_snapshot(const Rocks& rocks, Expiry& expiry) { return std::make_unique<HeldSnapshot>(rocks, expiry); }

}  // namespace isobar::features
