#pragma once

/// The planner as a user asks it: from where to where, how much, by when or for how much. Both planners, the price tables with
/// their steps, and the baselines stand behind this one call.

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "transfer/egress_price.h"
#include "transfer/grid.h"
#include "transfer/overlay.h"
#include "transfer/program.h"

namespace isobar::transfer {

struct PlanRequest {
  /// Regions, as resolve_region takes them. What stores are in which regions is for the caller to find out.
  std::string source;
  std::vector<std::string> destinations;
  ByteCount bytes;  ///< to each destination; > 0

  /// Without any of the three: as fast as the direct path with all VMs of the quotas, for the least money.
  std::optional<Duration> deadline;  ///< from the first VM's start to the last byte
  std::optional<double> usd_max;     ///< for everything that the plan pays
  std::optional<double> gbps_least;  ///< to each destination

  VmQuotas quotas;
  std::map<std::string, std::string> instances;  ///< cloud → instance
  std::optional<double> vm_usd_per_hour;         ///< in place of the list prices
  std::optional<double> used_gb;                 ///< this month on every meter already; unset: the free part is used up
  NetworkTier tier = NetworkTier::kPremium;
  bool links_are_shared = false;  ///< the grid's rates are of whole links; see Overlay
  Duration vm_start = std::chrono::seconds(60);
  int stripes = 10;             ///< multicast only
  std::optional<int> hops_max;  ///< multicast only
  Duration solve_limit = std::chrono::seconds(5);
};

struct PlanCost {
  double gbps = 0;     ///< to each destination
  double seconds = 0;  ///< from the first VM's start to the last byte
  double egress_usd = 0, vm_usd = 0;

  double usd() const { return egress_usd + vm_usd; }
};

struct PlannedLink {
  std::string from, to;
  double gbps = 0;          ///< that the plan sends over it
  double pair_gbps = 0;     ///< measured of one VM pair
  double rtt_ms = 0;        ///< 0: not measured
  double gb = 0;            ///< that cross it, GB of 2^30 bytes
  double usd_per_gb = 0;    ///< mean over these
  std::string price_guess;  ///< how the price was found where it is not listed
};

struct PlannedVms {
  std::string region;
  int count = 0;
  std::string instance;  ///< empty: unknown
  double usd_per_hour = 0;
};

/// Another way to do it, for comparison.
struct Baseline {
  std::string name;              ///< "direct", "best single relay", "one tree"
  std::vector<std::string> via;  ///< regions between, if any
  PlanCost cost;
};

struct PlanReport {
  ByteCount bytes;
  std::string goal;  ///< "in 2h 0m", in words
  RoutedPlan plan;
  std::vector<PlannedLink> links;
  std::vector<PlannedVms> vms;
  PlanCost cost;
  std::vector<Baseline> baselines;  ///< the direct one first, where there is one
  std::vector<std::string> limits;  ///< what holds the plan back
  std::vector<std::string> notes;   ///< what the reader should know of the figures
  double gap = 0;                   ///< how far from the optimum it may be, as a fraction
  double requests_usd = 0;          ///< of object stores at both ends, in 64 MiB parts; not in `cost`
  std::string grid_name, grid_date, prices_date;

  double usd_per_gb() const { return cost.usd() / (static_cast<double>(bytes.value) / kBytesPerGb); }
};

/// Errors   kInvalidArgument, kNotFound: what cannot be, which limit forbids it, and what would mend it
///          kDeadlineExceeded: solve_limit was too short
/// Cost     0.1 to 1 s. Pure.
Result<PlanReport> plan_transfer(const PlanRequest& request, const Grid& grid, const PriceBook& prices);

}  // namespace isobar::transfer
