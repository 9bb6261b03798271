#pragma once

/// Events as training sets are made from them, wherever they are: in files, or in a store's log.

#include <functional>

#include "features/aggregate.h"
#include "features/value.h"

namespace isobar::features {

struct TrainingEvent {
  std::size_t source = 0;   ///< among the project's
  EventOrder order;         ///< no two events have the same, but for one and its removal
  Instant arrived;          ///< when it could be known
  bool removed = false;     ///< the event of this order was withdrawn: its record was deleted, or is corrected by another event
  Instant withdrawn{};      ///< of a removal: the event time from which the event is no more, not before its own
  const Row& row;           ///< in the columns of its source; of a removal those of what is withdrawn
  std::uint64_t line = 0;   ///< of a store's log
  bool superseded = false;  ///< it and its removal came after the version that follows it, so that it was never served
};

class EventStream {
 public:
  virtual ~EventStream() = default;
  /// All of them, in any order, but a removal after what it withdraws, and arrived no earlier.
  /// Errors   those of reading them; whatever `visit` returns, with which it ends
  virtual Status each(const std::function<Status(const TrainingEvent&)>& visit) const = 0;
  /// Whether there may be removals.
  virtual bool removes() const = 0;
};

}  // namespace isobar::features
