#pragma once

/// States written behind: key by key, those first that wait longest, with the line of the log up to which all is written.

#include <future>

#include "epoch.h"
#include "log_record.h"

namespace isobar::features {

class WrittenStates {
 public:
  WrittenStates(Store& store, ViewId log) : store_(store), log_(log) {}

  /// Hands in what has waited since then or longer, as much as one write should have; nothing while the last one is under way.
  /// line     the last of the log that is applied
  /// Errors   kUnavailable, kExhausted: the store can no longer be written
  Status write(const Epoch& epoch, Instant since, std::uint64_t line);
  /// All of it, and waits.
  Status write_all(const Epoch& epoch, std::uint64_t line);

  /// Until what was handed in is durable.
  Status wait();

 private:
  bool gather(const Epoch& epoch, Instant since, Commit& into);

  Store& store_;
  const ViewId log_;
  std::optional<std::future<Result<Outcome>>> under_way_;
};

/// The state that is written of a key: up to which line of the log it has all events, and the state.
std::string written_state(std::uint64_t line, std::string_view state);
struct ReadState {
  std::uint64_t line;
  std::string_view state;
};
/// Errors   kDataLoss
Result<ReadState> read_state(std::string_view bytes);

StateWrite written_mark(ViewId log, std::int64_t of, std::uint64_t line);
/// None: nothing was written yet. Errors   kDataLoss
Result<std::optional<std::uint64_t>> read_mark(const Snapshot& snapshot, ViewId log, std::int64_t of);
inline std::int64_t mark_of(ViewId view) { return static_cast<std::int64_t>(view); }
constexpr std::int64_t kMarkOfLog = -1;  ///< a line that is surely there, from which the last is found

}  // namespace isobar::features
