#pragma once

/// Starting and ending instances of this machine: processes that outlive whoever starts them.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cloud/instance_folder.h"
#include "cloud/provider.h"

namespace isobar::cloud {

/// What an instance's own orderly end takes at most.
inline constexpr Duration kInstanceGrace = std::chrono::milliseconds(2800);

/// Whether a node takes over this entry ("NAME=value") of the environment of whoever makes it; the rest is no business of its jobs.
bool is_for_nodes(std::string_view entry);

/// Boots those that are off, together, and waits until the agents of all of them answer.
/// program  isobar-node
/// Errors   kUnavailable: one did not start, with what it said; kDeadlineExceeded
Status boot_instances(const std::vector<InstanceFolder>& folders, const fs::path& program, Duration deadline);

/// Ends them together: each takes its time to end in order. What is wanted of them must say that they are off.
Status end_instances(const std::vector<InstanceFolder>& folders);

/// What the folder says of its instance.
InstanceState state_of(const InstanceFolder& folder);

}  // namespace isobar::cloud
