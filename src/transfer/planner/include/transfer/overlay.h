#pragma once

/// What the planners plan over: the regions with their VM limits and prices, and the links between them, for one volume of
/// data. A value, so a changed world (a slow link, a dead VM) is a changed copy, and planning again is planning.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "transfer/egress_price.h"
#include "transfer/grid.h"

namespace isobar::transfer {

struct OverlayRegion {
  std::string name;
  double vm_egress_gbps = 0;   ///< most that one VM sends, Gbit/s
  double vm_ingress_gbps = 0;  ///< most that one VM receives
  double vm_usd_per_hour = 0;
  int vms_max = 0;  ///< the quota
};

/// At most so many VMs in all regions of a cloud together.
struct CloudQuota {
  std::string provider;
  int vms_max = 0;
};

struct Overlay {
  std::vector<OverlayRegion> regions;
  PairTable gbps;        ///< of one VM pair at 64 connections; 0: no link
  PairTable usd_per_gb;  ///< mean price over the volume that is planned
  std::vector<CloudQuota> cloud_quotas;
  /// Rates are of the whole link, however many VMs stand at its ends, as on leased and emulated lines: links then do not take
  /// connections from one another. Else a rate is of one VM pair, and its VMs have 64 connections for all their links.
  bool links_are_shared = false;

  std::size_t size() const { return regions.size(); }
};

/// How many VMs may be used: the narrowest that is stated counts.
struct VmQuotas {
  int per_region = 4;
  std::map<std::string, int> in_each_region_of;  ///< cloud → VMs in each of its regions
  std::map<std::string, int> in_region;          ///< region → VMs
  std::map<std::string, int> in_cloud;           ///< cloud → VMs in all its regions together
};

struct OverlayOptions {
  double volume_gb = 1;  ///< to be moved, GB
  /// On each meter this month before the transfer. Unset: the free part is used up and no more, which costs the most.
  std::optional<double> used_gb;
  NetworkTier tier = NetworkTier::kPremium;
  VmQuotas quotas;
  std::map<std::string, std::string> instances;  ///< cloud → instance; unset: the cloud's default
  std::optional<double> vm_usd_per_hour;         ///< in place of the list price, everywhere
  bool links_are_shared = false;                 ///< see Overlay
};

/// Errors   kNotFound: an instance that is not known
/// Cost     O(regions²)
Result<Overlay> make_overlay(const Grid& grid, const PriceBook& prices, const OverlayOptions& options);

/// The dollars that `volume_gb` cost on the meter of a pair, under the rule of OverlayOptions::used_gb.
double egress_usd(const EgressPrice& price, std::optional<double> used_gb, double volume_gb);

/// What a running transfer saw of its overlay.
struct Observations {
  struct Rate {
    RegionIndex from = 0, to = 0;
    double gbps = 0;  ///< measured of one VM pair at 64 connections; 0: the link is dead
  };
  struct Loss {
    RegionIndex region = 0;
    int vms = 0;  ///< gone, and not to be had again
  };
  std::vector<Rate> rates;
  std::vector<Loss> losses;
};

/// The overlay as it was seen to be. Planning the rest of the data over it is replanning.
Overlay changed_by(Overlay overlay, const Observations& seen);

}  // namespace isobar::transfer
