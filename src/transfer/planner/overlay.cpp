#include "transfer/overlay.h"

#include <algorithm>

namespace isobar::transfer {

namespace {

/// A VM whose limits are not known is held back by its links alone.
constexpr double kNoLimitGbps = 1e5;

int quota_of(const std::string& region, const VmQuotas& quotas) {
  if (const auto exact = quotas.in_region.find(region); exact != quotas.in_region.end()) return exact->second;
  const auto cloud = quotas.in_each_region_of.find(std::string(provider_of(region)));
  return cloud != quotas.in_each_region_of.end() ? cloud->second : quotas.per_region;
}

Result<OverlayRegion> region_of(const std::string& name, const PriceBook& prices, const OverlayOptions& options) {
  const auto instance = options.instances.find(std::string(provider_of(name)));
  TRY_ASSIGN(const VmPrice vm, prices.vm(name, instance == options.instances.end() ? "" : instance->second));
  return OverlayRegion{name, vm.egress_gbps > 0 ? vm.egress_gbps : kNoLimitGbps, vm.ingress_gbps > 0 ? vm.ingress_gbps : kNoLimitGbps,
                       options.vm_usd_per_hour.value_or(vm.usd_per_hour), quota_of(name, options.quotas)};
}

}  // namespace

double egress_usd(const EgressPrice& price, std::optional<double> used_gb, double volume_gb) {
  return price.usd(used_gb.value_or(price.free_gb()), volume_gb);
}

Result<Overlay> make_overlay(const Grid& grid, const PriceBook& prices, const OverlayOptions& options) {
  Overlay overlay;
  overlay.links_are_shared = options.links_are_shared;
  for (const auto& name : grid.regions) {
    TRY_ASSIGN(OverlayRegion region, region_of(name, prices, options));
    overlay.regions.push_back(std::move(region));
  }
  overlay.gbps = grid.gbps;
  overlay.usd_per_gb = PairTable(grid.regions.size());
  const double volume_gb = std::max(options.volume_gb, 1e-9);
  for (RegionIndex from = 0; from < grid.regions.size(); ++from)
    for (RegionIndex to = 0; to < grid.regions.size(); ++to)
      if (grid.gbps.at(from, to) > 0)
        overlay.usd_per_gb.at(from, to) =
            egress_usd(prices.egress(grid.regions[from], grid.regions[to], options.tier), options.used_gb, volume_gb) / volume_gb;
  for (const auto& [cloud, vms] : options.quotas.in_cloud) overlay.cloud_quotas.push_back({cloud, vms});
  return overlay;
}

Overlay changed_by(Overlay overlay, const Observations& seen) {
  for (const auto& rate : seen.rates) overlay.gbps.at(rate.from, rate.to) = std::max(0.0, rate.gbps);
  for (const auto& loss : seen.losses) {
    OverlayRegion& region = overlay.regions[loss.region];
    region.vms_max = std::max(0, region.vms_max - loss.vms);
    for (auto& quota : overlay.cloud_quotas)
      if (quota.provider == provider_of(region.name)) quota.vms_max = std::max(0, quota.vms_max - loss.vms);
  }
  return overlay;
}

}  // namespace isobar::transfer
