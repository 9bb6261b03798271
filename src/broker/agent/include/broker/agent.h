#pragma once

/// The node agent: the main of `isobar-node agent`.

#include <filesystem>
#include <string_view>

namespace isobar::broker {

extern const std::string_view kAgentVersion;

/// Runs until the node is ended or SIGTERM comes. The home of the config becomes this process's HOME.
/// ready_fd  gets one byte and is closed when the agent answers; −1: nobody waits
/// Returns   the exit code: 0 when told to end, 1 when it cannot run (said on stderr and in the log)
int run_agent(const std::filesystem::path& config, int ready_fd);

}  // namespace isobar::broker
