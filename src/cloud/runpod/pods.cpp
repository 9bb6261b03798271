#include "pods.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cloud/json_fields.h"

namespace isobar::cloud::runpod {

namespace json = boost::json;

namespace {

constexpr std::string_view kWhose = "RunPod";
constexpr std::size_t kNameMost = 128, kGpusMost = 16, kImageMost = 300;
constexpr const char* kImage = "runpod/pytorch:2.8.0-py3.11-cuda12.8.1-cudnn-devel-ubuntu22.04";
constexpr const char* kSshPort = "22";
constexpr std::uint64_t kContainerDiskGb = 50;

struct Gpu {
  std::string_view name, id;
};
constexpr std::array kGpus = {
    Gpu{"A100-80GB", "NVIDIA A100 80GB PCIe"},
    Gpu{"A100-80GB-SXM", "NVIDIA A100-SXM4-80GB"},
    Gpu{"A30", "NVIDIA A30"},
    Gpu{"A40", "NVIDIA A40"},
    Gpu{"B200", "NVIDIA B200"},
    Gpu{"H100", "NVIDIA H100 PCIe"},
    Gpu{"H100-NVL", "NVIDIA H100 NVL"},
    Gpu{"H100-SXM", "NVIDIA H100 80GB HBM3"},
    Gpu{"H200-SXM", "NVIDIA H200"},
    Gpu{"L4", "NVIDIA L4"},
    Gpu{"L40", "NVIDIA L40"},
    Gpu{"L40S", "NVIDIA L40S"},
    Gpu{"RTX3090", "NVIDIA GeForce RTX 3090"},
    Gpu{"RTX4090", "NVIDIA GeForce RTX 4090"},
    Gpu{"RTX5090", "NVIDIA GeForce RTX 5090"},
    Gpu{"RTX4000-Ada", "NVIDIA RTX 4000 Ada Generation"},
    Gpu{"RTX6000-Ada", "NVIDIA RTX 6000 Ada Generation"},
    Gpu{"RTXA4000", "NVIDIA RTX A4000"},
    Gpu{"RTXA4500", "NVIDIA RTX A4500"},
    Gpu{"RTXA5000", "NVIDIA RTX A5000"},
    Gpu{"RTXA6000", "NVIDIA RTX A6000"},
    Gpu{"V100-32GB", "Tesla V100-SXM2-32GB"},
};

// The container disk is wiped by a stop, the volume at /root is not.
constexpr const char* kStart =
    "command -v sshd >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openssh-server; }; "
    "mkdir -p -m 700 ~/.ssh /run/sshd; echo \"$ISOBAR_PUBLIC_KEY\" > ~/.ssh/authorized_keys; chmod 600 ~/.ssh/authorized_keys; "
    "[ -f ~/.ssh/isobar_host_key ] || ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/isobar_host_key; "
    "exec \"$(command -v sshd)\" -D -e -h ~/.ssh/isobar_host_key -o PermitRootLogin=prohibit-password -o PasswordAuthentication=no";

/// "isobar-cluster" ↔ "ISOBAR_MARK_CLUSTER"
std::string variable_of(const std::string& tag) {
  std::string name = "ISOBAR_MARK_" + tag.substr(std::string_view("isobar-").size());
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '-' ? '_' : c;
  return name;
}
std::map<std::string, std::string> tags_in(const json::object& pod) {
  std::map<std::string, std::string> tags;
  for (auto [name, value] : texts_in(pod, "env"))
    if (name.starts_with("ISOBAR_MARK_")) tags["isobar-" + to_lower(name.substr(std::string_view("ISOBAR_MARK_").size()))] = value;
  return tags;
}

// "8080" → 43871: by what port of its public address a port of the pod is reached.
std::map<std::uint16_t, std::uint16_t> port_mappings_in(const json::object& pod) {
  std::map<std::uint16_t, std::uint16_t> outer_ports;
  for (const auto& [name, value] : object_in(pod, "portMappings")) {
    const auto inner = parse_ports(std::string_view(name.data(), name.size()));
    const bool one = inner.ok() && inner->size() == 1 && inner->front().first == inner->front().last;
    if (one && value.is_int64() && value.as_int64() > 0 && value.as_int64() < 65536)
      outer_ports[inner->front().first] = static_cast<std::uint16_t>(value.as_int64());
  }
  return outer_ports;
}

Result<CloudMachine> machine_in(const json::object& pod) {
  CloudMachine machine;
  machine.id = text_in(pod, "id");
  if (!is_plain_name(machine.id)) return Error(Code::kDataLoss, "RunPod sent a pod without an id");
  machine.mark = read_mark(tags_in(pod));
  machine.zone = text_in(object_in(pod, "machine"), "dataCenterId");
  machine.region = machine.zone.substr(0, machine.zone.find('-'));
  machine.spot = flag_in(pod, "interruptible");
  machine.public_address = text_in(pod, "publicIp");
  machine.private_address = machine.public_address;
  const auto port = count_in(object_in(pod, "portMappings"), kSshPort);
  const std::string status = text_in(pod, "desiredStatus"), change = text_in(pod, "lastStatusChange");
  if (port > 0 && port < 65536) machine.ssh_port = static_cast<int>(port);
  machine.outer_ports = port_mappings_in(pod);
  // It is meant to run from the first instant; it does when it can be reached.
  if (status == "RUNNING")
    machine.state = machine.public_address.empty() || machine.ssh_port == 0 ? InstanceState::kPending : InstanceState::kRunning;
  else if (status == "EXITED") machine.state = InstanceState::kStopped;
  else if (status == "TERMINATED") machine.state = InstanceState::kTerminated;
  if (machine.spot && machine.state == InstanceState::kStopped && to_lower(change).find("by user") == change.npos) {
    machine.taken_away = true;
    machine.reason = "RunPod took the spot pod back (preempted): " + one_line(change);
  }
  return machine;
}

json::array ports_of(const Ports& ports) {
  json::array named;
  named.emplace_back(fmt::format("{}/tcp", kSshPort));
  for (const auto port : each_of(ports))
    if (fmt::to_string(port) != kSshPort) named.emplace_back(fmt::format("{}/tcp", port));
  return named;
}

std::string image_of(const CreateOrder& order) {
  if (order.image.empty()) return kImage;
  return order.image.starts_with("docker:") ? order.image.substr(7) : order.image;
}

}  // namespace

Result<PodType> parse_type(std::string_view instance_type) {
  const auto x = instance_type.find("x_"), last = instance_type.rfind('_');
  const auto wrong = [&] {
    return invalid(fmt::format("'{}' is no type of pod; expected one like 2x_A100-80GB_SECURE", instance_type.substr(0, 100)));
  };
  if (x == instance_type.npos || last <= x + 1) return wrong();
  PodType type;
  for (const char c : instance_type.substr(0, x)) {
    if (c < '0' || c > '9' || type.gpu_count > kGpusMost) return wrong();
    type.gpu_count = type.gpu_count * 10 + static_cast<std::uint64_t>(c - '0');
  }
  type.cloud_type = instance_type.substr(last + 1);
  if (type.gpu_count == 0 || type.gpu_count > kGpusMost || (type.cloud_type != "SECURE" && type.cloud_type != "COMMUNITY")) return wrong();
  const auto name = instance_type.substr(x + 2, last - x - 2);
  const auto gpu = std::find_if(kGpus.begin(), kGpus.end(), [&](const Gpu& each) { return each.name == name; });
  if (gpu == kGpus.end()) return invalid(fmt::format("the GPU '{}' has no name at RunPod that this version knows", name.substr(0, 100)));
  type.gpu_id = gpu->id;
  return type;
}

Status check_order(const CreateOrder& order) {
  if (order.cluster.empty() || order.cluster.size() > kNameMost || !is_utf8(order.cluster))
    return invalid(fmt::format("'{}' cannot name a cluster on runpod", order.cluster));
  if (order.token.empty() || order.token.size() > kNameMost) return invalid("an order to runpod needs a token of at most 128 characters");
  if (order.count != 1) return invalid("pods of RunPod do not reach one another: a cluster there has one node");
  if (!is_plain_name(order.offer.zone.empty() ? order.offer.region : order.offer.zone))
    return invalid(fmt::format("'{}' is no region of runpod", order.offer.region));
  const std::string image = image_of(order);
  if (image.empty() || image.size() > kImageMost || std::any_of(image.begin(), image.end(), [](char c) { return c <= ' ' || c >= 0x7f; }))
    return invalid(fmt::format("'{}' is no image of a container", order.image.substr(0, 100)));
  TRY(parse_type(order.offer.instance_type));
  return {};
}

std::string create_body(const CreateOrder& order, const Mark& mark, const std::string& public_key_line) {
  const PodType type = parse_type(order.offer.instance_type).value();
  json::object env{{"ISOBAR_PUBLIC_KEY", public_key_line}};
  for (const auto& [tag, value] : tags_of(mark)) env[variable_of(tag)] = value;
  json::object body{{"name", fmt::format("{}-{}", order.cluster, mark.rank)},
                    {"imageName", image_of(order)},
                    {"computeType", "GPU"},
                    {"cloudType", type.cloud_type},
                    {"gpuTypeIds", json::array{type.gpu_id}},
                    {"gpuCount", type.gpu_count},
                    {"containerDiskInGb", kContainerDiskGb},
                    {"volumeInGb", std::max<std::uint64_t>(order.disk_gb, 10)},
                    {"volumeMountPath", "/root"},
                    {"ports", ports_of(order.ports)},
                    {"supportPublicIp", true},
                    {"interruptible", order.use_spot},
                    {"dockerEntrypoint", json::array{}},
                    {"dockerStartCmd", json::array{"bash", "-c", kStart}},
                    {"env", std::move(env)}};
  if (order.offer.zone.empty()) body["countryCodes"] = json::array{order.offer.region};
  else body["dataCenterIds"] = json::array{order.offer.zone};
  return json::serialize(body);
}

Result<std::vector<CloudMachine>> parse_pods(std::string_view text) {
  TRY_ASSIGN(const auto pods, parse_array(text, kWhose));
  std::vector<CloudMachine> machines;
  for (const auto& pod : pods) {
    TRY_ASSIGN(auto machine, machine_in(as_object(pod)));
    machines.push_back(std::move(machine));
  }
  return machines;
}

Result<std::string> parse_created(std::string_view text) {
  TRY_ASSIGN(const auto pod, parse_object(text, kWhose));
  TRY_ASSIGN(const auto machine, machine_in(pod));
  return machine.id;
}

RestRefusal parse_refusal(int status, std::string_view body) {
  struct Meaning {
    std::string_view words, code;
  };
  static constexpr std::array kMeanings = {
      Meaning{"no longer any instances available", "NO_CAPACITY"},
      Meaning{"no instances currently available", "NO_CAPACITY"},
      Meaning{"no instances available", "NO_CAPACITY"},
      Meaning{"does not have the resources", "NO_CAPACITY"},
      Meaning{"balance", "INSUFFICIENT_BALANCE"},
      Meaning{"insufficient funds", "INSUFFICIENT_BALANCE"},
      Meaning{"spend limit", "SPEND_LIMIT_EXCEEDED"},
      Meaning{"pod not found", "NOT_FOUND"},
  };
  RestRefusal refusal{.status = status};
  if (status == 401 || status == 403) refusal.code = "UNAUTHORIZED";
  if (status == 404) refusal.code = "NOT_FOUND";
  const auto answer = parse_object(body, kWhose);
  if (!answer.ok()) return refusal;
  for (const char* field : {"error", "detail", "message", "title"})
    if (refusal.message.empty()) refusal.message = text_in(*answer, field);
  const std::string said = to_lower(refusal.message);
  for (const Meaning& meaning : kMeanings)
    if (refusal.code.empty() && said.find(meaning.words) != said.npos) refusal.code = meaning.code;
  return refusal;
}

Result<std::string> parse_config(std::string_view text) {
  std::string section, at_top;
  for (auto line : split(text, '\n')) {
    line = trim(line);
    if (line.starts_with('[')) section = line;
    const auto equals = line.find('=');
    if (equals == line.npos) continue;
    const auto name = trim(line.substr(0, equals));
    auto value = trim(line.substr(equals + 1));
    const bool quoted = value.size() > 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    if ((name != "api_key" && name != "apikey") || !quoted) continue;
    value = value.substr(1, value.size() - 2);
    if (!std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; })) continue;
    if (section == "[default]") return std::string(value);
    if (section.empty()) at_top = value;
  }
  if (!at_top.empty()) return at_top;
  return invalid("it has no `api_key = \"KEY\"` below [default]; run `runpod config`");
}

}  // namespace isobar::cloud::runpod
