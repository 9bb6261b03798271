#pragma once

/// What this machine has to give, as an offer.

#include <string>

#include "cloud/offer.h"

namespace isobar::cloud {

/// CPUs that this process may use (its affinity and its cgroup's quota), memory, and NVIDIA accelerators if there are any.
Offer machine_offer();

/// The IPv4 address of its first interface that is not the loopback; empty: there is none.
std::string interface_address();

}  // namespace isobar::cloud
