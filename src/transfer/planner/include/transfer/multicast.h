#pragma once

/// Plans one source to several destinations: the data falls into equal stripes, each goes down a tree of its own, and a region
/// that got a stripe passes it on, so that a dear link is crossed once for all who live beyond it.
///
/// Source   Cloudcast (NSDI '24): stripes, a time budget, VMs per region. Its program is replaced; see multicast.cpp.

#include <optional>
#include <vector>

#include "base/time.h"
#include "transfer/overlay.h"

namespace isobar::transfer {

struct MulticastProblem {
  Overlay overlay;
  RegionIndex source = 0;
  std::vector<RegionIndex> destinations;  ///< 1..12, distinct, none the source
  double volume_gb = 1;                   ///< to every destination, GB; > 0
  double seconds_max = 3600;              ///< from the first byte to the last at every destination; > 0
  int stripes = 10;                       ///< 1..100
  std::optional<int> hops_max;            ///< most links from the source to a destination
  Duration vm_start{};
  Duration solve_limit = std::chrono::seconds(5);
};

/// Some stripes that go the same way.
struct MulticastTree {
  std::vector<std::pair<RegionIndex, RegionIndex>> edges;  ///< parents before children
  int stripes = 0;
};

struct MulticastPlan {
  std::vector<MulticastTree> trees;
  std::vector<int> vms;  ///< by region
  double seconds = 0;    ///< what the plan takes, without the start of the VMs
  double egress_usd = 0, vm_usd = 0;
  double gap = 0;  ///< how far the plan may be from the least cost, as a fraction of it

  double usd() const { return egress_usd + vm_usd; }
};

/// The cheapest plan that ends in time.
/// Errors   kInvalidArgument: bounds of the problem; the quotas do not allow the time (the message says what they allow)
///          kNotFound: a destination cannot be reached
/// Cost     under 1 s for 70 regions and 6 destinations
Result<MulticastPlan> cheapest_multicast(const MulticastProblem& problem);

/// The least time that the quotas allow, were stripes as fine as one likes.
/// Errors   as cheapest_multicast
Result<double> least_multicast_seconds(const MulticastProblem& problem);

/// The source sends to each destination itself. None: a link is missing. `seconds` may exceed the budget.
std::optional<MulticastPlan> direct_multicast(const MulticastProblem& problem);

/// One tree over source and destinations alone, of least egress price, whatever time it takes. None: a link is missing.
std::optional<MulticastPlan> arborescence_multicast(const MulticastProblem& problem);

}  // namespace isobar::transfer
