// transfer plan, transfer regions: what they print, what they write, what they refuse.

#include <gmock/gmock.h>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class TransferPlan : public CliTest {
 protected:
  void expect_refusal(const std::vector<std::string>& arguments, const std::string& mend) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(mend));
  }
};

TEST_F(TransferPlan, GoesThroughARelayWhereThatIsWorthTheMoney) {
  const auto text = ok({"transfer", "plan", "canadacentral", "gcp:asia-northeast1", "--grid", "2022-01", "--max-cost", "125", "--explain"});
  EXPECT_THAT(text, HasSubstr("azure:canadacentral → azure:westus2 → gcp:asia-northeast1-a"));
  EXPECT_THAT(text, HasSubstr("the price: the plan costs all of the $0.1221/GB that it may"));
}

TEST_F(TransferPlan, TakesAGridOfOnesOwnAndWritesPictureAndPrograms) {
  const auto grid =
      write("lab.csv", "src,dst,gbps,rtt_ms,date\nlab:a,lab:b,0.2,80,2026-11\nlab:a,lab:c,0.8,40,2026-11\nlab:c,lab:b,0.8,40,2026-11\n");
  const std::string svg = folder_ / "plan.svg", programs = folder_ / "programs.json";
  const auto text = ok({"transfer", "plan", "a", "b", "--grid", grid, "--bytes", "10GB", "--vms", "1", "--shared-links", "--throughput",
                        "990Mbps", "--svg", svg, "--programs", programs});
  EXPECT_THAT(text, HasSubstr("lab:a → lab:c → lab:b   80%"));
  EXPECT_THAT(*read_file(svg), StartsWith("<svg "));
  EXPECT_EQ(boost::json::parse(*read_file(programs)).at("gateways").as_array().size(), 3U);
}

TEST_F(TransferPlan, AnswersProgramsInJson) {
  const auto plan =
      boost::json::parse(ok({"transfer", "plan", "us-east-1", "azure:eastus", "azure:westus2", "--deadline", "2h", "-o", "json"}));
  EXPECT_LE(plan.at("cost").at("seconds").to_number<double>(), 7200);
  EXPECT_EQ(plan.at("baselines").as_array()[0].at("name").as_string(), "direct");
  EXPECT_EQ(boost::json::parse(ok({"transfer", "regions", "-o", "json"})).as_array().size(), 71U);
}

TEST_F(TransferPlan, SaysWhatWouldMendAWrongQuestion) {
  expect_refusal({"transfer", "plan", "us-esat-1", "us-west-2"}, "did you mean 'us-east-1'?");
  expect_refusal({"transfer", "plan", "s3://b/k", "us-west-2"}, "name the region that it is in");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--throughput", "fast"}, "write it like 20Gbit or 800Mbit");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--vms", "aws=x"}, "write 4, aws=8, aws:us-east-1=2 or total:aws=20");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--throughput", "100Gbit"}, "allow more VMs, or ask for less");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--max-cost", "3"}, "the cheapest costs $0.0217/GB");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--deadline", "30s"}, "leaves no time after the VMs' start");
  expect_refusal({"transfer", "plan", "a", "b", "--grid", write("g.csv", "src,dst,gbps,rtt_ms,date\na:x,a:y,fast,1,2026\n")},
                 "g.csv:2:9: 'fast' is not a number");
}

}  // namespace
}  // namespace isobar::e2e
