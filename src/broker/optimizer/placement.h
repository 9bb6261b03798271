#pragma once

/// The optimizer's problem without its machines: nodes that choose a cloud, weights, and edges that cost something when
/// they cross clouds.
///
/// What a transfer costs depends on the two clouds alone. So in any plan, a node's candidate may be exchanged for the
/// best candidate of the same cloud without touching an edge, and the plan gets no worse: one option a cloud is enough,
/// and a hundred thousand candidates shrink to a dozen options before the search begins. (For time, that is the fastest
/// of each cloud, of equally fast ones the cheapest; a slower and cheaper one of the same cloud is not considered.)

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "broker/optimizer.h"

namespace isobar::broker::placement {

struct Option {
  std::uint32_t cloud = 0;
  double cost = 0;     ///< $, moving its outside input there included
  double seconds = 0;  ///< likewise
};

struct Edge {
  std::uint32_t from = 0, to = 0;
  double seconds = 0;             ///< when the two ends are in different clouds
  std::vector<double> cost_from;  ///< [clouds] $ when the bytes leave that cloud
};

struct Problem {
  Objective objective = Objective::kCost;
  std::vector<std::vector<Option>> nodes;  ///< options of each, at most one a cloud, none empty
  std::vector<Edge> edges;                 ///< acyclic; at most one between two nodes
  std::vector<std::uint32_t> order;        ///< of the nodes, parents before children

  double edge_cost(const Edge& edge, const Option& from, const Option& to) const {
    return from.cloud == to.cloud ? 0 : edge.cost_from[from.cloud];
  }
  double edge_seconds(const Edge& edge, const Option& from, const Option& to) const { return from.cloud == to.cloud ? 0 : edge.seconds; }
};

struct Solution {
  std::vector<std::uint32_t> picks;  ///< [nodes] an index of the node's options
  double gap = 0;
  Method method = Method::kDynamicProgramming;
};

/// One path through all nodes.
bool is_chain(const Problem& problem);

struct Totals {
  double cost = 0, egress_cost = 0;  ///< $; the first includes the second
  double seconds = 0;                ///< to the end of the last node
};
Totals evaluate(const Problem& problem, const std::vector<std::uint32_t>& picks);

/// Exact, O(nodes · options²); none when the graph is not of the kind it takes: for cost, any graph without a cycle even
/// when edges are walked backwards; for time, forests whose trees all point the same way.
std::optional<Solution> solve_forest(const Problem& problem);

/// Exact on any graph, given the time; else the best found, with its gap.
/// Errors   kUnavailable: the solver failed
Result<Solution> solve_integer_program(const Problem& problem, Duration time_limit);

/// Of the plans that end as soon as `solution`, which is for time, the cheapest. A tree's branches off the longest path
/// need not be fast, and the dynamic program takes the fastest of each.
Result<Solution> cheapest_as_fast(const Problem& problem, Solution solution, Duration time_limit);

/// The better of two simple plans: every node where it is best by itself, or all in one cloud where they can be.
std::vector<std::uint32_t> simple_picks(const Problem& problem);

double objective_of(const Problem& problem, const std::vector<std::uint32_t>& picks);

}  // namespace isobar::broker::placement
