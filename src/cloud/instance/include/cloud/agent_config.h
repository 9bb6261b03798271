#pragma once

/// What an agent is told of itself and its cluster, as docs/formats/agent_protocol.md has it. Whoever makes a node writes it.

#include <map>
#include <string>
#include <vector>

#include "base/file.h"

namespace isobar::cloud {

struct AgentPeer {
  int rank = 0;
  std::string address, agent_address, token;
  std::vector<int> devices;
  friend bool operator==(const AgentPeer&, const AgentPeer&) = default;
};

struct AgentConfig {
  std::string cluster, cloud, region, zone, user;
  double cpus = 1;
  int gpus = 0;
  int nodes = 1;                 ///< of the cluster
  AgentPeer self;                ///< its rank is the agent's
  std::vector<AgentPeer> peers;  ///< the other nodes, as far as it must know them: the head knows all
  fs::path home, power_file;
  fs::path port_file;  ///< empty: other machines do not reach it
  std::map<std::string, std::string> environment;
};

/// The text of `config.json`. It holds tokens: write it with mode 0600.
std::string encode(const AgentConfig& config);

}  // namespace isobar::cloud
