#pragma once

/// What a store lacks in memory, played from its log.

#include <functional>
#include <set>
#include <unordered_map>

#include "line.h"

namespace isobar::features {

/// All lines from one on, each with its source's rows in the columns that it has now; those of sources that are no longer there are left
/// out. Errors   kDataLoss, kUnavailable; whatever `visit` returns
Status each_line(const Snapshot& snapshot, ViewId log, const LogColumns& columns, const Project& project, std::uint64_t first,
                 const std::function<Status(std::size_t source, LogRecord record, std::uint64_t number)>& visit);

/// From where the pieces are to be read for a line.
constexpr std::int64_t first_piece(std::uint64_t line) {
  return line < kLinesOfPiece ? 0 : static_cast<std::int64_t>(line - kLinesOfPiece + 1);
}

class Replay {
 public:
  Replay(Store& store, const Epoch& epoch, ViewId log, const LogColumns& columns, Instant now);

  /// Puts a view's written states into memory, and plays it from where they end. A view of which nothing was written is made from the
  /// whole log, with its history.
  Status load(std::size_t view);
  /// Makes a view from the whole log.
  void rebuild(std::size_t view) { from_[view] = {.line = 0, .keys = {}, .rebuilt = true}; }
  /// The records of a source, from the whole log.
  void rebuild_records(std::size_t source) { records_.insert(source); }

  /// Plays what is needed. last_line   of the log
  Status run(std::uint64_t last_line);
  std::uint64_t played() const { return played_; }

 private:
  struct From {
    std::uint64_t line = 0;                               ///< the view has all up to here
    std::unordered_map<std::string, std::uint64_t> keys;  ///< these have more
    bool rebuilt = false;
  };
  Status play(std::size_t source, LogRecord record, std::uint64_t number);
  Status play_to(const From& from, const Line& line, const Line::ForView& to);
  void make_record(std::size_t source, const LogRecord& record, std::uint64_t number);
  Status write_rows();

  Store& store_;
  const Epoch& epoch_;
  const ViewId log_;
  const LogColumns& columns_;
  const Instant now_;
  std::map<std::size_t, From> from_;
  std::set<std::size_t> records_;
  std::vector<std::size_t> views_;  ///< keys of from_
  Commit rows_;                     ///< of what is made again
  std::size_t row_bytes_ = 0;
  std::uint64_t played_ = 0;
};

}  // namespace isobar::features
