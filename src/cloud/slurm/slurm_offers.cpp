#include "slurm_offers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "base/text.h"

namespace isobar::cloud {

namespace {

double gib(std::uint64_t mib) { return std::floor(static_cast<double>(mib) / 1024 * 10) / 10; }

/// The accelerators of a node that has one type of them; Slurm gives a job one type, so a node with several has several kinds.
std::vector<SlurmShape> kinds_of(const SlurmNode& node) {
  std::vector<SlurmShape> kinds;
  for (const SlurmGres& gres : node.gres)
    if (gres.kind == "gpu" && gres.count > 0) kinds.push_back({node.cpus, node.memory_mib, gres.type, gres.count});
  if (kinds.empty()) kinds.push_back({node.cpus, node.memory_mib, "", 0});
  return kinds;
}

/// The whole and its halves: by accelerators where there are any, else by processors.
std::vector<SlurmShape> shares_of(const SlurmShape& whole) {
  std::vector<SlurmShape> shares{whole};
  const int units = whole.gpus > 0 ? whole.gpus : whole.cpus;
  int largest = 1;
  while (largest * 2 < units) largest *= 2;
  for (int part = largest; part >= 1 && part < units; part /= 2) {
    const auto of = [&](std::uint64_t all) { return all * static_cast<std::uint64_t>(part) / static_cast<std::uint64_t>(units); };
    const SlurmShape share{static_cast<int>(of(static_cast<std::uint64_t>(whole.cpus))), of(whole.memory_mib), whole.gpu_type,
                           whole.gpus > 0 ? part : 0};
    if (share.cpus >= 1 && share.memory_mib >= 1) shares.push_back(share);
  }
  return shares;
}

std::string instance_type_of(const SlurmShape& shape) {
  std::string type = fmt::format("{}cpu-{:g}gb", shape.cpus, gib(shape.memory_mib));
  if (shape.gpus > 0) type += fmt::format("-{}x{}", shape.gpu_type.empty() ? "gpu" : to_lower(shape.gpu_type), shape.gpus);
  return type;
}

Offer offer_of(std::string_view cluster, const SlurmPartition& partition, const SlurmShape& shape, const SlurmPrices& prices,
               const GpuNames& names) {
  Offer offer;
  offer.cloud = "slurm";
  offer.region = cluster;
  offer.zone = partition.name;
  offer.instance_type = instance_type_of(shape);
  offer.vcpus = shape.cpus;
  offer.memory_gib = gib(shape.memory_mib);
  if (shape.gpus > 0) offer.accelerator = accelerator_name(shape.gpu_type, names);
  offer.accelerator_count = shape.gpus;
  offer.hourly_price = prices.vcpu * shape.cpus + prices.memory_gib * offer.memory_gib + prices.gpu * shape.gpus;
  return offer;
}

int gpus_of(const SlurmNode& node, std::string_view type, bool free) {
  int count = 0;
  for (const SlurmGres& gres : node.gres)
    if (gres.kind == "gpu" && (type.empty() || gres.type == type)) count += free ? std::max(0, gres.count - gres.used) : gres.count;
  return count;
}

/// How often a shape fits into one node, all of it or what is free now.
int fits(const SlurmShape& shape, const SlurmNode& node, const SlurmPartition& partition, bool free) {
  if (free ? !node.takes_jobs() : !node.exists()) return 0;
  const std::uint64_t memory = free ? node.memory_mib - std::min(node.memory_mib, node.memory_mib_allocated) : node.memory_mib;
  const int cpus = free ? std::max(0, node.cpus - node.cpus_allocated) : node.cpus;
  int times = shape.cpus > 0 ? cpus / shape.cpus : std::numeric_limits<int>::max();
  if (shape.memory_mib > 0) times = static_cast<int>(std::min<std::uint64_t>(static_cast<std::uint64_t>(times), memory / shape.memory_mib));
  if (shape.gpus > 0) times = std::min(times, gpus_of(node, shape.gpu_type, free) / shape.gpus);
  if (partition.whole_nodes) times = free && node.cpus_allocated > 0 ? 0 : std::min(times, 1);
  return times;
}

Error no_such_partition(const SlurmInventory& inventory, std::string_view name) {
  std::vector<std::string> names;
  for (const SlurmPartition& partition : inventory.partitions) names.push_back(partition.name);
  const auto meant = closest(name, names);
  return invalid(fmt::format("there is no partition {}; {}", name,
                             meant           ? "did you mean " + *meant + "?"
                             : names.empty() ? "the cluster shows you none"
                                             : "there are " + join(names, ", ")));
}

}  // namespace

std::string describe(const SlurmRoom& room) { return fmt::format("{} of {} free", room.free, room.total); }

std::vector<SlurmOffer> slurm_offers(std::string_view cluster, const SlurmInventory& inventory, const SlurmPrices& prices,
                                     const GpuNames& names) {
  std::vector<SlurmOffer> offers;
  for (const SlurmPartition& partition : inventory.partitions) {
    if (!partition.up()) continue;
    std::map<std::string, SlurmShape> shapes;  // by instance type: the least of those that go by one name
    for (const SlurmNode* node : inventory.nodes_of(partition)) {
      if (!node->exists() || node->cpus < 1) continue;
      for (const SlurmShape& kind : kinds_of(*node))
        for (const SlurmShape& share : partition.whole_nodes ? std::vector{kind} : shares_of(kind)) {
          const auto [at, fresh] = shapes.emplace(instance_type_of(share), share);
          if (!fresh) at->second.memory_mib = std::min(at->second.memory_mib, share.memory_mib);
        }
    }
    std::vector<SlurmOffer> here;
    for (const auto& [type, shape] : shapes)
      here.push_back({offer_of(cluster, partition, shape, prices, names), shape, room_for(shape, inventory, partition)});
    std::sort(here.begin(), here.end(), [](const SlurmOffer& a, const SlurmOffer& b) {
      return std::tie(b.shape.gpus, b.shape.cpus, b.shape.memory_mib, a.offer.instance_type) <
             std::tie(a.shape.gpus, a.shape.cpus, a.shape.memory_mib, b.offer.instance_type);
    });
    std::move(here.begin(), here.end(), std::back_inserter(offers));
  }
  return offers;
}

std::optional<SlurmOffer> find_offer(const std::vector<SlurmOffer>& offers, std::string_view partition, std::string_view instance_type) {
  for (const SlurmOffer& offer : offers)
    if (offer.offer.zone == partition && offer.offer.instance_type == instance_type) return offer;
  return std::nullopt;
}

SlurmRoom room_for(const SlurmShape& shape, const SlurmInventory& inventory, const SlurmPartition& partition) {
  SlurmRoom room;
  for (const SlurmNode* node : inventory.nodes_of(partition)) {
    room.free += fits(shape, *node, partition, true);
    room.total += fits(shape, *node, partition, false);
  }
  return room;
}

Status could_ever_run(const SlurmShape& shape, int nodes, std::optional<Duration> time_limit, const SlurmInventory& inventory,
                      std::string_view partition_name) {
  const SlurmPartition* partition = inventory.partition(partition_name);
  if (!partition) return no_such_partition(inventory, partition_name);
  if (!partition->up()) return unavailable(fmt::format("partition {} is closed (Slurm: {})", partition->name, partition->state));
  if (time_limit && partition->time_limit && *time_limit > *partition->time_limit)
    return invalid(fmt::format("partition {} gives a job at most {}, and {} is asked for; ask for less", partition->name,
                               format_slurm_span(*partition->time_limit), format_slurm_span(*time_limit)));
  if (partition->nodes_max && nodes > *partition->nodes_max)
    return Error(Code::kExhausted, fmt::format("partition {} gives a job at most {} nodes, and {} are asked for", partition->name,
                                               *partition->nodes_max, nodes));
  // Each node of a job is another machine, so machines are counted, not how often the shape fits into them.
  int able = 0;
  for (const SlurmNode* node : inventory.nodes_of(*partition)) able += fits(shape, *node, *partition, false) > 0 ? 1 : 0;
  if (able >= nodes) return {};
  return Error(Code::kExhausted, fmt::format("partition {} has {} nodes with {} each, and {} are asked for", partition->name, able,
                                             instance_type_of(shape), nodes));
}

}  // namespace isobar::cloud
