#pragma once

#include <map>
#include <string>

#include "broker/task.h"

namespace isobar::app {

/// What tells the nodes of a task what to copy from buckets, with this user's credentials for those alone; empty when it wants nothing
/// of the kind.
/// Errors   kInvalidArgument: a place that is not one; credentials too large to be sent
Result<std::map<std::string, std::string>> fetch_variables_of(const broker::Task& task);

}  // namespace isobar::app
