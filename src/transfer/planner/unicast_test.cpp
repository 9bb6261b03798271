#include "transfer/unicast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "integer_program.h"

namespace isobar::transfer {
namespace {

/// The paper's setting: list prices, $0.54 an hour for every VM, no start-up time.
Overlay paper_overlay(const Grid& grid, int vms) {
  OverlayOptions options;
  options.vm_usd_per_hour = 0.54;
  options.quotas.per_region = vms;
  return *make_overlay(grid, PriceBook::builtin(), options);
}

UnicastProblem paper_problem(const Grid& grid, std::string_view source, std::string_view destination, int vms = 1) {
  UnicastProblem problem;
  problem.overlay = paper_overlay(grid, vms);
  problem.source = *resolve_region(grid, source);
  problem.destination = *resolve_region(grid, destination);
  problem.volume_gb = 100;
  return problem;
}

/// The program as the paper states it, with the connections M as variables: the reference the planner is checked against.
/// Returns the least cost of moving the volume at `gbps`, or NaN.
double literal_cheapest(const UnicastProblem& problem, double gbps) {
  const Overlay& overlay = problem.overlay;
  const std::size_t n = overlay.size();
  const double seconds = problem.volume_gb * kGbitPerGb / gbps;
  IntegerProgram program;
  std::vector<std::vector<Term>> m_out(n), m_in(n), f_out(n), f_in(n);
  for (RegionIndex i = 0; i < n; ++i)
    for (RegionIndex j = 0; j < n; ++j) {
      if (i == j || overlay.gbps.at(i, j) <= 0) continue;
      const Column flow = program.add(0, kUnbounded, overlay.usd_per_gb.at(i, j) * seconds / kGbitPerGb);
      const Column connections = program.add(0, kUnbounded, 0);
      program.require({{flow, 1}, {connections, -overlay.gbps.at(i, j) / 64}}, -kUnbounded, 0);
      m_out[i].push_back({connections, 1});
      m_in[j].push_back({connections, 1});
      f_out[i].push_back({flow, 1});
      f_in[j].push_back({flow, 1});
    }
  for (std::size_t v = 0; v < n; ++v) {
    const OverlayRegion& region = overlay.regions[v];
    const Column vms =
        program.add(0, region.vms_max, (seconds + to_seconds(problem.vm_start)) * region.vm_usd_per_hour / 3600, Domain::kInteger);
    const auto at_most = [&](std::vector<Term> terms, double each) {
      terms.push_back({vms, -each});
      program.require(std::move(terms), -kUnbounded, 0);
    };
    at_most(m_out[v], 64);
    at_most(m_in[v], 64);
    at_most(f_out[v], region.vm_egress_gbps);
    at_most(f_in[v], region.vm_ingress_gbps);
    if (v == problem.source) {
      program.require(f_in[v], 0, 0);
      program.require(f_out[v], gbps, gbps);
    } else if (v == problem.destination) {
      program.require(f_in[v], gbps, gbps);
    } else {
      std::vector<Term> balance = f_in[v];
      for (const Term& term : f_out[v]) balance.push_back({term.index, -1});
      program.require(std::move(balance), 0, 0);
    }
  }
  const auto answer = program.minimise(std::chrono::seconds(60));
  EXPECT_TRUE(answer.ok() && answer->proven);
  return answer->values.empty() ? std::nan("") : answer->objective;
}

/// Every limit holds, flow is conserved, the money adds up.
void expect_sound(const UnicastProblem& problem, const UnicastPlan& plan) {
  const Overlay& overlay = problem.overlay;
  std::vector<double> out(overlay.size()), in(overlay.size()), out_pairs(overlay.size()), in_pairs(overlay.size());
  double egress_usd = 0;
  for (const EdgeFlow& flow : plan.flows) {
    ASSERT_GT(overlay.gbps.at(flow.from, flow.to), 0);
    out[flow.from] += flow.gbps, in[flow.to] += flow.gbps;
    out_pairs[flow.from] += flow.gbps / overlay.gbps.at(flow.from, flow.to);
    in_pairs[flow.to] += flow.gbps / overlay.gbps.at(flow.from, flow.to);
    egress_usd += flow.gbps / plan.gbps * problem.volume_gb * overlay.usd_per_gb.at(flow.from, flow.to);
  }
  for (std::size_t v = 0; v < overlay.size(); ++v) {
    const double vms = plan.vms[v] + 1e-5;
    EXPECT_LE(plan.vms[v], overlay.regions[v].vms_max);
    EXPECT_LE(out[v], overlay.regions[v].vm_egress_gbps * vms);
    EXPECT_LE(in[v], overlay.regions[v].vm_ingress_gbps * vms);
    EXPECT_LE(out_pairs[v], vms);
    EXPECT_LE(in_pairs[v], vms);
    const double source = v == problem.source ? plan.gbps : 0, sink = v == problem.destination ? plan.gbps : 0;
    EXPECT_NEAR(in[v] + source, out[v] + sink, 1e-5);
  }
  EXPECT_NEAR(plan.egress_usd, egress_usd, 1e-6);
  double on_paths = 0;
  for (const Path& path : paths_of(plan, problem.source, problem.destination)) on_paths += path.gbps;
  EXPECT_NEAR(on_paths, plan.gbps, plan.gbps * 1e-4);
}

TEST(Unicast, FindsTheRelayOfThePapersOpeningExample) {
  const auto grid = *builtin_grid("2022-01");
  const auto problem = paper_problem(grid, "azure:canadacentral", "gcp:asia-northeast1-a");
  const auto direct = direct_plan(problem);
  ASSERT_TRUE(direct);
  EXPECT_NEAR(direct->gbps, 6.63, 0.01);
  EXPECT_NEAR(direct->egress_usd / problem.volume_gb, 0.0875, 1e-9);
  const std::vector<std::pair<double, double>> steps = {{1.03, 1.05}, {1.25, 2.01}, {1.5, 2.14}, {2, 2.39}};
  for (const auto& [price, speed] : steps) {
    const auto plan = fastest_within(problem, direct->usd_per_gb(problem) * price);
    ASSERT_TRUE(plan.ok()) << plan.error().message();
    expect_sound(problem, *plan);
    EXPECT_LE(plan->usd_per_gb(problem), direct->usd_per_gb(problem) * price * (1 + 1e-6));
    EXPECT_NEAR(plan->gbps / direct->gbps, speed, 0.03) << "at " << price << " times the price";
  }
}

TEST(Unicast, FindsWhatOtherPairsGainUnderACeiling) {
  const auto grid = *builtin_grid("2022-01");
  const auto problem = paper_problem(grid, "azure:eastus", "aws:ap-northeast-1");
  const auto direct = direct_plan(problem);
  const std::vector<std::pair<double, double>> steps = {{1.03, 1.01}, {1.25, 1.15}, {1.5, 1.36}, {2, 2.02}};
  for (const auto& [price, speed] : steps)
    EXPECT_NEAR(fastest_within(problem, direct->usd_per_gb(problem) * price)->gbps / direct->gbps, speed, 0.03);
}

TEST(Unicast, HasTheOptimumOfThePapersProgramOnAHundredRandomPairs) {
  const auto grid = *builtin_grid("2022-01");
  std::mt19937 random(7);
  for (int trial = 0; trial < 100; ++trial) {
    const int vms = 1 + static_cast<int>(random() % 4);
    auto problem = paper_problem(grid, "azure:eastus", "aws:us-east-1", vms);
    problem.source = random() % grid.regions.size();
    problem.destination = (problem.source + 1 + random() % (grid.regions.size() - 1)) % grid.regions.size();
    if (trial % 2) problem.vm_start = std::chrono::seconds(60);
    const double gbps = (0.3 + (random() % 100) / 60.0) * 4 * vms;
    const auto plan = cheapest_at(problem, gbps);
    const double reference = literal_cheapest(problem, gbps);
    ASSERT_EQ(plan.ok(), !std::isnan(reference)) << trial;
    if (!plan.ok()) continue;
    expect_sound(problem, *plan);
    EXPECT_NEAR(plan->usd(), reference, reference * 1e-6) << grid.regions[problem.source] << " → " << grid.regions[problem.destination];
  }
}

TEST(Unicast, NeverPaysMoreForLeaveToGoFaster) {
  const auto grid = *builtin_grid("2022-01");
  auto problem = paper_problem(grid, "aws:us-east-1", "gcp:us-west1-a", 4);
  problem.vm_start = std::chrono::seconds(60);
  for (const double gbps : {0.5, 3.0, 12.0}) {
    const auto exact = cheapest_at(problem, gbps), free = cheapest_from(problem, gbps);
    ASSERT_TRUE(exact.ok() && free.ok());
    EXPECT_GE(free->gbps, gbps * (1 - 1e-6));
    EXPECT_LE(free->usd(), exact->usd() * (1 + 1e-9));
    expect_sound(problem, *free);
  }
}

TEST(Unicast, KeepsTheCeilingThoughVmsTakeTimeToStart) {
  const auto grid = *builtin_grid("2022-01");
  auto problem = paper_problem(grid, "azure:canadacentral", "gcp:asia-northeast1-a", 8);
  problem.vm_start = std::chrono::seconds(120);
  const auto plan = fastest_within(problem, 0.12);
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  EXPECT_LE(plan->usd_per_gb(problem), 0.12 * (1 + 1e-6));
  expect_sound(problem, *plan);
}

TEST(Unicast, SaysWhichLimitRefuses) {
  const auto grid = *builtin_grid("2022-01");
  auto problem = paper_problem(grid, "aws:us-east-1", "aws:us-west-2");
  EXPECT_EQ(
      cheapest_at(problem, 40).error().message(),
      "40 Gbit/s from aws:us-east-1 to aws:us-west-2 are beyond the VM quotas, which allow 5 Gbit/s (aws:us-east-1 may use no more than 1 "
      "VM, and each sends the 5 Gbit/s it may); allow more VMs, or ask for less");
  const auto cheap = fastest_within(problem, 0.001);
  EXPECT_EQ(cheap.error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(
      cheap.error().message().starts_with("no plan from aws:us-east-1 to aws:us-west-2 costs $0.0010/GB or less: the cheapest costs $0.02"))
      << cheap.error().message();
  problem.overlay.regions[problem.destination].vms_max = 0;
  EXPECT_EQ(cheapest_at(problem, 1).error().message(), "no VM may be used in aws:us-west-2; raise its quota to 1 or more");
  const auto two = *parse_grid("src,dst,gbps,rtt_ms,date\na:x,a:y,1,1,2026-01\n", "g.csv");
  UnicastProblem back{.overlay = *make_overlay(two, PriceBook::builtin(), {}), .source = 1, .destination = 0};
  EXPECT_EQ(cheapest_at(back, 1).error().code(), Code::kNotFound);
  back.source = 0;
  EXPECT_EQ(cheapest_at(back, 1).error().code(), Code::kInvalidArgument);
}

TEST(Unicast, KeepsACloudsWholeQuota) {
  const auto grid = *builtin_grid("2022-01");
  auto problem = paper_problem(grid, "aws:us-east-1", "gcp:us-west1-a", 8);
  problem.overlay.cloud_quotas = {{"aws", 2}};
  const auto plan = fastest_within(problem, std::nullopt);
  ASSERT_TRUE(plan.ok());
  EXPECT_NEAR(plan->gbps, 10, 0.01);
  const auto limits = binding_limits(problem, *plan, std::nullopt);
  EXPECT_NE(std::find(limits.begin(), limits.end(), "aws may use no more than 2 VMs in all"), limits.end());
}

TEST(Unicast, GoesRoundWhatDied) {
  const auto grid = *builtin_grid("2022-01");
  auto problem = paper_problem(grid, "azure:canadacentral", "gcp:asia-northeast1-a");
  const auto before = *fastest_within(problem, 0.12);
  const auto paths = paths_of(before, problem.source, problem.destination);
  const RegionIndex relay = paths[0].regions[1];
  problem.overlay = changed_by(problem.overlay, {{{problem.source, problem.destination, 0}}, {{relay, 1}}});
  const auto after = fastest_within(problem, 0.12);
  ASSERT_TRUE(after.ok()) << after.error().message();
  expect_sound(problem, *after);
  EXPECT_EQ(after->vms[relay], 0);
  EXPECT_LT(after->gbps, before.gbps);
}

TEST(Unicast, FillsDirectAndRelayedLinksThatAreShared) {
  const auto grid =
      *parse_grid("src,dst,gbps,rtt_ms,date\nlab:a,lab:b,0.2,80,2026\nlab:a,lab:c,0.8,40,2026\nlab:c,lab:b,0.8,40,2026\n", "g.csv");
  OverlayOptions options;
  options.quotas.per_region = 1;
  options.links_are_shared = true;
  const UnicastProblem problem{.overlay = *make_overlay(grid, PriceBook::builtin(), options), .source = 0, .destination = 1};
  const auto plan = fastest_within(problem, std::nullopt);
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  EXPECT_NEAR(plan->gbps, 1.0, 1e-6);
  EXPECT_NEAR(direct_plan(problem)->gbps, 0.2, 1e-9);
  EXPECT_NEAR(single_relay_plan(problem)->gbps, 0.8, 1e-9);
  EXPECT_EQ(plan->vms, (std::vector<int>{1, 1, 1}));
  EXPECT_EQ(binding_limits(problem, *plan, std::nullopt)[0], "the link lab:a → lab:b is full");
}

TEST(Unicast, ComparesWithTheBestSingleRelay) {
  const auto grid = *builtin_grid("2022-01");
  const auto problem = paper_problem(grid, "azure:canadacentral", "gcp:asia-northeast1-a");
  const auto relay = single_relay_plan(problem);
  ASSERT_TRUE(relay);
  EXPECT_GE(relay->gbps, direct_plan(problem)->gbps);
  EXPECT_LE(relay->gbps, fastest_within(problem, std::nullopt)->gbps + 1e-6);
}

}  // namespace
}  // namespace isobar::transfer
