#include "direct_price.h"

#include <fmt/format.h>

#include "store_region.h"

namespace isobar::app {

void CopyVolume::add(std::uint64_t object_bytes, std::uint64_t part_bytes) {
  const std::uint64_t parts = std::max<std::uint64_t>(1, (object_bytes + part_bytes - 1) / part_bytes);
  bytes += object_bytes;
  reads += parts;
  writes += parts > 1 ? parts + 2 : 1;
}

std::string direct_price(const CopyVolume& volume, const std::string& from, const std::string& to, const transfer::PriceBook& prices,
                         transfer::NetworkTier tier) {
  const auto egress = prices.egress(from, to, tier);
  const double egress_usd = egress.usd(egress.free_gb(), static_cast<double>(volume.bytes) / transfer::kBytesPerGb);
  const double requests_usd = static_cast<double>(volume.reads) * prices.requests(transfer::provider_of(from)).read_usd +
                              static_cast<double>(volume.writes) * prices.requests(transfer::provider_of(to)).write_usd;
  std::string text = fmt::format("Directly from {} to {}: ${:.2f} for the {} that leave, ${:.2f} for requests (prices of {}).", from, to,
                                 egress_usd, format_bytes({volume.bytes}), requests_usd, prices.date());
  if (!egress.guess.empty()) text += fmt::format(" Note: {}.", egress.guess);
  return text;
}

std::vector<std::string> direct_prices(StoreOpener& opener, const OverlayOptions& options, const storage::Store& source,
                                       const std::vector<std::shared_ptr<storage::Store>>& targets, const CopyVolume& volume) {
  const auto tier = options.network == "standard" ? transfer::NetworkTier::kStandard : transfer::NetworkTier::kPremium;
  const auto prices = transfer::PriceBook::builtin();
  const auto grid = open_grid(options.grid, tier);
  const auto region = [&](const storage::Store& store, const std::string& named, bool as_target) -> Result<std::string> {
    if (!grid.ok()) return grid.error();
    if (!named.empty()) {
      TRY_ASSIGN(const auto index, transfer::resolve_region(*grid, named));
      return grid->regions[index];
    }
    TRY_ASSIGN(const auto place, region_of_place(opener, store.location().text(), as_target));
    return in_grid(*grid, place.region);
  };
  const auto is_folder = [](const storage::Store& store) { return store.location().kind == storage::Kind::kLocal; };
  const auto from = region(source, options.source, false);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    // From folder to folder, which nobody charges for.
    if (is_folder(source) && is_folder(*targets[i]) && options.source.empty() && options.destinations.empty()) continue;
    const auto to = region(*targets[i], i < options.destinations.size() ? options.destinations[i] : "", true);
    if (!from.ok()) lines.push_back(fmt::format("No price is told: {} (--from).", from.error().message()));
    else if (!to.ok()) lines.push_back(fmt::format("No price is told: {} (--to).", to.error().message()));
    else lines.push_back(direct_price(volume, *from, *to, prices, tier));
  }
  return lines;
}

}  // namespace isobar::app
