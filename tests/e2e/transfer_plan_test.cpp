// transfer plan, transfer regions: what they print, what they write, what they refuse.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli.h"
#include "one_connection_for_tests.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;
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
  expect_refusal({"transfer", "plan", "./data", "us-west-2"}, "is on this machine, which is of no region: name the region");
  expect_refusal({"transfer", "plan", "file:///data", "us-west-2"}, "is on this machine");
  expect_refusal({"transfer", "plan", "https://host/x", "us-west-2"}, "name the region");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--throughput", "fast"}, "write it like 20Gbit or 800Mbit");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--vms", "aws=x"}, "write 4, aws=8, aws:us-east-1=2 or total:aws=20");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--throughput", "100Gbit"}, "allow more VMs, or ask for less");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--max-cost", "3"}, "the cheapest costs $0.0217/GB");
  expect_refusal({"transfer", "plan", "us-east-1", "us-west-2", "--deadline", "30s"}, "leaves no time after the VMs' start");
  expect_refusal({"transfer", "plan", "a", "b", "--grid", write("g.csv", "src,dst,gbps,rtt_ms,date\na:x,a:y,fast,1,2026\n")},
                 "g.csv:2:9: 'fast' is not a number");
}

TEST_F(TransferPlan, StoresThatDoNotTellTheirRegionAreToldSo) {
  const std::map<std::string, std::string> elsewhere = {
      {"AWS_ENDPOINT_URL", "http://127.0.0.1:1"}, {"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "x"}};
  EXPECT_THAT(run({"transfer", "plan", "s3://bucket", "us-west-2"}, elsewhere).err, HasSubstr("not at AWS: name the region"));
  const auto azure = run({"transfer", "plan", "us-west-2", "az://account/container", "--no-sign-request"});
  EXPECT_EQ(azure.exit_code, 2);
  EXPECT_THAT(azure.err, HasSubstr("az://account/container"));
  EXPECT_THAT(azure.err, HasSubstr("does not tell what region it is in: name the region"));
}

// A stand-in for the service, which answers that the bucket is in one region.
TEST_F(TransferPlan, ABucketIsAskedForItsRegionWhichIsTold) {
  net::OneConnection service([](int fd) {
    char request[4096];
    (void)::recv(fd, request, sizeof request, 0);
    const std::string body = R"({"location":"US-EAST4","locationType":"region"})";
    (void)write_all(fd, fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  });
  const auto text =
      ok({"transfer", "plan", "gs://bucket", "us-west-2"}, {{"STORAGE_EMULATOR_HOST", fmt::format("http://127.0.0.1:{}", service.port)}});
  EXPECT_THAT(text, HasSubstr("gs://bucket is in gcp:us-east4.\n"));
  EXPECT_THAT(text, HasSubstr("gcp:us-east4-a → "));
}

TEST_F(TransferPlan, ADryRunTellsWhatTheDirectCopyCostsOrWhyNot) {
  write("src/a", std::string(20 << 20, 'x'));
  write("src/b", "1");
  const std::string source = (folder_ / "src").string(), target = (folder_ / "dst").string();
  const auto unknown = run({"cp", "-r", "-n", source, target});
  EXPECT_EQ(unknown.exit_code, 0);
  EXPECT_THAT(unknown.err, Not(HasSubstr("price"))) << "nobody charges for it";
  const auto half = run({"cp", "-r", "-n", "--to", "us-east4-a", source, target});
  EXPECT_THAT(half.err, HasSubstr("No price is told: "));
  EXPECT_THAT(half.err, HasSubstr("is on this machine, which is of no region: name the region instead (--from)"));
  const auto told = run({"sync", "-n", "--from", "aws:us-east-1", "--to", "us-east4-a", source, target});
  EXPECT_EQ(told.exit_code, 0);
  EXPECT_THAT(told.err, HasSubstr("Directly from aws:us-east-1 to gcp:us-east4-a: $0.00 for the 20.0 MiB that leave"));
  EXPECT_THAT(run({"cp", "-r", "-n", "--from", "us-esat-1", "--to", "us-east4-a", source, target}).err, HasSubstr("did you mean"));
  EXPECT_EQ(run({"cp", "-r", "--from", "aws:us-east-1", "--to", "us-east4-a", source, target}).exit_code, 2) << "this is no dry run";
  EXPECT_FALSE(fs::exists(folder_ / "dst/a"));
}

}  // namespace
}  // namespace isobar::e2e
