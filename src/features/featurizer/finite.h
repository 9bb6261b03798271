#pragma once

#include <fmt/format.h>

#include <cmath>
#include <span>

#include "base/result.h"

namespace isobar::features {

/// Errors   kInvalidArgument: a value that is not finite; the message names the first
inline Status check_finite(std::span<const double> series) {
  for (std::size_t i = 0; i < series.size(); ++i)
    if (!std::isfinite(series[i])) return invalid(fmt::format("point {} is {}; fill gaps first", i, series[i]));
  return {};
}

}  // namespace isobar::features
