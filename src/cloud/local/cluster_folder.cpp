#include "cluster_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <set>

#include "base/mounts.h"
#include "cloud/agent_config.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr auto kLockPause = std::chrono::milliseconds(5);
constexpr std::uint32_t kAddresses = 254 * 250;  // 127.77.1.2 … 127.77.254.251

std::string hostname_of(const std::string& cluster, int rank) {
  auto name = cluster + (rank == 0 ? "-head" : "-worker" + std::to_string(rank));
  // The kernel takes 64 bytes; the end tells the nodes apart.
  return name.size() <= 64 ? name : name.substr(name.size() - 64);
}

json::object offer_to_json(const Offer& offer) {
  return {{"instance_type", offer.instance_type},
          {"region", offer.region},
          {"zone", offer.zone},
          {"vcpus", offer.vcpus},
          {"memory_gib", offer.memory_gib},
          {"accelerator", offer.accelerator},
          {"accelerator_count", offer.accelerator_count}};
}

Offer offer_from_json(const json::object& value) {
  const auto text = [&](const char* name) { return std::string(value.at(name).as_string()); };
  Offer offer{.cloud = "local", .region = text("region"), .zone = text("zone"), .instance_type = text("instance_type")};
  offer.vcpus = json::value_to<double>(value.at("vcpus"));
  offer.memory_gib = json::value_to<double>(value.at("memory_gib"));
  offer.accelerator = text("accelerator");
  offer.accelerator_count = json::value_to<double>(value.at("accelerator_count"));
  return offer;
}

ClusterPlan plan_from_json(const json::object& value) {
  ClusterPlan plan{.cluster = std::string(value.at("cluster").as_string()), .token = std::string(value.at("token").as_string())};
  plan.offer = offer_from_json(value.at("offer").as_object());
  for (const auto& node : value.at("nodes").as_array())
    plan.nodes.push_back({std::string(node.at("address").as_string()), std::string(node.at("token").as_string())});
  return plan;
}

std::string user_name() {
  const char* user = std::getenv("USER");
  return user && *user ? user : std::to_string(::geteuid());
}

}  // namespace

Result<ClusterFolder> ClusterFolder::lock(const fs::path& root, const std::string& cluster, Duration deadline, bool make) {
  const auto path = root / cluster;
  const auto end = std::chrono::steady_clock::now() + deadline;
  do {
    if (make) TRY(make_folders(path));
    Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return errno_error("open cluster " + path.string());
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) {
      // The one who held it may have removed it, and another made it anew.
      struct stat held {
      }, there{};
      if (::fstat(folder.get(), &held) == 0 && ::stat(path.c_str(), &there) == 0 && held.st_ino == there.st_ino)
        return ClusterFolder(path, std::move(folder));
      continue;
    }
    ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kLockPause).count()));
  } while (std::chrono::steady_clock::now() < end);
  return Error(Code::kDeadlineExceeded, "another process works on cluster " + cluster);
}

Result<std::optional<ClusterPlan>> ClusterFolder::read_plan(const fs::path& root, const std::string& cluster) {
  const auto path = root / cluster / "cluster.json";
  const auto text = read_file(path);
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::optional<ClusterPlan>();
  if (!text.ok()) return text.error();
  try {
    return std::optional<ClusterPlan>(plan_from_json(json::parse(*text).as_object()));
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, path.string() + " is damaged: " + failure.what());
  }
}

Status ClusterFolder::write_plan(const ClusterPlan& plan) const {
  json::array nodes;
  for (const auto& node : plan.nodes) nodes.push_back(json::object{{"address", node.address}, {"token", node.token}});
  const json::object value{{"cluster", plan.cluster}, {"token", plan.token}, {"offer", offer_to_json(plan.offer)}, {"nodes", nodes}};
  return write_file(path_ / "cluster.json", json::serialize(value) + "\n", Durability::kDisk, 0600);
}

Status ClusterFolder::make_instance(const ClusterPlan& plan, int rank) const {
  const auto folder = instance(rank);
  TRY(make_folders(folder.home()));
  AgentConfig config{.cluster = plan.cluster, .cloud = "local", .region = plan.offer.region, .zone = plan.offer.zone, .user = user_name()};
  config.cpus = plan.offer.vcpus;
  config.gpus = static_cast<int>(plan.offer.accelerator_count);
  config.nodes = static_cast<int>(plan.nodes.size());
  for (int other = 0; other < config.nodes; ++other) {
    const auto& node = plan.nodes[static_cast<std::size_t>(other)];
    config.peers.push_back({other, node.address, instance(other).agent_address(), node.token, {}});
  }
  config.self = config.peers[static_cast<std::size_t>(rank)];
  config.home = folder.home();
  config.power_file = folder.power_file();
  TRY(write_file(folder.config(), encode(config), Durability::kCache, 0600));
  return write_file(folder.path() / "hostname", hostname_of(plan.cluster, rank), Durability::kCache);
}

Status ClusterFolder::remove() const {
  TRY(unmount_below(path_).context("remove " + path_.string()));
  std::error_code failure;
  fs::remove_all(path_, failure);
  if (failure) return errno_error("remove " + path_.string(), failure.value());
  return {};
}

Result<std::vector<std::string>> free_addresses(const fs::path& root, int count) {
  std::set<std::string> taken;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(root, failure)) {
    TRY_ASSIGN(const auto plan, ClusterFolder::read_plan(root, entry.path().filename()));
    if (!plan) continue;
    for (const auto& node : plan->nodes) taken.insert(node.address);
  }
  const auto first = std::hash<std::string>{}(root.string()) % kAddresses;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kAddresses && static_cast<int>(out.size()) < count; ++i) {
    const auto at = (first + i) % kAddresses;
    auto address = fmt::format("127.77.{}.{}", 1 + at / 250, 2 + at % 250);
    if (!taken.contains(address)) out.push_back(std::move(address));
  }
  if (static_cast<int>(out.size()) < count) return Error(Code::kExhausted, "all local addresses are taken");
  return out;
}

}  // namespace isobar::cloud
