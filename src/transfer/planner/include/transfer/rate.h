#pragma once

/// How people write rates.

#include <string_view>

#include "base/result.h"

namespace isobar::transfer {

/// "20Gbit", "20Gbit/s", "800Mbps", "20": Gbit/s of 1e9 bits.
/// Errors   kInvalidArgument: not of that form, not above 0, or from 10^9 on
Result<double> parse_gbps(std::string_view text);

}  // namespace isobar::transfer
