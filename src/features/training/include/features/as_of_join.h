#pragma once

/// The point-in-time join: to each entity row, keys and an instant, the features as they would have been answered at that instant.
///
/// Of each view it is the key's newest event that is not after the instant, as long as it is no older than the ttl, both bounds included;
/// of two of one time that which was created later, then that which came later. Windows end at the instant: (t − w, t]. A row without
/// an event has nulls, and stays. Rows that are the same are answered the same, each by itself.
///
/// A version of a record that another one follows counts from its own time until that of the other, or of the record's deletion. As of
/// knowledge it counts from when it arrived until the other, or the deletion, arrived; and what came after the instant, however old, is
/// not seen.
///
/// How   Views whose features are all columns or expressions need one event for each row, which is kept and replaced while events go by in
///       any order (newest_join.h). The others, and whatever is too large for memory, go through an external sort by keys and time and
///       then through ViewState, the code that serves (replay_join.h). Both give the same, to the byte.

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/file.h"
#include "features/event_stream.h"
#include "features/request_plan.h"

namespace isobar::features {

/// Rows to be joined, which are read twice.
class EntityRows {
 public:
  virtual ~EntityRows() = default;
  /// Goes (back) to the first.
  virtual Status restart() = 0;
  /// inputs   as RequestPlan::inputs. False: there are no more
  virtual Result<bool> next(Row& inputs, Instant& at) = 0;
  /// Of the row that was given last, as JoinOptions::as_served asks for it: one for each of the plan's parts.
  virtual std::span<const SeenUpto> seen() const { return {}; }
};

enum class JoinPath {
  kFastest,
  kReplay,  ///< every view through ViewState
};

struct JoinOptions {
  bool as_of_knowledge = false;
  /// A row sees what it is said to have seen when it was served: events in the order of the log, up to its line. Features that a schedule
  /// refreshes are null.
  bool as_served = false;
  /// Of rows, events and what is made of them, beside a few MiB for each view; the rest goes to temporary files. At least 1 MiB.
  std::uint64_t memory_bytes = std::uint64_t{512} << 20;
  fs::path temporary;  ///< a folder for temporary files, which have no names there
  /// Views, and where those are fewer shares of their keys, are joined at the same time. 0: one thread for each core. What comes out is the
  /// same.
  std::size_t threads = 0;
  JoinPath path = JoinPath::kFastest;
  OutsidePrograms programs{};  ///< what the definition's featurizers may run
  std::stop_token stop{};
};

struct JoinReport {
  std::uint64_t rows = 0, events = 0;
  std::uint64_t spilled_bytes = 0;  ///< written to temporary files
  std::uint64_t left_out = 0;       ///< events that some view could not take, or of which an expression has no result and is null
  std::string problem;              ///< of the first of those
};

/// out   called for each row, in their order, with one answer for each of the plan's outputs
/// Errors   those of the rows and events, and of load_resources; kUnavailable: temporary files cannot be written; kInvalidArgument: too
/// little memory; kConflict: the rows were others the second time; kDeadlineExceeded: it was stopped Cost     O(n log n), of which events
/// of keys that no row has take no part; 0.2 µs for an event and each view that it feeds
Result<JoinReport> join_as_of(const RequestPlan& plan, EntityRows& rows, const EventStream& events, const JoinOptions& options,
                              const std::function<Status(const Row& inputs, std::span<const Answered>)>& out);

}  // namespace isobar::features
