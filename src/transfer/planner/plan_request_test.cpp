#include "transfer/plan_request.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "transfer/plan_report.h"

namespace isobar::transfer {
namespace {

PlanRequest request_of(std::string source, std::vector<std::string> destinations, std::uint64_t gib = 1024) {
  PlanRequest request;
  request.source = std::move(source);
  request.destinations = std::move(destinations);
  request.bytes = {gib * kGiB};
  return request;
}

Result<PlanReport> plan(const PlanRequest& request, std::string_view grid = kDefaultGrid) {
  return plan_transfer(request, *builtin_grid(grid), PriceBook::builtin());
}

PlanRequest canada_to_tokyo() { return request_of("canadacentral", {"gcp:asia-northeast1"}); }

TEST(PlanTransfer, IsNoSlowerAndNoDearerThanTheDirectPathByDefault) {
  for (const auto& [source, destination] : std::vector<std::pair<std::string, std::string>>{
           {"us-east-1", "gcp:us-west1"}, {"azure:koreacentral", "aws:eu-central-1"}, {"gcp:asia-south1", "azure:brazilsouth"}}) {
    const auto report = plan(request_of(source, {destination}));
    ASSERT_TRUE(report.ok()) << report.error().message();
    ASSERT_EQ(report->baselines[0].name, "direct");
    EXPECT_GE(report->cost.gbps, report->baselines[0].cost.gbps * (1 - 1e-6));
    EXPECT_LE(report->cost.usd(), report->baselines[0].cost.usd() * (1 + 1e-6));
  }
}

TEST(PlanTransfer, EndsBeforeTheDeadlineWithTheStartOfVmsCounted) {
  auto request = canada_to_tokyo();
  request.deadline = std::chrono::minutes(5);
  const auto report = plan(request, "2022-01");
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_LE(report->cost.seconds, 300.001);
  EXPECT_EQ(report->goal, "for the least money, within 5m 0s");
  request.deadline = std::chrono::seconds(30);
  EXPECT_EQ(plan(request, "2022-01").error().message(),
            "a deadline of 30s leaves no time after the VMs' start, which takes 1m 0s; allow more");
}

TEST(PlanTransfer, StaysBelowTheBudget) {
  auto request = canada_to_tokyo();
  request.usd_max = 125;
  const auto report = plan(request, "2022-01");
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_LE(report->cost.usd(), 125 * (1 + 1e-6));
  EXPECT_GT(report->cost.gbps, 1.9 * report->baselines[0].cost.gbps);
  EXPECT_NE(report->limits[0].find("the price"), std::string::npos);
}

TEST(PlanTransfer, StaysBelowTheBudgetWherePricesFallWithVolume) {
  auto request = canada_to_tokyo();
  request.bytes = {300 * kTiB};
  request.used_gb = 0;
  request.usd_max = 26'000;
  const auto report = plan(request, "2022-01");
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_LE(report->cost.usd(), 26'000 * (1 + 1e-6));
  EXPECT_LT(report->baselines[0].cost.egress_usd, 0.0875 * 300 * 1024) << "the direct path is in the cheap steps";
}

TEST(PlanTransfer, ChecksBudgetAndDeadlineTogether) {
  auto request = canada_to_tokyo();
  request.deadline = std::chrono::minutes(5);
  request.usd_max = 50;
  const auto refused = plan(request, "2022-01");
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().message().ends_with("and $50.00 are allowed; allow more money or less speed")) << refused.error().message();
  request.usd_max = 500;
  EXPECT_TRUE(plan(request, "2022-01").ok());
}

TEST(PlanTransfer, SharesDearLinksAmongDestinations) {
  const auto request = request_of("ap-south-1", {"aws:us-east-1", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1", "ca-central-1"});
  const auto report = plan(request);
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_LT(report->cost.egress_usd, 0.37 * report->baselines[0].cost.egress_usd);
  EXPECT_GE(report->cost.gbps, report->baselines[0].cost.gbps * (1 - 1e-6));
}

TEST(PlanTransfer, FindsTheFastestMulticastForTheMoney) {
  auto request = request_of("ap-south-1", {"aws:us-east-1", "eu-west-1"});
  request.usd_max = 115;
  const auto report = plan(request);
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_LE(report->cost.usd(), 115);
  EXPECT_GT(report->cost.gbps, 15);
  request.usd_max = 20;
  EXPECT_EQ(plan(request).error().code(), Code::kInvalidArgument);
}

TEST(PlanTransfer, NamesWhatItDoesNotKnow) {
  EXPECT_EQ(plan(request_of("us-esat-1", {"us-west-2"})).error().message(),
            "source: no region 'us-esat-1' in grid 2022-11; did you mean 'us-east-1'?");
  EXPECT_EQ(plan(request_of("us-east-1", {"us-west-2"}, 0)).error().message(), "0 bytes: nothing is to be moved");
  EXPECT_EQ(plan(request_of("us-east-1", {"us-east-1"})).error().message(),
            "source and destination are the same region; nothing needs to cross a link");
  auto quota = request_of("us-east-1", {"us-west-2"});
  quota.quotas.in_region["aws:us-nowhere"] = 3;
  EXPECT_TRUE(plan(quota).error().message().starts_with("VM quota: no region 'aws:us-nowhere'"));
}

TEST(PlanTransfer, MakesValidProgramsOfEveryPlan) {
  auto budget = canada_to_tokyo();
  budget.usd_max = 125;
  for (const auto& report : {plan(budget, "2022-01"), plan(request_of("us-east-1", {"azure:eastus", "azure:westus2", "gcp:us-east4"}))}) {
    ASSERT_TRUE(report.ok());
    const auto status = validate(make_programs(report->plan));
    EXPECT_TRUE(status.ok()) << status.error().message();
  }
}

TEST(PlanReport, HoldsThePlanInJson) {
  auto request = canada_to_tokyo();
  request.usd_max = 125;
  const auto report = plan(request, "2022-01");
  const auto json = boost::json::parse(plan_json(*report)).as_object();
  EXPECT_EQ(json.at("source").as_string(), "azure:canadacentral");
  EXPECT_NEAR(json.at("cost").at("usd").as_double(), report->cost.usd(), 1e-9);
  double share = 0;
  for (const auto& route : json.at("routes").as_array()) share += route.at("share").to_number<double>();
  EXPECT_NEAR(share, 1, 1e-9);
  EXPECT_TRUE(parse_programs(boost::json::serialize(json.at("programs"))).ok());
}

TEST(PlanReport, SaysHowItWasFound) {
  const auto report = plan(request_of("us-east-1", {"us-west-2"}));
  const std::string text = render_plan(*report) + explain_plan(*report);
  for (const char* words : {"1.00 TiB from aws:us-east-1 to aws:us-west-2", "this plan", "direct", "best single relay",
                            "What holds the plan back:", "throughput of grid 2022-11 (2022-11), prices of 2022-11", "free allowances"})
    EXPECT_NE(text.find(words), std::string::npos) << words << "\n" << text;
}

TEST(PlanSvg, ShowsEveryRegionAndLink) {
  for (const auto& destinations :
       {std::vector<std::string>{"gcp:asia-northeast2"}, std::vector<std::string>{"azure:eastus", "azure:eastus2", "aws:ap-southeast-2"}}) {
    const auto report = plan(request_of("us-west-2", destinations));
    ASSERT_TRUE(report.ok());
    const std::string svg = plan_svg(*report);
    for (const auto& [region, vms] : report->plan.vms) EXPECT_NE(svg.find(">" + region + "</text>"), std::string::npos) << region;
    std::size_t flows = 0;
    for (std::size_t at = svg.find("class=\"flow\""); at != svg.npos; at = svg.find("class=\"flow\"", at + 1)) ++flows;
    EXPECT_EQ(flows, report->links.size());
    EXPECT_EQ(svg.find("nan"), svg.npos);
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
  }
}

}  // namespace
}  // namespace isobar::transfer
