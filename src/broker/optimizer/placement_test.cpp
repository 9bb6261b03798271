// The solvers against the slow, obvious one: every combination of options, on thousands of small random graphs.

#include "placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/random.h"

namespace isobar::broker {
namespace {

constexpr std::uint32_t kClouds = 4;

enum class Shape { kChain, kOutTree, kInTree, kPolytree, kAny };

void connect(Placement& placement, std::uint32_t from, std::uint32_t to, Random& random) {
  Edge edge{from, to, static_cast<double>(random.below(50)), {}};
  for (std::uint32_t cloud = 0; cloud < kClouds; ++cloud) edge.cost_from.push_back(static_cast<double>(random.below(30)));
  placement.edges.push_back(std::move(edge));
}

Placement a_placement(Objective objective, Shape shape, Random& random) {
  Placement placement;
  placement.objective = objective;
  const auto count = static_cast<std::uint32_t>(random.below(6) + 1);
  for (std::uint32_t node = 0; node < count; ++node) {
    placement.order.push_back(node);
    auto& options = placement.nodes.emplace_back();
    for (std::uint32_t cloud = 0; cloud < kClouds; ++cloud)
      if (random.chance(0.7)) options.push_back({cloud, static_cast<double>(random.below(40)), static_cast<double>(random.below(60))});
    if (options.empty()) options.push_back({0, 1, 1});
  }
  for (std::uint32_t node = 1; node < count; ++node) {
    const auto earlier = static_cast<std::uint32_t>(random.below(node));
    switch (shape) {
      case Shape::kChain: connect(placement, node - 1, node, random); break;
      case Shape::kOutTree: connect(placement, earlier, node, random); break;
      case Shape::kInTree: connect(placement, count - 1 - node, count - 1 - earlier, random); break;
      case Shape::kPolytree: random.chance(0.5) ? connect(placement, earlier, node, random) : connect(placement, node, earlier, random); break;
      case Shape::kAny:
        for (std::uint32_t from = 0; from < node; ++from)
          if (random.chance(0.5)) connect(placement, from, node, random);
    }
  }
  if (shape == Shape::kPolytree) {  // its edges point both ways: sort again
    std::vector<std::uint32_t> waiting(count, 0);
    for (const Edge& edge : placement.edges) ++waiting[edge.to];
    placement.order.clear();
    while (placement.order.size() < count)
      for (std::uint32_t node = 0; node < count; ++node)
        if (waiting[node] == 0) {
          waiting[node] = count + 1;
          placement.order.push_back(node);
          for (const Edge& edge : placement.edges) waiting[edge.to] -= edge.from == node;
        }
  }
  return placement;
}

double objective_of(const Placement& placement, const std::vector<std::uint32_t>& picks) {
  const Totals totals = evaluate(placement, picks);
  return placement.objective == Objective::kCost ? totals.cost : totals.seconds;
}

double brute_force(const Placement& placement) {
  std::vector<std::uint32_t> picks(placement.nodes.size(), 0);
  double best = std::numeric_limits<double>::infinity();
  for (;;) {
    best = std::min(best, objective_of(placement, picks));
    std::size_t node = 0;
    while (node < picks.size() && ++picks[node] == placement.nodes[node].size()) picks[node++] = 0;
    if (node == picks.size()) return best;
  }
}

void expect_forest_is_exact(Objective objective, Shape shape, int rounds) {
  Random random(static_cast<std::uint64_t>(shape) * 2 + (objective == Objective::kTime) + 11);
  for (int round = 0; round < rounds; ++round) {
    const Placement placement = a_placement(objective, shape, random);
    const auto solution = solve_forest(placement);
    ASSERT_TRUE(solution.has_value());
    ASSERT_NEAR(objective_of(placement, solution->picks), brute_force(placement), 1e-9) << "round " << round;
  }
}

TEST(Forest, MatchesBruteForceForCostOnEveryKindOfTree) {
  for (const Shape shape : {Shape::kChain, Shape::kOutTree, Shape::kInTree, Shape::kPolytree}) expect_forest_is_exact(Objective::kCost, shape, 2000);
}

TEST(Forest, MatchesBruteForceForTimeOnTreesThatPointOneWay) {
  for (const Shape shape : {Shape::kChain, Shape::kOutTree, Shape::kInTree}) expect_forest_is_exact(Objective::kTime, shape, 2000);
}

TEST(Forest, LeavesGraphsWithCyclesOfEdgesToTheIntegerProgram) {
  Random random(3);
  Placement diamond = a_placement(Objective::kCost, Shape::kChain, random);
  while (diamond.nodes.size() < 3) diamond = a_placement(Objective::kCost, Shape::kChain, random);
  connect(diamond, 0, 2, random);
  EXPECT_FALSE(solve_forest(diamond).has_value());
}

TEST(IntegerProgram, MatchesBruteForceOnEveryGraph) {
  for (const Objective objective : {Objective::kCost, Objective::kTime}) {
    Random random(objective == Objective::kCost ? 21 : 22);
    for (int round = 0; round < 1000; ++round) {
      const Placement placement = a_placement(objective, Shape::kAny, random);
      const auto solution = solve_integer_program(placement, 60s);
      ASSERT_TRUE(solution.ok()) << solution.error().message();
      ASSERT_EQ(solution->gap, 0);
      ASSERT_NEAR(objective_of(placement, solution->picks), brute_force(placement), 1e-6) << "round " << round;
    }
  }
}

TEST(IntegerProgram, PrintsNothing) {
  Random random(9);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  for (int round = 0; round < 20; ++round) EXPECT_TRUE(solve_integer_program(a_placement(Objective::kTime, Shape::kAny, random), 60s).ok());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(IntegerProgram, AgreesWithTheForestOnTreesTooLargeForBruteForce) {
  for (const Objective objective : {Objective::kCost, Objective::kTime}) {
    Random random(5);
    Placement placement;
    placement.objective = objective;
    for (std::uint32_t node = 0; node < 60; ++node) {
      placement.order.push_back(node);
      auto& options = placement.nodes.emplace_back();
      for (std::uint32_t cloud = 0; cloud < kClouds; ++cloud) options.push_back({cloud, random.uniform() * 40, random.uniform() * 60});
      if (node > 0) connect(placement, static_cast<std::uint32_t>(random.below(node)), node, random);
    }
    const auto by_tree = solve_forest(placement);
    const auto by_program = solve_integer_program(placement, 60s);
    ASSERT_TRUE(by_tree && by_program.ok());
    EXPECT_NEAR(objective_of(placement, by_tree->picks), objective_of(placement, by_program->picks), 1e-6);
  }
}

}  // namespace
}  // namespace isobar::broker
