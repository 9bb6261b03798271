#pragma once

/// A cluster brought up, from an order to machines that run, and undone when that fails.

#include "launch_ground.h"

namespace isobar::cloud::ec2 {

/// The machines of the order, running and in rank order. Those that this very order made before are adopted.
/// made     gets the id of every machine of the order that is known of, whatever becomes of it
/// Errors   the refusal of the step that failed. kAlreadyExists: another order's machines have the cluster's name. Whatever was made
///          is still there: see `undo_launch`
Answer<std::vector<Machine>> launch(RegionApi& api, const LaunchOrder& launch, const OwnKey& key, std::vector<std::string>& made);

/// Removes whatever the order made, running or about to run, listed by EC2 already or known from `made` alone.
Answer<Nothing> undo_launch(RegionApi& api, const LaunchOrder& launch, std::vector<std::string> made);

}  // namespace isobar::cloud::ec2
