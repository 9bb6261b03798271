#include "pod_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "kube_json.h"
#include "pod_merge.h"
#include "volume_claim.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr std::size_t kNameMost = 40;  // of 63, which "-<owner>-<rank>" and what a cluster adds must fit into, too
constexpr int kGraceSeconds = 10;      // a node ends in three

/// The first process of the pod: waits until isobar-node is there, which is sent by exec, and becomes it. It gives up when nobody comes.
constexpr std::string_view kFirstProcess =
    "trap 'exit 0' TERM INT; HOME=/isobar; export HOME; umask 077; mkdir -p \"$HOME/.isobar/bin\"; i=0; "
    "while [ $i -lt 900 ]; do for p in \"$HOME\"/.isobar/bin/isobar-node-????????????????; do [ -x \"$p\" ] && exec \"$p\" pod; done; "
    "sleep 1; i=$((i+1)); done; echo 'isobar: nobody sent isobar-node to this pod' >&2; exit 1";

bool is_label_character(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// Kubernetes refuses the whole pod for one label that is none.
bool is_label_value(std::string_view text) {
  constexpr std::size_t kMost = 63;
  if (text.empty()) return true;
  return text.size() <= kMost && is_label_character(text.front()) && is_label_character(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_label_character(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_label_key(std::string_view text) {
  const auto slash = text.find('/');
  const auto name = slash == std::string_view::npos ? text : text.substr(slash + 1);
  return !name.empty() && is_label_value(name) && (slash == std::string_view::npos || (slash > 0 && slash < 254));
}

json::object resources_of(const PodOrder& order) {
  const auto millis = [](double cpus) { return fmt::format("{}m", std::llround(cpus * 1000)); };
  const auto mebis = [](double gib) { return fmt::format("{}Mi", static_cast<long>(gib * 1024)); };
  json::object requests{{"cpu", millis(order.cpus)}, {"memory", mebis(order.memory_gib)}}, limits;
  if (order.wishes.limits > 0)
    limits = {{"cpu", millis(order.cpus * order.wishes.limits)}, {"memory", mebis(order.memory_gib * order.wishes.limits)}};
  if (order.devices > 0) requests[order.device] = limits[order.device] = fmt::to_string(order.devices);
  json::object resources{{"requests", std::move(requests)}};
  if (!limits.empty()) resources["limits"] = std::move(limits);
  return resources;
}

json::object affinity_of(const std::vector<WantedLabel>& wanted) {
  json::array expressions;
  for (const auto& label : wanted)
    expressions.push_back(json::object{{"key", label.key}, {"operator", "In"}, {"values", json::value_from(label.values)}});
  return {{"nodeAffinity",
           json::object{{"requiredDuringSchedulingIgnoredDuringExecution",
                         json::object{{"nodeSelectorTerms", json::array{json::object{{"matchExpressions", std::move(expressions)}}}}}}}}};
}

json::object container_of(const PodOrder& order, json::array mounts) {
  return {{"name", std::string(kNodeContainer)},
          {"image", order.image},
          {"command", json::array{"/bin/sh", "-c", std::string(kFirstProcess)}},
          {"resources", resources_of(order)},
          {"volumeMounts", std::move(mounts)}};
}

json::object metadata_of(const PodOrder& order) {
  json::object labels;
  for (const auto& [key, value] : order.labels)
    if (is_label_key(key) && is_label_value(value)) labels[key] = value;
  return {
      {"name", pod_name(order.owner, order.cluster, order.rank)},
      {"namespace", order.name_space},
      {"labels", std::move(labels)},
      // Whoever makes room on nodes is asked to leave it alone.
      {"annotations", json::object{{"cluster-autoscaler.kubernetes.io/safe-to-evict", "false"}, {"karpenter.sh/do-not-disrupt", "true"}}}};
}

/// Whatever a user writes, these are ours: without them the pod would not be found again.
void mark(json::object& metadata, const PodOrder& order) {
  metadata["name"] = pod_name(order.owner, order.cluster, order.rank);
  metadata["namespace"] = order.name_space;
  const auto object = [&](const char* name) -> json::object& {
    auto& value = metadata[name];
    if (!value.is_object()) value = json::object();
    return value.as_object();
  };
  auto& labels = object("labels");
  labels[std::string(kOwnerLabel)] = order.owner;
  labels[std::string(kClusterLabel)] = safe_cluster_name(order.cluster);
  labels[std::string(kRankLabel)] = fmt::to_string(order.rank);
  auto& notes = object("annotations");
  notes[std::string(kTokenNote)] = order.token;
  notes[std::string(kNameNote)] = order.cluster;
  notes[std::string(kNodesNote)] = fmt::to_string(order.nodes);
}

}  // namespace

std::string safe_cluster_name(const std::string& cluster) {
  std::string safe;
  for (const char c : cluster) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    safe += (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') ? low : '-';
  }
  while (!safe.empty() && safe.front() == '-') safe.erase(0, 1);
  if (safe == cluster && safe.size() <= kNameMost && safe.back() != '-') return safe;
  // Two names that differ only in what is not allowed stay two.
  safe = safe.substr(0, kNameMost - 9);
  while (!safe.empty() && safe.back() == '-') safe.pop_back();
  return (safe.empty() ? "c" : safe) + "-" + crypto::to_hex(crypto::sha256(cluster)).substr(0, 8);
}

std::string pod_name(const std::string& owner, const std::string& cluster, int rank) {
  return fmt::format("{}-{}-{}", safe_cluster_name(cluster), owner.substr(0, 8), rank);
}

json::value make_pod(const PodOrder& order) {
  json::array volumes{json::object{{"name", "isobar-home"}, {"emptyDir", json::object()}},
                      json::object{{"name", "dshm"}, {"emptyDir", json::object{{"medium", "Memory"}}}}};
  json::array mounts{json::object{{"name", "isobar-home"}, {"mountPath", std::string(kPodHome)}},
                     json::object{{"name", "dshm"}, {"mountPath", "/dev/shm"}}};
  add_volumes(order.volumes, volumes, mounts);
  json::object spec{{"restartPolicy", "Never"},
                    {"terminationGracePeriodSeconds", kGraceSeconds},
                    {"enableServiceLinks", false},
                    {"containers", json::array{container_of(order, std::move(mounts))}},
                    {"volumes", std::move(volumes)}};
  if (!order.wishes.service_account.empty()) spec["serviceAccountName"] = order.wishes.service_account;
  if (!order.node_labels.empty()) spec["affinity"] = affinity_of(order.node_labels);
  json::array tolerations;
  for (const auto& taint : order.tolerated) tolerations.push_back(json::object{{"key", taint.key}, {"operator", "Exists"}});
  if (!tolerations.empty()) spec["tolerations"] = std::move(tolerations);
  json::value pod = json::object{{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", metadata_of(order)}, {"spec", std::move(spec)}};
  if (order.wishes.metadata.is_object()) merge_pod(pod, json::object{{"metadata", order.wishes.metadata}});
  if (order.wishes.pod_config.is_object()) merge_pod(pod, order.wishes.pod_config);
  auto& metadata = pod.as_object()["metadata"];
  if (!metadata.is_object()) metadata = json::object();
  mark(metadata.as_object(), order);
  return pod;
}

std::vector<std::string> variables_of(const json::value& pod) {
  std::vector<std::string> names;
  for (const auto& container : list_in(pod, {"spec", "containers"})) {
    if (text_in(container, {"name"}) != kNodeContainer) continue;
    for (const auto& variable : list_in(container, {"env"})) {
      const auto name = text_in(variable, {"name"});
      const bool shell = !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
                         std::all_of(name.begin(), name.end(), [](char c) { return is_label_character(c) || c == '_'; });
      if (shell) names.emplace_back(name);
    }
  }
  return names;
}

std::string image_for(const std::string& image_id, const std::string& device) {
  constexpr std::string_view kDocker = "docker:";
  if (image_id.starts_with(kDocker)) return image_id.substr(kDocker.size());
  if (!image_id.empty()) return image_id;
  return device == "nvidia.com/gpu" ? "nvidia/cuda:12.4.1-base-ubuntu22.04" : "debian:12";
}

std::string in_pod_home(const std::string& command) { return fmt::format("HOME={}; export HOME; {}", kPodHome, command); }

}  // namespace isobar::cloud
