#pragma once

/// Amounts of bytes, and how people write them.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar {

struct ByteCount {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(ByteCount, ByteCount) = default;
};

inline constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB;

/// "64GB", "500Mi", "1.5TB", "4096": KB/MB/GB/TB/PB and Ki..Pi are all powers of 1024, as task files use them.
/// bare_unit  what a number without a unit counts, in bytes
/// Errors     kInvalidArgument: not of that form, negative, or more than 16 EiB
Result<ByteCount> parse_bytes(std::string_view text, std::uint64_t bare_unit = 1);

/// "1.5 GiB", "312 B": three figures, for people.
std::string format_bytes(ByteCount bytes);

}  // namespace isobar
