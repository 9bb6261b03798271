#include "node_registry.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <tuple>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr auto kLockPause = std::chrono::milliseconds(5);

std::string folder_name(const std::string& owner, const std::string& cluster, int rank) {
  return fmt::format("{}.{}.{}", owner, cluster, rank);
}

NodeRecord record_of(const json::object& from) {
  const auto text = [&](const char* name) { return std::string(from.at(name).as_string()); };
  NodeRecord record{text("owner"), text("cluster"), text("token"), json::value_to<int>(from.at("rank")), {}, {}, text("address")};
  record.share = {json::value_to<double>(from.at("cpus")), json::value_to<double>(from.at("memory_gib")),
                  json::value_to<int>(from.at("gpus"))};
  record.devices = json::value_to<std::vector<int>>(from.at("devices"));
  return record;
}

Result<NodeRecord> read_record(const fs::path& folder) {
  TRY_ASSIGN(const auto text, read_file(folder / "node.json", 1 << 20));
  try {
    return record_of(json::parse(text).as_object());
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, (folder / "node.json").string() + " is damaged: " + failure.what());
  }
}

bool holds(const InstanceFolder& instance) { return instance.power() == Power::kOn || instance.alive(); }

}  // namespace

Status check_node_name(const std::string& owner, const std::string& cluster) {
  const auto fits = [](const std::string& name) {
    return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    }) && name.front() != '.';
  };
  if (fits(owner) && fits(cluster)) return {};
  return invalid(fmt::format("\"{}\" of \"{}\" cannot name a node", cluster, owner));
}

Result<NodeRegistry> NodeRegistry::open(const fs::path& folder, Duration deadline) {
  TRY(make_folders(folder));
  Fd lock(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return errno_error("open " + (folder / "lock").string());
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= end)
      return Error(Code::kDeadlineExceeded, "another process works on the nodes of this machine");
    ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kLockPause).count()));
  }
  return NodeRegistry(folder, std::move(lock));
}

std::vector<NodeRecord> NodeRegistry::nodes_in(const fs::path& folder) {
  std::vector<NodeRecord> found;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    if (!entry.is_directory(failure)) continue;
    // One without a record is one whose creation was cut short before it held anything.
    if (auto record = read_record(entry.path()); record.ok()) found.push_back(std::move(*record));
  }
  std::sort(found.begin(), found.end(), [](const NodeRecord& a, const NodeRecord& b) {
    return std::tie(a.owner, a.cluster, a.rank) < std::tie(b.owner, b.cluster, b.rank);
  });
  return found;
}

InstanceFolder NodeRegistry::instance_in(const fs::path& folder, const NodeRecord& record) {
  return InstanceFolder(folder / folder_name(record.owner, record.cluster, record.rank));
}

Result<NodeRecord> NodeRegistry::find(const std::string& owner, const std::string& cluster, int rank) const {
  return read_record(folder_ / folder_name(owner, cluster, rank));
}

Status NodeRegistry::put(const NodeRecord& record) const {
  const auto folder = instance(record).path();
  TRY(make_folders(folder));
  std::error_code ignored;
  fs::permissions(folder, fs::perms::owner_all, ignored);
  const json::object value{{"owner", record.owner},     {"cluster", record.cluster},
                           {"token", record.token},     {"rank", record.rank},
                           {"cpus", record.share.cpus}, {"memory_gib", record.share.memory_gib},
                           {"gpus", record.share.gpus}, {"devices", json::value_from(record.devices)},
                           {"address", record.address}};
  return write_file(folder / "node.json", json::serialize(value) + "\n", Durability::kDisk, 0600);
}

HostShare NodeRegistry::free_of(const HostShare& whole) const {
  HostShare free = whole;
  for (const auto& node : nodes()) {
    if (!holds(instance(node))) continue;
    free.cpus -= node.share.cpus;
    free.memory_gib -= node.share.memory_gib;
    free.gpus -= node.share.gpus;
  }
  return {std::max(0.0, free.cpus), std::max(0.0, free.memory_gib), std::max(0, free.gpus)};
}

std::vector<int> NodeRegistry::free_devices(int all, int count) const {
  std::set<int> held;
  for (const auto& node : nodes())
    if (holds(instance(node))) held.insert(node.devices.begin(), node.devices.end());
  std::vector<int> free;
  for (int device = 0; device < all && static_cast<int>(free.size()) < count; ++device)
    if (!held.contains(device)) free.push_back(device);
  return free;
}

}  // namespace isobar::cloud
