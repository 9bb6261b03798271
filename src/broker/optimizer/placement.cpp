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

}  // namespace isobar::broker
