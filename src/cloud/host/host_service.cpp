#include "cloud/host_service.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "cloud/boot.h"
#include "cloud/machine.h"
#include "node_registry.h"

namespace isobar::cloud {

namespace {

constexpr auto kLockDeadline = std::chrono::seconds(20);

int port_of(const InstanceFolder& folder) {
  const auto text = read_file(folder.path() / "port");
  return text.ok() ? std::atoi(text->c_str()) : 0;
}

HostInstance to_instance(const NodeRecord& record, const InstanceFolder& folder) {
  HostInstance instance{
      .owner = record.owner, .cluster = record.cluster, .token = record.token, .rank = record.rank, .state = state_of(folder)};
  instance.address = record.address;
  instance.agent_address = folder.agent_address();
  instance.port = port_of(folder);
  instance.share = record.share;
  instance.devices = record.devices;
  instance.version = folder.program().filename();
  return instance;
}

std::string config_of(const BootNode& boot, const NodeRecord& record, const InstanceFolder& folder) {
  AgentConfig config{.cluster = boot.cluster, .cloud = boot.cloud, .region = boot.region, .zone = boot.zone, .user = boot.user};
  config.cpus = record.share.cpus;
  config.gpus = record.share.gpus;
  config.nodes = boot.nodes;
  config.self = {boot.rank, record.address, folder.agent_address(), boot.agent_token, record.devices};
  config.peers = boot.peers;
  config.home = folder.home();
  config.power_file = folder.power_file();
  if (boot.reached_by_others) config.port_file = folder.path() / "port";
  config.environment = boot.environment;
  return encode(config);
}

/// `sudo` in setup and run asks nobody: a program of the node's own answers for the user.
Status give_sudo(const std::string& password, const InstanceFolder& folder, std::map<std::string, std::string>& environment) {
  if (password.empty()) return {};
  const auto tools = folder.path() / "tools";
  TRY(make_folders(tools));
  std::string quoted;
  for (const char c : password) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  TRY(write_file(tools / "askpass", fmt::format("#!/bin/sh\nprintf '%s\\n' '{}'\n", quoted), Durability::kCache, 0700));
  // The machine's own, wherever PATH has it, told to ask the program above.
  TRY(write_file(
      tools / "sudo",
      fmt::format("#!/bin/sh\nIFS=:\nfor d in $PATH; do [ \"$d\" != '{}' ] && [ -x \"$d/sudo\" ] && exec \"$d/sudo\" -A \"$@\"; done\n"
                  "echo 'sudo: not found on this machine' >&2\nexit 127\n",
                  tools.string()),
      Durability::kCache, 0700));
  environment["SUDO_ASKPASS"] = (tools / "askpass").string();
  const char* path = std::getenv("PATH");
  environment["PATH"] = tools.string() + ":" + (path && *path ? path : "/usr/local/bin:/usr/bin:/bin");
  return {};
}

HostFailure failure_of(const Error& error, std::string provider_code = {}) {
  if (provider_code.empty() && error.code() == Code::kExhausted) provider_code = "DiskFull";
  return {error.code(), error.message(), std::move(provider_code)};
}

/// Programs of earlier versions that no node of this login runs any more.
void remove_unused_programs(const NodeRegistry& registry, const HostSurroundings& here) {
  std::vector<std::string> used = {here.program.filename()};
  for (const auto& record : registry.nodes()) used.push_back(registry.instance(record).program().filename());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(here.program.parent_path(), ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("isobar-node-") && std::find(used.begin(), used.end(), name) == used.end()) fs::remove(entry.path(), ignored);
  }
}

// ---- what can be asked

Result<HostReport> report_on(const HostSurroundings& here, bool tidy) {
  TRY_ASSIGN(const auto registry, NodeRegistry::open(here.folder, kLockDeadline));
  HostReport report{.program = here.program, .whole = here.whole, .free = registry.free_of(here.whole)};
  report.accelerator = here.accelerator;
  report.architecture = here.architecture;
  std::array<char, 256> hostname{};
  ::gethostname(hostname.data(), hostname.size() - 1);
  report.hostname = hostname.data();
  report.address = here.address;
  struct statvfs disk {};
  if (::statvfs(here.folder.c_str(), &disk) == 0) report.disk_free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  for (const auto& record : registry.nodes()) {
    const auto folder = registry.instance(record);
    if (state_of(folder) == InstanceState::kTerminated) {
      (void)folder.remove().ok();  // it ended itself for good
      continue;
    }
    report.instances.push_back(to_instance(record, folder));
  }
  if (tidy) remove_unused_programs(registry, here);
  return report;
}

Status end_node(const NodeRegistry& registry, const NodeRecord& record, bool for_good) {
  const auto folder = registry.instance(record);
  TRY(folder.set_power(for_good ? Power::kTerminated : Power::kStopped));
  TRY(end_instances({folder}));
  return for_good ? folder.remove() : Status();
}

/// Room for the node, on record before anything of it exists.
Result<NodeRecord> reserve(const BootNode& boot, const HostSurroundings& here, HostFailure& refusal) {
  // Let go again before the node boots, which takes a while.
  TRY_ASSIGN(const auto registry, NodeRegistry::open(here.folder, kLockDeadline));
  auto known = registry.find(boot.owner, boot.cluster, boot.rank);
  if (known.ok() && boot.create && known->token != boot.token) {
    // Of an earlier creation that nobody could take down then.
    TRY(end_node(registry, *known, true));
    known = not_found("ended");
  }
  if (!known.ok() && !boot.create)
    return not_found(fmt::format("node {} of cluster '{}' is not on this machine any more, and its disk with it", boot.rank, boot.cluster));
  if (known.ok() && registry.instance(*known).alive()) return *known;
  // One that should run and does not (its machine lost power) must not stand in its own way.
  if (known.ok()) TRY(registry.instance(*known).set_power(Power::kStopped));
  const auto free = registry.free_of(here.whole);
  if (!boot.given && !free.covers(boot.share)) {
    refusal.provider_code = "InsufficientCapacity";
    return Error(Code::kExhausted,
                 fmt::format("it has {} free of {}; {} are asked for", describe(free), describe(here.whole), describe(boot.share)));
  }
  NodeRecord record{boot.owner, boot.cluster, boot.token,
                    boot.rank,  boot.share,   registry.free_devices(boot.given ? boot.share.gpus : here.whole.gpus, boot.share.gpus),
                    {}};
  record.address = boot.address.empty() ? here.address : boot.address;
  TRY(registry.put(record));
  // On from here, so that its share is held while it boots.
  TRY(registry.instance(record).set_power(Power::kOn));
  return record;
}

Result<HostInstance> boot_node(const BootNode& boot, const HostSurroundings& here, HostFailure& refusal) {
  TRY(check_node_name(boot.owner, boot.cluster));
  if (boot.rank < 0 || boot.rank >= boot.nodes) return invalid(fmt::format("rank {} is not one of {} nodes", boot.rank, boot.nodes));
  TRY_ASSIGN(const auto record, reserve(boot, here, refusal));
  const InstanceFolder folder = NodeRegistry::instance_in(here.folder, record);
  TRY(make_folders(folder.home()));
  auto with_tools = boot;
  with_tools.environment.emplace("ISOBAR_HOST_HOME", here.folder.parent_path().parent_path().string());
  TRY(give_sudo(boot.sudo_password, folder, with_tools.environment));
  const auto config = config_of(with_tools, record, folder);
  const auto before = read_file(folder.config());
  const bool changed = !before.ok() || *before != config;
  if (changed) TRY(write_file(folder.config(), config, Durability::kCache, 0600));
  TRY(write_file(folder.path() / "hostname", fmt::format("{}-{}", boot.cluster, boot.rank), Durability::kCache));
  TRY(folder.set_open());
  if (boot.powers_machine) TRY(folder.set_powers_machine());
  if (!folder.alive()) {
    TRY(folder.set_program(here.program));
    TRY(folder.set_power(Power::kStopped));
    TRY(folder.end_processes(kInstanceGrace));  // whatever an instance that died left behind
    TRY(folder.set_power(Power::kOn));
  } else if (changed) {
    TRY(folder.restart_agent());
  }
  TRY(boot_instances({folder}, here.program, boot.deadline));
  return to_instance(record, folder);
}

HostReply boot(const BootNode& order, const HostSurroundings& here) {
  HostFailure refusal;
  auto booted = boot_node(order, here, refusal);
  if (booted.ok()) return std::move(*booted);
  // What this order made is undone; what was there before stays as it is.
  if (order.create && refusal.provider_code.empty() && check_node_name(order.owner, order.cluster).ok()) {
    const auto registry = NodeRegistry::open(here.folder, kLockDeadline);
    const auto record = registry.ok() ? registry->find(order.owner, order.cluster, order.rank) : Result<NodeRecord>(not_found(""));
    if (record.ok() && record->token == order.token) (void)end_node(*registry, *record, true).ok();
  }
  return failure_of(booted.error(), refusal.provider_code);
}

HostReply end(const EndNodes& order, const HostSurroundings& here) {
  auto registry = NodeRegistry::open(here.folder, kLockDeadline);
  if (!registry.ok()) return failure_of(registry.error());
  HostDone done;
  std::vector<InstanceFolder> ending;
  for (const auto& record : registry->nodes()) {
    if (record.owner != order.owner || record.cluster != order.cluster || (!order.token.empty() && record.token != order.token)) continue;
    const auto ended = end_node(*registry, record, order.for_good);
    if (!ended.ok()) return failure_of(ended.error());
    ++done.count;
  }
  return done;
}

HostReply upgrade(const UpgradeNodes& order, const HostSurroundings& here) {
  const auto registry = NodeRegistry::open(here.folder, kLockDeadline);
  if (!registry.ok()) return failure_of(registry.error());
  HostDone done;
  for (const auto& record : registry->nodes()) {
    const auto folder = registry->instance(record);
    if (record.owner != order.owner || folder.program() == here.program || !folder.alive()) continue;
    auto changed = folder.set_program(here.program);
    if (changed.ok()) changed = folder.restart_agent();
    if (!changed.ok()) return failure_of(changed.error());
    ++done.count;
  }
  remove_unused_programs(*registry, here);
  return done;
}

/// The third word of SSH_CONNECTION is where the client reached this machine: as good a guess as any for others.
std::string own_address() {
  if (const char* connection = std::getenv("SSH_CONNECTION")) {
    const auto words = split(connection, ' ');
    if (words.size() == 4) return std::string(words[2]);
  }
  return interface_address();
}

Result<std::string> read_to_end(std::FILE* from) {
  std::string all;
  std::array<char, 64 << 10> buffer;
  constexpr std::size_t kRequestBytesMax = 16 << 20;
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), from)) {
    all.append(buffer.data(), got);
    if (all.size() > kRequestBytesMax) return invalid("the request is longer than is taken");
  }
  return all;
}

}  // namespace

HostSurroundings host_surroundings() {
  const char* home = std::getenv("HOME");
  std::error_code ignored;
  const auto machine = machine_offer();
  return {fs::path(home && *home ? home : ".") / ".isobar" / "nodes",
          fs::read_symlink("/proc/self/exe", ignored),
          own_address(),
          {machine.vcpus, machine.memory_gib, static_cast<int>(machine.accelerator_count)},
          machine.accelerator,
          machine.architecture};
}

HostReply serve_host(const HostRequest& request, const HostSurroundings& here) {
  if (const auto* ask = std::get_if<AskHostReport>(&request)) {
    auto report = report_on(here, ask->tidy);
    if (!report.ok()) return failure_of(report.error());
    return std::move(*report);
  }
  if (const auto* order = std::get_if<BootNode>(&request)) return boot(*order, here);
  if (const auto* order = std::get_if<EndNodes>(&request)) return end(*order, here);
  return upgrade(std::get<UpgradeNodes>(request), here);
}

int run_host() {
  const auto bytes = read_to_end(stdin);
  auto request = bytes.ok() ? decode_host_request(*bytes) : Result<HostRequest>(bytes.error());
  const auto answer = encode(request.ok() ? serve_host(*request, host_surroundings()) : HostReply(failure_of(request.error())));
  const auto written = write_all(STDOUT_FILENO, answer);
  return written.ok() ? 0 : 1;
}

}  // namespace isobar::cloud
