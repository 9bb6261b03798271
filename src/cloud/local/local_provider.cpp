#include "cloud/local_provider.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "cloud/boot.h"
#include "cloud/cgroup.h"
#include "cloud/machine.h"
#include "cluster_folder.h"

namespace isobar::cloud {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(5);

std::vector<Instance> instances_of(const fs::path& root, const ClusterPlan& plan) {
  std::vector<Instance> out;
  for (int rank = 0; rank < static_cast<int>(plan.nodes.size()); ++rank) {
    const InstanceFolder folder(root / plan.cluster / std::to_string(rank));
    Instance instance{.id = plan.cluster + "/" + std::to_string(rank), .cluster = plan.cluster, .rank = rank, .state = state_of(folder)};
    if (instance.state == InstanceState::kTerminated) continue;
    instance.region = plan.offer.region;
    instance.zone = plan.offer.zone;
    instance.address = plan.nodes[static_cast<std::size_t>(rank)].address;
    if (instance.state == InstanceState::kRunning) instance.agent_address = folder.agent_address();
    out.push_back(std::move(instance));
  }
  return out;
}

Status check_name(const std::string& cluster) {
  if (!cluster.empty() && cluster != "." && cluster != ".." && cluster.size() <= 200 && cluster.find('/') == std::string::npos &&
      cluster.find('\0') == std::string::npos)
    return {};
  return invalid("\"" + cluster + "\" cannot name a local cluster");
}

/// Plans the cluster unless this very order did before.
Result<ClusterPlan> plan(const fs::path& root, const ClusterFolder& folder, const CreateOrder& order) {
  TRY_ASSIGN(const auto known, ClusterFolder::read_plan(root, order.cluster));
  if (known && known->token == order.token) return *known;
  if (known) return Error(Code::kAlreadyExists, "a cluster " + order.cluster + " exists already");
  // Addresses are given out to one plan at a time.
  const Fd lock(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) return errno_error("lock " + root.string());
  TRY_ASSIGN(auto addresses, free_addresses(root, order.count));
  ClusterPlan plan{.cluster = order.cluster, .token = order.token, .offer = order.offer};
  for (auto& address : addresses) plan.nodes.push_back({std::move(address), secure_random_hex(16)});
  TRY(folder.write_plan(plan));
  return plan;
}

Result<std::vector<Instance>> create_all(const fs::path& root, const fs::path& program, const CreateOrder& order, Duration deadline) {
  const auto end = Clock::now() + deadline;
  TRY(check_name(order.cluster));
  if (order.count < 1) return invalid("a cluster has at least one node");
  TRY_ASSIGN(const auto folder, ClusterFolder::lock(root, order.cluster, deadline, true));
  TRY_ASSIGN(const auto made, plan(root, folder, order));
  std::vector<InstanceFolder> instances;
  for (int rank = 0; rank < static_cast<int>(made.nodes.size()); ++rank) {
    TRY(folder.make_instance(made, rank));
    instances.push_back(folder.instance(rank));
  }
  TRY(boot_instances(instances, program, end - Clock::now()));
  return instances_of(root, made);
}

}  // namespace

LocalProvider::LocalProvider(const fs::path& root, const fs::path& node_program, Log& log)
    : root_(fs::absolute(root).lexically_normal()), node_program_(fs::absolute(node_program)), log_(log) {}

Status LocalProvider::check() {
  TRY(make_folders(root_).context("the local cloud keeps its instances there"));
  if (::access(root_.c_str(), W_OK) != 0) return errno_error("the local cloud keeps its instances in " + root_.string());
  if (::access(node_program_.c_str(), X_OK) != 0) return errno_error("the local cloud needs " + node_program_.string());
  return {};
}

std::vector<std::string> LocalProvider::facts() { return {std::string(description_of(probe_isolation())), Cgroup::facts()}; }

std::vector<Offer> LocalProvider::own_offers() { return {machine_offer()}; }

CreateOutcome LocalProvider::create(const CreateOrder& order, Duration deadline) {
  auto created = create_all(root_, node_program_, order, deadline);
  if (created.ok()) {
    log_.info("cluster_created", {{"cluster", order.cluster}, {"nodes", order.count}});
    return {std::move(*created), {}};
  }
  const auto error = created.error().context("create local cluster " + order.cluster);
  // What another order made stays; what this one began does not.
  if (error.code() != Code::kAlreadyExists && error.code() != Code::kInvalidArgument) (void)terminate(order.cluster, deadline).ok();
  log_.warn("cluster_not_created", {{"cluster", order.cluster}, {"why", error.message()}});
  return {
      {},
      CloudError{error, std::string(isobar::name_of(error.code())), scope_of_error("local", isobar::name_of(error.code()), order.offer)}};
}

Result<std::vector<Instance>> LocalProvider::list(const std::string& cluster) {
  TRY(check_name(cluster));
  TRY_ASSIGN(const auto plan, ClusterFolder::read_plan(root_, cluster));
  if (!plan) return std::vector<Instance>();
  auto instances = instances_of(root_, *plan);
  // The last one ended itself for good: nothing is left to know.
  if (instances.empty()) TRY(terminate(cluster, kInstanceGrace));
  return instances;
}

Result<std::vector<std::string>> LocalProvider::clusters() {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(root_, failure)) {
    if (!entry.is_directory(failure)) continue;
    const std::string name = entry.path().filename();
    TRY_ASSIGN(const auto instances, list(name));
    if (!instances.empty()) names.push_back(name);
  }
  if (failure && failure != std::errc::no_such_file_or_directory) return errno_error("list clusters in " + root_.string(), failure.value());
  return names;
}

Status LocalProvider::stop(const std::string& cluster, Duration deadline) {
  TRY(check_name(cluster));
  TRY_ASSIGN(const auto folder, ClusterFolder::lock(root_, cluster, deadline));
  TRY_ASSIGN(const auto plan, ClusterFolder::read_plan(root_, cluster));
  if (!plan) return not_found("there is no local cluster " + cluster);
  std::vector<InstanceFolder> ending;
  for (int rank = 0; rank < static_cast<int>(plan->nodes.size()); ++rank) {
    const auto instance = folder.instance(rank);
    if (!instance.exists() || instance.power() == Power::kTerminated) continue;
    TRY(instance.set_power(Power::kStopped));
    ending.push_back(instance);
  }
  TRY(end_instances(ending).context("stop local cluster " + cluster));
  log_.info("cluster_stopped", {{"cluster", cluster}});
  return {};
}

Result<std::vector<Instance>> LocalProvider::start(const std::string& cluster, Duration deadline) {
  const auto end = Clock::now() + deadline;
  TRY(check_name(cluster));
  TRY_ASSIGN(const auto folder, ClusterFolder::lock(root_, cluster, deadline));
  TRY_ASSIGN(const auto plan, ClusterFolder::read_plan(root_, cluster));
  if (!plan) return not_found("there is no local cluster " + cluster);
  std::vector<InstanceFolder> instances;
  for (int rank = 0; rank < static_cast<int>(plan->nodes.size()); ++rank) {
    const auto instance = folder.instance(rank);
    if (instance.power() == Power::kTerminated)
      return not_found(fmt::format("start local cluster {}: node {} was terminated, and its disk with it", cluster, rank));
    TRY(folder.make_instance(*plan, rank));
    // Whatever an instance that died left behind must not meet its successor.
    if (!instance.alive() || instance.power() != Power::kOn) {
      TRY(instance.set_power(Power::kStopped));
      TRY(instance.end_processes(kInstanceGrace));
    }
    instances.push_back(instance);
  }
  TRY(boot_instances(instances, node_program_, end - Clock::now()).context("start local cluster " + cluster));
  log_.info("cluster_started", {{"cluster", cluster}});
  return instances_of(root_, *plan);
}

namespace {

// A first process that a killed creator had only just started may put a file down while its folder is removed. It then
// finds that it is to be off and ends, so the folder can be removed a moment later.
template <class Folder>
Status remove_patiently(const Folder& folder, Clock::time_point end) {
  for (;;) {
    auto removed = folder.remove();
    if (removed.ok() || Clock::now() >= end) return removed;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Status LocalProvider::terminate(const std::string& cluster, Duration deadline) {
  TRY(check_name(cluster));
  auto folder = ClusterFolder::lock(root_, cluster, deadline);
  if (!folder.ok() && folder.error().code() == Code::kNotFound) return {};
  if (!folder.ok()) return folder.error();
  // By what is there, not by the plan: a plan may be missing or damaged.
  std::vector<InstanceFolder> ending;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(root_ / cluster, failure))
    if (entry.is_directory(failure)) ending.emplace_back(entry.path());
  for (const auto& instance : ending) TRY(instance.set_power(Power::kTerminated));
  TRY(end_instances(ending).context("terminate local cluster " + cluster));
  const auto end = Clock::now() + kInstanceGrace;
  for (const auto& instance : ending) TRY(remove_patiently(instance, end));
  TRY(remove_patiently(*folder, end));
  log_.info("cluster_terminated", {{"cluster", cluster}});
  return {};
}

}  // namespace isobar::cloud
