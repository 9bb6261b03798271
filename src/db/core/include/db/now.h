#pragma once

/// The time, twice. Clocks of the world jump; patience must not jump with them.

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace isobar::db {

struct Now {
  Instant wall;    ///< what others would agree on: for timestamps
  Instant steady;  ///< never goes back, from any start: for waiting
};

/// As in timestamps; a clock that stands before 1970 counts as 1970.
inline std::uint64_t nanos_of(Instant at) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, at.unix_nanos())); }

}  // namespace isobar::db
