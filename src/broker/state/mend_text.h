#pragma once

/// What it takes to make a cluster's lost nodes again, as the state keeps it.

#include <string>
#include <string_view>

#include "broker/state_store.h"

namespace isobar::broker {

/// JSON.
std::string encode_mend(const MendPlan& plan);
/// Empty, as of records from before: nothing is allowed.
/// Errors   kDataLoss: not what `encode_mend` makes
Result<MendPlan> decode_mend(std::string_view text);

}  // namespace isobar::broker
