#pragma once

/// Reads as of one instant: the bytes of one point of the tables, judged by one time and one set of lifetimes.

#include "features/store.h"
#include "rocks.h"

namespace isobar::features {

struct ReadPoint {
  const Rocks& rocks;
  const rocksdb::Snapshot* snapshot = nullptr;  ///< none: the newest
  Instant now;
  std::shared_ptr<const Lifetimes> views;

  Result<std::vector<LatestRow>> latest(std::span<const RowKey> keys) const;
  Status history(RowKey of, Instant newest, const HistoryVisitor& visit) const;
  Status scan_history(ViewId view, const HistoryVisitor& visit) const;
  Status scan_states(ViewId view, const StateVisitor& visit) const;
  Status states(RowKey of, std::uint8_t level, std::int64_t first_bucket, const StateVisitor& visit) const;
  Result<std::optional<std::string>> state(RowKey of, std::uint8_t level, std::int64_t bucket) const;

 private:
  Result<Lifetime> lifetime_of(ViewId view) const;
};

/// What holds the tables and expiry for a snapshot. rocks, expiry   outlive it
std::unique_ptr<const Snapshot> make_snapshot(const Rocks& rocks, Expiry& expiry);

}  // namespace isobar::features
