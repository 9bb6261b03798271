#pragma once

/// The first process of a local instance: the main of `isobar-node init`.

#include <filesystem>

namespace isobar::cloud {

/// Isolates itself, starts the agent, restarts it when it dies, reaps what is orphaned, and when the instance is to end
/// ends everything in it. Returns in the caller at once; the instance goes on in a child.
/// folder    of the instance; ready_fd  handed to the agent, which says when it answers
/// Returns   0, or 1 when the instance could not be started (said on stderr)
int start_instance(const std::filesystem::path& folder, int ready_fd);

}  // namespace isobar::cloud
