#pragma once

/// The process that stands over one rank of a job, apart from the agent, so that a job outlives its agent.

#include <filesystem>

namespace isobar::broker {

/// Runs the rank whose order lies in `folder`, to its end; the main of `isobar-node run-rank`. The rank runs with the
/// home of this process's HOME. SIGTERM ends the rank with every process that it started.
/// ready_fd  closed once the rank is claimed (by this process or another) and its shell started
/// Returns   the exit code of the process; how the rank ended is in the folder
int supervise_rank(const std::filesystem::path& folder, int ready_fd);

}  // namespace isobar::broker
