#pragma once

/// What expensive features stand on beside their inputs: the fixed factors of items, from the file that a definition names; the program or
/// library that makes them.

#include "features/expensive.h"
#include "features/project.h"

namespace isobar::features {

/// Of each expensive feature of a view, in order; nothing where it needs none.
/// wanted     of CompiledView::stored, which are going to be made; the others get nothing. Empty: all
/// The file of factors, CSV, JSON Lines or Parquet, has the columns `item`, of the type of the feature's item, and `factors`, a list of
/// numbers.
/// Errors     kInvalidArgument, kNotFound: a file that cannot be read, or is not of that form; the message names file and line. As
///            `open_outside`, with the feature's name
Result<FeaturizerResources> load_resources(const CompiledView& view, const OutsidePrograms& programs, const std::vector<bool>& wanted = {});

}  // namespace isobar::features
