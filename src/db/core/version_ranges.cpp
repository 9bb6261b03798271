// Ranges of keys: what a reader of one is told, and what stands against it and against those who write into it. A reader of a range has
// read every key of it, also those that are not there; so a writer of a key that the reader does not name is in its way like a writer of
// one that it read at no version.

#include <algorithm>
#include <iterator>
#include <limits>

#include "db/seeded_bugs.h"
#include "db/version_store.h"

namespace isobar::db {

namespace {

/// Behind every timestamp of that time.
Timestamp end_of(std::uint64_t time) { return {time, ClientId(std::numeric_limits<std::uint64_t>::max())}; }

template <class Versions>
auto newest_before(const Versions& versions, const Timestamp& at) {
  const auto next = versions.lower_bound(at);
  return next == versions.begin() ? versions.end() : std::prev(next);
}

}  // namespace

/// Goes through the keys in memory and those at rest together.
class VersionStore::Scan {
 public:
  Scan(const VersionStore& store, const ScanRequest& request, std::size_t bytes_most)
      : store_(store), request_(request), bytes_most_(bytes_most) {}

  Scanned run() {
    found_.part.end = request_.backward ? request_.from : request_.until;
    const auto first = store_.order_.lower_bound(request_.from), behind = store_.order_.lower_bound(request_.until);
    if (request_.backward) walk(std::make_reverse_iterator(behind), std::make_reverse_iterator(first));
    else walk(first, behind);
    return std::move(found_);
  }

 private:
  template <class At>
  void walk(At at, At end) {
    const auto comes_first = [&](std::string_view a, std::string_view b) { return request_.backward ? b < a : a < b; };
    if (store_.settled_)
      store_.settled_->visit(request_.from, request_.until, request_.backward, [&](std::string_view key, SettledVersion version) {
        for (; !full_ && at != end && comes_first(*at, key); ++at) look_at(*at, nullptr);
        if (full_) return false;
        if (at != end && *at == key) ++at;
        look_at(std::string(key), &version);
        return !full_;
      });
    for (; !full_ && at != end; ++at) look_at(*at, nullptr);
  }

  void look_at(const std::string& key, SettledVersion* at_rest) {
    ScannedKey row{key, {}, std::nullopt};
    if (at_rest && at_rest->version < request_.at) row.version = at_rest->version, row.value = std::move(at_rest->value);
    if (const Key* known = store_.find(key)) {
      const auto committed = newest_before(known->committed, request_.at);
      if (committed != known->committed.end() && row.version < committed->first)
        row.version = committed->first, row.value = committed->second.value;
      const auto prepared = newest_before(known->prepared, request_.at);
      if (prepared != known->prepared.end() && row.version < prepared->first) undecided(key);
    }
    if (row.value || row.version.time > request_.floor) take(std::move(row));
    if (full_) found_.part.end = request_.backward ? key : key + '\0';
  }

  void undecided(const std::string& key) {
    found_.undecided.push_back(key);
    count(key.size());
  }

  void take(ScannedKey row) {
    if (row.value && ++rows_ == request_.rows_most) full_ = true;
    count(row.key.size() + (row.value ? row.value->size() : 0));
    found_.part.rows.push_back(std::move(row));
  }

  void count(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ >= bytes_most_) full_ = true;
  }

  const VersionStore& store_;
  const ScanRequest& request_;
  const std::size_t bytes_most_;
  Scanned found_;
  std::size_t bytes_ = 0;
  std::uint32_t rows_ = 0;
  bool full_ = false;
};

VersionStore::Scanned VersionStore::scan(const ScanRequest& request, std::size_t bytes_most) const {
  return Scan(*this, request, bytes_most).run();
}

std::optional<VersionStore::Objection> VersionStore::missed_in(const RangeRead& range, const Transaction& tx, const TxId& id) const {
  std::optional<Objection> undecided;
  const Timestamp floor = end_of(range.floor);
  const auto missed = [&](const auto& versions) -> const Version* {
    for (auto at = versions.upper_bound(floor); at != versions.end() && at->first < tx.timestamp; ++at)
      if (at->second.writer != id) return &at->second;
    return nullptr;
  };
  for (auto at = order_.lower_bound(range.from); at != order_.end() && *at < range.until; ++at) {
    const Key& key = keys_.at(*at);
    if ((key.committed.empty() && key.prepared.empty()) || tx.read_of(*at)) continue;
    if (const Version* version = missed(key.committed)) return Objection{AbortReason::kMissedWrite, version->writer, true};
    if (const Version* version = missed(key.prepared)) undecided = Objection{AbortReason::kMissedWrite, version->writer};
  }
  if (const auto at_rest = missed_at_rest_in(range, tx, id)) return at_rest;
  return undecided;
}

/// What was young when the range was read may have come to rest since.
std::optional<VersionStore::Objection> VersionStore::missed_at_rest_in(const RangeRead& range, const Transaction& tx,
                                                                       const TxId& id) const {
  std::optional<Objection> found;
  if (!settled_ || range.floor >= settled_until_) return found;
  settled_->visit(range.from, range.until, false, [&](std::string_view key, const SettledVersion& version) {
    const bool between = version.version.time > range.floor && version.version < tx.timestamp;
    if (between && version.writer != id && !tx.read_of(key)) found = Objection{AbortReason::kMissedWrite, version.writer, true};
    return !found;
  });
  return found;
}

std::optional<VersionStore::Objection> VersionStore::hides_from_ranges(const Write& write, const Transaction& tx, const TxId& id) const {
  std::optional<Objection> undecided;
  if (seeded(Bug::kRangeReadersForgotten)) return undecided;
  for (auto at = range_readers_.upper_bound(tx.timestamp); at != range_readers_.end(); ++at) {
    const RangeReader& reader = at->second;
    if (!reader.range.holds(write.key) || reader.reader == id || tx.timestamp.time <= reader.range.floor) continue;
    if (names(reader, at->first, write.key)) continue;
    if (reader.committed) return Objection{AbortReason::kHidesWrite, reader.reader, true};
    undecided = Objection{AbortReason::kHidesWrite, reader.reader};
  }
  return undecided;
}

/// Whether the reader, at `at`, says at which version it read the key.
bool VersionStore::names(const RangeReader& reader, const Timestamp& at, const std::string& key) const {
  const Key* known = find(key);
  if (!known) return false;
  const auto [first, end] = known->readers.equal_range(at);
  return std::any_of(first, end, [&](const auto& each) { return each.second.reader == reader.reader; });
}

}  // namespace isobar::db
