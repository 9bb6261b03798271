// From a task to what its cluster is given: files, a job, and the check that the cluster has what the task asks for.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "broker/broker.h"
#include "broker/git_checkout.h"

namespace isobar::broker {

namespace {

// Before the user's setup, which must not see with what credentials.
constexpr std::string_view kFetchFirst = "\"$ISOBAR_NODE_PROGRAM\" fetch || exit 1\nunset ${!ISOBAR_FETCH*}\n";

fs::path expand_home(const std::string& path) {
  const char* home = std::getenv("HOME");
  if (home && (path == "~" || path.starts_with("~/"))) return fs::path(home) / path.substr(std::min<std::size_t>(2, path.size()));
  return path;
}

std::map<std::string, std::string> values_of(const std::vector<EnvVar>& variables) {
  std::map<std::string, std::string> values;
  for (const auto& variable : variables)
    if (variable.value) values[variable.name] = *variable.value;
  return values;
}

// Why one alternative does not fit on the cluster; empty when it does.
std::string misfit(const ResourceRequest& request, const ClusterRecord& cluster) {
  const auto& offer = cluster.placement.offer;
  if (request.cloud && *request.cloud != offer.cloud)
    return fmt::format("it asks for {}, the cluster is on {}", *request.cloud, offer.cloud);
  if (request.region && *request.region != offer.region)
    return fmt::format("it asks for region {}, the cluster is in {}", *request.region, offer.region);
  if (request.instance_type && *request.instance_type != offer.instance_type)
    return fmt::format("it asks for {}, the cluster has {}", *request.instance_type, offer.instance_type);
  if (request.cpus && request.cpus->value > offer.vcpus)
    return fmt::format("it asks for {:g} vCPUs, each node has {:g}", request.cpus->value, offer.vcpus);
  if (request.memory) {
    const double gib = request.memory->per_cpu ? request.memory->amount.value * (request.cpus ? request.cpus->value : offer.vcpus)
                                               : request.memory->amount.value;
    if (gib > offer.memory_gib) return fmt::format("it asks for {:g} GiB of memory, each node has {:g}", gib, offer.memory_gib);
  }
  if (request.accelerator) {
    const bool named = request.accelerator->name.empty() || to_lower(request.accelerator->name) == to_lower(offer.accelerator);
    if (!named || request.accelerator->count > offer.accelerator_count)
      return fmt::format("it asks for {}:{:g}, each node has {}", request.accelerator->name, request.accelerator->count,
                         offer.accelerator.empty() ? "no accelerator" : fmt::format("{}:{:g}", offer.accelerator, offer.accelerator_count));
  }
  return "";
}

double gpus_of(const Task& task, const ClusterRecord& cluster) {
  for (const auto& alternative : task.resources.alternatives)
    if (alternative.accelerator && misfit(alternative, cluster).empty()) return alternative.accelerator->count;
  return 0;
}

}  // namespace

Result<std::vector<std::pair<std::string, LocalTree>>> scan_sources(const Task& task, const fs::path& git_cache) {
  std::vector<std::pair<std::string, LocalTree>> trees;
  const auto scan = [&](const std::string& field, const std::string& path, const std::string& destination) -> Status {
    auto tree = scan_tree(expand_home(path));
    if (!tree.ok()) return invalid(fmt::format("{}: {}", field, tree.error().message()));
    if (field == "workdir" && !tree->entries.empty() && tree->entries[0].kind != EntryKind::kFolder)
      return invalid(fmt::format("workdir: {} is not a folder", path));
    trees.emplace_back(destination, std::move(tree).value());
    return {};
  };
  if (task.workdir && !task.workdir->path.empty()) TRY(scan("workdir", task.workdir->path, "~/sky_workdir"));
  if (task.workdir && !task.workdir->git_url.empty()) {
    TRY_ASSIGN(const auto checkout, check_out(task.workdir->git_url, task.workdir->git_ref, git_cache).context("workdir"));
    TRY_ASSIGN(auto tree, scan_tree(checkout.folder, IgnoreFiles::kPass));
    trees.emplace_back("~/sky_workdir", std::move(tree));
  }
  for (const auto& mount : task.file_mounts)
    if (!mount.is_bucket()) TRY(scan("file_mounts." + mount.destination, mount.local_source, mount.destination));
  return trees;
}

Status check_fits(const Task& task, const ClusterRecord& cluster) {
  if (task.num_nodes > cluster.num_nodes)
    return invalid(fmt::format("the task does not fit on cluster '{}': it asks for {} nodes, the cluster has {}; use another cluster name",
                               cluster.name, task.num_nodes, cluster.num_nodes));
  for (const auto& volume : task.volumes)
    if (std::find(cluster.volumes.begin(), cluster.volumes.end(), volume) == cluster.volumes.end())
      return invalid(
          fmt::format("cluster '{0}' was made without volume {1} at {2}, and its nodes cannot get it any more; use another cluster "
                      "name, or `isobar down {0}` first",
                      cluster.name, volume.name.empty() ? "(one of its own)" : "'" + volume.name + "'", volume.path));
  std::string why;
  for (const auto& alternative : task.resources.alternatives) {
    const std::string reason = misfit(alternative, cluster);
    if (reason.empty()) return {};
    if (why.empty()) why = reason;
  }
  return invalid(fmt::format("the task does not fit on cluster '{}': {}; use another cluster name, or `isobar down {}` first", cluster.name,
                             why, cluster.name));
}

std::string describe_resources(const Placement& placement, int num_nodes) {
  const auto& offer = placement.offer;
  std::string what = fmt::format("CPU:{:g}", offer.vcpus);
  if (!offer.accelerator.empty()) what += fmt::format(", {}:{:g}", offer.accelerator, offer.accelerator_count);
  return fmt::format("{}x[{}{}]", num_nodes, placement.use_spot ? "spot, " : "", what);
}

JobSpec job_spec(const JobOrder& order, const ClusterRecord& cluster) {
  const Task& task = *order.task;
  JobSpec spec;
  spec.name = order.name;
  spec.user = order.user;
  spec.num_nodes = task.num_nodes;
  // A node may be a share of a machine that is smaller than what a job takes elsewhere.
  if (cluster.placement.offer.vcpus > 0) spec.cpus = std::min(spec.cpus, cluster.placement.offer.vcpus);
  spec.gpus = gpus_of(task, cluster);
  if (order.with_setup) spec.setup = task.setup;
  if (!order.fetch.empty()) {
    spec.setup_secrets = order.fetch;
    spec.setup = std::string(kFetchFirst) + spec.setup;
  }
  spec.run = task.run;
  spec.envs = values_of(task.envs);
  spec.secrets = values_of(task.secrets);
  spec.resources = fmt::format("{}x[CPU:{:g}{}]", task.num_nodes, spec.cpus,
                               spec.gpus > 0 ? fmt::format(", {}:{:g}", cluster.placement.offer.accelerator, spec.gpus) : "");
  spec.token = order.token;
  const auto& choices = task.resources.alternatives;
  spec.again_when_node_lost = cluster.mend.allowed && cluster.num_nodes > 1 &&
                              std::any_of(choices.begin(), choices.end(),
                                          [](const auto& each) { return each.job_recovery && each.job_recovery->replace_lost_nodes; });
  return spec;
}

}  // namespace isobar::broker
