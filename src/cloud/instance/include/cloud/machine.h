#pragma once

/// What this machine has to give, as an offer.

#include <filesystem>
#include <string>

#include "cloud/offer.h"

namespace isobar::cloud {

/// CPUs that this process may use (its affinity and its cgroup's quota), memory, and NVIDIA accelerators if there are any.
/// proc     where the kernel and its drivers tell of themselves
Offer machine_offer(const std::filesystem::path& proc = "/proc");

/// The IPv4 address of its first interface that is not the loopback; empty: there is none.
std::string interface_address();

}  // namespace isobar::cloud
