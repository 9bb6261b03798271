#pragma once

// From SRC… DST, or a file that lists them, to jobs.

#include <string>
#include <vector>

#include "copy_job.h"

namespace isobar::app {

/// Errors   as open_source and open_target
Result<std::vector<Job>> plan_copies(StoreOpener& opener, CopyOptions& options);

/// Of --from-list.   Errors   kInvalidArgument: a line, by its number
Result<std::vector<Job>> plan_list(StoreOpener& opener, CopyOptions& options);

/// A store's name without what may differ between two runs of the same request.
std::string identity_of(const storage::Store& store, const std::string& endpoint);

std::string filter_identity(const CopyOptions& options);

}  // namespace isobar::app
