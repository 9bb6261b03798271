#pragma once

/// Promises to readers that need no vote: no writer below `at` is voted for any more in what was read. Unlike a mark (read_marks.h) a hold
/// is never taken back: safety rests on it. A reader with the holds of a commit quorum, all of which saw the same and nothing undecided,
/// has read what nobody can change any more: whoever wrote there below it needs a commit quorum, too, and the two share a correct replica,
/// which either showed the writer to the reader or refuses it.
///
/// What is closed needs no hold. There are so many at a time at most; whoever is granted none has its reads voted on like anybody.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "db/ids.h"

namespace isobar::db {

class ReadHolds {
 public:
  explicit ReadHolds(std::size_t most = 200'000) : most_(most) {}

  /// Of [from, until). False: there are too many
  bool grant(const std::string& from, const std::string& until, const Timestamp& at);
  /// Whether a writer of `key` at `at` would break one.
  bool stands_against(const std::string& key, const Timestamp& at) const;
  /// Up to there nobody comes in any more, so the holds up to there may go.
  void close(std::uint64_t time);
  std::size_t size() const { return keys_.size() + ranges_.size(); }

 private:
  using Range = std::pair<std::string, std::string>;
  std::size_t most_;
  std::unordered_map<std::string, Timestamp> keys_;  // of single keys: the latest
  std::map<Range, Timestamp> ranges_;                // the latest of each
  std::multimap<Timestamp, Range> by_time_;          // of ranges_
};

}  // namespace isobar::db
