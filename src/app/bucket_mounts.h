#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/task.h"

namespace isobar::app {

/// What tells the nodes of a task what to copy from buckets, with this user's credentials for those alone; empty when it wants nothing
/// of the kind.
/// Errors   kInvalidArgument: a place that is not one; credentials too large to be sent
Result<std::map<std::string, std::string>> fetch_variables_of(const broker::Task& task);

/// The buckets of a task that are mounted, not copied, and are there.
std::vector<broker::FileMount> mounts_of(const broker::Task& task);

/// What tells a node to mount one, with this user's credentials for its cloud alone.
/// Errors   kInvalidArgument: a place that cannot be mounted, a setting that is none
Result<std::string> mount_order_of(const broker::FileMount& mount);

}  // namespace isobar::app
