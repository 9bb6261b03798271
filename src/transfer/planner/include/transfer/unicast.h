#pragma once

/// Plans one source to one destination: which regions to relay through, with how many VMs, and how much over each link, so
/// that a wanted throughput costs least, or a given price buys the most throughput.
///
/// Source   Skyplane (NSDI '23) §5, with two changes that leave its optimum where it is. Connections M are eliminated: at the
///          optimum M = 64·F/T, so the three rows on connections become Σ F/T ≤ N. And a ceiling on $/GB is linear in
///          (F, N, q), so the most throughput under it is one program instead of a sweep over many.

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "transfer/overlay.h"

namespace isobar::transfer {

struct UnicastProblem {
  Overlay overlay;
  RegionIndex source = 0, destination = 0;
  double volume_gb = 1;                            ///< to be moved, GB; > 0
  Duration vm_start{};                             ///< every VM is paid this long before data flows
  Duration solve_limit = std::chrono::seconds(5);  ///< for each program; what is found by then is returned with its gap
};

struct EdgeFlow {
  RegionIndex from = 0, to = 0;
  double gbps = 0;
};

/// One way through the overlay, and what it carries.
struct Path {
  std::vector<RegionIndex> regions;  ///< from source to destination
  double gbps = 0;
};

struct UnicastPlan {
  double gbps = 0;
  double seconds = 0;  ///< from the first byte to the last, without the start of the VMs
  std::vector<EdgeFlow> flows;
  std::vector<int> vms;  ///< by region
  double egress_usd = 0, vm_usd = 0;
  double gap = 0;  ///< how far, at most, the objective is from its optimum, as a fraction of it

  double usd() const { return egress_usd + vm_usd; }
  double usd_per_gb(const UnicastProblem& problem) const { return usd() / problem.volume_gb; }
};

/// The cheapest plan of exactly this throughput. One MILP.
/// gbps     > 0
/// Errors   kNotFound: no route; kInvalidArgument: more than the quotas allow (the message says how much they do);
///          kDeadlineExceeded: nothing was found in time
/// Cost     0.1 s for 70 regions
Result<UnicastPlan> cheapest_at(const UnicastProblem& problem, double gbps);

/// The cheapest plan of at least this throughput: a plan in a hurry may cost less, since VMs are paid by the hour. A ratio is
/// minimised, so this is a few MILPs (Dinkelbach 1967).
/// gbps_least   ≥ 0
/// Errors       as cheapest_at
Result<UnicastPlan> cheapest_from(const UnicastProblem& problem, double gbps_least);

/// The fastest plan that costs no more than this a GB, VMs included; unset: at any price. One MILP; two when VMs take time to
/// start, since what that costs a GB depends on the throughput: the first gives the bound that makes the second safe.
/// Errors   kNotFound: no route; kInvalidArgument: no plan is that cheap (the message says how cheap the cheapest is)
Result<UnicastPlan> fastest_within(const UnicastProblem& problem, std::optional<double> usd_per_gb);

/// Source and destination alone, with as many VM pairs as the quotas allow. None: no such link.
std::optional<UnicastPlan> direct_plan(const UnicastProblem& problem);

/// The best single relay for throughput, whatever it costs, as resilient overlay networks choose it. None: no relay.
/// Source   RON (SOSP '01), as Skyplane compares with it.
std::optional<UnicastPlan> single_relay_plan(const UnicastProblem& problem);

/// The flows as paths, widest first. What goes in a circle is left out.
std::vector<Path> paths_of(const UnicastPlan& plan, RegionIndex source, RegionIndex destination);

/// What holds the plan back, a sentence each: "aws:us-east-1 may use no more than 4 VMs, and each sends the 5 Gbit/s it may".
/// usd_per_gb_max   the ceiling that was set, if any
std::vector<std::string> binding_limits(const UnicastProblem& problem, const UnicastPlan& plan, std::optional<double> usd_per_gb_max);

}  // namespace isobar::transfer
