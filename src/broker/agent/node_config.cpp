#include "node_config.h"

#include <boost/json.hpp>

namespace isobar::broker {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kConfigBytesMax = 16 << 20;

NodePeer peer_of(const json::value& value) {
  const auto& node = value.as_object();
  const auto text = [&](const char* name) { return std::string(node.at(name).as_string()); };
  NodePeer peer{json::value_to<int>(node.at("rank")), text("address"), text("agent"), text("token"), {}};
  if (const auto* devices = node.if_contains("devices")) peer.devices = json::value_to<std::vector<int>>(*devices);
  return peer;
}

NodeConfig config_of(const json::object& root) {
  const auto text = [&](const char* name) { return std::string(root.at(name).as_string()); };
  NodeConfig config{.cluster = text("cluster"), .cloud = text("cloud"), .region = text("region"), .zone = text("zone")};
  config.rank = json::value_to<int>(root.at("rank"));
  config.cpus = json::value_to<double>(root.at("cpus"));
  config.gpus = json::value_to<int>(root.at("gpus"));
  config.user = text("user");
  config.home = text("home");
  config.power_file = text("power_file");
  if (root.contains("port_file")) config.port_file = text("port_file");
  if (const auto* extra = root.if_contains("environment"))
    for (const auto& [name, value] : extra->as_object()) config.environment[std::string(name)] = std::string(value.as_string());
  for (const auto& node : root.at("nodes").as_array()) config.nodes.push_back(peer_of(node));
  return config;
}

}  // namespace

Result<NodeConfig> read_node_config(const fs::path& path) {
  TRY_ASSIGN(const auto text, read_file(path, kConfigBytesMax).context("read the node's config"));
  return parse_node_config(text).context(path.string());
}

Result<NodeConfig> parse_node_config(std::string_view text) {
  NodeConfig config;
  try {
    config = config_of(json::parse(json::string_view(text.data(), text.size())).as_object());
  } catch (const std::exception& failure) {
    return invalid(std::string("the node's config is not of its form: ") + failure.what());
  }
  const auto nodes = static_cast<int>(config.nodes.size());
  if (config.rank < 0 || config.rank >= nodes)
    return invalid(fmt::format("the node's config: rank {} is not one of {} nodes", config.rank, nodes));
  if (!(config.cpus > 0) || config.gpus < 0) return invalid("the node's config: cpus must be positive, gpus not negative");
  for (const auto& node : config.nodes)
    if (!node.devices.empty() && node.devices.size() < static_cast<std::size_t>(config.gpus))
      return invalid(fmt::format("the node's config: node {} names {} devices for {} GPUs", node.rank, node.devices.size(), config.gpus));
  for (int rank = 0; rank < nodes; ++rank)
    if (config.nodes[static_cast<std::size_t>(rank)].rank != rank) return invalid("the node's config: nodes are not in rank order");
  return config;
}

}  // namespace isobar::broker
