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

}  // namespace isobar::broker
