#pragma once

#include "features/expensive.h"

namespace isobar::features {

/// Errors   as make_forecaster
Result<std::shared_ptr<const Featurizer>> make_forecast_featurizer(const ExpensiveFeature& feature, Duration lateness);
/// maker   none: nothing can be made
Result<std::shared_ptr<const Featurizer>> make_outside_featurizer(const OutsideParameters& parameters,
                                                                  std::shared_ptr<OutsideFeaturizer> maker);
Result<std::shared_ptr<const Featurizer>> make_ridge_featurizer(const ExpensiveFeature& feature, std::shared_ptr<const ItemFactors> items);

/// A number of any width. None: null, or not finite.
std::optional<double> finite_number(const Value& value);

}  // namespace isobar::features
