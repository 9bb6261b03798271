#pragma once

/// The first process of an instance: the main of `isobar-node init`, or the last thing that another main does.

#include <filesystem>
#include <functional>

#include "base/result.h"

namespace isobar::cloud {

/// Isolates itself, starts the agent, restarts it when it dies, reaps what is orphaned, and when the instance is to end
/// ends everything in it. Returns in the caller at once; the instance goes on in a child.
/// folder    of the instance; ready_fd  handed to the agent, which says when it answers
/// Returns   0, or 1 when the instance could not be started (said on stderr)
int start_instance(const std::filesystem::path& folder, int ready_fd);

/// The same in the calling process, for machines whose scheduler ends what leaves its foreground: not isolated, and on until the
/// instance ends itself or a SIGTERM, SIGINT ends it; then all that ran in it has ended. The process has one thread and no children,
/// and its environment is the node's.
/// on_answer  called each time an agent has begun to answer
/// Errors   kAlreadyExists: the instance runs already; kUnavailable: it is to be off
Status run_instance(const std::filesystem::path& folder, std::function<void()> on_answer);

}  // namespace isobar::cloud
