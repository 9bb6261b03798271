#pragma once

/// Calls of a cloud's API that are made again while their failure may pass.

#include "base/time.h"
#include "cloud/machine_cloud.h"

namespace isobar::cloud {

/// What the failure of a call says of the next try.
enum class Again {
  kNever,        ///< it would fail as well
  kAtOnce,       ///< it is another call by now, e.g. with fresh credentials
  kThrottled,    ///< it will succeed when fewer are made: up to the deadline
  kTrouble,      ///< inside the cloud: up to 8 tries, some twenty seconds
  kUnreachable,  ///< no answer: up to 5 tries, some ten seconds
};

/// The tries of one call.
class Repeats {
 public:
  Repeats(const Pace& pace, Instant end) : pace_(pace), end_(end) {}
  /// Whether to try once more. Pauses first: longer from try to try, and not all callers at the same instant.
  /// asked   how long the cloud asked to be left alone
  bool once_more(Again why, Duration asked = Duration::zero());

 private:
  const Pace& pace_;
  const Instant end_;
  int made_ = 0, troubles_ = 0, unreachable_ = 0;
};

}  // namespace isobar::cloud
