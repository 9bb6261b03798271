#pragma once

/// The same question to all places of a cloud at once.

#include <functional>
#include <set>
#include <string>

#include "cloud/machine_cloud.h"

namespace isobar::cloud {

/// A place that is closed to the account holds nothing, which is known when another one answers.
/// Errors   the first, in the order of the places' names; the others were done all the same
Status in_every_place(const MachineCloud& cloud, const std::set<std::string>& places,
                      const std::function<Answer<Nothing>(const std::string& place)>& act);

}  // namespace isobar::cloud
