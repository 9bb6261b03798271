#include "bucket_mounts.h"

#include <fmt/format.h>

#include <set>

#include "storage/location.h"
#include "transfer/fetch.h"
#include "transfer/mount_order.h"

namespace isobar::app {

namespace {

/// Whose credentials a variable or file of the surroundings is.
storage::Kind kind_of(std::string_view name) {
  if (name.starts_with("GOOGLE_") || name.starts_with("CLOUDSDK_") || name.starts_with("STORAGE_EMULATOR")) return storage::Kind::kGcs;
  return name.starts_with("AZURE_") ? storage::Kind::kAzure : storage::Kind::kS3;
}

/// Without what belongs to clouds that are not read from.
transfer::GatewaySurroundings surroundings_for(const std::set<storage::Kind>& kinds) {
  auto all = transfer::GatewaySurroundings::of_process();
  transfer::GatewaySurroundings kept;
  kept.home = all.home;
  for (auto& [name, value] : all.variables)
    if (kinds.contains(kind_of(name))) kept.variables.emplace(name, std::move(value));
  for (auto& [path, content] : all.files) {
    const bool google = path.find("gcloud") != std::string::npos || path == all.variables["GOOGLE_APPLICATION_CREDENTIALS"];
    if (kinds.contains(google ? storage::Kind::kGcs : storage::Kind::kS3)) kept.files.emplace(path, std::move(content));
  }
  return kept;
}

/// The settings as a task has them: `mount.read_only`, `mount_cached.transfers`, or without the name of the mode.
Status read_settings(const broker::FileMount& mount, transfer::MountOrder& order) {
  const std::string own = order.cached ? "mount_cached." : "mount.";
  for (const auto& [key, value] : mount.settings) {
    const auto name = key.starts_with(own) ? key.substr(own.size()) : key;
    if (name != "read_only") order.settings[name] = value;
    else if (value != "True" && value != "False") return invalid(fmt::format("read_only: expected true or false, got '{}'", value));
    else order.read_only = value == "True";
  }
  return transfer::check_mount_settings(order.settings, order.cached);
}

}  // namespace

Result<std::map<std::string, std::string>> fetch_variables_of(const broker::Task& task) {
  transfer::FetchOrders orders;
  std::set<storage::Kind> kinds;
  for (const auto& mount : task.file_mounts) {
    if (mount.mode != broker::MountMode::kCopy || mount.is_made()) continue;
    for (const auto& source : mount.bucket_sources) {
      TRY_ASSIGN(const auto location, storage::parse_location(source).context("file_mounts." + mount.destination));
      kinds.insert(location.kind);
      orders.orders.push_back({{.location = source}, mount.destination});
    }
  }
  if (orders.orders.empty()) return std::map<std::string, std::string>();
  orders.surroundings = surroundings_for(kinds);
  return transfer::fetch_variables(orders);
}

std::vector<broker::FileMount> mounts_of(const broker::Task& task) {
  std::vector<broker::FileMount> mounts;
  for (const auto& mount : task.file_mounts)
    if (mount.is_bucket() && !mount.is_made() && mount.mode != broker::MountMode::kCopy) mounts.push_back(mount);
  return mounts;
}

Result<std::string> mount_order_of(const broker::FileMount& mount) {
  const auto field = "file_mounts." + mount.destination;
  TRY_ASSIGN(const auto location, storage::parse_location(mount.bucket_sources.at(0)).context(field));
  if (location.kind == storage::Kind::kLocal || location.kind == storage::Kind::kHttp)
    return invalid(fmt::format("{}: what can be mounted is s3://, gs:// and az://", field));
  transfer::MountOrder order{.store = {.location = mount.bucket_sources[0]}, .destination = mount.destination};
  order.cached = mount.mode == broker::MountMode::kMountCached;
  TRY(read_settings(mount, order).context(field));
  order.surroundings = surroundings_for({location.kind});
  return encode(order);
}

}  // namespace isobar::app
