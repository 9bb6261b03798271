#include "launch_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cloud/json_fields.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::cloud::gcp {

namespace {

constexpr std::size_t kLabelsMost = 40, kLabelBytesMost = 63, kSlugMost = 30;

struct Alias {
  std::string_view name, x86, arm;  // families; several in the order of preference, divided by blanks; empty: none
};
constexpr std::array kAliases = {
    Alias{"ubuntu-22.04", "ubuntu-os-cloud/ubuntu-2204-lts", "ubuntu-os-cloud/ubuntu-2204-lts-arm64"},
    Alias{"ubuntu-24.04", "ubuntu-os-cloud/ubuntu-2404-lts-amd64", "ubuntu-os-cloud/ubuntu-2404-lts-arm64"},
    Alias{"debian-12", "debian-cloud/debian-12", "debian-cloud/debian-12-arm64"},
    Alias{"debian-13", "debian-cloud/debian-13", "debian-cloud/debian-13-arm64"},
    Alias{"gpu-ubuntu-22.04",
          "deeplearning-platform-release/common-cu129-ubuntu-2204-nvidia-580 "
          "deeplearning-platform-release/common-cu128-ubuntu-2204-nvidia-570 "
          "ubuntu-os-accelerator-images/ubuntu-accelerator-2204-amd64-with-nvidia-580 "
          "ubuntu-os-accelerator-images/ubuntu-accelerator-2204-amd64-with-nvidia-570",
          ""},
    Alias{"gpu-ubuntu-24.04",
          "ubuntu-os-accelerator-images/ubuntu-accelerator-2404-amd64-with-nvidia-580 "
          "ubuntu-os-accelerator-images/ubuntu-accelerator-2404-amd64-with-nvidia-570",
          ""},
};

bool is_image_path(std::string_view name) {
  const auto parts = split(name, '/');
  const bool shaped = (parts.size() == 5 || (parts.size() == 6 && parts[4] == "family")) && parts[0] == "projects" &&
                      parts[2] == "global" && parts[3] == "images";
  return shaped && std::all_of(parts.begin(), parts.end(), [](std::string_view part) { return is_plain_name(part); });
}

bool is_label(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return text.size() <= kLabelBytesMost && std::all_of(text.begin(), text.end(), fits);
}

Status check_label(const std::string& key, const std::string& value) {
  if (key.empty() || key[0] < 'a' || key[0] > 'z' || !is_label(key) || !is_label(value))
    return invalid(fmt::format("the label '{}': Google Cloud takes keys and values of at most {} lower-case letters, digits, - and _", key,
                               kLabelBytesMost));
  if (key.starts_with("isobar-")) return invalid(fmt::format("the label '{}' belongs to isobar; choose another key", key));
  return {};
}

/// The metric under which GPUs are counted: "NVIDIA_A100_80GB_GPUS".
std::string gpu_metric(const std::string& accelerator) {
  static const std::map<std::string, std::string> kMetrics = {{"K80", "NVIDIA_K80_GPUS"},   {"P100", "NVIDIA_P100_GPUS"},
                                                              {"P4", "NVIDIA_P4_GPUS"},     {"T4", "NVIDIA_T4_GPUS"},
                                                              {"V100", "NVIDIA_V100_GPUS"}, {"A100", "NVIDIA_A100_GPUS"},
                                                              {"L4", "NVIDIA_L4_GPUS"},     {"A100-80GB", "NVIDIA_A100_80GB_GPUS"},
                                                              {"H100", "NVIDIA_H100_GPUS"}, {"H100-MEGA", "NVIDIA_H100_MEGA_GPUS"},
                                                              {"H200", "NVIDIA_H200_GPUS"}, {"B200", "NVIDIA_B200_GPUS"}};
  const auto metric = kMetrics.find(accelerator);
  return metric == kMetrics.end() ? std::string() : metric->second;
}

const Quota* quota_of(const std::vector<Quota>& quotas, const std::string& metric) {
  const auto found = std::find_if(quotas.begin(), quotas.end(), [&](const Quota& quota) { return quota.metric == metric; });
  return found == quotas.end() ? nullptr : &*found;
}

std::optional<ShortQuota> short_of(const Quota* quota, double wanted) {
  if (quota == nullptr || wanted <= 0 || quota->limit - quota->usage >= wanted) return std::nullopt;
  return ShortQuota{*quota, wanted};
}

/// The regional quota of a machine's vCPUs: of its series where that has one of its own ("N2_CPUS"), else the one that the first series
/// share. Of others none is known.
const Quota* cpu_quota(const CreateOrder& order, const std::vector<Quota>& regional) {
  if (order.use_spot)
    if (const Quota* preemptible = quota_of(regional, "PREEMPTIBLE_CPUS"); preemptible != nullptr && preemptible->limit > 0)
      return preemptible;
  const std::string series = order.offer.instance_type.substr(0, order.offer.instance_type.find('-'));
  std::string metric;
  for (const char c : series) metric += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (const Quota* own = quota_of(regional, metric + "_CPUS")) return own;
  const bool shares = series == "n1" || series == "e2" || series == "f1" || series == "g1";
  return shares ? quota_of(regional, "CPUS") : nullptr;
}

}  // namespace

std::string region_of(const std::string& zone) { return zone.substr(0, zone.rfind('-')); }

std::string disk_type_of(std::string_view machine_type) {
  for (const std::string_view family : {"c4-", "c4a-", "c4d-", "n4-", "n4a-", "n4d-", "a3-ultragpu-", "a4-", "a4x-", "m4-", "x4-", "h4d-"})
    if (machine_type.starts_with(family)) return "hyperdisk-balanced";
  return "pd-balanced";
}

std::string attached_gpu(const Offer& offer) {
  if (offer.accelerator.empty() || !offer.instance_type.starts_with("n1-")) return "";
  return "nvidia-tesla-" + to_lower(offer.accelerator);
}

Result<std::vector<std::string>> image_candidates(std::string_view name, const Offer& offer) {
  if (is_image_path(name)) return std::vector<std::string>{std::string(name)};
  if (name.empty()) name = offer.accelerator.empty() ? "ubuntu-22.04" : "gpu-ubuntu-22.04";
  const auto alias = std::find_if(kAliases.begin(), kAliases.end(), [&](const Alias& each) { return each.name == name; });
  if (alias == kAliases.end()) {
    std::vector<std::string> names;
    for (const Alias& each : kAliases) names.emplace_back(each.name);
    const auto near = closest(name, names);
    return invalid(fmt::format("'{}' is no image of gcp{}; there are {}, and projects/PROJECT/global/images/…", name.substr(0, 100),
                               near ? fmt::format("; did you mean '{}'?", *near) : "", join(names, ", ")));
  }
  std::vector<std::string> candidates;
  for (const auto family : split(offer.architecture == "arm64" ? alias->arm : alias->x86, ' ')) {
    const auto slash = family.find('/');
    if (slash != family.npos)
      candidates.push_back(fmt::format("projects/{}/global/images/family/{}", family.substr(0, slash), family.substr(slash + 1)));
  }
  if (candidates.empty()) return invalid(fmt::format("there is no image {} for {}; name another one", name, offer.architecture));
  return candidates;
}

std::optional<ShortQuota> short_quota(const CreateOrder& order, const std::vector<Quota>& regional, const std::vector<Quota>& global) {
  // Of a replacement one machine is missing at the least; the others are counted as used.
  const int machines = order.generation == 0 ? order.count : 1;
  const double cpus = order.offer.vcpus * machines, gpus = order.offer.accelerator_count * machines;
  const std::string metric = gpu_metric(order.offer.accelerator);
  if (!metric.empty()) {
    if (auto quota = short_of(quota_of(regional, (order.use_spot ? "PREEMPTIBLE_" : "") + metric), gpus)) return quota;
    if (auto quota = short_of(quota_of(global, "GPUS_ALL_REGIONS"), gpus)) return quota;
  }
  if (auto quota = short_of(cpu_quota(order, regional), cpus)) return quota;
  return short_of(quota_of(global, "CPUS_ALL_REGIONS"), cpus);
}

std::string machine_name(const std::string& cluster, const std::string& owner, const std::string& token, int rank) {
  std::string slug;
  for (const char c : to_lower(cluster)) slug += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  return fmt::format("isobar-{}-{}-{}", slug.substr(0, kSlugMost), crypto::to_hex(crypto::sha256(owner + "\n" + token)).substr(0, 12),
                     rank);
}

Status check_order(const CreateOrder& order) {
  if (order.cluster.empty() || order.cluster.size() > 200 || !is_utf8(order.cluster))
    return invalid(fmt::format("'{}' cannot name a cluster on gcp", order.cluster));
  if (order.token.empty() || order.token.size() > 200) return invalid("an order to gcp needs a token of at most 200 characters");
  if (!is_plain_name(order.offer.zone) || order.offer.zone.find('-') == std::string::npos)
    return invalid(fmt::format("'{}' is no zone of gcp", order.offer.zone));
  if (!is_plain_name(order.offer.instance_type)) return invalid(fmt::format("'{}' is no type of machine", order.offer.instance_type));
  if (order.offer.accelerator.starts_with("tpu-") || order.offer.instance_type == "TPU-VM")
    return invalid("TPUs are planned with, and not launched by this version");
  if (order.count < 1 || order.count > kNodesMost)
    return invalid(fmt::format("a cluster on gcp has 1 to {} nodes, not {}", kNodesMost, order.count));
  if (order.labels.size() > kLabelsMost) return invalid(fmt::format("{} labels; gcp takes at most {}", order.labels.size(), kLabelsMost));
  for (const auto& [key, value] : order.labels) TRY(check_label(key, value));
  TRY(image_candidates(order.image, order.offer));
  return {};
}

}  // namespace isobar::cloud::gcp
