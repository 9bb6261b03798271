#include "volume_claim.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "base/text.h"
#include "kube_json.h"
#include "kube_objects.h"
#include "kube_quantity.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

json::object claim_spec(const Volume& volume) {
  json::object spec{{"accessModes", json::array{volume.access_mode}},
                    {"resources", json::object{{"requests", json::object{{"storage", fmt::format("{}Gi", volume.size_gib)}}}}}};
  if (!volume.storage_class.empty()) spec["storageClassName"] = volume.storage_class;
  return spec;
}

json::object labels_of(const Volume& volume) {
  json::object labels;
  for (const auto& [key, value] : volume.labels) labels[key] = value;
  return labels;
}

std::uint64_t whole_gib(std::string_view quantity) {
  const auto bytes = parse_quantity(quantity);
  return bytes ? static_cast<std::uint64_t>(std::floor(*bytes / static_cast<double>(kGiB))) : 0;
}

bool is_usual(const json::value& storage_class) {
  return text_in(storage_class, {"metadata", "annotations", "storageclass.kubernetes.io/is-default-class"}) == "true";
}

}  // namespace

std::string claim_name(const std::string& owner, const std::string& volume) { return fmt::format("{}-{}", volume, owner.substr(0, 8)); }

json::object make_claim(const std::string& owner, const Volume& volume) {
  auto labels = labels_of(volume);
  labels[kOwnerLabel] = owner;
  labels[kVolumeLabel] = volume.name;
  return {{"apiVersion", "v1"},
          {"kind", "PersistentVolumeClaim"},
          {"metadata", json::object{{"name", volume.id},
                                    {"namespace", volume.name_space},
                                    {"labels", std::move(labels)},
                                    {"annotations", json::object{{kTokenNote, volume.token}}}}},
          {"spec", claim_spec(volume)}};
}

VolumeState state_of_claim(const json::value& claim, const std::string& owner, const std::string& token) {
  VolumeState state;
  state.ours =
      text_in(claim, {"metadata", "labels", kOwnerLabel}) == owner && text_in(claim, {"metadata", "annotations", kTokenNote}) == token;
  state.deleting = !text_in(claim, {"metadata", "deletionTimestamp"}).empty();
  state.bound = text_in(claim, {"status", "phase"}) == "Bound";
  const auto there = text_in(claim, {"status", "capacity", "storage"});
  state.size_gib = whole_gib(there.empty() ? text_in(claim, {"spec", "resources", "requests", "storage"}) : there);
  state.storage_class = text_in(claim, {"spec", "storageClassName"});
  const auto& modes = list_in(claim, {"spec", "accessModes"});
  if (!modes.empty()) state.access_mode = text_in(modes[0], {});
  return state;
}

void add_volumes(const std::vector<VolumeUse>& uses, json::array& volumes, json::array& mounts) {
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const auto& [path, volume, ephemeral] = uses[i];
    const auto name = fmt::format("volume-{}", i);
    json::object source{{"name", name}};
    if (ephemeral)
      source["ephemeral"] = json::object{
          {"volumeClaimTemplate", json::object{{"metadata", json::object{{"labels", labels_of(volume)}}}, {"spec", claim_spec(volume)}}}};
    else source["persistentVolumeClaim"] = json::object{{"claimName", volume.id}};
    volumes.push_back(std::move(source));
    mounts.push_back(json::object{{"name", name}, {"mountPath", path}});
  }
}

std::vector<std::string> pods_with_claim(const json::array& pods, std::string_view claim) {
  std::vector<std::string> found;
  for (const auto& pod : pods) {
    const auto phase = text_in(pod, {"status", "phase"});
    const auto& volumes = list_in(pod, {"spec", "volumes"});
    const bool mounts = std::any_of(volumes.begin(), volumes.end(), [&](const json::value& volume) {
      return text_in(volume, {"persistentVolumeClaim", "claimName"}) == claim;
    });
    if (mounts && phase != "Succeeded" && phase != "Failed")
      found.push_back(fmt::format("pod {}/{}", text_in(pod, {"metadata", "namespace"}), text_in(pod, {"metadata", "name"})));
  }
  return found;
}

Status check_storage_class(const json::array& classes, const std::string& wanted) {
  std::vector<std::string> names;
  bool usual = false;
  for (const auto& each : classes) {
    names.emplace_back(text_in(each, {"metadata", "name"}));
    usual |= is_usual(each);
  }
  const auto there = names.empty() ? std::string("none") : join(names, ", ");
  if (wanted.empty() && !usual)
    return invalid(fmt::format("no storage class is the usual one; name one in config.storage_class_name (there is {})", there));
  if (!wanted.empty() && std::find(names.begin(), names.end(), wanted) == names.end())
    return invalid(fmt::format("there is no storage class '{}'; there is {}", wanted, there));
  return {};
}

}  // namespace isobar::cloud
