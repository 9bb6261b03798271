#pragma once

/// Chooses where each task of a pipeline runs, so that the whole costs least or ends soonest.
///
/// Tasks pull on each other: the cheapest machine for one may stand in another cloud than its input, and moving the
/// input costs money and time. Chains and trees are solved exactly by dynamic programming, every other graph exactly
/// by a mixed-integer program.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "broker/candidates.h"
#include "broker/resources.h"

namespace isobar::broker {

enum class Objective { kCost, kTime };

/// Data that lies in a cloud before the pipeline starts.
struct DataSource {
  std::string cloud;
  double gigabytes = 0;
};

struct TaskNode {
  std::string name;
  ResourceChoice resources;
  int num_nodes = 1;
  /// How long the task runs on a candidate; unset: one hour on any.
  std::function<Duration(const Candidate&)> runtime;
  std::vector<std::size_t> parents;  ///< indices of the tasks whose output it reads
  std::optional<DataSource> input;
  double output_gb = 0;  ///< what each child reads of it
};

struct OptimizeOptions {
  Objective objective = Objective::kCost;
  /// How long the mixed-integer program may search before it answers with the best plan found and its gap.
  Duration time_limit = std::chrono::seconds(10);
};

enum class Method { kDynamicProgramming, kIntegerProgram };

struct PlannedTask {
  std::string name;
  std::shared_ptr<const Candidates> candidates;  ///< all of them, best first by the objective: failover walks down this list
  std::size_t pick = 0;                          ///< an index of candidates->ranked
  int num_nodes = 1;
  Duration runtime{};
  double cost = 0;  ///< $ for all its nodes

  const Candidate& candidate() const { return candidates->ranked[pick]; }
};

struct Plan {
  Objective objective = Objective::kCost;
  std::vector<PlannedTask> tasks;  ///< as they were given
  double compute_cost = 0, egress_cost = 0;
  Duration time{};  ///< from the start to the end of the last task, transfers included
  double gap = 0;   ///< how far the objective may lie above the best possible, as a fraction; 0: proven best
  Method method = Method::kDynamicProgramming;

  double total_cost() const { return compute_cost + egress_cost; }
};

/// Errors   those of find_candidates, with the task's name; kInvalidArgument: the graph has a cycle, or a parent that is
///          not there
/// Cost     candidates as find_candidates says, once for tasks with equal requests; then O(tasks · clouds²) on chains and
///          trees. On other graphs exponential at worst, bounded by the time limit
/// Source   SkyPilot, NSDI '23 §4.2.
Result<Plan> optimize(const std::vector<TaskNode>& tasks, const Market& market, const OptimizeOptions& options = {});

}  // namespace isobar::broker
