#pragma once

/// What a task asks of one node, as typed values. A task file's `resources` section becomes a `ResourceChoice`: one or
/// more complete alternatives, already merged with the outer fields, in the order they were written.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ports.h"
#include "base/time.h"

namespace isobar::broker {

/// "4" asks for exactly 4, "4+" for at least 4.
struct Amount {
  double value = 0;
  bool at_least = false;
  friend bool operator==(const Amount&, const Amount&) = default;
};

/// "16" and "16+" in GiB, or "4x" / "4x+": GiB for each vCPU.
struct MemoryRequest {
  Amount amount;
  bool per_cpu = false;
  friend bool operator==(const MemoryRequest&, const MemoryRequest&) = default;
};

/// One kind of accelerator and its count for each node.
struct AcceleratorRequest {
  /// As written until it is matched against the catalog ("a100" finds A100). Empty when asked for by memory.
  std::string name;
  double count = 1;
  /// "16GB+" in place of a name: any accelerator with that much memory each, in GiB.
  std::optional<Amount> memory_gib;
  friend bool operator==(const AcceleratorRequest&, const AcceleratorRequest&) = default;
};

enum class DiskTier { kLow, kMedium, kHigh, kUltra, kBest };
enum class NetworkTier { kStandard, kBest };

/// Instance storage (not the boot disk). mode empty: nvme or ssd alike.
struct LocalDisk {
  std::string mode;
  Amount size_gb{100, true};
  friend bool operator==(const LocalDisk&, const LocalDisk&) = default;
};

enum class IdleWait { kJobsAndSsh, kJobs, kNone };

struct Autostop {
  Duration idle = std::chrono::minutes(5);
  bool down = false;
  IdleWait wait_for = IdleWait::kJobsAndSsh;
  friend bool operator==(const Autostop&, const Autostop&) = default;
};

struct JobRecovery {
  std::string strategy = "EAGER_NEXT_REGION";
  int restarts_on_errors_max = 0;
  std::vector<int> recover_on_exit_codes;
  /// A lost node of a gang may be replaced alone, beside those that run. Of clusters; the other fields are of managed jobs.
  bool replace_lost_nodes = false;
  bool is_of_managed_jobs = true;  ///< anything else was said
  friend bool operator==(const JobRecovery&, const JobRecovery&) = default;
};

struct VmVolume {
  std::string name, path, disk_tier, storage_type, attach_mode;
  std::optional<std::uint64_t> disk_size_gb;
  bool auto_delete = false;
  friend bool operator==(const VmVolume&, const VmVolume&) = default;
};

/// One complete alternative. Unset means "any" unless the field says otherwise.
struct ResourceRequest {
  std::optional<std::string> cloud, region, zone;
  std::optional<AcceleratorRequest> accelerator;
  std::map<std::string, std::string> accelerator_args;
  std::optional<Amount> cpus;
  std::optional<MemoryRequest> memory;
  std::optional<std::string> instance_type;
  bool use_spot = false;
  std::optional<std::uint64_t> disk_size_gb;  ///< unset: 256
  std::optional<DiskTier> disk_tier;          ///< unset: medium
  std::optional<LocalDisk> local_disk;
  std::optional<NetworkTier> network_tier;  ///< unset: standard
  std::optional<double> hourly_cost_max;    ///< $ for each node and hour, at the spot or on-demand price in use
  std::vector<PortRange> ports;
  std::optional<std::string> image_id;               ///< one image for every region …
  std::map<std::string, std::string> region_images;  ///< … or one by region, which restricts regions to its keys
  std::map<std::string, std::string> labels;
  std::optional<Autostop> autostop;
  std::optional<JobRecovery> job_recovery;
  std::optional<int> priority;
  std::optional<std::string> priority_class;
  std::vector<VmVolume> volumes;
  std::optional<std::uint64_t> ephemeral_storage_gb;
  friend bool operator==(const ResourceRequest&, const ResourceRequest&) = default;
};

enum class Preference {
  kAny,      ///< `any_of`, accelerator sets: the best of all alternatives pooled
  kOrdered,  ///< `ordered`, accelerator lists: the first alternative that has an offer
};

struct ResourceChoice {
  std::vector<ResourceRequest> alternatives{ResourceRequest{}};  ///< never empty
  Preference preference = Preference::kAny;
  friend bool operator==(const ResourceChoice&, const ResourceChoice&) = default;
};

/// "aws/us-east-1", "2x A100, 8+ vCPUs, spot": the request in one line, for messages.
std::string describe(const ResourceRequest& request);

}  // namespace isobar::broker
