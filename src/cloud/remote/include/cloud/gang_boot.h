#pragma once

/// The nodes of a cluster, brought up on machines that are there: the workers together, then the head, which must know where they
/// listen.

#include <string>
#include <vector>

#include "cloud/host_client.h"

namespace isobar::cloud {

struct GangNode {
  HostClient host;
  BootNode order;  ///< all but peers, nodes, reached_by_others and deadline, which follow from the gang
};

struct GangFailure {
  std::size_t node = 0;  ///< an index of the gang
  Error error;
  std::string provider_code;  ///< see HostClient::boot
};

/// gang     in rank order, the head first
/// booted   is set to what came of each, where nothing failed
/// Returns  the failures of nodes that could not be brought up; none: all agents answer. Called again it goes on where it stopped
std::vector<GangFailure> boot_gang(std::vector<GangNode> gang, Duration deadline, std::vector<HostInstance>& booted);

}  // namespace isobar::cloud
