#include "store_region.h"

#include <fmt/format.h>

#include "storage/patience.h"

namespace isobar::app {

namespace {

std::string_view cloud_of(storage::Kind kind) {
  switch (kind) {
    case storage::Kind::kS3: return "aws";
    case storage::Kind::kGcs: return "gcp";
    case storage::Kind::kAzure: return "azure";
    default: return "";
  }
}

}  // namespace

bool is_place(const std::string& words) {
  return words.find("://") != std::string::npos || words.find('/') != std::string::npos || words == "." || words == "..";
}

Result<PlaceRegion> region_of_place(StoreOpener& opener, const std::string& words, bool as_target) {
  TRY_ASSIGN(storage::Location location, storage::parse_location(words));
  if (location.kind == storage::Kind::kLocal)
    return invalid(fmt::format("'{}' is on this machine, which is of no region: name the region instead", words));
  if (location.kind == storage::Kind::kHttp)
    return invalid(fmt::format("'{}': servers do not tell what region they are in: name the region instead", words));
  if (location.bucket.empty()) return invalid(fmt::format("'{}': the bucket is missing", words));
  TRY_ASSIGN(const auto store, opener.open(location, as_target));
  TRY_ASSIGN(const std::string own, storage::await_patiently<std::string>([&](auto done) { store->region(done); }));
  location.key.clear();
  std::string bucket = location.text();
  if (bucket.ends_with('/')) bucket.pop_back();
  PlaceRegion place{fmt::format("{}:{}", cloud_of(location.kind), own), ""};
  place.told = fmt::format("{} is in {}", bucket, place.region);
  return place;
}

std::string in_grid(const transfer::Grid& grid, const std::string& region) {
  const auto index = transfer::resolve_region(grid, region);
  return index.ok() ? grid.regions[*index] : region;
}

}  // namespace isobar::app
