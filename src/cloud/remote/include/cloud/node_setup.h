#pragma once

/// What happens on machines between "the cloud says they run" and "their agents answer": waiting for sshd, sending isobar-node,
/// starting it, telling the nodes of one another. A cloud's driver makes machines and asks this of whoever knows how; so each driver
/// is tested without machines, and the setup without clouds.

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "cloud/remote_shell.h"

namespace isobar::cloud {

struct SetupNode {
  int rank = 0;                 ///< 0 is the head
  std::string private_address;  ///< where the other nodes reach it: an IP
  std::string machine;          ///< what the cloud calls it, for as long as it exists: "i-0123456789abcdef0"
  SshTarget ssh;                ///< where we reach it: its public address, the image's login user, the file of our key
};

struct NodeSetupOrder {
  std::string cluster;
  std::string cloud, region, zone;    ///< as the offer named them; the zone may be empty
  double vcpus = 0, gpus = 0;         ///< of each node
  std::string preemption_watch = {};  ///< whose metadata service the nodes ask whether they are taken away; empty: nobody's
  std::vector<SetupNode> nodes;       ///< in rank order
};

/// Safe from any thread, for different clusters.
class NodeSetup {
 public:
  virtual ~NodeSetup() = default;

  /// Returns when the agent of every node answers. Called for machines that run, perhaps since a moment ago, so that sshd may not
  /// listen yet; and called again for the same ones: after a stop, when addresses have changed, or when a crash cut the first time
  /// short. What is done already is left as it is.
  /// Errors   kDeadlineExceeded: not all within `deadline`; kUnavailable, kPermissionDenied as RemoteShell. The message names the node
  virtual Status bring_up(const NodeSetupOrder& order, Duration deadline) = 0;

  /// A connection to the agent of one node: a socket that speaks its protocol.
  /// Errors   kNotFound: no such node was brought up; kUnavailable: it cannot be reached now
  virtual Result<Fd> open_agent(const std::string& cluster, int rank) = 0;
};

}  // namespace isobar::cloud
