// General graphs as a mixed-integer program, solved by CBC.
//
//   x[v,c] ∈ {0,1}   node v takes its option in cloud c;            Σ_c x[v,c] = 1
//   y[e,c] ≥ 0       edge e = (u,v) leaves cloud c;                 y[e,c] ≥ x[u,c] − x[v,c]
//   f[v]   ≥ 0       node v has finished (for time alone);          f[v] ≥ f[u] + t_e·Σ_c y[e,c] + Σ_c s[v,c]·x[v,c]
//
//   cost: minimise Σ cost[v,c]·x[v,c] + Σ price_e(c)·y[e,c]         time: minimise F ≥ f[v]
//
// Many plans end equally soon: what runs beside the longest path may run anywhere. So time is solved twice, the second
// time for cost with F held at its best.
//
// What an edge costs depends on the cloud it leaves and on whether it leaves it, not on where it goes: so y needs one
// variable an edge and cloud instead of one a pair of options, and may be continuous, as it is pressed down onto a
// difference of binaries. For time every cloud's y costs the same, and the sum is at most 1 in an integer solution.
//
// CBC throws and prints; neither leaves this file.

#include <CbcModel.hpp>
#include <CglProbing.hpp>
#include <CoinPackedVector.hpp>
#include <CoinTime.hpp>
#include <OsiClpSolverInterface.hpp>
#include <algorithm>
#include <cmath>
#include <optional>

#include "placement.h"

namespace isobar::broker::placement {

namespace {

constexpr double kRounding = 1e-9;

/// The rows and columns above, for one problem.
class Model {
 public:
  /// seconds_max   the plan must end by then; unset: no matter when
  Model(const Problem& problem, Objective objective, std::optional<double> seconds_max) : problem_(problem), objective_(objective) {
    solver_.messageHandler()->setLogLevel(0);
    solver_.getModelPtr()->setLogLevel(0);
    add_choices();
    for (const Edge& edge : problem.edges) add_crossing(edge);
    if (!for_cost() || seconds_max) add_finishes(seconds_max.value_or(COIN_DBL_MAX));
  }

  struct Found {
    std::vector<std::uint32_t> picks;  // none: nothing in time
    bool proven = false;
    double possible = 0;  // no plan has a smaller objective
  };

  Found solve(double seconds) {
    CbcModel search(solver_);
    search.setLogLevel(0);
    search.messageHandler()->setLogLevel(0);
    search.setMaximumSeconds(seconds);
    search.setAllowableGap(0);
    search.setAllowableFractionGap(0);
    CglProbing probing;
    search.addCutGenerator(&probing, 1, "probing");
    search.branchAndBound();
    Found found{{}, search.isProvenOptimal(), search.getBestPossibleObjValue()};
    if (search.bestSolution()) found.picks = read(search.bestSolution());
    return found;
  }

 private:
  int variable(double least, double most, double objective) {
    solver_.addCol(0, nullptr, nullptr, least, most, objective);
    return solver_.getNumCols() - 1;
  }

  void row(const std::vector<std::pair<int, double>>& terms, double least, double most) {
    CoinPackedVector packed;
    for (const auto& [column, factor] : terms) packed.insert(column, factor);
    solver_.addRow(packed, least, most);
  }

  bool for_cost() const { return objective_ == Objective::kCost; }

  void add_choices() {
    for (const auto& options : problem_.nodes) {
      auto& columns = choice_.emplace_back();
      std::vector<std::pair<int, double>> one;
      for (const Option& option : options) {
        columns.push_back(variable(0, 1, for_cost() ? option.cost : 0));
        solver_.setInteger(columns.back());
        one.emplace_back(columns.back(), 1);
      }
      row(one, 1, 1);
    }
  }

  /// x[node, cloud]; none when the node has no option there.
  std::optional<int> in_cloud(std::uint32_t node, std::uint32_t cloud) const {
    const auto& options = problem_.nodes[node];
    for (std::size_t i = 0; i < options.size(); ++i)
      if (options[i].cloud == cloud) return choice_[node][i];
    return std::nullopt;
  }

  void add_crossing(const Edge& edge) {
    auto& columns = crossing_.emplace_back();
    for (const Option& option : problem_.nodes[edge.from]) {
      const int leaves = variable(0, 1, for_cost() ? edge.cost_from[option.cloud] : 0);
      columns.push_back(leaves);
      std::vector<std::pair<int, double>> terms = {{leaves, 1}, {*in_cloud(edge.from, option.cloud), -1}};
      if (const auto stays = in_cloud(edge.to, option.cloud)) terms.emplace_back(*stays, 1);
      row(terms, 0, COIN_DBL_MAX);
    }
  }

  void add_finishes(double seconds_max) {
    const int last = variable(0, seconds_max, for_cost() ? 0 : 1);
    std::vector<int> finish;
    for (std::size_t node = 0; node < problem_.nodes.size(); ++node) {
      finish.push_back(variable(0, COIN_DBL_MAX, 0));
      row({{last, 1}, {finish.back(), -1}}, 0, COIN_DBL_MAX);
      row(with_runtime(static_cast<std::uint32_t>(node), {{finish.back(), 1}}), 0, COIN_DBL_MAX);
    }
    for (std::size_t e = 0; e < problem_.edges.size(); ++e) {
      const Edge& edge = problem_.edges[e];
      auto terms = with_runtime(edge.to, {{finish[edge.to], 1}, {finish[edge.from], -1}});
      for (const int leaves : crossing_[e]) terms.emplace_back(leaves, -edge.seconds);
      row(terms, 0, COIN_DBL_MAX);
    }
  }

  std::vector<std::pair<int, double>> with_runtime(std::uint32_t node, std::vector<std::pair<int, double>> terms) const {
    for (std::size_t i = 0; i < choice_[node].size(); ++i) terms.emplace_back(choice_[node][i], -problem_.nodes[node][i].seconds);
    return terms;
  }

  std::vector<std::uint32_t> read(const double* values) const {
    std::vector<std::uint32_t> picks;
    for (const auto& columns : choice_) {
      const auto best = std::max_element(columns.begin(), columns.end(), [&](int a, int b) { return values[a] < values[b]; });
      picks.push_back(static_cast<std::uint32_t>(best - columns.begin()));
    }
    return picks;
  }

  const Problem& problem_;
  const Objective objective_;
  OsiClpSolverInterface solver_;
  std::vector<std::vector<int>> choice_;    // x, [node][option]
  std::vector<std::vector<int>> crossing_;  // y, [edge][option of its source]
};

/// Takes `picks` where they are better; a search cut short may have found less than the simple plan.
void improve(Solution& solution, std::vector<std::uint32_t> picks, const Problem& problem) {
  const auto value = [&](const std::vector<std::uint32_t>& p) {
    const Totals totals = evaluate(problem, p);
    return problem.objective == Objective::kCost ? std::pair(totals.cost, totals.seconds) : std::pair(totals.seconds, totals.cost);
  };
  if (!picks.empty() && value(picks) < value(solution.picks)) solution.picks = std::move(picks);
}

void cheapen(Solution& solution, const Problem& problem, double seconds) {
  const double ends = evaluate(problem, solution.picks).seconds;
  improve(solution, Model(problem, Objective::kCost, ends + kRounding).solve(seconds).picks, problem);
}

Solution solve_exactly(const Problem& problem, double seconds) {
  const double start = CoinWallclockTime();
  Solution solution{simple_picks(problem), 0, Method::kIntegerProgram};
  auto first = Model(problem, problem.objective, std::nullopt).solve(seconds);
  improve(solution, std::move(first.picks), problem);
  if (first.proven && problem.objective == Objective::kTime) cheapen(solution, problem, seconds - (CoinWallclockTime() - start));
  const double value = objective_of(problem, solution.picks);
  if (!first.proven) solution.gap = std::clamp((value - first.possible) / std::max(kRounding, std::abs(value)), 0.0, 1.0);
  return solution;
}

/// CBC reports its own mistakes by throwing.
template <class F>
Result<Solution> guarded(F&& solve) {
  try {
    return solve();
  } catch (const CoinError& error) {
    return unavailable("integer program: " + error.methodName() + ": " + error.message());
  }
}

}  // namespace

Result<Solution> solve_integer_program(const Problem& problem, Duration time_limit) {
  return guarded([&] { return solve_exactly(problem, to_seconds(time_limit)); });
}

Result<Solution> cheapest_as_fast(const Problem& problem, Solution solution, Duration time_limit) {
  return guarded([&] {
    cheapen(solution, problem, to_seconds(time_limit));
    return std::move(solution);
  });
}

}  // namespace isobar::broker::placement
