#pragma once

/// The scheduler on a recorded trace, in virtual time: what each policy makes of each budget. It is the scheduler itself that runs, the
/// code that a server runs; only the clock is not real, and rows are looked up instead of computed.
///
/// In each step, the values of that step are asked for and answered from the rows that are served; the error of each answer comes back at
/// once; then the values arrive as inputs; then as many rows are refreshed as the budget allows. Budgets are refreshes a step, over all
/// keys.

#include <string>
#include <vector>

#include "base/result.h"
#include "features/scheduler.h"
#include "features/workload.h"

namespace isobar::features {

struct SimulationOptions {
  std::vector<std::string> policies{"regret", "round-robin", "fifo"};
  std::vector<double> budgets{0.05, 0.125, 0.25, 0.5, 1, 2, 4};
  std::optional<Duration> staleness_most;
  bool cold_first = false;
  double floor_per_hour = PolicyOptions().floor_per_hour;
  std::uint64_t seed = 1;
};

struct CurvePoint {
  double budget = 0;
  double error = 0;  ///< mean over all answers
  std::uint64_t refreshes = 0;
};

struct Curve {
  std::string policy;
  std::vector<CurvePoint> points;  ///< by budget, as asked for
};

struct Simulation {
  std::size_t keys = 0, steps = 0, rows = 0;
  std::uint64_t answers = 0;
  double never = 0;   ///< mean error when no row is ever refreshed
  double always = 0;  ///< when every row contains all inputs before the answer
  std::vector<Curve> curves;

  const Curve* curve(std::string_view policy) const;
};

/// Errors   kInvalidArgument: no or an unknown policy, a policy twice, a budget not above zero, a trace in which nothing is asked
/// Cost     O(log keys) for each event, policy and budget. The same for the same arguments.
Result<Simulation> simulate(const Workload& workload, const SimulationOptions& options);

/// What share of the error above `always` the one has less than the other: 1 if it comes down to it, negative if it is worse. None: the
/// other has none.
std::optional<double> excess_removed(double error, double other, double always);

}  // namespace isobar::features
