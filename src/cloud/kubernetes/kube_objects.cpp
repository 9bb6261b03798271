#include "kube_objects.h"

#include <algorithm>
#include <charconv>

#include "kube_json.h"
#include "kube_quantity.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;

int number_of(std::string_view text, int otherwise) {
  int number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() && number >= 0 ? number : otherwise;
}

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view(const json::string_view& text) { return {text.data(), text.size()}; }

double amount(const json::value& value) {
  if (const auto* text = value.if_string()) return parse_quantity(view(*text)).value_or(0);
  return value.is_number() ? std::max(0.0, value.to_number<double>()) : 0;
}

/// "nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915" …: whatever a vendor's plugin counts, but not huge pages and disks.
bool is_device(std::string_view resource) {
  return resource.find('/') != std::string_view::npos && !resource.starts_with("hugepages-") &&
         !resource.starts_with("attachable-volumes-") && !resource.starts_with("kubernetes.io/");
}

KubeShare share_of(const json::object& resources) {
  KubeShare share;
  for (const auto& [name, value] : resources) {
    const auto resource = view(name);
    if (resource == "cpu") share.cpus = amount(value);
    else if (resource == "memory") share.memory_gib = amount(value) / kGib;
    else if (is_device(resource)) share.devices[std::string(resource)] = amount(value);
  }
  return share;
}

void add(KubeShare& to, const KubeShare& more) {
  to.cpus += more.cpus;
  to.memory_gib += more.memory_gib;
  for (const auto& [name, count] : more.devices) to.devices[name] += count;
}

void at_least(KubeShare& to, const KubeShare& least) {
  to.cpus = std::max(to.cpus, least.cpus);
  to.memory_gib = std::max(to.memory_gib, least.memory_gib);
  for (const auto& [name, count] : least.devices) to.devices[name] = std::max(to.devices[name], count);
}

/// As the scheduler counts: containers and sidecars together, or an init container where one needs more.
KubeShare requests_of(const json::value& pod) {
  KubeShare all, sidecars, init;
  for (const auto& container : list_in(pod, {"spec", "containers"})) add(all, share_of(object_in(container, {"resources", "requests"})));
  for (const auto& container : list_in(pod, {"spec", "initContainers"})) {
    const auto share = share_of(object_in(container, {"resources", "requests"}));
    if (text_in(container, {"restartPolicy"}) == "Always") add(sidecars, share);
    else at_least(init, share);
  }
  add(all, sidecars);
  at_least(all, init);
  add(all, share_of(object_in(pod, {"spec", "overhead"})));
  return all;
}

void read_conditions(const json::value& object, KubePod& pod) {
  for (const auto& condition : list_in(object, {"status", "conditions"})) {
    const auto type = text_in(condition, {"type"}), status = text_in(condition, {"status"}), reason = text_in(condition, {"reason"});
    if (type == "PodScheduled" && status == "False" && (reason == "Unschedulable" || reason == "SchedulerError"))
      pod.unschedulable = text_in(condition, {"message"});
    if (type == "DisruptionTarget" && status == "True") pod.disruption = reason;
    // The controller of nodes says so when a kubelet falls silent; our container has no readiness of its own.
    if (type == "Ready" && status != "True" && pod.runs) pod.node_answers = false;
  }
}

void read_container(const json::value& object, KubePod& pod) {
  for (const auto& container : list_in(object, {"status", "containerStatuses"})) {
    if (text_in(container, {"name"}) != kNodeContainer) continue;
    pod.runs = value_in(container, {"state", "running"}).is_object();
    pod.waits = text_in(container, {"state", "waiting", "reason"});
    pod.waits_message = text_in(container, {"state", "waiting", "message"});
    const auto& ended = value_in(container, {"state", "terminated"});
    if (!ended.is_object()) continue;
    pod.ended_reason = text_in(ended, {"reason"});
    const auto& code = value_in(ended, {"exitCode"});
    pod.exit_code = code.is_int64() ? static_cast<int>(code.as_int64()) : 0;
  }
}

}  // namespace

KubePod pod_of(const json::value& object) {
  KubePod pod;
  const auto label = [&](std::string_view name) { return std::string(text_in(object, {"metadata", "labels", name})); };
  const auto note = [&](std::string_view name) { return std::string(text_in(object, {"metadata", "annotations", name})); };
  pod.name = text_in(object, {"metadata", "name"});
  pod.name_space = text_in(object, {"metadata", "namespace"});
  pod.owner = label(kOwnerLabel);
  pod.cluster = note(kNameNote);
  if (pod.cluster.empty()) pod.cluster = label(kClusterLabel);
  pod.token = note(kTokenNote);
  pod.rank = number_of(label(kRankLabel), 0);
  pod.nodes = number_of(note(kNodesNote), 1);
  pod.phase = text_in(object, {"status", "phase"});
  pod.node = text_in(object, {"spec", "nodeName"});
  pod.ip = text_in(object, {"status", "podIP"});
  pod.deleting = !text_in(object, {"metadata", "deletionTimestamp"}).empty();
  pod.reason = text_in(object, {"status", "reason"});
  pod.message = text_in(object, {"status", "message"});
  for (const auto& owner : list_in(object, {"metadata", "ownerReferences"})) pod.of_daemon_set |= text_in(owner, {"kind"}) == "DaemonSet";
  read_container(object, pod);
  read_conditions(object, pod);
  pod.requests = requests_of(object);
  return pod;
}

KubeNode node_of(const json::value& object) {
  KubeNode node;
  node.name = text_in(object, {"metadata", "name"});
  node.architecture = text_in(object, {"status", "nodeInfo", "architecture"});
  const auto* cordoned = value_in(object, {"spec", "unschedulable"}).if_bool();
  node.cordoned = cordoned && *cordoned;
  for (const auto& condition : list_in(object, {"status", "conditions"}))
    if (text_in(condition, {"type"}) == "Ready") node.ready = text_in(condition, {"status"}) == "True";
  for (const auto& taint : list_in(object, {"spec", "taints"}))
    node.taints.push_back(
        {std::string(text_in(taint, {"key"})), std::string(text_in(taint, {"value"})), std::string(text_in(taint, {"effect"}))});
  for (const auto& [name, value] : object_in(object, {"metadata", "labels"}))
    if (const auto* text = value.if_string()) node.labels[std::string(view(name))] = std::string(view(*text));
  const auto& allocatable = object_in(object, {"status", "allocatable"});
  node.has = share_of(allocatable);
  if (const auto* pods = allocatable.if_contains("pods")) node.pods = amount(*pods);
  return node;
}

}  // namespace isobar::cloud
