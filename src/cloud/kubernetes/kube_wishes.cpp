#include "kube_wishes.h"

#include <fmt/format.h>

#include <algorithm>

#include "pod_merge.h"

namespace isobar::cloud {

namespace {

constexpr std::string_view kPrefix = "kubernetes.";

Error wrong(const std::string& key, std::string_view expected) { return invalid(fmt::format("config.{}: expected {}", key, expected)); }

Status read(const std::string& key, const YamlNode& node, KubeWishes& wishes) {
  const auto scalar = node.kind == YamlNode::Kind::kScalar ? resolve(node) : Scalar();
  const bool is_text = node.kind == YamlNode::Kind::kScalar && !node.is_null();
  const bool is_number = scalar.type == Scalar::Type::kInt || scalar.type == Scalar::Type::kFloat;
  if (node.is_null()) return {};
  if (key == "kubernetes.pod_config" || key == "kubernetes.custom_metadata") {
    if (node.kind != YamlNode::Kind::kMap) return wrong(key, "a map");
    (key == "kubernetes.pod_config" ? wishes.pod_config : wishes.metadata) = json_of(node);
  } else if (key == "kubernetes.provision_timeout") {
    if (!is_text || !is_number) return wrong(key, "a number of seconds, or -1 for as long as it takes");
    constexpr double kMost = 86'400 * 30;
    wishes.provision_timeout = scalar.number < 0 ? kForever : from_seconds(std::min(scalar.number, kMost));
  } else if (key == "kubernetes.set_pod_resource_limits") {
    if (!is_text || (!is_number && scalar.type != Scalar::Type::kBool)) return wrong(key, "true, false or a factor of at least 1");
    wishes.limits = is_number ? scalar.number : scalar.boolean ? 1 : 0;
    if (is_number && !(scalar.number >= 1)) return wrong(key, "a factor of at least 1");
  } else if (key == "kubernetes.remote_identity") {
    // Words with a meaning of their own elsewhere; pods then run as the namespace's default.
    if (!is_text) return wrong(key, "the name of a service account");
    if (node.text != "LOCAL_CREDENTIALS" && node.text != "SERVICE_ACCOUNT" && node.text != "NO_UPLOAD") wishes.service_account = node.text;
  } else if (key == "kubernetes.namespace") {
    if (!is_text) return wrong(key, "the name of a namespace");
    wishes.name_space = node.text;
  } else if (key == "kubernetes.ports") {
    if (!is_text || (node.text != "podip" && node.text != "loadbalancer")) return wrong(key, "loadbalancer or podip");
    wishes.ports_at_pod = node.text == "podip";
  }
  return {};
}

}  // namespace

Result<KubeWishes> kube_wishes(const std::map<std::string, std::string>& config) {
  KubeWishes wishes;
  for (const auto& [key, text] : config) {
    if (!key.starts_with(kPrefix)) continue;
    TRY_ASSIGN(const auto documents, read_yaml(text, "config." + key));
    TRY(read(key, documents[0], wishes));
  }
  return wishes;
}

}  // namespace isobar::cloud
