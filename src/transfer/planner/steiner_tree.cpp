#include "steiner_tree.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "integer_program.h"

namespace isobar::transfer {

namespace {

/// best[S][v]: the cheapest tree that is rooted in v and reaches the terminals S. Either v goes on to one neighbour with all
/// of S, or S falls into two parts that are both reached from v.
class Search {
 public:
  Search(const PairTable& weight, const std::vector<RegionIndex>& terminals, std::optional<int> hops_max)
      : weight_(weight), n_(weight.size()), full_((1U << terminals.size()) - 1) {
    const std::size_t layers = hops_max ? static_cast<std::size_t>(*hops_max) + 1 : 1;
    best_.assign(layers, std::vector<double>((full_ + 1) * n_, kUnbounded));
    step_.assign(layers, std::vector<Step>((full_ + 1) * n_));
    for (std::size_t layer = 0; layer < layers; ++layer) {
      for (std::size_t t = 0; t < terminals.size(); ++t) best_[layer][at(1U << t, terminals[t])] = 0;
      if (layer > 0) take_edges(layer);
      for (std::uint32_t set = 1; set <= full_; ++set) {
        take_splits(layer, set);
        if (!hops_max) relax(set);
      }
    }
  }

  double cost(RegionIndex root) const { return best_.back()[at(full_, root)]; }
  std::vector<TreeEdge> edges(RegionIndex root) const {
    std::vector<TreeEdge> edges;
    collect(best_.size() - 1, full_, root, edges);
    return edges;
  }

 private:
  struct Step {
    enum { kStop, kEdge, kSplit, kLayerBelow } kind = kStop;
    std::uint32_t to = 0;  ///< the neighbour, or the first part of the split
  };

  std::size_t at(std::uint32_t set, RegionIndex v) const { return set * n_ + v; }

  /// With a hop limit: layer h holds trees of depth h at most, and an edge leads into the layer below.
  void take_edges(std::size_t layer) {
    for (std::uint32_t set = 1; set <= full_; ++set)
      for (RegionIndex v = 0; v < n_; ++v) {
        double& best = best_[layer][at(set, v)];
        Step& step = step_[layer][at(set, v)];
        if (const double below = best_[layer - 1][at(set, v)]; below < best) best = below, step = {Step::kLayerBelow, 0};
        for (RegionIndex u = 0; u < n_; ++u)
          if (const double through = weight_.at(v, u) + best_[layer - 1][at(set, u)]; through < best)
            best = through, step = {Step::kEdge, u};
      }
  }

  void take_splits(std::size_t layer, std::uint32_t set) {
    for (std::uint32_t part = (set - 1) & set; part > (set ^ part); part = (part - 1) & set)
      for (RegionIndex v = 0; v < n_; ++v) {
        const double sum = best_[layer][at(part, v)] + best_[layer][at(set ^ part, v)];
        if (sum < best_[layer][at(set, v)]) best_[layer][at(set, v)] = sum, step_[layer][at(set, v)] = {Step::kSplit, part};
      }
  }

  /// Without one: the edges of a set by Dijkstra, backwards from wherever the splits made it cheap.
  void relax(std::uint32_t set) {
    std::vector<bool> done(n_);
    double* best = &best_[0][at(set, 0)];
    Step* step = &step_[0][at(set, 0)];
    for (std::size_t round = 0; round < n_; ++round) {
      RegionIndex u = static_cast<RegionIndex>(n_);
      for (RegionIndex v = 0; v < n_; ++v)
        if (!done[v] && best[v] < kUnbounded && (u == n_ || best[v] < best[u])) u = v;
      if (u == n_) return;
      done[u] = true;
      for (RegionIndex v = 0; v < n_; ++v)
        if (const double through = weight_.at(v, u) + best[u]; !done[v] && through < best[v]) best[v] = through, step[v] = {Step::kEdge, u};
    }
  }

  void collect(std::size_t layer, std::uint32_t set, RegionIndex v, std::vector<TreeEdge>& edges) const {
    const Step step = step_[layer][at(set, v)];
    if (step.kind == Step::kLayerBelow) return collect(layer - 1, set, v, edges);
    if (step.kind == Step::kEdge) {
      edges.emplace_back(v, step.to);
      return collect(layer == 0 ? 0 : layer - 1, set, step.to, edges);
    }
    if (step.kind == Step::kSplit) {
      collect(layer, step.to, v, edges);
      collect(layer, set ^ step.to, v, edges);
    }
  }

  const PairTable& weight_;
  const std::size_t n_;
  const std::uint32_t full_;
  std::vector<std::vector<double>> best_;  // [layer][set, region]
  std::vector<std::vector<Step>> step_;
};

/// Parts of the search may have met in a region by edges of no weight. Breadth first, each region keeps the first way into
/// it; what leads to no terminal is cut.
std::vector<TreeEdge> as_tree(const std::vector<TreeEdge>& edges, RegionIndex root, const std::vector<RegionIndex>& terminals,
                              std::size_t n) {
  std::vector<bool> reached(n);
  reached[root] = true;
  std::vector<TreeEdge> tree;
  std::vector<RegionIndex> front = {root};
  while (!front.empty()) {
    std::vector<RegionIndex> next;
    for (const RegionIndex v : front)
      for (const auto& [from, to] : edges)
        if (from == v && !reached[to]) reached[to] = true, tree.emplace_back(from, to), next.push_back(to);
    front = std::move(next);
  }
  std::vector<bool> needed(n);
  for (const RegionIndex t : terminals) needed[t] = true;
  std::vector<TreeEdge> kept;
  for (auto edge = tree.rbegin(); edge != tree.rend(); ++edge)
    if (needed[edge->second]) needed[edge->first] = true, kept.push_back(*edge);
  std::reverse(kept.begin(), kept.end());
  return kept;
}

}  // namespace

std::optional<SteinerTree> cheapest_tree(const PairTable& weight, RegionIndex root, const std::vector<RegionIndex>& terminals,
                                         std::optional<int> hops_max) {
  CHECK(!terminals.empty() && terminals.size() <= kTerminalsMax, terminals.size());
  const Search search(weight, terminals, hops_max);
  if (search.cost(root) >= kUnbounded) return std::nullopt;
  SteinerTree tree{as_tree(search.edges(root), root, terminals, weight.size()), 0};
  for (const auto& [from, to] : tree.edges) tree.cost += weight.at(from, to);
  return tree;
}

}  // namespace isobar::transfer
