#include "cloud/catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "catalog_file.h"

namespace isobar::cloud {

Offer to_offer(const Shape& shape, const Place& place) {
  const auto sold = [](double price) { return std::isnan(price) ? std::nullopt : std::optional(price); };
  Offer offer;
  offer.cloud = shape.cloud;
  offer.region = place.region;
  offer.zone = place.zone;
  offer.instance_type = shape.instance_type;
  offer.vcpus = shape.vcpus;
  offer.memory_gib = shape.memory_gib;
  offer.accelerator = shape.accelerator;
  offer.accelerator_count = shape.accelerator_count;
  offer.accelerator_memory_gib = shape.accelerator_memory_gib;
  offer.hourly_price = sold(place.hourly_price);
  offer.hourly_spot_price = sold(place.hourly_spot_price);
  offer.architecture = shape.architecture;
  offer.local_disk_gib = shape.local_disk_gib;
  return offer;
}

Result<Catalog> Catalog::open(std::string_view builtin, const fs::path& imported) {
  Catalog catalog;
  if (!builtin.empty()) {
    TRY_ASSIGN(auto base, CatalogFile::view(builtin, "built into this program"));
    catalog.add_file(base, "built in");
  }

  std::vector<fs::path> paths;
  std::error_code none;  // a folder that is not there holds no imports
  for (const auto& entry : fs::directory_iterator(imported, none))
    if (entry.path().extension() == ".catalog") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    TRY_ASSIGN(auto file, CatalogFile::map(path));
    catalog.add_file(file, path.string());
  }
  return catalog;
}

Status Catalog::add(std::span<const Offer> offers) {
  TRY_ASSIGN(auto file, CatalogFile::hold(encode_catalog({offers.begin(), offers.end()}, {}), "in memory"));
  add_file(file, "this program");
  return {};
}

void Catalog::add_file(const std::shared_ptr<const CatalogFile>& file, const std::string& origin) {
  const auto shapes = file->shapes();
  for (std::size_t first = 0, last = 0; first < shapes.size(); first = last) {
    std::size_t rows = 0;
    for (; last < shapes.size() && shapes[last].cloud == shapes[first].cloud; ++last) rows += shapes[last].places.size();
    CloudSection section{shapes[first].cloud, shapes.subspan(first, last - first), rows, origin, file};
    const auto at = std::lower_bound(sections_.begin(), sections_.end(), section.cloud,
                                     [](const CloudSection& s, std::string_view cloud) { return s.cloud < cloud; });
    if (at != sections_.end() && at->cloud == section.cloud) *at = std::move(section);
    else sections_.insert(at, std::move(section));
  }
}

std::size_t Catalog::rows() const {
  std::size_t count = 0;
  for (const CloudSection& section : sections_) count += section.rows;
  return count;
}

std::uint32_t Catalog::oldest_date() const {
  std::uint32_t oldest = 0;
  for (const CloudSection& section : sections_) {
    const std::uint32_t date = section.shapes.front().date;
    if (date != 0 && (oldest == 0 || date < oldest)) oldest = date;
  }
  return oldest;
}

std::string format_date(std::uint32_t date) {
  if (date == 0) return "-";
  return fmt::format("{:04}-{:02}-{:02}", date / 10000, date / 100 % 100, date % 100);
}

std::uint32_t date_of(Instant at) {
  std::uint32_t date = 0;
  for (const char c : format_instant(at).substr(0, 10))
    if (c != '-') date = date * 10 + static_cast<std::uint32_t>(c - '0');
  return date;
}

}  // namespace isobar::cloud
