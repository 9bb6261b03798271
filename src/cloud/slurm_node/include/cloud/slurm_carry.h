#pragma once

/// One node of a cluster on Slurm: the main of `isobar-node carry`, which srun starts on each node of the allocation.

#include <filesystem>

namespace isobar::cloud {

/// Runs the node in the foreground until it ends itself or Slurm ends it (SIGTERM), which takes a few seconds at most. The rank is
/// SLURM_NODEID. The head begins when all others have told where they are.
/// folder    of the cluster, see cloud/slurm_order.h
/// Returns   0 when it ended in order, 1 when it could not run (said on stderr)
int carry_slurm_node(const std::filesystem::path& folder);

}  // namespace isobar::cloud
