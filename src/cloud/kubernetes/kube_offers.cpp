#include "kube_offers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/text.h"

namespace isobar::cloud {

namespace {

/// Who names the accelerators of a node, the surest first.
constexpr std::array<std::string_view, 6> kGpuLabels = {
    "skypilot.co/accelerator", "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name",
    "gpu.nvidia.com/class",    "nvidia.com/gpu.product",           "amd.com/gpu.product-name"};

struct SpotLabel {
  std::string_view key, value;
};
constexpr std::array kSpotLabels = {SpotLabel{"cloud.google.com/gke-spot", "true"}, SpotLabel{"eks.amazonaws.com/capacityType", "SPOT"},
                                    SpotLabel{"karpenter.sh/capacity-type", "spot"},
                                    SpotLabel{"kubernetes.azure.com/scalesetpriority", "spot"}};

constexpr double kSlack = 1e-6;
/// Of one node; what says more is no number of devices.
constexpr double kDevicesMost = 1 << 20;

bool is_gpu(std::string_view resource) { return resource.ends_with("/gpu") || resource.starts_with("gpu.intel.com/"); }

/// Taints that accelerators and spot machines are given, so that only who wants them gets there.
bool tolerated(const KubeTaint& taint, bool gpu, bool spot) {
  if (taint.effect != "NoSchedule" && taint.effect != "NoExecute") return true;
  if (gpu && is_gpu(taint.key)) return true;
  return spot && std::any_of(kSpotLabels.begin(), kSpotLabels.end(), [&](const SpotLabel& label) { return label.key == taint.key; });
}

bool takes(const KubeNode& node, const KubeShape& shape, bool spot, const GpuNames& names) {
  if (!node.ready || node.cordoned) return false;
  if (std::any_of(node.taints.begin(), node.taints.end(), [&](const KubeTaint& taint) { return !tolerated(taint, shape.gpus > 0, spot); }))
    return false;
  if (spot && !spot_label_of(node)) return false;
  const auto gpu = gpu_of(node, names);
  return shape.gpus == 0 || (gpu && gpu->name == shape.gpu);
}

struct Left {
  double cpus = 0, memory_gib = 0, gpus = 0, pods = 0;
};

/// What a node has left, with all pods on it or with those of DaemonSets alone.
Left left_on(const KubeNode& node, const KubeInventory& inventory, bool all_pods, const GpuNames& names) {
  const auto gpu = gpu_of(node, names);
  Left left{node.has.cpus, node.has.memory_gib, gpu ? gpu->count : 0.0, node.pods};
  for (const auto& pod : inventory.pods) {
    if (pod.node != node.name || pod.ended() || (!all_pods && !pod.of_daemon_set)) continue;
    left.cpus -= pod.requests.cpus;
    left.memory_gib -= pod.requests.memory_gib;
    left.pods -= 1;
    if (!gpu) continue;
    if (const auto held = pod.requests.devices.find(gpu->resource); held != pod.requests.devices.end()) left.gpus -= held->second;
  }
  return left;
}

int fits(const KubeShape& shape, const Left& left) {
  double times = left.pods;
  if (shape.cpus > 0) times = std::min(times, (left.cpus + kSlack) / shape.cpus);
  if (shape.memory_gib > 0) times = std::min(times, (left.memory_gib + kSlack) / shape.memory_gib);
  if (shape.gpus > 0) times = std::min(times, (left.gpus + kSlack) / shape.gpus);
  constexpr double kMost = 10'000;
  return static_cast<int>(std::clamp(std::floor(times), 0.0, kMost));
}

double round_down(double value, double step) { return std::floor(value / step + kSlack) * step; }
double tidy_cpus(double cpus) { return round_down(cpus, cpus >= 4 ? 0.5 : 0.1); }
double tidy_memory(double gib) { return round_down(gib, gib >= 8 ? 1 : 0.1); }

std::string instance_type_of(const KubeShape& shape) {
  auto type = fmt::format("{:g}CPU--{:g}GB", std::round(shape.cpus * 10) / 10, std::round(shape.memory_gib * 10) / 10);
  if (shape.gpus > 0) type += fmt::format("--{}:{}", shape.gpu, shape.gpus);
  return type;
}

/// Of clusters whose nodes may not be seen: more than any task asks for.
const KubeShape kAnyShape{128, 1024, {}, 0};

KubeOffer offer_of(const std::string& context, const KubeShape& shape, const std::string& architecture, bool plain, bool spot) {
  Offer offer{.cloud = "kubernetes", .region = context, .zone = {}, .instance_type = instance_type_of(shape)};
  offer.vcpus = shape.cpus;
  offer.memory_gib = shape.memory_gib;
  offer.accelerator = shape.gpu;
  offer.accelerator_count = shape.gpus;
  if (plain) offer.hourly_price = 0;
  if (spot) offer.hourly_spot_price = 0;
  offer.architecture = architecture == "arm64" ? "arm64" : "x86_64";
  return {std::move(offer), shape};
}

}  // namespace

std::optional<KubeGpu> gpu_of(const KubeNode& node, const GpuNames& names) {
  for (const auto& [resource, count] : node.has.devices) {
    if (!is_gpu(resource) || count < 1) continue;
    KubeGpu gpu{"GPU", resource, static_cast<int>(std::min(count, kDevicesMost)), std::nullopt};
    for (const auto key : kGpuLabels) {
      const auto label = node.labels.find(std::string(key));
      if (label == node.labels.end() || label->second.empty()) continue;
      gpu.name = accelerator_name(label->second, names);
      gpu.label = WantedLabel{label->first, {label->second}};
      break;
    }
    return gpu;
  }
  return std::nullopt;
}

std::optional<WantedLabel> spot_label_of(const KubeNode& node) {
  for (const auto& known : kSpotLabels) {
    const auto label = node.labels.find(std::string(known.key));
    if (label != node.labels.end() && label->second == known.value) return WantedLabel{label->first, {label->second}};
  }
  return std::nullopt;
}

std::vector<KubeOffer> kube_offers(const std::string& context, const KubeInventory& inventory, const GpuNames& names) {
  std::vector<KubeOffer> offers;
  const auto add = [&](KubeOffer made) {
    const auto same = std::find_if(offers.begin(), offers.end(),
                                   [&](const KubeOffer& each) { return each.offer.instance_type == made.offer.instance_type; });
    if (same == offers.end()) return offers.push_back(std::move(made));
    if (made.offer.hourly_price) same->offer.hourly_price = 0;
    if (made.offer.hourly_spot_price) same->offer.hourly_spot_price = 0;
  };
  for (const auto& node : inventory.nodes) {
    const auto gpu = gpu_of(node, names);
    const auto left = left_on(node, inventory, false, names);
    const KubeShape whole{tidy_cpus(left.cpus), tidy_memory(left.memory_gib), gpu ? gpu->name : "",
                          static_cast<int>(std::clamp(left.gpus, 0.0, kDevicesMost))};
    if (whole.cpus <= 0 || whole.memory_gib <= 0) continue;
    const bool plain = takes(node, whole, false, names), spot = takes(node, whole, true, names);
    if (plain || spot) add(offer_of(context, whole, node.architecture, plain, spot));
  }
  // What nobody may see, or is only made when a pod waits for it.
  if (!inventory.nodes_known || (inventory.grows && offers.empty())) add(offer_of(context, kAnyShape, "amd64", true, false));
  std::stable_sort(offers.begin(), offers.end(), [](const KubeOffer& a, const KubeOffer& b) {
    return std::tie(a.shape.gpus, a.shape.cpus, a.shape.memory_gib) > std::tie(b.shape.gpus, b.shape.cpus, b.shape.memory_gib);
  });
  return offers;
}

KubeRoom room_for(const KubeShape& shape, bool spot, const KubeInventory& inventory, const GpuNames& names) {
  KubeRoom room;
  for (const auto& node : inventory.nodes) {
    if (!takes(node, shape, spot, names)) continue;
    room.free += fits(shape, left_on(node, inventory, true, names));
    room.total += fits(shape, left_on(node, inventory, false, names));
  }
  return room;
}

KubePlacement placement_for(const KubeShape& shape, bool spot, const KubeInventory& inventory, const GpuNames& names) {
  KubePlacement placement;
  const auto want = [&](const WantedLabel& label) {
    for (auto& each : placement.labels) {
      if (each.key != label.key) continue;
      if (std::find(each.values.begin(), each.values.end(), label.values[0]) == each.values.end()) each.values.push_back(label.values[0]);
      return;
    }
    placement.labels.push_back(label);
  };
  std::set<std::string> keys;
  for (const auto& node : inventory.nodes) {
    if (!takes(node, shape, spot, names)) continue;
    if (const auto gpu = gpu_of(node, names); gpu && shape.gpus > 0) {
      placement.device = gpu->resource;
      if (gpu->label && (placement.labels.empty() || placement.labels[0].key == gpu->label->key)) want(*gpu->label);
    }
    if (spot) want(*spot_label_of(node));
    for (const auto& taint : node.taints)
      if (taint.effect != "PreferNoSchedule" && keys.insert(taint.key).second) placement.tolerated.push_back(taint);
  }
  return placement;
}

std::vector<std::string> describe(const KubeInventory& inventory, const GpuNames& names) {
  if (!inventory.nodes_known) return {"its nodes may not be listed, so what is free is not known before a pod is made"};
  const auto ready = std::count_if(inventory.nodes.begin(), inventory.nodes.end(), [](const KubeNode& node) { return node.ready; });
  std::vector<std::string> sentences{
      fmt::format("{} of {} nodes ready{}", ready, inventory.nodes.size(), inventory.grows ? ", an autoscaler makes more" : "")};
  std::map<std::string, std::pair<double, double>> gpus;
  for (const auto& node : inventory.nodes) {
    const auto gpu = gpu_of(node, names);
    if (!gpu) continue;
    gpus[gpu->name].second += gpu->count;
    if (node.ready && !node.cordoned) gpus[gpu->name].first += std::max(0.0, left_on(node, inventory, true, names).gpus);
  }
  for (const auto& [name, count] : gpus) sentences.push_back(fmt::format("{}: {:g} of {:g} free", name, count.first, count.second));
  return sentences;
}

}  // namespace isobar::cloud
