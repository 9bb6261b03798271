#pragma once

/// The fixed factors of items that ridge features stand on, from the file that a definition names.

#include "features/expensive.h"
#include "features/project.h"

namespace isobar::features {

/// Of each expensive feature of a view, in order; nullptr where it needs none.
/// The file, CSV, JSON Lines or Parquet, has the columns `item`, of the type of the feature's item, and `factors`, a list of numbers.
/// Errors   kInvalidArgument, kNotFound: a file that cannot be read, or is not of that form; the message names file and line
Result<std::vector<std::shared_ptr<const ItemFactors>>> load_item_factors(const CompiledView& view);

}  // namespace isobar::features
