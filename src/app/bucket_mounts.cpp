#include "bucket_mounts.h"

#include <fmt/format.h>

#include <set>

#include "storage/location.h"
#include "transfer/fetch.h"

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

}  // namespace

Result<std::map<std::string, std::string>> fetch_variables_of(const broker::Task& task) {
  transfer::FetchOrders orders;
  std::set<storage::Kind> kinds;
  for (const auto& mount : task.file_mounts) {
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

}  // namespace isobar::app
