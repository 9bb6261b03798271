#pragma once

/// How long to wait for the last votes before a decision is logged instead. Too short, and a cluster under load logs what the votes would
/// have decided in a moment, which costs it more still; too long, and every transaction waits for a replica that is gone. So it follows
/// what the last votes took, and shrinks while they do not come.

#include <algorithm>

#include "base/time.h"

namespace isobar::db {

class FastPatience {
 public:
  Duration now() const { return std::clamp(3 * typical_, kLeast, kMost) / (1U << std::min(missed_ / kPatientMisses, 4U)); }
  /// The last of the votes came so long after there were enough of them.
  void came(Duration after) {
    typical_ += (after - typical_) / 8;
    missed_ = 0;
  }
  void did_not_come() { ++missed_; }

 private:
  static constexpr Duration kLeast = std::chrono::milliseconds(2), kMost = std::chrono::milliseconds(30);
  static constexpr unsigned kPatientMisses = 16;  ///< in a row, before the patience is halved

  Duration typical_ = std::chrono::milliseconds(1);
  unsigned missed_ = 0;
};

}  // namespace isobar::db
