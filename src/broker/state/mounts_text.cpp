#include "mounts_text.h"

#include <boost/json.hpp>

namespace isobar::broker {

namespace json = boost::json;

std::string encode_mounts(const std::vector<FileMount>& mounts) {
  if (mounts.empty()) return "";
  json::array list;
  for (const auto& mount : mounts) {
    json::object settings;
    for (const auto& [name, value] : mount.settings) settings[name] = value;
    list.push_back(json::object{{"destination", mount.destination},
                                {"sources", json::value_from(mount.bucket_sources)},
                                {"name", mount.bucket_name},
                                {"store", mount.store},
                                {"mode", static_cast<int>(mount.mode)},
                                {"persistent", mount.persistent},
                                {"settings", settings}});
  }
  return json::serialize(list);
}

Result<std::vector<FileMount>> decode_mounts(std::string_view text) {
  std::vector<FileMount> mounts;
  if (text.empty()) return mounts;
  try {
    const auto parsed = json::parse(json::string_view(text.data(), text.size()));
    for (const auto& each : parsed.as_array()) {
      const auto field = [&](const char* name) { return std::string(each.at(name).as_string()); };
      FileMount mount{.destination = field("destination"), .bucket_name = field("name"), .store = field("store")};
      mount.bucket_sources = json::value_to<std::vector<std::string>>(each.at("sources"));
      mount.mode = each.at("mode").as_int64() == 2 ? MountMode::kMountCached : MountMode::kMount;
      mount.persistent = each.at("persistent").as_bool();
      for (const auto& [name, value] : each.at("settings").as_object()) mount.settings[std::string(name)] = std::string(value.as_string());
      mounts.push_back(std::move(mount));
    }
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, std::string("the mounts of a cluster are damaged in the state: ") + failure.what());
  }
  return mounts;
}

std::string encode_volumes(const std::vector<VolumeMount>& volumes) {
  if (volumes.empty()) return "";
  json::array list;
  for (const auto& volume : volumes)
    list.push_back(json::object{{"path", volume.path},
                                {"name", volume.name},
                                {"size", volume.ephemeral_gb.value_or(0)},
                                {"class", volume.storage_class},
                                {"mode", volume.access_mode},
                                {"labels", json::value_from(volume.labels)}});
  return json::serialize(list);
}

Result<std::vector<VolumeMount>> decode_volumes(std::string_view text) {
  std::vector<VolumeMount> volumes;
  if (text.empty()) return volumes;
  try {
    const auto parsed = json::parse(json::string_view(text.data(), text.size()));
    for (const auto& each : parsed.as_array()) {
      const auto field = [&](const char* name) { return std::string(each.at(name).as_string()); };
      VolumeMount volume{.path = field("path"), .name = field("name")};
      const auto size = each.at("size").to_number<std::uint64_t>();
      if (size > 0) volume.ephemeral_gb = size;
      volume.storage_class = field("class");
      volume.access_mode = field("mode");
      volume.labels = json::value_to<std::map<std::string, std::string>>(each.at("labels"));
      volumes.push_back(std::move(volume));
    }
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, std::string("the volumes of a cluster are damaged in the state: ") + failure.what());
  }
  return volumes;
}

std::string encode_labels(const std::map<std::string, std::string>& labels) { return json::serialize(json::value_from(labels)); }

Result<std::map<std::string, std::string>> decode_labels(std::string_view text) {
  try {
    return json::value_to<std::map<std::string, std::string>>(json::parse(json::string_view(text.data(), text.size())));
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, std::string("the labels of a volume are damaged in the state: ") + failure.what());
  }
}

}  // namespace isobar::broker
