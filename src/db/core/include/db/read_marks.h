#pragma once

/// Who reads what just now (the read timestamps of Basil §4.1). A writer that would slip in below a reader under way is refused, as the
/// reader would miss it. It is a courtesy: safety never rests on it, so a mark may go at any time. Each has an owner, who can take it back;
/// a client has so many at most, and none lives long. Otherwise a client that reads and never commits would stop every writer.

#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "db/ids.h"

namespace isobar::db {

struct ReadMarkLimits {
  Duration life = std::chrono::seconds(2);
  std::size_t each_client_most = 4096;
};

class ReadMarks {
 public:
  explicit ReadMarks(ReadMarkLimits limits) : limits_(limits) {}

  /// Notes that the reader at `at` has read `key`. A client with too many loses its oldest.
  void note(const std::string& key, const Timestamp& at, Instant now);
  void release(const std::string& key, const Timestamp& at);
  /// Whether somebody younger than `at` reads `key`.
  bool read_after(const std::string& key, const Timestamp& at) const;
  void expire(Instant now);

 private:
  struct Mark {
    std::string key;
    Timestamp at;
    Instant since;
  };
  ReadMarkLimits limits_;
  std::unordered_map<std::string, std::set<Timestamp>> readers_;
  std::map<ClientId, std::deque<Mark>> of_client_;  // oldest first; those that were released are skipped
};

}  // namespace isobar::db
