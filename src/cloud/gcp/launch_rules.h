#pragma once

/// What a launch on Compute Engine takes that its offer does not say: disks, GPUs, images, quotas, names. Pure.
/// Source   Compute Engine documentation: GPU machine types, Hyperdisk, OS images, allocation quotas

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/cloud_machine.h"

namespace isobar::cloud::gcp {

/// "us-central1-a" → "us-central1"
std::string region_of(const std::string& zone);

/// "pd-balanced", or "hyperdisk-balanced" for the families that take nothing else.
std::string disk_type_of(std::string_view machine_type);

/// "nvidia-tesla-t4": a GPU that is attached to an n1 machine. Empty: none, or it comes with the type of machine.
std::string attached_gpu(const Offer& offer);

/// Where an image is looked for: families or images, "projects/ubuntu-os-cloud/global/images/family/ubuntu-2204-lts", in the order in
/// which they are tried, as publishers retire families.
/// name      an alias, or "projects/PROJECT/global/images/…"; empty: Ubuntu 22.04, with NVIDIA's driver for GPUs
/// Errors    kInvalidArgument: no such alias (the message names the nearest), or none of it for the architecture
Result<std::vector<std::string>> image_candidates(std::string_view name, const Offer& offer);

/// A quota of a region or of the project.
struct Quota {
  std::string metric;  ///< "NVIDIA_T4_GPUS"
  double limit = 0, usage = 0;
};
/// A quota that cannot hold an order.
struct ShortQuota {
  Quota quota;
  double wanted = 0;
};
/// Which of the quotas cannot hold the order's GPUs or its vCPUs; none: all can, or it is not known.
/// regional, global   as the region's and the project's own documents list them
/// Source   cloud.google.com/compute/resource-usage: which machines count against which; spot machines count against the quotas of
///          preemptible ones where a project was given any
std::optional<ShortQuota> short_quota(const CreateOrder& order, const std::vector<Quota>& regional, const std::vector<Quota>& global);

/// "isobar-train-1a2b3c4d5e6f-0": a name for the machine of a rank that no other order has, of at most 63 characters.
std::string machine_name(const std::string& cluster, const std::string& owner, const std::string& token, int rank);

/// Errors   kInvalidArgument: what Compute Engine does not take (the message names it)
Status check_order(const CreateOrder& order);

}  // namespace isobar::cloud::gcp
