#pragma once

/// How wrong an answer was. A label that comes back is compared with what was predicted from the row that was served; a forecast can be its
/// own judge when the value arrives that it foretold.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::features {

enum class Loss : std::uint8_t {
  kAbsolute,  ///< |label − prediction|
  kSquared,   ///< (label − prediction)²
  kZeroOne,   ///< 0 when they are equal, else 1
  kScaled,    ///< |label − prediction| / scale, where scale is the mean step of the series itself (MASE, Hyndman and Koehler 2006)
};

/// scale    of kScaled alone; a series that does not move has scale 0, and its error is then the absolute one
/// Errors   kInvalidArgument: a label, prediction or scale that is not finite, or a negative scale
Result<double> loss_of(Loss loss, double label, double prediction, double scale = 1);

/// Errors   kInvalidArgument: none of absolute, squared, zero-one, scaled
Result<Loss> parse_loss(std::string_view name);
std::vector<std::string> loss_names();

}  // namespace isobar::features
