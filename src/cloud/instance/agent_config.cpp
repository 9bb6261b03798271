#include "cloud/agent_config.h"

#include <boost/json.hpp>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

json::object to_json(const AgentPeer& peer) {
  return {{"rank", peer.rank},
          {"address", peer.address},
          {"agent", peer.agent_address},
          {"token", peer.token},
          {"devices", json::value_from(peer.devices)}};
}

}  // namespace

std::string encode(const AgentConfig& config) {
  std::map<int, json::object> nodes;
  // Nodes that this one need not know have their places all the same.
  for (int rank = 0; rank < config.nodes; ++rank) nodes[rank] = {{"rank", rank}, {"address", ""}, {"agent", ""}, {"token", ""}};
  for (const auto& peer : config.peers) nodes[peer.rank] = to_json(peer);
  nodes[config.self.rank] = to_json(config.self);
  json::array list;
  for (auto& [rank, node] : nodes) list.push_back(std::move(node));
  json::object environment;
  for (const auto& [name, value] : config.environment) environment[name] = value;
  json::object object{{"cluster", config.cluster},
                      {"cloud", config.cloud},
                      {"region", config.region},
                      {"zone", config.zone},
                      {"rank", config.self.rank},
                      {"cpus", config.cpus},
                      {"gpus", config.gpus},
                      {"user", config.user},
                      {"home", config.home.string()},
                      {"power_file", config.power_file.string()},
                      {"nodes", list},
                      {"environment", environment}};
  if (!config.port_file.empty()) object["port_file"] = config.port_file.string();
  return json::serialize(object) + "\n";
}

}  // namespace isobar::cloud
