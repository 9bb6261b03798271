#pragma once

/// Amounts as Kubernetes writes them: "500m", "16Gi", "1e3", "1.5".

#include <optional>
#include <string_view>

namespace isobar::cloud {

/// In units of one (CPUs, bytes, devices). None: no quantity, or a negative one.
std::optional<double> parse_quantity(std::string_view text);

}  // namespace isobar::cloud
