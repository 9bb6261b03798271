#pragma once

/// Arrivals into lines of the log: checked, numbered, and with what they withdraw.

#include <map>

#include "features/engine.h"
#include "line.h"

namespace isobar::features {

/// An arrival that was found sound, ready to be written.
struct Taking {
  std::uint64_t refused = 0;
  std::string problem;  ///< of the first that was refused
  Commit commit;
  std::vector<Line> lines;
  std::uint64_t deletions = 0;
};

class Intake {
 public:
  Intake(const EngineConfig& config, const Store& store, ViewId log, LogColumns columns, std::uint64_t next_line);

  /// Whether what it writes depends on what becomes of an arrival that was taken before, which may turn out to be a repetition: then that
  /// is to be known first, and `settled` called.
  bool must_wait(const Epoch& epoch, const Arrival& arrival) const;
  void settled() { unsure_.clear(), records_.clear(); }

  /// Before rows of a definition's sources are taken: their columns are in the store, whatever becomes of the rows.
  Status know_columns(const Definition& definition, Store& store);
  /// Errors   kNotFound: no such source; kInvalidArgument: a row, with its number from 1; kDataLoss, kUnavailable: of the store
  Result<Taking> take(const Epoch& epoch, Arrival& arrival, Instant now);

  std::uint64_t next_line() const { return next_line_; }
  const LogColumns& columns() const { return columns_; }

 private:
  Status check(const Epoch& epoch, std::size_t source, const SourceRow& row, Instant now) const;
  /// The record that counts, of a key of a source. None: there is none.
  Result<std::optional<LogEntry>> current(ViewId records, const std::string& key);
  Result<LogRecord> record_of(const Epoch& epoch, std::size_t source, SourceRow row, Instant now, std::vector<RowWrite>& rows);
  Result<LogRecord> keyed_record(const Epoch& epoch, std::size_t source, SourceRow row, Instant now, std::vector<RowWrite>& rows);
  LogRecord removal(const Project::SourceUse& of, const SourceRow& row, std::optional<LogEntry> now_there, Instant now) const;

  const EngineConfig& config_;
  const Store& store_;
  const ViewId log_;
  LogColumns columns_;
  std::uint64_t next_line_;
  std::map<std::pair<ViewId, std::string>, std::optional<LogEntry>> records_;  ///< of this round: later than the store's
  std::vector<std::size_t> unsure_;                                            ///< sources of this round whose arrivals may be repetitions
};

}  // namespace isobar::features
