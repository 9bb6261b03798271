#include "placement.h"

#include <algorithm>

namespace isobar::broker::placement {

Totals evaluate(const Problem& problem, const std::vector<std::uint32_t>& picks) {
  Totals totals;
  const auto option = [&](std::uint32_t node) -> const Option& { return problem.nodes[node][picks[node]]; };
  std::vector<double> start(problem.nodes.size(), 0.0);
  std::vector<std::vector<const Edge*>> out(problem.nodes.size());
  for (const Edge& edge : problem.edges) out[edge.from].push_back(&edge);
  for (const std::uint32_t node : problem.order) {
    const double finish = start[node] + option(node).seconds;
    totals.cost += option(node).cost;
    totals.seconds = std::max(totals.seconds, finish);
    for (const Edge* edge : out[node]) {
      totals.egress_cost += problem.edge_cost(*edge, option(node), option(edge->to));
      start[edge->to] = std::max(start[edge->to], finish + problem.edge_seconds(*edge, option(node), option(edge->to)));
    }
  }
  totals.cost += totals.egress_cost;
  return totals;
}

bool is_chain(const Problem& problem) {
  std::vector<int> in(problem.nodes.size(), 0), out(problem.nodes.size(), 0);
  for (const Edge& edge : problem.edges)
    if (++out[edge.from] > 1 || ++in[edge.to] > 1) return false;
  return problem.edges.size() + 1 == problem.nodes.size();
}

double objective_of(const Problem& problem, const std::vector<std::uint32_t>& picks) {
  const Totals totals = evaluate(problem, picks);
  return problem.objective == Objective::kCost ? totals.cost : totals.seconds;
}

std::vector<std::uint32_t> simple_picks(const Problem& problem) {
  const auto weight = [&](const Option& option) { return problem.objective == Objective::kCost ? option.cost : option.seconds; };
  /// Each node by itself, but in `cloud` where it can be.
  const auto picks_in = [&](std::optional<std::uint32_t> cloud) {
    std::vector<std::uint32_t> picks;
    for (const auto& options : problem.nodes) {
      const auto better = [&](const Option& a, const Option& b) {
        return a.cloud == cloud ? b.cloud != cloud : b.cloud != cloud && weight(a) < weight(b);
      };
      picks.push_back(static_cast<std::uint32_t>(std::min_element(options.begin(), options.end(), better) - options.begin()));
    }
    return picks;
  };
  std::vector<std::uint32_t> best = picks_in(std::nullopt);
  for (const Option& option : problem.nodes.front()) {
    auto picks = picks_in(option.cloud);
    if (objective_of(problem, picks) < objective_of(problem, best)) best = std::move(picks);
  }
  return best;
}

}  // namespace isobar::broker::placement
