#pragma once

/// Who reads what just now (the read timestamps of Basil §4.1). A writer that would slip in below a reader under way is refused, as the
/// reader would miss it. It is a courtesy: safety never rests on it, so a mark may go at any time. Each has an owner, who can take it back;
/// a client has so many at most, and none lives long. One that came to nothing must rest: its client may not mark the key again for as long
/// as it lived, twice as long the next time, and so on. Otherwise a client that reads and never commits would stop every writer.

#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

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

  /// Notes that the reader at `at` has read `key`, unless its client has to rest there. A client with too many loses its oldest.
  void note(const std::string& key, const Timestamp& at, Instant now);
  /// The reader is prepared: what it read stands against writers by itself.
  void take_over(const std::string& key, const Timestamp& at);
  /// The reader gave up.
  void give_up(const std::string& key, const Timestamp& at, Instant now);
  /// Whether somebody younger than `at` reads `key`.
  bool read_after(const std::string& key, const Timestamp& at) const;
  void expire(Instant now);

 private:
  struct Mark {
    std::string key;
    Timestamp at;
    Instant since;
  };
  struct Rest {
    Instant until;
    unsigned vain = 0;
  };
  void erase(const std::string& key, const Timestamp& at);

  ReadMarkLimits limits_;
  std::unordered_map<std::string, std::map<Timestamp, Instant>> readers_;  // since when
  std::map<ClientId, std::deque<Mark>> of_client_;                         // oldest first; those that ended are skipped
  std::map<std::pair<ClientId, std::string>, Rest> rests_;
};

}  // namespace isobar::db
