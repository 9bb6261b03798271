#pragma once

/// What a node knows of itself and its cluster: one JSON file, written by whoever made the node. Its form is described in
/// docs/formats/agent_protocol.md.

#include <map>
#include <string>
#include <vector>

#include "base/file.h"

namespace isobar::broker {

struct NodePeer {
  int rank = 0;
  std::string address;        ///< an IP, as jobs see it in SKYPILOT_NODE_IPS
  std::string agent_address;  ///< "unix:/path", or "tls:HOST:PORT" of a node on another machine
  std::string token;          ///< lets one into its agent
  std::vector<int> devices;   ///< the machine's GPUs that are this node's; empty: the first ones
};

struct NodeConfig {
  std::string cluster, cloud, region, zone;
  int rank = 0;
  double cpus = 1;
  int gpus = 0;
  std::string user;             ///< SKYPILOT_USER of jobs that name none
  fs::path home;                ///< jobs run here, logs and the agent's state lie below
  fs::path power_file;          ///< where the node says that it ended itself: "stopped" or "terminated"
  std::vector<NodePeer> nodes;  ///< all nodes in rank order, this one included
  /// Where it keeps the port at which other machines reach it; empty: none does, and it listens to this machine alone.
  fs::path port_file;
  std::map<std::string, std::string> environment;  ///< of every process of the node

  const NodePeer& self() const { return nodes[static_cast<std::size_t>(rank)]; }
  bool is_head() const { return rank == 0; }
};

/// Errors   kNotFound, kPermissionDenied; kInvalidArgument: not of the form, with the place that is wrong
Result<NodeConfig> read_node_config(const fs::path& path);
Result<NodeConfig> parse_node_config(std::string_view json);

}  // namespace isobar::broker
