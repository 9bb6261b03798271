#include "job_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::broker {

namespace {

std::string cluster_info(const NodeConfig& config) {
  const boost::json::object info{
      {"cluster_name", config.cluster}, {"cloud", config.cloud}, {"region", config.region}, {"zone", config.zone}};
  return boost::json::serialize(info);
}

/// Addresses in rank order: of the job's nodes, or of all nodes for setup.
std::string addresses(const NodeConfig& config, const RankPlace& place) {
  std::vector<std::string> out;
  if (place.phase == Phase::kSetup) {
    for (const auto& node : config.nodes) out.push_back(node.address);
  } else {
    for (const auto& at : *place.places) out.push_back(config.nodes[static_cast<std::size_t>(at.node)].address);
  }
  return join(out, "\n");
}

/// What the ranks of one job know one another by (broker/gang): it follows from the head's secret, so that every rank is told the same
/// whenever it is started, and no other job's ranks know it.
std::string gang_key(const NodeConfig& config, const std::string& task_id) {
  return crypto::to_hex(crypto::hmac_sha256(config.self().token, "gang " + task_id));
}

/// The devices that a rank holds, as the machine numbers them.
std::string visible_devices(const NodePeer& node, const std::vector<int>& held) {
  std::vector<std::string> out;
  for (const int device : held)
    out.push_back(std::to_string(node.devices.empty() ? device : node.devices.at(static_cast<std::size_t>(device))));
  return join(out, ",");
}

/// A user's text in a log prefix: one line, and no parenthesis that would end the prefix early.
std::string plain(std::string_view name) {
  std::string out(name);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == ')' || c == 0x7f; }, '_');
  return out;
}

}  // namespace

Environment rank_environment(const NodeConfig& config, const JobSpec& spec, const std::string& task_id, const RankPlace& place) {
  std::map<std::string, std::string> all;
  const auto set = [&](const std::string& name, const std::string& value) {
    all["SKYPILOT_" + name] = value;
    all["ISOBAR_" + name] = value;
  };
  set("TASK_ID", task_id);
  set("TASK_IDS", task_id);
  set("CLUSTER_INFO", cluster_info(config));
  set("USER", spec.user.empty() ? config.user : spec.user);
  for (const auto& [name, value] : spec.envs) all[name] = value;
  for (const auto& [name, value] : spec.secrets) all[name] = value;
  if (place.phase == Phase::kSetup)
    for (const auto& [name, value] : spec.setup_secrets) all[name] = value;

  const std::string phase = place.phase == Phase::kSetup ? "SETUP_" : "";
  const auto ips = addresses(config, place);
  set(phase + "NODE_RANK", std::to_string(place.rank));
  set(phase + "NODE_IPS", ips);
  set(phase + "NUM_NODES", std::to_string(std::count(ips.begin(), ips.end(), '\n') + 1));
  set(phase + "NUM_GPUS_PER_NODE", fmt::format("{}", static_cast<int>(std::ceil(spec.gpus))));
  all["ISOBAR_GANG_KEY"] = gang_key(config, task_id);
  // A node without devices says nothing, so that a machine's own setting stands.
  if (place.phase == Phase::kRun && config.gpus > 0) {
    const auto& at = (*place.places)[static_cast<std::size_t>(place.rank)];
    all["CUDA_VISIBLE_DEVICES"] = visible_devices(config.nodes[static_cast<std::size_t>(at.node)], at.gpus);
  }
  return {all.begin(), all.end()};
}

std::string task_id_of(const JobSpec& spec, const std::string& cluster, JobId id, Instant submitted) {
  if (!spec.task_id.empty()) return spec.task_id;
  std::string at = format_instant(submitted);
  std::replace_if(
      at.begin(), at.end(), [](char c) { return c == ' ' || c == ':'; }, '-');
  return fmt::format("sky-{}-{:06}_{}_{}", at, submitted.unix_nanos() / 1000 % 1'000'000, cluster, id);
}

std::string log_prefix(const NodeConfig& config, const JobSpec& spec, const RankPlace& place, std::int64_t pid) {
  const int node = place.phase == Phase::kSetup ? place.rank : (*place.places)[static_cast<std::size_t>(place.rank)].node;
  const auto& address = config.nodes[static_cast<std::size_t>(node)].address;
  if (place.phase == Phase::kSetup)
    return node == 0 ? fmt::format("(setup pid={}) ", pid) : fmt::format("(setup pid={}, ip={}) ", pid, address);
  if (spec.num_nodes == 1) return fmt::format("({}, pid={}) ", spec.name.empty() ? "task" : plain(spec.name), pid);
  if (node == 0) return fmt::format("(head, rank={}, pid={}) ", place.rank, pid);
  return fmt::format("(worker{}, rank={}, pid={}, ip={}) ", node, place.rank, pid, address);
}

}  // namespace isobar::broker
