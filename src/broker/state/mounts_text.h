#pragma once

/// The mounted buckets of a cluster as the state keeps them.

#include <string>
#include <string_view>
#include <vector>

#include "broker/task.h"

namespace isobar::broker {

/// JSON; empty for none.
std::string encode_mounts(const std::vector<FileMount>& mounts);
/// Errors   kDataLoss: not what `encode_mounts` makes
Result<std::vector<FileMount>> decode_mounts(std::string_view text);

}  // namespace isobar::broker
