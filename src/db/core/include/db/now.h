#pragma once

/// The time, twice. Clocks of the world jump; patience must not jump with them.

#include "base/time.h"

namespace isobar::db {

struct Now {
  Instant wall;    ///< what others would agree on: for timestamps
  Instant steady;  ///< never goes back, from any start: for waiting
};

}  // namespace isobar::db
