#pragma once

/// What this machine has to give, as an offer.

#include "cloud/offer.h"

namespace isobar::cloud {

/// CPUs that this process may use (its affinity and its cgroup's quota), memory, and NVIDIA accelerators if there are any.
Offer machine_offer();

}  // namespace isobar::cloud
