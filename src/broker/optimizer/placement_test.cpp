// The solvers against the slow, obvious one: every combination of options, on thousands of small random graphs.

#include "placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/random.h"

namespace isobar::broker::placement {
namespace {

constexpr std::uint32_t kClouds = 4;

enum class Shape { kChain, kOutTree, kInTree, kPolytree, kAny };

void connect(Problem& problem, std::uint32_t from, std::uint32_t to, Random& random) {
  Edge edge{from, to, static_cast<double>(random.below(50)), {}};
  for (std::uint32_t cloud = 0; cloud < kClouds; ++cloud) edge.cost_from.push_back(static_cast<double>(random.below(30)));
  problem.edges.push_back(std::move(edge));
}

Problem a_problem(Objective objective, Shape shape, Random& random) {
  Problem problem;
  problem.objective = objective;
  const auto count = static_cast<std::uint32_t>(random.below(6) + 1);
  for (std::uint32_t node = 0; node < count; ++node) {
    problem.order.push_back(node);
    auto& options = problem.nodes.emplace_back();
    for (std::uint32_t cloud = 0; cloud < kClouds; ++cloud)
      if (random.chance(0.7)) options.push_back({cloud, static_cast<double>(random.below(40)), static_cast<double>(random.below(60))});
    if (options.empty()) options.push_back({0, 1, 1});
  }
  for (std::uint32_t node = 1; node < count; ++node) {
    const auto earlier = static_cast<std::uint32_t>(random.below(node));
    switch (shape) {
      case Shape::kChain: connect(problem, node - 1, node, random); break;
      case Shape::kOutTree: connect(problem, earlier, node, random); break;
      case Shape::kInTree: connect(problem, count - 1 - node, count - 1 - earlier, random); break;
      case Shape::kPolytree: random.chance(0.5) ? connect(problem, earlier, node, random) : connect(problem, node, earlier, random); break;
      case Shape::kAny:
        for (std::uint32_t from = 0; from < node; ++from)
          if (random.chance(0.5)) connect(problem, from, node, random);
    }
  }
  if (shape == Shape::kPolytree) {  // its edges point both ways: sort again
    std::vector<std::uint32_t> waiting(count, 0);
    for (const Edge& edge : problem.edges) ++waiting[edge.to];
    problem.order.clear();
    while (problem.order.size() < count)
      for (std::uint32_t node = 0; node < count; ++node)
        if (waiting[node] == 0) {
          waiting[node] = count + 1;
          problem.order.push_back(node);
          for (const Edge& edge : problem.edges) waiting[edge.to] -= edge.from == node;
        }
  }
  return problem;
}

/// The objective first, then the other quantity.
std::pair<double, double> value_of(const Problem& problem, const std::vector<std::uint32_t>& picks) {
  const Totals totals = evaluate(problem, picks);
  return problem.objective == Objective::kCost ? std::pair(totals.cost, totals.seconds) : std::pair(totals.seconds, totals.cost);
}

std::pair<double, double> brute_force(const Problem& problem) {
  std::vector<std::uint32_t> picks(problem.nodes.size(), 0);
  auto best = value_of(problem, picks);
  for (;;) {
    best = std::min(best, value_of(problem, picks));
    std::size_t node = 0;
    while (node < picks.size() && ++picks[node] == problem.nodes[node].size()) picks[node++] = 0;
    if (node == picks.size()) return best;
  }
}

void expect_forest_is_exact(Objective objective, Shape shape, int rounds) {
  Random random(static_cast<std::uint64_t>(shape) * 2 + (objective == Objective::kTime) + 11);
  for (int round = 0; round < rounds; ++round) {
    const Problem problem = a_problem(objective, shape, random);
    const auto solution = solve_forest(problem);
    ASSERT_TRUE(solution.has_value());
    ASSERT_NEAR(objective_of(problem, solution->picks), brute_force(problem).first, 1e-9) << "round " << round;
  }
}

TEST(Forest, MatchesBruteForceForCostOnEveryKindOfTree) {
  for (const Shape shape : {Shape::kChain, Shape::kOutTree, Shape::kInTree, Shape::kPolytree})
    expect_forest_is_exact(Objective::kCost, shape, 2000);
}

TEST(Forest, MatchesBruteForceForTimeOnTreesThatPointOneWay) {
  for (const Shape shape : {Shape::kChain, Shape::kOutTree, Shape::kInTree}) expect_forest_is_exact(Objective::kTime, shape, 2000);
}

TEST(Forest, LeavesGraphsWithCyclesOfEdgesToTheIntegerProgram) {
  Random random(3);
  Problem diamond = a_problem(Objective::kCost, Shape::kChain, random);
  while (diamond.nodes.size() < 3) diamond = a_problem(Objective::kCost, Shape::kChain, random);
  connect(diamond, 0, 2, random);
  EXPECT_FALSE(solve_forest(diamond).has_value());
}

TEST(IntegerProgram, MatchesBruteForceOnEveryGraph) {
  for (const Objective objective : {Objective::kCost, Objective::kTime}) {
    Random random(objective == Objective::kCost ? 21 : 22);
    for (int round = 0; round < 1000; ++round) {
      const Problem problem = a_problem(objective, Shape::kAny, random);
      const auto solution = solve_integer_program(problem, 60s);
      ASSERT_TRUE(solution.ok()) << solution.error().message();
      ASSERT_EQ(solution->gap, 0);
      const auto found = value_of(problem, solution->picks), best = brute_force(problem);
      ASSERT_NEAR(found.first, best.first, 1e-6) << "round " << round;
      if (objective == Objective::kTime) {
        ASSERT_NEAR(found.second, best.second, 1e-6) << "of equally fast plans the cheapest; round " << round;
      }
    }
  }
}

TEST(IntegerProgram, OutOfTimeItAnswersWithAPlanAndHowFarThatMayBeFromTheBest) {
  Random random(13);
  Problem problem;
  problem.objective = Objective::kTime;
  for (std::uint32_t node = 0; node < 120; ++node) {
    problem.order.push_back(node);
    auto& options = problem.nodes.emplace_back();
    for (std::uint32_t cloud = 0; cloud < kClouds; ++cloud) options.push_back({cloud, 1, random.uniform() * 60});
    for (std::uint32_t from = 0; from < node; ++from)
      if (random.chance(0.1)) connect(problem, from, node, random);
  }
  const auto solution = solve_integer_program(problem, 1ms);
  ASSERT_TRUE(solution.ok());
  ASSERT_EQ(solution->picks.size(), 120U);
  EXPECT_GT(solution->gap, 0);
  EXPECT_LE(solution->gap, 1);
  EXPECT_LE(objective_of(problem, solution->picks), objective_of(problem, simple_picks(problem)));
}

TEST(IntegerProgram, PrintsNothing) {
  Random random(9);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  for (int round = 0; round < 20; ++round) EXPECT_TRUE(solve_integer_program(a_problem(Objective::kTime, Shape::kAny, random), 60s).ok());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(IntegerProgram, AgreesWithTheForestOnTreesTooLargeForBruteForce) {
  for (const Objective objective : {Objective::kCost, Objective::kTime}) {
    Random random(5);
    Problem problem;
    problem.objective = objective;
    for (std::uint32_t node = 0; node < 60; ++node) {
      problem.order.push_back(node);
      auto& options = problem.nodes.emplace_back();
      for (std::uint32_t cloud = 0; cloud < kClouds; ++cloud) options.push_back({cloud, random.uniform() * 40, random.uniform() * 60});
      if (node > 0) connect(problem, static_cast<std::uint32_t>(random.below(node)), node, random);
    }
    const auto by_tree = solve_forest(problem);
    const auto by_program = solve_integer_program(problem, 60s);
    ASSERT_TRUE(by_tree && by_program.ok());
    EXPECT_NEAR(objective_of(problem, by_tree->picks), objective_of(problem, by_program->picks), 1e-6);
  }
}

}  // namespace
}  // namespace isobar::broker::placement
