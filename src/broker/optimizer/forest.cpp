// Dynamic programming over trees. Cut a tree at an edge, and the two halves meet only in the options chosen at its ends;
// so for each option of a node it is enough to know the best that its subtree can do.
//
// For cost the direction of the edges does not matter: sums of node and edge weights can be taken from any root. For
// time it does. Where every node has one child at most, a node's earliest finish is its runtime after the latest of
// its parents' finishes, and the parents' subtrees share nothing. Where every node has one parent at most, the same
// holds backwards, for the time from a node's start to the end of all. A graph that is both in different places mixes
// the two, and goes to the integer program.

#include <algorithm>
#include <limits>
#include <span>

#include "placement.h"

namespace isobar::broker::placement {

namespace {

/// Objective first; the other quantity breaks ties, so that of equally fast plans the cheaper one is taken.
struct Value {
  double first = 0, second = 0;
  friend bool operator<(const Value& a, const Value& b) { return a.first != b.first ? a.first < b.first : a.second < b.second; }
};

constexpr Value kWorst{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};

/// A tree edge as seen from the end that is nearer to the root.
struct Link {
  const Edge* edge;
  std::uint32_t below;  // the far end
};

class ForestSolver {
 public:
  explicit ForestSolver(const Problem& problem) : problem_(problem), below_(problem.nodes.size()), visited_(problem.nodes.size(), false) {}

  std::optional<Solution> solve() {
    std::vector<std::vector<Link>> neighbours(problem_.nodes.size());
    for (const Edge& edge : problem_.edges) {
      neighbours[edge.from].push_back({&edge, edge.to});
      neighbours[edge.to].push_back({&edge, edge.from});
    }
    // For time the root is the node that all others lead to, or come from; for cost any will do.
    const auto out_degree = degrees(&Edge::from), in_degree = degrees(&Edge::to);
    const bool to_one = std::all_of(out_degree.begin(), out_degree.end(), [](int n) { return n <= 1; });
    const bool from_one = std::all_of(in_degree.begin(), in_degree.end(), [](int n) { return n <= 1; });
    if (problem_.objective == Objective::kTime && !to_one && !from_one) return std::nullopt;
    const auto& degree = to_one ? out_degree : in_degree;
    for (std::uint32_t node = 0; node < problem_.nodes.size(); ++node) {
      const bool root = problem_.objective == Objective::kCost ? !visited_[node] : degree[node] == 0;
      if (root && !hang(node, neighbours)) return std::nullopt;
    }
    value_all();
    return pick_all();
  }

 private:
  std::vector<int> degrees(std::uint32_t Edge::*end) const {
    std::vector<int> count(problem_.nodes.size(), 0);
    for (const Edge& edge : problem_.edges) ++count[edge.*end];
    return count;
  }

  /// Hangs the component of `root` below it; false when it has a cycle.
  bool hang(std::uint32_t root, const std::vector<std::vector<Link>>& neighbours) {
    roots_.push_back(root);
    std::vector<std::pair<std::uint32_t, const Edge*>> stack = {{root, nullptr}};
    while (!stack.empty()) {
      const auto [node, from] = stack.back();
      stack.pop_back();
      if (visited_[node]) return false;
      visited_[node] = true;
      downwards_.push_back(node);
      for (const Link& link : neighbours[node]) {
        if (link.edge == from) continue;
        below_[node].push_back(link);
        stack.emplace_back(link.below, link.edge);
      }
    }
    return true;
  }

  Value weight(const Option& option) const {
    return problem_.objective == Objective::kCost ? Value{option.cost, option.seconds} : Value{option.seconds, option.cost};
  }

  Value weight(const Link& link, const Option& above, const Option& below) const {
    const bool forwards = link.edge->to == link.below;
    const Option &from = forwards ? above : below, &to = forwards ? below : above;
    const double cost = problem_.edge_cost(*link.edge, from, to), seconds = problem_.edge_seconds(*link.edge, from, to);
    return problem_.objective == Objective::kCost ? Value{cost, seconds} : Value{seconds, cost};
  }

  /// best_[node][option]: the best that the subtree of `node` can do with this option at its top.
  void value_all() {
    best_.resize(problem_.nodes.size());
    for (auto node = downwards_.rbegin(); node != downwards_.rend(); ++node) {
      for (const Option& option : problem_.nodes[*node]) {
        Value below;
        for (const Link& link : below_[*node]) {
          const Value branch = best_branch(link, option).second;
          below.first = problem_.objective == Objective::kCost ? below.first + branch.first : std::max(below.first, branch.first);
          below.second += branch.second;
        }
        const Value own = weight(option);
        best_[*node].push_back({own.first + below.first, own.second + below.second});
      }
    }
  }

  std::pair<std::uint32_t, Value> best_branch(const Link& link, const Option& above) const {
    std::pair<std::uint32_t, Value> best{0, kWorst};
    const auto& options = problem_.nodes[link.below];
    for (std::uint32_t i = 0; i < options.size(); ++i) {
      const Value edge = weight(link, above, options[i]), subtree = best_[link.below][i];
      const Value value{edge.first + subtree.first, edge.second + subtree.second};
      if (value < best.second) best = {i, value};
    }
    return best;
  }

  Solution pick_all() const {
    Solution solution;
    solution.picks.resize(problem_.nodes.size());
    for (const std::uint32_t root : roots_)
      solution.picks[root] = static_cast<std::uint32_t>(std::min_element(best_[root].begin(), best_[root].end()) - best_[root].begin());
    for (const std::uint32_t node : downwards_)
      for (const Link& link : below_[node])
        solution.picks[link.below] = best_branch(link, problem_.nodes[node][solution.picks[node]]).first;
    return solution;
  }

  const Problem& problem_;
  std::vector<std::vector<Link>> below_;
  std::vector<bool> visited_;
  std::vector<std::uint32_t> roots_, downwards_;  // every node after the one it hangs from
  std::vector<std::vector<Value>> best_;
};

}  // namespace

std::optional<Solution> solve_forest(const Problem& problem) { return ForestSolver(problem).solve(); }

}  // namespace isobar::broker::placement
