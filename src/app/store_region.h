#pragma once

// Which of the planner's regions a place is in: the bucket is asked.

#include <string>

#include "transfer/grid.h"
#include "transfer_ends.h"

namespace isobar::app {

struct PlaceRegion {
  std::string region;  ///< "aws:eu-west-1"
  std::string told;    ///< "s3://bucket is in aws:eu-west-1"
};

/// words    a URL or a path
/// Errors   kInvalidArgument: a place that is of no region, or does not tell it, with the mend; as of Store::region
Result<PlaceRegion> region_of_place(StoreOpener& opener, const std::string& words, bool as_target);

/// Whether the words name a place and not a region.
bool is_place(const std::string& words);

/// The region in the grid's words, where it has it; "gcp:us-east4" may be "gcp:us-east4-a" there.
std::string in_grid(const transfer::Grid& grid, const std::string& region);

}  // namespace isobar::app
