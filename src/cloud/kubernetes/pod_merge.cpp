#include "pod_merge.h"

#include <array>
#include <optional>
#include <string_view>

#include "kube_json.h"
#include "kube_objects.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

struct NamedList {
  std::string_view list, key;
};
constexpr std::array kNamedLists = {
    NamedList{"containers", "name"},        NamedList{"initContainers", "name"},
    NamedList{"volumes", "name"},           NamedList{"env", "name"},
    NamedList{"volumeMounts", "mountPath"}, NamedList{"imagePullSecrets", "name"},
    NamedList{"ports", "containerPort"},
};

std::optional<std::string_view> key_of(std::string_view list) {
  for (const auto& named : kNamedLists)
    if (named.list == list) return named.key;
  return std::nullopt;
}

bool is_ours(const json::value& container) {
  const auto name = text_in(container, {"name"});
  return name.empty() || name == "ray-node" || name == kNodeContainer;
}

void merge(json::value& into, const json::value& overlay);

void merge_named(json::array& into, const json::array& overlay, std::string_view key, bool containers) {
  for (const auto& item : overlay) {
    json::value given = item;
    if (containers && given.is_object() && is_ours(given)) given.as_object()["name"] = std::string(kNodeContainer);
    const auto& name = value_in(given, {key});
    json::value* same = nullptr;
    for (auto& each : into)
      if (!name.is_null() && value_in(each, {key}) == name) same = &each;
    if (same) merge(*same, given);
    else into.push_back(std::move(given));
  }
}

void merge(json::value& into, const json::value& overlay) {
  if (!into.is_object() || !overlay.is_object()) {
    into = overlay;
    return;
  }
  auto& fields = into.as_object();
  for (const auto& [name, value] : overlay.as_object()) {
    const std::string_view field(name.data(), name.size());
    auto* there = fields.if_contains(name);
    const auto* list = value.if_array();
    if (!there) there = &fields.insert_or_assign(name, list ? json::value(json::array()) : json::value()).first->value();
    const auto key = key_of(field);
    if (list && there->is_array() && key) merge_named(there->as_array(), *list, *key, field == "containers");
    else if (list && there->is_array() && field == "tolerations")
      there->as_array().insert(there->as_array().end(), list->begin(), list->end());
    else merge(*there, value);
  }
}

}  // namespace

void merge_pod(json::value& into, const json::value& overlay) { merge(into, overlay); }

json::value json_of(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kMap) {
    json::object map;
    for (const auto& field : node.fields) map[field.key.text] = json_of(field.value);
    return map;
  }
  if (node.kind == YamlNode::Kind::kSequence) {
    json::array list;
    for (const auto& item : node.items) list.push_back(json_of(item));
    return list;
  }
  const auto scalar = resolve(node);
  switch (scalar.type) {
    case Scalar::Type::kNull: return nullptr;
    case Scalar::Type::kBool: return scalar.boolean;
    case Scalar::Type::kInt: return scalar.integer;
    case Scalar::Type::kFloat: return scalar.number;
    case Scalar::Type::kString: break;
  }
  return json::string(node.text);
}

}  // namespace isobar::cloud
