#include "market.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.h"

namespace isobar::app {

namespace {

bool asks_for(const broker::ResourceChoice* choice, const std::string& cloud) {
  return !choice || std::any_of(choice->alternatives.begin(), choice->alternatives.end(),
                                [&](const auto& each) { return !each.cloud || *each.cloud == cloud; });
}

}  // namespace

Result<broker::Market> open_market(Context& context, Reach reach, const broker::ResourceChoice* choice) {
  broker::Market market;
  // A context of Kubernetes that the task names is used though it is not among those that tasks run in which name none.
  if (choice)
    for (const auto& each : choice->alternatives)
      if (each.cloud == "kubernetes" && each.region) context.kubernetes().also_offer(*each.region);
  TRY_ASSIGN(market.catalog, context.catalog());
  if (reach == Reach::kCatalogClouds) market.disabled["local"] = "a rehearsal is about clouds that can fail";
  if (reach != Reach::kEnabledClouds) return market;
  for (const auto& section : market.catalog.sections()) {
    const std::string cloud(section.cloud);
    const auto driver = context.providers().find(cloud);
    if (driver == context.providers().end()) market.disabled[cloud] = "this version can price it, but has no driver to launch on it";
  }
  // All at once: some ask over a network.
  const std::vector<std::pair<std::string, cloud::Provider*>> drivers(context.providers().begin(), context.providers().end());
  std::vector<Status> usable(drivers.size());
  for_each_at_once(drivers.size(), drivers.size(), [&](std::size_t i) {
    usable[i] = asks_for(choice, drivers[i].first) ? drivers[i].second->check() : Status(invalid("the task asks for other clouds"));
  });
  for (std::size_t i = 0; i < drivers.size(); ++i)
    if (!usable[i].ok()) market.disabled[drivers[i].first] = usable[i].error().message();
  return market;
}

namespace {

constexpr double kCpusUsual = 8, kGibPerCpuUsual = 4;

/// What a node takes of a machine that others use, too: what was asked for. Who asks for nothing gets the usual, with GPUs the
/// CPUs and the memory that go with them, and never more than there is.
cloud::Offer share_of(cloud::Offer whole, const broker::ResourceRequest& request) {
  const double all_gpus = whole.accelerator_count;
  const double gpus = request.accelerator ? request.accelerator->count : 0;
  const double fraction = gpus > 0 && all_gpus > 0 ? gpus / all_gpus : 0;
  const double cpus = request.cpus ? request.cpus->value : fraction > 0 ? whole.vcpus * fraction : std::min(kCpusUsual, whole.vcpus);
  const double usual = fraction > 0 ? whole.memory_gib * fraction : std::min(cpus * kGibPerCpuUsual, whole.memory_gib * cpus / whole.vcpus);
  const double memory = !request.memory           ? usual
                        : request.memory->per_cpu ? request.memory->amount.value * cpus
                                                  : request.memory->amount.value;
  whole.vcpus = std::min(cpus, whole.vcpus);
  whole.memory_gib = std::min(memory, whole.memory_gib);
  whole.accelerator_count = gpus;
  if (gpus == 0) whole.accelerator.clear();
  return whole;
}

// "s3://bucket" lies on AWS: the cloud a URI's scheme belongs to; empty for others.
std::string cloud_of_uri(std::string_view uri) {
  static constexpr std::pair<std::string_view, const char*> kSchemes[] = {{"s3://", "aws"},      {"gs://", "gcp"},  {"gcs://", "gcp"},
                                                                          {"azure://", "azure"}, {"oci://", "oci"}, {"nebius://", "nebius"},
                                                                          {"cos://", "ibm"}};
  for (const auto& [scheme, cloud] : kSchemes)
    if (uri.starts_with(scheme)) return cloud;
  return uri.find(".blob.core.windows.net") != std::string_view::npos ? "azure" : "";
}

}  // namespace

std::vector<broker::TaskNode> task_nodes(const broker::TaskFile& file) {
  std::vector<broker::TaskNode> nodes;
  for (std::size_t i = 0; i < file.tasks.size(); ++i) {
    const auto& task = file.tasks[i];
    broker::TaskNode node;
    node.name = task.name.empty() ? (file.tasks.size() == 1 ? "task" : fmt::format("task {}", i + 1)) : task.name;
    node.resources = task.resources;
    node.num_nodes = task.num_nodes;
    if (task.inputs && !cloud_of_uri(task.inputs->uri).empty())
      node.input = broker::DataSource{cloud_of_uri(task.inputs->uri), task.inputs->gb};
    if (task.outputs) node.output_gb = task.outputs->gb;
    if (task.has_depends_on) {
      for (std::size_t parent = 0; parent < i; ++parent)
        if (std::find(task.depends_on.begin(), task.depends_on.end(), file.tasks[parent].name) != task.depends_on.end())
          node.parents.push_back(parent);
    } else if (i > 0 && file.execution == broker::Execution::kSerial) {
      node.parents.push_back(i - 1);
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Result<std::vector<broker::Placement>> ranked_placements(const broker::ResourceChoice& choice, const broker::Market& market) {
  std::vector<broker::ResourceChoice> groups;
  if (choice.preference == broker::Preference::kAny) groups.push_back(choice);
  else
    for (const auto& alternative : choice.alternatives) groups.push_back({{alternative}, broker::Preference::kAny});
  std::vector<broker::Placement> ranked;
  std::optional<Error> failure;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto& group = groups[i];
    const auto found = broker::find_candidates(group, market);
    if (!found.ok()) {
      failure = failure.value_or(found.error());
      continue;
    }
    for (const auto& candidate : found->ranked) {
      auto offer = candidate.offer();
      for (const auto zone : broker::zones_of(candidate, market.blocked)) {
        offer.zone = std::string(zone);
        if (offer.cloud == "ssh" || offer.cloud == "kubernetes")
          offer = share_of(std::move(offer), group.alternatives[candidate.alternative]);
        ranked.push_back({offer, candidate.use_spot, candidate.hourly_price, groups.size() == 1 ? candidate.alternative : i});
      }
    }
  }
  if (ranked.empty()) return *failure;
  return ranked;
}

broker::RecoveryStrategy recovery_strategy(const broker::Task& task) {
  for (const auto& alternative : task.resources.alternatives) {
    if (!alternative.job_recovery) continue;
    if (alternative.job_recovery->strategy == "FAILOVER") return broker::RecoveryStrategy::kFailover;
    if (alternative.job_recovery->strategy == "NONE") return broker::RecoveryStrategy::kNone;
  }
  return broker::RecoveryStrategy::kEagerNextRegion;
}

}  // namespace isobar::app
