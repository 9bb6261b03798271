#include "cloud/machine_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <thread>

#include "base/parallel.h"
#include "base/random.h"
#include "cloud/gang_boot.h"
#include "cloud/ssh_target_json.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr std::size_t kMachinesAtOnce = 32;
constexpr auto kAskAgain = std::chrono::seconds(1);
constexpr auto kOpenDeadline = std::chrono::seconds(30);
// A machine that just booted has a server before it has our key.
constexpr auto kKeysComeWithin = std::chrono::seconds(90);

}  // namespace

/// Where the agents of a cluster are, and what lets one in.
struct MachineSetup::Known {
  struct Node {
    int rank = 0;
    std::string machine, agent_address, agent_token;
    SshTarget ssh;
  };
  std::string token;
  std::vector<Node> nodes;

  /// The same machine in the same rank, or none.
  const Node* find(const SetupNode& now) const {
    const auto found =
        std::find_if(nodes.begin(), nodes.end(), [&](const Node& then) { return then.machine == now.machine && then.rank == now.rank; });
    return found == nodes.end() ? nullptr : &*found;
  }
};

Result<MachineSetup::Known> MachineSetup::read(const std::string& cluster) const {
  const auto file = parts_.folder / (cluster + ".json");
  TRY_ASSIGN(const auto text, read_file(file));
  try {
    Known known;
    const auto value = json::parse(text);
    const auto& from = value.as_object();
    known.token = std::string(from.at("token").as_string());
    for (const auto& each : from.at("nodes").as_array()) {
      const auto& node = each.as_object();
      const auto field = [&](const char* name) { return std::string(node.at(name).as_string()); };
      known.nodes.push_back(
          {json::value_to<int>(node.at("rank")), field("machine"), field("agent"), field("agent_token"), target_of(node.at("ssh"))});
    }
    return known;
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, file.string() + " is damaged: " + failure.what());
  }
}

Status MachineSetup::write(const std::string& cluster, const Known& known) const {
  json::array nodes;
  for (const auto& node : known.nodes)
    nodes.push_back(json::object{{"rank", node.rank},
                                 {"machine", node.machine},
                                 {"agent", node.agent_address},
                                 {"agent_token", node.agent_token},
                                 {"ssh", to_json(node.ssh)}});
  TRY(make_folders(parts_.folder));
  return write_file(parts_.folder / (cluster + ".json"), json::serialize(json::object{{"token", known.token}, {"nodes", nodes}}) + "\n",
                    Durability::kDisk, 0600);
}

Result<HostClient> MachineSetup::client(const SshTarget& target, const std::string& machine) {
  const MutexLock lock(mutex_);
  if (!program_) {
    TRY_ASSIGN(auto program, NodeProgram::open(parts_.node_program, parts_.cache));
    program_.emplace(std::move(program));
  }
  auto& shell = shells_[{target, machine}];
  if (!shell) shell = parts_.shell_of(target, machine);
  return HostClient(*shell, *program_);
}

Result<HostReport> MachineSetup::await_machine(const HostClient& host, Duration deadline) const {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    auto report = host.report();
    if (report.ok()) return report;
    const auto code = report.error().code();
    const auto waited = std::chrono::steady_clock::now() - start;
    const bool may_come =
        code == Code::kUnavailable || code == Code::kDeadlineExceeded || (code == Code::kPermissionDenied && waited < kKeysComeWithin);
    if (!may_come) return report;
    if (waited + kAskAgain >= deadline)
      return Error(Code::kDeadlineExceeded,
                   fmt::format("it did not take our login within {}: {}", format_duration(deadline), report.error().message()));
    std::this_thread::sleep_for(kAskAgain);
  }
}

Status MachineSetup::bring_up(const NodeSetupOrder& order, Duration deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  auto before = read(order.cluster);
  Known known;
  for (const auto& node : order.nodes) {
    const auto* then = before.ok() ? before->find(node) : nullptr;
    // On the machines' disks stands by which token their nodes were made; other machines under the same name make new ones. A machine
    // that took a lost one's place joins those that are there, and by its own new token is known for another.
    if (then) known.token = before->token;
    known.nodes.push_back({node.rank, node.machine, "", then ? then->agent_token : secure_random_hex(32), node.ssh});
  }
  if (known.token.empty()) known.token = secure_random_hex(8);
  TRY(write(order.cluster, known));
  std::vector<Result<HostReport>> reports(order.nodes.size(), not_found("not asked yet"));
  for_each_at_once(order.nodes.size(), kMachinesAtOnce, [&](std::size_t i) {
    const auto host = client(order.nodes[i].ssh, order.nodes[i].machine);
    reports[i] = host.ok() ? await_machine(*host, end - std::chrono::steady_clock::now()) : Result<HostReport>(host.error());
  });
  std::vector<GangNode> gang;
  for (std::size_t i = 0; i < order.nodes.size(); ++i) {
    const auto& node = order.nodes[i];
    TRY_ASSIGN(const auto report, std::move(reports[i]).context(fmt::format("node {} ({})", node.rank, node.machine)));
    TRY_ASSIGN(const auto host, client(node.ssh, node.machine));
    BootNode boot{.owner = parts_.owner, .cluster = order.cluster, .token = known.token, .rank = node.rank, .create = true};
    // The price list and the machine may differ by a hair; the whole machine is the cluster's.
    boot.share = {std::min(order.vcpus > 0 ? order.vcpus : report.whole.cpus, report.whole.cpus), 0,
                  std::min(static_cast<int>(order.gpus), report.whole.gpus)};
    boot.cloud = order.cloud;
    boot.region = order.region;
    boot.zone = order.zone;
    boot.user = parts_.user;
    boot.address = node.private_address;
    boot.agent_token = known.nodes[i].agent_token;
    boot.powers_machine = true;
    if (!order.preemption_watch.empty()) boot.environment["ISOBAR_PREEMPTION_WATCH"] = order.preemption_watch;
    gang.push_back({host, boot});
  }
  std::vector<HostInstance> booted;
  if (auto failures = boot_gang(std::move(gang), end - std::chrono::steady_clock::now(), booted); !failures.empty())
    return failures[0].error.context(
        fmt::format("node {} ({})", order.nodes[failures[0].node].rank, order.nodes[failures[0].node].machine));
  for (std::size_t i = 0; i < booted.size(); ++i) known.nodes[i].agent_address = booted[i].agent_address;
  log_.info("machines_set_up", {{"cluster", order.cluster}, {"nodes", order.nodes.size()}});
  return write(order.cluster, known);
}

Result<Fd> MachineSetup::open_agent(const std::string& cluster, int rank) {
  TRY_ASSIGN(const auto known, read(cluster));
  for (const auto& node : known.nodes) {
    if (node.rank != rank || node.agent_address.empty()) continue;
    TRY_ASSIGN(const auto host, client(node.ssh, node.machine));
    return host.open_agent(node.agent_address, {}, kOpenDeadline);
  }
  return not_found(fmt::format("node {} of cluster '{}' was not brought up", rank, cluster));
}

}  // namespace isobar::cloud
