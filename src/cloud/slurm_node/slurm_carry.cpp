// A node is an instance like any other, run in the foreground of a task of the allocation. Its folder is on the shared home, since the
// home of its jobs is; what must not be there (a socket, and the port beside it) is in a folder of the node's own.

#include "cloud/slurm_carry.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <thread>

#include "base/child.h"
#include "base/mounts.h"
#include "base/text.h"
#include "base/time.h"
#include "cloud/agent_config.h"
#include "cloud/boot.h"
#include "cloud/instance_folder.h"
#include "cloud/instance_init.h"
#include "cloud/slurm_order.h"
#include "node_address.h"

extern char** environ;

namespace isobar::cloud {

namespace {

/// Slurm starts the tasks of a step together; a node that boots for it is waited for by Slurm itself.
constexpr auto kGatherDeadline = std::chrono::minutes(3);
constexpr auto kGatherPause = std::chrono::milliseconds(50);
constexpr auto kEndDeadline = std::chrono::seconds(10);

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// Of what a task of Slurm's is told, what jobs can use: enough to call Slurm's programs, not so much that an MPI takes itself for a
/// part of this step.
bool is_for_jobs(std::string_view entry) {
  const auto name = entry.substr(0, entry.find('='));
  for (const std::string_view kept : {"SLURM_CONF", "SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST",
                                      "SLURMD_NODENAME", "SLURM_TMPDIR", "TMPDIR", "MODULEPATH", "MODULESHOME", "LMOD_CMD", "LMOD_PKG"})
    if (name == kept) return true;
  return is_for_nodes(entry);
}

void keep_what_jobs_can_use() {
  std::vector<std::string> dropped;
  for (char** entry = environ; *entry; ++entry)
    if (const std::string_view text = *entry; !is_for_jobs(text)) dropped.emplace_back(text.substr(0, text.find('=')));
  for (const auto& name : dropped) ::unsetenv(name.c_str());
}

/// The accelerators that Slurm gave to this task, where it says so by their numbers; none: the first ones.
std::vector<int> devices_given(int wanted) {
  for (const char* name : {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"}) {
    std::vector<int> devices;
    const auto given = variable(name);
    for (const auto word : split(given, ','))
      if (const auto device = number_of(trim(word))) devices.push_back(*device);
    if (wanted > 0 && devices.size() >= static_cast<std::size_t>(wanted)) return {devices.begin(), devices.begin() + wanted};
  }
  return {};
}

/// Removed with what is in it when the node ends.
class OwnFolder {
 public:
  static Result<OwnFolder> make() {
    auto base = variable("SLURM_TMPDIR");
    if (base.empty()) base = "/tmp";
    std::string path = base + "/isobar-node-XXXXXX";
    if (!::mkdtemp(path.data())) return errno_error("make a folder in " + base);
    return OwnFolder(path);
  }
  OwnFolder(OwnFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  OwnFolder& operator=(OwnFolder&&) = delete;
  ~OwnFolder() {
    std::error_code ignored;
    if (!path_.empty() && unmount_below(path_).ok()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit OwnFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

/// What the other ranks of this order have told so far. The folder is listed, since a shared home may remember for a while that a file
/// of a certain name is not there.
std::map<int, PublishedRank> published_in(const fs::path& folder, const std::string& token) {
  std::map<int, PublishedRank> published;
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("rank-") || !name.ends_with(".json")) continue;
    const auto text = read_file(entry.path());
    const auto rank = text.ok() ? parse_published_rank(*text) : Result<PublishedRank>(text.error());
    if (rank.ok() && rank->token == token) published[rank->rank] = *rank;
  }
  return published;
}

class Carrier {
 public:
  Carrier(fs::path folder, SlurmOrder order, int rank)
      : folder_(std::move(folder)), order_(std::move(order)), rank_(rank), instance_(folder_ / std::to_string(rank)) {}

  Status run() {
    const auto step = fmt::format("{}.{}", variable("SLURM_JOB_ID"), variable("SLURM_STEP_ID"));
    address_ = slurm_node_address(variable("SLURMD_NODENAME"));
    if (address_.empty()) return unavailable("this node has no address that the others could reach it by");
    const auto devices = devices_given(order_.gpus);
    TRY_ASSIGN(auto peers, gather());
    TRY_ASSIGN(const auto own, OwnFolder::make());
    TRY(write_config(own.path(), devices, std::move(peers)));
    keep_what_jobs_can_use();
    TRY(run_instance(instance_.path(), [&] { publish(own.path()); }));
    // The others hear of it from Slurm, which would wait for them for ever.
    const bool by_itself = instance_.power() != Power::kOn;
    if (by_itself && rank_ == 0 && nodes() > 1) TRY(run_child({"scancel", "--signal=TERM", step}, {}, kEndDeadline));
    return {};
  }

 private:
  int nodes() const { return static_cast<int>(order_.agent_tokens.size()); }

  /// The head is told who the others are, so they come first; they need not know one another.
  Result<std::vector<AgentPeer>> gather() const {
    std::vector<AgentPeer> peers;
    if (rank_ != 0) return peers;
    const auto end = std::chrono::steady_clock::now() + kGatherDeadline;
    auto published = published_in(folder_, order_.token);
    published.erase(0);
    while (published.size() + 1 < static_cast<std::size_t>(nodes())) {
      if (std::chrono::steady_clock::now() >= end)
        return Error(Code::kDeadlineExceeded, fmt::format("{} of {} nodes did not start within {}", nodes() - 1 - published.size(), nodes(),
                                                          format_duration(kGatherDeadline)));
      std::this_thread::sleep_for(kGatherPause);
      published = published_in(folder_, order_.token);
      published.erase(0);
    }
    for (const auto& [rank, each] : published) {
      if (rank >= nodes()) return invalid(fmt::format("rank {} is not one of {} nodes", rank, nodes()));
      peers.push_back({rank, each.address, agent_address_of(each), order_.agent_tokens[static_cast<std::size_t>(rank)], {}});
    }
    return peers;
  }

  Status write_config(const fs::path& own, const std::vector<int>& devices, std::vector<AgentPeer> peers) const {
    AgentConfig config{.cluster = order_.cluster, .cloud = "slurm", .region = order_.region, .zone = order_.zone, .user = order_.user};
    config.cpus = order_.cpus;
    config.gpus = order_.gpus;
    config.nodes = nodes();
    config.self = {rank_, address_, "unix:" + (own / "agent.sock").string(), order_.agent_tokens[static_cast<std::size_t>(rank_)], devices};
    config.peers = std::move(peers);
    config.home = instance_.home();
    config.power_file = instance_.power_file();
    config.port_file = own / "port";
    config.environment["ISOBAR_HOST_HOME"] = variable("HOME");
    TRY(make_folders(instance_.home()));
    TRY(write_file(instance_.config(), encode(config), Durability::kCache, 0600));
    return instance_.set_power(Power::kOn);
  }

  void publish(const fs::path& own) const {
    const auto port = read_file(own / "port");
    const PublishedRank here{order_.token, rank_, address_, port.ok() ? number_of(trim(*port)).value_or(0) : 0};
    const auto told = write_file(folder_ / fmt::format("rank-{}.json", rank_), encode(here), Durability::kDisk, 0600);
    if (!told.ok()) fmt::print(stderr, "isobar-node: tell where this node is: {}\n", told.error().message());
  }

  fs::path folder_;
  SlurmOrder order_;
  int rank_;
  InstanceFolder instance_;
  std::string address_;
};

Status carry(const fs::path& folder) {
  TRY_ASSIGN(const auto text, read_file(folder / kSlurmOrderFile));
  TRY_ASSIGN(auto order, parse_slurm_order(text));
  const auto rank = number_of(variable("SLURM_NODEID"));
  if (!rank) return invalid("SLURM_NODEID names no rank; srun starts this on each node of an allocation");
  if (static_cast<std::size_t>(*rank) >= order.agent_tokens.size())
    return invalid(fmt::format("rank {} is not one of {} nodes", *rank, order.agent_tokens.size()));
  return Carrier(folder, std::move(order), *rank).run();
}

}  // namespace

int carry_slurm_node(const fs::path& folder) {
  const auto carried = carry(folder).context("carry a node of " + folder.string());
  if (!carried.ok()) fmt::print(stderr, "isobar-node: {}\n", carried.error().message());
  return carried.ok() ? 0 : 1;
}

}  // namespace isobar::cloud
