#pragma once

/// The two kinds of featurizers from outside.

#include "features/outside.h"

namespace isobar::features {

/// file   the program
Result<std::shared_ptr<OutsideFeaturizer>> make_command(const OutsideParameters& parameters, const fs::path& file, Type type,
                                                        const OutsidePrograms& programs);
/// file   the library. Errors   kUnavailable: it cannot be loaded, is none of these, or made no object
Result<std::shared_ptr<OutsideFeaturizer>> make_library(const OutsideParameters& parameters, const fs::path& file, Type type);

}  // namespace isobar::features
