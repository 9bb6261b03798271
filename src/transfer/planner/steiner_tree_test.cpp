#include "steiner_tree.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <map>

#include "integer_program.h"

namespace isobar::transfer {
namespace {

/// Every set of edges that gives each region at most one parent, tried.
double slow_cheapest(const PairTable& weight, RegionIndex root, const std::vector<RegionIndex>& terminals, int hops_max) {
  const auto n = static_cast<RegionIndex>(weight.size());
  std::vector<RegionIndex> parent(n, n);  // n: not in the tree
  double best = kUnbounded;
  const auto score = [&] {
    double cost = 0;
    for (RegionIndex v = 0; v < n; ++v)
      if (v != root && parent[v] != n) cost += weight.at(parent[v], v);
    if (cost >= best) return;
    for (const RegionIndex terminal : terminals) {
      int hops = 0;
      for (RegionIndex v = terminal; v != root; v = parent[v])
        if (parent[v] == n || ++hops > hops_max) return;
    }
    best = cost;
  };
  const std::function<void(RegionIndex)> choose = [&](RegionIndex v) {
    if (v == n) return score();
    for (RegionIndex p = 0; p <= n; ++p)
      if (v != root || p == n) parent[v] = p, choose(v + 1);
  };
  choose(0);
  return best;
}

/// The whole range from the first trial on.
int pick(int from, int to) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to)); }

TEST(SteinerTree, IsTheCheapestOfAllTrees) {
  EXPECT_TRUE(rc::check([] {
    const auto n = static_cast<std::size_t>(pick(2, 6));
    PairTable weight(n);
    for (RegionIndex i = 0; i < n; ++i)
      for (RegionIndex j = 0; j < n; ++j) weight.at(i, j) = i == j || pick(0, 6) == 0 ? kUnbounded : pick(0, 20);
    std::vector<RegionIndex> terminals;
    for (RegionIndex v = 1; v < n; ++v)
      if (v == 1 || pick(0, 2)) terminals.push_back(v);
    const int hops = pick(1, 5);
    const bool limited = pick(0, 2);
    const double slow = slow_cheapest(weight, 0, terminals, limited ? hops : 99);
    const auto fast = cheapest_tree(weight, 0, terminals, limited ? std::optional(hops) : std::nullopt);
    RC_ASSERT(fast.has_value() == (slow < kUnbounded));
    if (!fast) return;
    RC_ASSERT(std::abs(fast->cost - slow) < 1e-9);
    std::map<RegionIndex, int> depth = {{0, 0}};
    for (const auto& [from, to] : fast->edges) {
      RC_ASSERT(depth.count(from) == 1U);
      RC_ASSERT(depth.emplace(to, depth[from] + 1).second);
    }
    for (const RegionIndex t : terminals) RC_ASSERT(depth.count(t) == 1U && (!limited || depth[t] <= hops));
  }));
}

}  // namespace
}  // namespace isobar::transfer
