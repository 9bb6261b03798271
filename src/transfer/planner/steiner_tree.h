#pragma once

/// The cheapest tree from one region to several: a directed Steiner tree, found exactly by dynamic programming over the
/// subsets of its terminals.

#include <optional>
#include <utility>
#include <vector>

#include "transfer/grid.h"

namespace isobar::transfer {

using TreeEdge = std::pair<RegionIndex, RegionIndex>;

struct SteinerTree {
  std::vector<TreeEdge> edges;  ///< parents before children
  double cost = 0;
};

/// weight      ≥ 0; kUnbounded or more: no such edge
/// terminals   distinct, none the root; at most kTerminalsMax
/// hops_max    most edges from the root to any terminal; unset: any number
/// Returns     none when a terminal cannot be reached
/// Cost        O(3^k·n + 2^k·n²) for k terminals and n regions; hops_max times that when it is set
/// Source      Dreyfus and Wagner, 1971; the directed form with edges relaxed by Dijkstra's order is Erickson, Monma and Veinott, 1987
std::optional<SteinerTree> cheapest_tree(const PairTable& weight, RegionIndex root, const std::vector<RegionIndex>& terminals,
                                         std::optional<int> hops_max = std::nullopt);

inline constexpr std::size_t kTerminalsMax = 12;

}  // namespace isobar::transfer
