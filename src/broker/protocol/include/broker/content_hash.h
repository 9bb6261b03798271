#pragma once

/// The fingerprint by which two ends of a mirror tell whether a file is the same. It guards against change, not against
/// an adversary: both ends belong to one user.

#include <string>

#include "base/result.h"

namespace isobar::broker {

/// XXH3 of everything the descriptor yields from its position on: 16 bytes. Cost: reads it all, at some GB/s.
Result<std::string> content_hash(int fd);

}  // namespace isobar::broker
