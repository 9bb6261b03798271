#pragma once

/// What it costs, and how long it takes, to move bytes from one cloud to another.

#include <string_view>

#include "base/time.h"

namespace isobar::broker {

/// $ to move `gigabytes` (of 2^30 bytes) out of `from` into `to`: 0 within a cloud, also between its regions; else by the
/// tiers of the source's list prices. Continuous and never falling in `gigabytes`. A cloud without a known list price
/// counts as free of charge, which holds for most GPU clouds.
double egress_cost(std::string_view from, std::string_view to, double gigabytes);

/// Transfers between clouds are taken to run at 10 Gbit/s; within a cloud they take no time.
Duration transfer_time(std::string_view from, std::string_view to, double gigabytes);

}  // namespace isobar::broker
