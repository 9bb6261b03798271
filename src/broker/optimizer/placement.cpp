#include "placement.h"

#include <algorithm>

namespace isobar::broker {

Totals evaluate(const Placement& placement, const std::vector<std::uint32_t>& picks) {
  Totals totals;
  const auto option = [&](std::uint32_t node) -> const Option& { return placement.nodes[node][picks[node]]; };
  std::vector<double> start(placement.nodes.size(), 0.0);
  std::vector<std::vector<const Edge*>> out(placement.nodes.size());
  for (const Edge& edge : placement.edges) out[edge.from].push_back(&edge);
  for (const std::uint32_t node : placement.order) {
    const double finish = start[node] + option(node).seconds;
    totals.cost += option(node).cost;
    totals.seconds = std::max(totals.seconds, finish);
    for (const Edge* edge : out[node]) {
      totals.egress_cost += placement.edge_cost(*edge, option(node), option(edge->to));
      start[edge->to] = std::max(start[edge->to], finish + placement.edge_seconds(*edge, option(node), option(edge->to)));
    }
  }
  totals.cost += totals.egress_cost;
  return totals;
}

bool is_chain(const Placement& placement) {
  std::vector<int> in(placement.nodes.size(), 0), out(placement.nodes.size(), 0);
  for (const Edge& edge : placement.edges)
    if (++out[edge.from] > 1 || ++in[edge.to] > 1) return false;
  return placement.edges.size() + 1 == placement.nodes.size();
}

double objective_of(const Placement& placement, const std::vector<std::uint32_t>& picks) {
  const Totals totals = evaluate(placement, picks);
  return placement.objective == Objective::kCost ? totals.cost : totals.seconds;
}

std::vector<std::uint32_t> simple_picks(const Placement& placement) {
  const auto weight = [&](const Option& option) { return placement.objective == Objective::kCost ? option.cost : option.seconds; };
  /// Each node by itself, but in `cloud` where it can be.
  const auto picks_in = [&](std::optional<std::uint32_t> cloud) {
    std::vector<std::uint32_t> picks;
    for (const auto& options : placement.nodes) {
      const auto better = [&](const Option& a, const Option& b) { return a.cloud == cloud ? b.cloud != cloud : b.cloud != cloud && weight(a) < weight(b); };
      picks.push_back(static_cast<std::uint32_t>(std::min_element(options.begin(), options.end(), better) - options.begin()));
    }
    return picks;
  };
  std::vector<std::uint32_t> best = picks_in(std::nullopt);
  for (const Option& option : placement.nodes.front()) {
    auto picks = picks_in(option.cloud);
    if (objective_of(placement, picks) < objective_of(placement, best)) best = std::move(picks);
  }
  return best;
}

}  // namespace isobar::broker
