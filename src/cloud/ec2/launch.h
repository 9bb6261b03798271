#pragma once

/// A cluster brought up, from an order to machines that run, and undone when that fails.

#include "launch_ground.h"

namespace isobar::cloud::ec2 {

/// The machines of the order, running and in rank order. Those that this very order made before are adopted.
/// Errors   the refusal of the step that failed. kAlreadyExists: another order's machines have the cluster's name. Whatever was made
///          is still there: see `undo_launch`
Answer<std::vector<Machine>> launch(RegionApi& api, const LaunchOrder& launch, const OwnKey& key);

/// Removes whatever the order made, running or about to run.
Answer<Nothing> undo_launch(RegionApi& api, const LaunchOrder& launch);

}  // namespace isobar::cloud::ec2
