#include "features/loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace isobar::features {

std::vector<std::string> loss_names() { return {"absolute", "squared", "zero-one", "scaled"}; }

Result<Loss> parse_loss(std::string_view name) {
  const auto names = loss_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<Loss>(found - names.begin());
  return invalid(fmt::format("there is no loss '{}'; there are {}", name, join(names, ", ")));
}

Result<double> loss_of(Loss loss, double label, double prediction, double scale) {
  if (!std::isfinite(label) || !std::isfinite(prediction))
    return invalid(fmt::format("label {} and prediction {} must be finite numbers", label, prediction));
  if (!std::isfinite(scale) || scale < 0) return invalid(fmt::format("a scale of {} is not possible; give 0 or more", scale));
  const double difference = label - prediction;
  switch (loss) {
    case Loss::kAbsolute: return std::abs(difference);
    case Loss::kSquared: return difference * difference;
    case Loss::kZeroOne: return difference == 0 ? 0.0 : 1.0;
    case Loss::kScaled: return std::abs(difference) / (scale > 0 ? scale : 1);
  }
  return invalid("no such loss");
}

}  // namespace isobar::features
