#pragma once

/// The versions of records that have a key, each with what follows it.

#include <functional>
#include <string>

#include "features/event_stream.h"
#include "spill_sort.h"

namespace isobar::features {

/// One thread at a time.
class RecordVersions {
 public:
  RecordVersions(std::size_t source, std::size_t columns, std::uint64_t memory_bytes, const fs::path& temporary);

  /// In the order in which they came. key   of the record. order   its sequence ascends
  Status add(std::string_view key, const EventOrder& order, const Row& row);
  /// Each version, and its removal where it is not the last: withdrawn at the time of the next by time, as of knowledge when the next one
  /// to count came, and at once where it came late. Memory   the versions of one record
  Status each(const std::function<Status(const TrainingEvent&)>& visit);

 private:
  struct Version {
    EventOrder order;
    Row row;
    Instant arrived, removal_arrived, withdrawn;
    bool removed = false;
  };
  static void follow(std::vector<Version>& versions);
  Status give(std::vector<Version>& versions, const std::function<Status(const TrainingEvent&)>& visit) const;

  std::size_t source_, columns_;
  SpillSort sort_;
  std::string head_, tail_;
};

}  // namespace isobar::features
