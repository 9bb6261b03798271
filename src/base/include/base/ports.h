#pragma once

/// TCP ports that something opens, as ranges.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar {

struct PortRange {
  std::uint16_t first = 0, last = 0;  ///< inclusive; first ≤ last
  friend bool operator==(const PortRange&, const PortRange&) = default;
};
using Ports = std::vector<PortRange>;

/// In ascending order, and no two that overlap or adjoin.
Ports merged(Ports ports);
/// Whether every port of `asked` is one of `open`, which is `merged`.
bool covers(const Ports& open, const Ports& asked);
std::size_t count_of(const Ports& ports);
/// Each port by itself, in ascending order.
std::vector<std::uint16_t> each_of(const Ports& ports);

/// "80, 8000-8010"; and without spaces, as machines take it.
std::string describe(const Ports& ports, std::string_view between = ", ");
std::string describe(PortRange range);
/// What `describe` gives.
/// Errors   kInvalidArgument: not from 1 to 65535, or not a range
Result<Ports> parse_ports(std::string_view text);

}  // namespace isobar
