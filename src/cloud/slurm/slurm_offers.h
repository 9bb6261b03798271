#pragma once

/// A Slurm cluster as a market: cloud "slurm", the cluster is the region, a partition the zone, and a type of machine is a share of a
/// kind of node.
///
/// Slurm shares nodes out, so of a node with 64 processors and 8 accelerators one can have all, a half, a quarter … and each is an
/// offer; whoever asks for one accelerator does not get eight. Where a partition gives whole nodes only, whole nodes are offered.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/gpu_names.h"
#include "cloud/offer.h"
#include "slurm_inventory.h"

namespace isobar::cloud {

/// What a job takes of each of its nodes.
struct SlurmShape {
  int cpus = 0;
  std::uint64_t memory_mib = 0;
  std::string gpu_type;  ///< as gres names it
  int gpus = 0;
  friend auto operator<=>(const SlurmShape&, const SlurmShape&) = default;
};

/// How often a shape fits into a partition: now, and when nothing else runs there.
struct SlurmRoom {
  int free = 0, total = 0;
  friend bool operator==(const SlurmRoom&, const SlurmRoom&) = default;
};
/// "3 of 8 free"
std::string describe(const SlurmRoom& room);

struct SlurmOffer {
  Offer offer;
  SlurmShape shape;
  SlurmRoom room;
};

/// $ an hour of one of each; all 0: the cluster costs nothing, or nobody says what.
struct SlurmPrices {
  double vcpu = 0, memory_gib = 0, gpu = 0;
};

/// All partitions that take jobs, each with the shares of its kinds of nodes, largest first. Instance types are named for what they
/// hold: "16cpu-64gb-a100x4", with the gres type, so that two kinds that the catalog calls the same stay apart.
std::vector<SlurmOffer> slurm_offers(std::string_view cluster, const SlurmInventory& inventory, const SlurmPrices& prices = {},
                                     const GpuNames& names = {});

/// The offer for an instance type in a partition; none: the cluster has changed.
std::optional<SlurmOffer> find_offer(const std::vector<SlurmOffer>& offers, std::string_view partition, std::string_view instance_type);

/// The room for a shape, each free part of a node counted once.
SlurmRoom room_for(const SlurmShape& shape, const SlurmInventory& inventory, const SlurmPartition& partition);

/// Whether the partition could ever run `nodes` nodes of this shape at once for that long: asked before a job is made, as Slurm takes
/// many that can never start and lets them wait.
/// Errors   kExhausted: no, and what it has; kInvalidArgument: no such partition (with the nearest) or a time limit beyond its own;
///          kUnavailable: it is closed
Status could_ever_run(const SlurmShape& shape, int nodes, std::optional<Duration> time_limit, const SlurmInventory& inventory,
                      std::string_view partition);

}  // namespace isobar::cloud
