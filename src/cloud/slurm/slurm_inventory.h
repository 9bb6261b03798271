#pragma once

/// What one cluster has: its partitions and nodes, and what of them is free, as `scontrol -d show node -o` and `scontrol show
/// partition -o` tell it.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "slurm_fields.h"

namespace isobar::cloud {

struct SlurmNode {
  std::string name;
  std::string address;               ///< NodeAddr: a host name or an IP
  std::string state;                 ///< as Slurm words it: "IDLE", "MIXED+DRAIN", "DOWN*+CLOUD"
  std::string reason;                ///< why it is drained or down, in its operator's words; empty otherwise
  int cpus = 0, cpus_allocated = 0;  ///< without those set aside for the system
  std::uint64_t memory_mib = 0, memory_mib_allocated = 0;
  std::vector<SlurmGres> gres;
  std::vector<std::string> features, partitions;

  /// Jobs may start on it now: neither down, drained, failing, reserved nor in maintenance. One that sleeps to save power counts.
  bool takes_jobs() const;
  /// It is part of the cluster, if not now. Not so for FUTURE nodes and those whose hardware is less than configured.
  bool exists() const;
};

struct SlurmPartition {
  std::string name;
  std::string state;  ///< "UP", "DOWN", "DRAIN" or "INACTIVE"
  bool is_default = false;
  bool whole_nodes = false;                          ///< OverSubscribe=EXCLUSIVE: a job gets whole nodes, whatever it asks for
  std::optional<Duration> time_limit, default_time;  ///< none: unlimited; and none set
  std::optional<int> nodes_max;                      ///< for one job; none: unlimited
  std::string allowed_accounts, allowed_qos;         ///< empty: all
  std::vector<std::string> nodes;

  bool up() const { return state == "UP"; }
};

struct SlurmInventory {
  std::string version;                     ///< "22.05.8"
  std::vector<SlurmPartition> partitions;  ///< in Slurm's order
  std::vector<SlurmNode> nodes;

  const SlurmPartition* partition(std::string_view name) const;
  const SlurmPartition* default_partition() const;
  /// The nodes of a partition, in the order of `nodes`.
  std::vector<const SlurmNode*> nodes_of(const SlurmPartition& partition) const;
};

/// "slurm 23.11.4" or "slurm-wlm 22.05.8" → "23.11.4".
/// Errors   kInvalidArgument: no such line
Result<std::string> parse_slurm_version(std::string_view text);
std::vector<SlurmNode> parse_nodes(std::string_view scontrol_show_node);
/// Errors   kInvalidArgument: a list of nodes that is none
Result<std::vector<SlurmPartition>> parse_partitions(std::string_view scontrol_show_partition);

}  // namespace isobar::cloud
