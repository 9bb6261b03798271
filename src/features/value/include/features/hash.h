#pragma once

/// The hash of values that never changes, neither with a release nor when a column is widened: it splits data, and is stored in sketches.

#include <cstdint>
#include <span>

#include "features/value.h"

namespace isobar::features {

/// XXH64 with seed 0 over the values' keys (features/key_codec.h), integers and floats in their wider forms; lists, which have no key, in
/// the form in which rows are stored. -0.0 hashes as 0.0, and null as no value does. Cost   ~50 ns; numbers and short texts take no heap
std::uint64_t hash64(std::span<const Value> values);

}  // namespace isobar::features
