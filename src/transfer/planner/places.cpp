#include "places.h"

#include "builtin_tables.h"
#include "table_reader.h"
#include "transfer/grid.h"

namespace isobar::transfer {

std::string_view without_zone(std::string_view region) {
  const bool zoned =
      provider_of(region) == "gcp" && region.size() > 2 && region[region.size() - 2] == '-' && region.back() >= 'a' && region.back() <= 'z';
  return zoned ? region.substr(0, region.size() - 2) : region;
}

std::optional<Place> place_of(std::string_view region) {
  const auto table = Table::parse(builtin_tables().regions, "regions.csv");
  CHECK(table.ok(), table.error().message());
  for (const auto& row : table->rows()) {
    if (without_zone(row[0].text) != without_zone(region)) continue;
    const auto latitude = table->number(row[1], "latitude", -90, 90), longitude = table->number(row[2], "longitude", -180, 180);
    CHECK(latitude.ok() && longitude.ok(), row[0].text);
    return Place{*latitude, *longitude, std::string(row[3].text), std::string(row[4].text)};
  }
  return std::nullopt;
}

}  // namespace isobar::transfer
