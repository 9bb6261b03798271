#pragma once

/// A line of the log: an event as it was taken in, with what it withdraws. docs/formats/feature-log.md.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "features/project.h"
#include "features/store.h"

namespace isobar::features {

struct LogEntry {
  EventOrder order;  ///< its sequence is the place in the log where it was added
  Row row;
};

struct LogRecord {
  std::uint32_t columns = 0;  ///< by number, of LogColumns
  Instant arrived;
  std::optional<LogEntry> added;
  std::optional<LogEntry> removed;
  Instant withdrawn{};  ///< of what is removed: the event time from which it is no more
};

/// Lines that came together are in the store together: a write for each would cost more than all else.
inline constexpr std::size_t kLinesOfPiece = 1024;
void append_record(std::string& piece, const LogRecord& record);
/// first    the number of the piece's first line
/// Errors   kDataLoss; whatever `visit` returns
Status each_record(std::string_view piece, std::uint64_t first, const std::function<Status(LogRecord record, std::uint64_t number)>& visit);
/// How many lines a piece has. Errors   kDataLoss
Result<std::uint64_t> records_in(std::string_view piece);

/// In which columns rows of the log are: of each source, each set of columns that it ever had has a number.
class LogColumns {
 public:
  struct Known {
    std::string source;
    std::vector<Column> columns;
  };
  /// Errors   kDataLoss
  static Result<LogColumns> load(const Snapshot& snapshot, ViewId log);
  /// The number; `added`: what is to be written first, if it is new.
  std::uint32_t number_of(const Source& source, ViewId log, std::vector<StateWrite>& added);
  /// The number of columns that are known.
  std::uint32_t number_of(const Source& source) const;
  /// Errors   kDataLoss: no such number
  Result<const Known*> find(std::uint32_t number) const;

 private:
  std::optional<std::uint32_t> find(const Source& source) const;
  std::vector<Known> known_;
};

/// A row of the log in the columns that its source has now; those that it did not have then are null.
/// Errors   kInvalidArgument: a value that the column's type now cannot hold
Result<Row> in_columns(Row row, const std::vector<Column>& then, const std::vector<Column>& now);

}  // namespace isobar::features
