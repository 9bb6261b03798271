#include "cloud/gpu_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "base/text_table.h"

namespace isobar::cloud {

namespace {

struct Wanted {
  std::string name;  // lower case; empty: any
  std::optional<double> count;

  bool matches(const Shape& shape) const {
    if (shape.accelerator.empty() || (count && *count != shape.accelerator_count)) return false;
    if (name.empty()) return true;
    const std::string has = to_lower(shape.accelerator);
    return has == name || has.starts_with(name + "-");
  }
};

Result<Wanted> parse_wanted(const GpuQuery& query) {
  Wanted wanted;
  if (!query.accelerator) return wanted;
  const auto parts = split(*query.accelerator, ':');
  wanted.name = to_lower(trim(parts[0]));
  if (parts.size() == 1) return wanted;
  double count = 0;
  const auto [end, code] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), count);
  if (parts.size() > 2 || code != std::errc() || end != parts[1].data() + parts[1].size() || count <= 0)
    return invalid(fmt::format("\"{}\" is not an accelerator; write NAME or NAME:COUNT, such as A100:8", *query.accelerator));
  wanted.count = count;
  return wanted;
}

double price_or_infinity(const GpuOffer& offer) { return offer.hourly_price.value_or(offer.hourly_spot_price.value_or(HUGE_VAL)); }

std::optional<double> lower(const std::optional<double>& a, double b) { return std::isnan(b) || (a && *a <= b) ? a : std::optional(b); }

/// The shape's offers by region, each at the lowest price of its zones.
std::vector<GpuOffer> by_region(const Shape& shape, const GpuQuery& query) {
  std::vector<GpuOffer> offers;
  for (std::uint32_t i = 0; i < shape.places.size(); ++i) {
    const Place place = shape.places[i];
    if (query.region && *query.region != place.region) continue;
    if (offers.empty() || offers.back().region != place.region)
      offers.push_back({std::string(shape.accelerator),
                        shape.accelerator_count,
                        std::string(shape.cloud),
                        std::string(shape.instance_type),
                        std::string(place.region),
                        shape.accelerator_memory_gib,
                        shape.vcpus,
                        shape.memory_gib,
                        {},
                        {}});
    offers.back().hourly_price = lower(offers.back().hourly_price, place.hourly_price);
    offers.back().hourly_spot_price = lower(offers.back().hourly_spot_price, place.hourly_spot_price);
  }
  return offers;
}

auto order(const GpuOffer& o) {
  return std::make_tuple(std::tie(o.accelerator, o.count), price_or_infinity(o), std::tie(o.cloud, o.instance_type, o.region));
}

std::string number_or_dash(double value) { return value > 0 ? fmt::format("{:g}", value) : "-"; }
std::string memory_or_dash(double gib) { return gib > 0 ? fmt::format("{:g}GB", std::round(gib * 10) / 10) : "-"; }
std::string price_or_dash(const std::optional<double>& price) { return price ? fmt::format("$ {:.3f}", *price) : "-"; }

}  // namespace

Result<std::vector<GpuOffer>> list_gpu_offers(const Catalog& catalog, const GpuQuery& query) {
  TRY_ASSIGN(const Wanted wanted, parse_wanted(query));
  std::vector<GpuOffer> offers;
  bool known = wanted.name.empty();
  for (const CloudSection& section : catalog.sections()) {
    for (const Shape& shape : section.shapes) {
      if (!wanted.matches(shape)) continue;
      known = true;
      if (query.cloud && *query.cloud != section.cloud) continue;
      auto found = by_region(shape, query);
      if (!query.all_regions && found.size() > 1) {
        std::iter_swap(found.begin(),
                       std::min_element(found.begin(), found.end(), [](const auto& a, const auto& b) { return order(a) < order(b); }));
        found.resize(1);
      }
      offers.insert(offers.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
  }
  if (!known) {
    const auto similar = similar_accelerators(accelerator_names(catalog), wanted.name);
    return not_found(
        fmt::format("no accelerator {} in the catalog{}", *query.accelerator, similar.empty() ? "" : "; it has " + join(similar, ", ")));
  }
  std::sort(offers.begin(), offers.end(), [](const GpuOffer& a, const GpuOffer& b) { return order(a) < order(b); });
  return offers;
}

std::string render_gpu_quantities(const std::vector<GpuOffer>& offers) {
  std::map<std::string, std::set<double>> quantities;
  for (const GpuOffer& offer : offers) quantities[offer.accelerator].insert(offer.count);
  TextTable table({"GPU", "AVAILABLE_QUANTITIES"});
  for (const auto& [name, counts] : quantities) table.add({name, fmt::format("{:g}", fmt::join(counts, ", "))});
  return table.render();
}

std::string render_gpu_offers(const std::vector<GpuOffer>& offers) {
  TextTable table(
      {"GPU", "QTY", "CLOUD", "INSTANCE_TYPE", "DEVICE_MEM", "vCPUs", "HOST_MEM", "HOURLY_PRICE", "HOURLY_SPOT_PRICE", "REGION"});
  for (const GpuOffer& o : offers)
    table.add({o.accelerator, fmt::format("{:g}", o.count), o.cloud, o.instance_type, memory_or_dash(o.device_memory_gib),
               number_or_dash(o.vcpus), memory_or_dash(o.memory_gib), price_or_dash(o.hourly_price), price_or_dash(o.hourly_spot_price),
               o.region});
  return table.render();
}

std::string gpu_offers_json(const std::vector<GpuOffer>& offers) {
  const auto price = [](const std::optional<double>& p) { return p ? boost::json::value(*p) : boost::json::value(nullptr); };
  boost::json::array rows;
  for (const GpuOffer& o : offers)
    rows.push_back({{"accelerator", o.accelerator},
                    {"count", o.count},
                    {"cloud", o.cloud},
                    {"instance_type", o.instance_type},
                    {"region", o.region},
                    {"device_memory_gib", o.device_memory_gib},
                    {"vcpus", o.vcpus},
                    {"memory_gib", o.memory_gib},
                    {"hourly_price", price(o.hourly_price)},
                    {"hourly_spot_price", price(o.hourly_spot_price)}});
  return boost::json::serialize(rows);
}

std::vector<std::string> accelerator_names(const Catalog& catalog) {
  std::set<std::string_view> names;
  for (const CloudSection& section : catalog.sections())
    for (const Shape& shape : section.shapes)
      if (!shape.accelerator.empty()) names.insert(shape.accelerator);
  return {names.begin(), names.end()};
}

std::optional<std::string> canonical_accelerator(const std::vector<std::string>& names, std::string_view written) {
  const std::string lower_written = to_lower(written);
  for (const std::string& name : names)
    if (to_lower(name) == lower_written) return name;
  return std::nullopt;
}

std::vector<std::string> similar_accelerators(const std::vector<std::string>& names, std::string_view written) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> similar;
  if (auto near = closest(written, names)) similar.push_back(*near);
  const std::string lower_written = to_lower(written);
  for (const std::string& name : names)
    if (similar.size() < kMost && to_lower(name).starts_with(lower_written) &&
        std::find(similar.begin(), similar.end(), name) == similar.end())
      similar.push_back(name);
  return similar;
}

}  // namespace isobar::cloud
