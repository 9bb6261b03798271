#include "transfer/multicast.h"

#include <gtest/gtest.h>

#include <random>

#include "integer_program.h"

namespace isobar::transfer {
namespace {

MulticastProblem problem_of(const Grid& grid, std::string_view source, const std::vector<std::string>& destinations, int vms = 4) {
  OverlayOptions options;
  options.vm_usd_per_hour = 0.54;
  options.quotas.per_region = vms;
  MulticastProblem problem;
  problem.overlay = *make_overlay(grid, PriceBook::builtin(), options);
  problem.source = *resolve_region(grid, source);
  for (const auto& destination : destinations) problem.destinations.push_back(*resolve_region(grid, destination));
  problem.volume_gb = 1000;
  problem.seconds_max = 3600;
  return problem;
}

/// Cloudcast's program with a unit of flow for each destination and stripe: the reference.
///   p[e,k] binary: stripe k goes over e        y[e,k,d] ≤ p[e,k]: to reach d
/// Returns the least cost at the budget, or none.
std::optional<double> flow_cheapest(const MulticastProblem& problem) {
  const Overlay& overlay = problem.overlay;
  const std::size_t n = overlay.size();
  IntegerProgram program;
  const double stripe_gb = problem.volume_gb / problem.stripes, gbit = stripe_gb * kGbitPerGb;
  std::vector<Column> vms;
  for (const auto& region : overlay.regions)
    vms.push_back(program.add(0, region.vms_max, region.vm_usd_per_hour / 3600 * (problem.seconds_max + to_seconds(problem.vm_start)),
                              Domain::kInteger));
  std::vector<std::vector<Term>> out(n), in(n), egress(n), ingress(n);
  for (int k = 0; k < problem.stripes; ++k) {
    std::vector<std::vector<std::vector<Term>>> balance(problem.destinations.size(), std::vector<std::vector<Term>>(n));
    for (RegionIndex i = 0; i < n; ++i)
      for (RegionIndex j = 0; j < n; ++j) {
        if (i == j || overlay.gbps.at(i, j) <= 0) continue;
        const Column p = program.add(0, 1, stripe_gb * overlay.usd_per_gb.at(i, j), Domain::kInteger);
        out[i].push_back({p, gbit / overlay.gbps.at(i, j)});
        in[j].push_back({p, gbit / overlay.gbps.at(i, j)});
        egress[i].push_back({p, gbit / overlay.regions[i].vm_egress_gbps});
        ingress[j].push_back({p, gbit / overlay.regions[j].vm_ingress_gbps});
        program.require({{vms[i], 1}, {p, -1}}, 0, kUnbounded);
        program.require({{vms[j], 1}, {p, -1}}, 0, kUnbounded);
        for (std::size_t d = 0; d < problem.destinations.size(); ++d) {
          const Column y = program.add(0, 1, 0);
          program.require({{y, 1}, {p, -1}}, -kUnbounded, 0);
          balance[d][i].push_back({y, 1});
          balance[d][j].push_back({y, -1});
        }
      }
    for (std::size_t d = 0; d < problem.destinations.size(); ++d)
      for (RegionIndex v = 0; v < n; ++v) {
        const double net = v == problem.source ? 1 : v == problem.destinations[d] ? -1 : 0;
        program.require(balance[d][v], net, net);
      }
  }
  for (std::size_t v = 0; v < n; ++v)
    for (auto* terms : {&out[v], &in[v], &egress[v], &ingress[v]}) {
      terms->push_back({vms[v], -problem.seconds_max});
      program.require(*terms, -kUnbounded, 0);
    }
  const auto answer = program.minimise(std::chrono::seconds(120));
  EXPECT_TRUE(answer.ok() && answer->proven);
  if (answer->values.empty()) return std::nullopt;
  return answer->objective;
}

double usd_at_budget(const MulticastProblem& problem, const MulticastPlan& plan) {
  double usd = plan.egress_usd;
  for (std::size_t v = 0; v < plan.vms.size(); ++v)
    usd += plan.vms[v] * problem.overlay.regions[v].vm_usd_per_hour / 3600 * (problem.seconds_max + to_seconds(problem.vm_start));
  return usd;
}

void expect_sound(const MulticastProblem& problem, const MulticastPlan& plan) {
  int stripes = 0;
  for (const auto& tree : plan.trees) {
    stripes += tree.stripes;
    std::vector<bool> has(problem.overlay.size());
    has[problem.source] = true;
    for (const auto& [from, to] : tree.edges) {
      EXPECT_TRUE(has[from]);
      EXPECT_FALSE(has[to]);
      has[to] = true;
      EXPECT_GE(plan.vms[from], 1);
      EXPECT_GE(plan.vms[to], 1);
    }
    for (const RegionIndex destination : problem.destinations) EXPECT_TRUE(has[destination]);
  }
  EXPECT_EQ(stripes, problem.stripes);
  EXPECT_LE(plan.seconds, problem.seconds_max * (1 + 1e-5));
  for (std::size_t v = 0; v < plan.vms.size(); ++v) EXPECT_LE(plan.vms[v], problem.overlay.regions[v].vms_max);
}

struct Saving {
  std::string_view source;
  std::vector<std::string> destinations;
  double direct_usd_per_gb, planned_usd_per_gb;
};

void expect_saving(const Saving& saving) {
  const auto grid = *builtin_grid();
  const auto problem = problem_of(grid, saving.source, saving.destinations);
  const auto plan = cheapest_multicast(problem);
  const auto direct = direct_multicast(problem);
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  expect_sound(problem, *plan);
  EXPECT_NEAR(direct->egress_usd / problem.volume_gb, saving.direct_usd_per_gb, 0.0005);
  EXPECT_NEAR(plan->egress_usd / problem.volume_gb, saving.planned_usd_per_gb, 0.0005);
  EXPECT_LT(plan->gap, 0.02);
  EXPECT_LE(plan->egress_usd, arborescence_multicast(problem)->egress_usd + 1e-6);
}

TEST(Multicast, SavesTwoThirdsFromMumbaiIntoAws) {
  expect_saving({"aws:ap-south-1",
                 {"aws:us-east-1", "aws:ca-central-1", "aws:us-west-1", "aws:us-west-2", "aws:eu-west-1", "aws:eu-central-1"},
                 0.516,
                 0.186});
}

TEST(Multicast, SavesHalfFromVirginiaIntoAzure) {
  expect_saving({"aws:us-east-1", {"azure:eastus", "azure:eastus2", "azure:westus", "azure:westus2", "azure:westeurope"}, 0.45, 0.2});
}

TEST(Multicast, SavesAThirdFromVirginiaIntoThreeClouds) {
  expect_saving(
      {"aws:us-east-1",
       {"aws:us-west-2", "aws:eu-west-1", "azure:eastus", "azure:westus2", "azure:canadacentral", "gcp:us-east4-a", "gcp:europe-west1-b"},
       0.49,
       0.3375});
}

TEST(Multicast, SavesNothingInsideAFlatPrice) {
  expect_saving({"aws:us-east-1", {"aws:us-west-1", "aws:us-west-2", "aws:eu-west-1"}, 0.06, 0.06});
}

TEST(Multicast, AgreesWithTheFlowProgramOnSmallGrids) {
  const auto grid = *builtin_grid();
  std::mt19937 random(11);
  int exact = 0, solved = 0;
  for (int trial = 0; trial < 24; ++trial) {
    auto problem = problem_of(grid, "aws:us-east-1", {"aws:us-east-2"}, 1 + static_cast<int>(random() % 3));
    // A grid of six regions drawn from the whole.
    std::vector<RegionIndex> drawn;
    while (drawn.size() < 6)
      if (const RegionIndex v = random() % grid.regions.size(); std::find(drawn.begin(), drawn.end(), v) == drawn.end()) drawn.push_back(v);
    Overlay small;
    small.gbps = small.usd_per_gb = PairTable(drawn.size());
    for (RegionIndex i = 0; i < drawn.size(); ++i) {
      small.regions.push_back(problem.overlay.regions[drawn[i]]);
      for (RegionIndex j = 0; j < drawn.size(); ++j) {
        small.gbps.at(i, j) = problem.overlay.gbps.at(drawn[i], drawn[j]);
        small.usd_per_gb.at(i, j) = problem.overlay.usd_per_gb.at(drawn[i], drawn[j]);
      }
    }
    problem.overlay = small;
    problem.source = 0;
    problem.destinations = {1, 2, 3};
    problem.stripes = 1 + static_cast<int>(random() % 2);
    problem.volume_gb = 200;
    problem.seconds_max = 300 + random() % 900;
    problem.vm_start = std::chrono::seconds(random() % 100);
    const auto reference = flow_cheapest(problem);
    const auto plan = cheapest_multicast(problem);
    if (!reference) {
      EXPECT_FALSE(plan.ok());
      continue;
    }
    ++solved;
    if (!plan.ok()) continue;  // the trees found did not fit in whole stripes; the message says so
    expect_sound(problem, *plan);
    const double usd = usd_at_budget(problem, *plan);
    EXPECT_GE(usd, *reference * (1 - 1e-6)) << trial;
    EXPECT_LE(usd * (1 - plan->gap), *reference * (1 + 1e-6)) << trial << ": the bound must hold";
    exact += usd <= *reference * (1 + 1e-6);
  }
  EXPECT_GE(solved, 12);
  EXPECT_GE(exact, solved * 8 / 10) << "of " << solved;
}

TEST(Multicast, KeepsTheHopLimit) {
  const auto grid = *builtin_grid();
  auto problem = problem_of(grid, "aws:ap-south-1", {"aws:us-east-1", "aws:us-east-2", "aws:us-west-1", "aws:eu-west-1"});
  problem.hops_max = 1;
  const auto star = cheapest_multicast(problem);
  ASSERT_TRUE(star.ok()) << star.error().message();
  EXPECT_NEAR(star->egress_usd, direct_multicast(problem)->egress_usd, 1e-6);
  problem.hops_max = 2;
  const auto two = cheapest_multicast(problem);
  ASSERT_TRUE(two.ok());
  EXPECT_LT(two->egress_usd, star->egress_usd);
}

TEST(Multicast, TakesMoreVmsForLessTime) {
  const auto grid = *builtin_grid();
  auto problem = problem_of(grid, "aws:ap-south-1", {"aws:us-east-1", "aws:eu-west-1"}, 8);
  const auto slow = cheapest_multicast(problem);
  problem.seconds_max = 500;
  const auto fast = cheapest_multicast(problem);
  ASSERT_TRUE(slow.ok() && fast.ok());
  expect_sound(problem, *fast);
  EXPECT_GT(fast->vms[problem.source], slow->vms[problem.source]);
}

TEST(Multicast, SaysWhatTimeTheQuotasAllow) {
  const auto grid = *builtin_grid();
  auto problem = problem_of(grid, "aws:us-east-1", {"aws:us-west-2"}, 1);
  problem.seconds_max = 60;
  const auto least = least_multicast_seconds(problem);
  ASSERT_TRUE(least.ok());
  EXPECT_NEAR(*least, problem.volume_gb * kGbitPerGb / 5, 20);
  EXPECT_EQ(cheapest_multicast(problem).error().message().substr(0, 89),
            "1000 GiB from aws:us-east-1 to 1 destinations in 1m 0s: the VM quotas allow 28m 37s at be");
}

TEST(Multicast, SharesLinksAmongStripes) {
  const auto grid = *parse_grid(
      "src,dst,gbps,rtt_ms,date\nlab:a,lab:b,1,1,2026\nlab:a,lab:c,1,1,2026\nlab:b,lab:c,1,1,2026\nlab:c,lab:b,1,1,2026\n", "g.csv");
  OverlayOptions options;
  options.links_are_shared = true;
  MulticastProblem problem;
  problem.overlay = *make_overlay(grid, PriceBook::builtin(), options);
  problem.destinations = {1, 2};
  problem.volume_gb = 1;
  problem.seconds_max = kGbitPerGb / 2 * 1.01;
  EXPECT_NEAR(*least_multicast_seconds(problem), kGbitPerGb / 2, 1e-6) << "one half goes to b first, the other to c";
  const auto plan = cheapest_multicast(problem);
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  EXPECT_LE(plan->seconds, problem.seconds_max * (1 + 1e-6));
}

TEST(Multicast, RefusesWhatMakesNoSense) {
  const auto grid = *builtin_grid();
  auto problem = problem_of(grid, "aws:us-east-1", {"aws:us-west-2", "aws:us-west-2"});
  EXPECT_EQ(cheapest_multicast(problem).error().message(), "a destination is named twice; name it once");
  problem.destinations = {problem.source};
  EXPECT_EQ(cheapest_multicast(problem).error().message(), "the source is among the destinations; leave it out, it has the data");
}

}  // namespace
}  // namespace isobar::transfer
