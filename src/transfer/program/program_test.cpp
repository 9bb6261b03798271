#include "transfer/program.h"

#include <gtest/gtest.h>

namespace isobar::transfer {
namespace {

RoutedPlan two_paths() {
  RoutedPlan plan{"aws:a", {"gcp:z"}, 10, {{0.6, {{"aws:a", "gcp:z"}}}, {0.4, {{"aws:a", "azure:r"}, {"azure:r", "gcp:z"}}}}, {}, {}};
  plan.vms = {{"aws:a", 3}, {"azure:r", 2}, {"gcp:z", 2}};
  plan.pair_gbps = {{{"aws:a", "gcp:z"}, 3}, {{"aws:a", "azure:r"}, 5}, {{"azure:r", "gcp:z"}, 4}};
  return plan;
}

RoutedPlan tree() {
  RoutedPlan plan{"aws:a", {"aws:b", "gcp:c", "gcp:d"}, 4, {}, {}, {}};
  plan.routes = {{0.5, {{"aws:a", "aws:b"}, {"aws:b", "gcp:c"}, {"gcp:c", "gcp:d"}}},
                 {0.5, {{"aws:a", "gcp:d"}, {"gcp:d", "gcp:c"}, {"aws:a", "aws:b"}}}};
  plan.vms = {{"aws:a", 2}, {"aws:b", 1}, {"gcp:c", 2}, {"gcp:d", 3}};
  for (const auto& route : plan.routes)
    for (const auto& link : route.links) plan.pair_gbps[link] = 4;
  return plan;
}

void count_connections(const Operator& at, const std::string& from, std::map<std::string, int>& of_vm) {
  of_vm["out of " + from] += at.connections;
  if (!at.to.empty()) of_vm["into " + at.to] += at.connections;
  for (const auto& child : at.children) count_connections(child, from, of_vm);
}

TEST(GatewayProgram, OfAPlanIsValid) {
  for (const auto& plan : {two_paths(), tree()})
    for (const auto origin : {Origin::kRead, Origin::kGenerate}) {
      const auto programs = make_programs(plan, origin);
      const auto status = validate(programs);
      EXPECT_TRUE(status.ok()) << status.error().message() << programs_json(programs);
    }
}

TEST(GatewayProgram, GivesTheBusiestVmSixtyFourConnections) {
  std::map<std::string, int> of_vm;
  for (const auto& gateway : make_programs(two_paths()).gateways)
    for (const auto& program : gateway.programs) count_connections(program.root, gateway.id, of_vm);
  int most = 0;
  for (const auto& [vm, connections] : of_vm) most = std::max(most, connections);
  EXPECT_GE(most, 56) << "rounding down may cost each sender one";
  EXPECT_LE(most, 64);
}

TEST(GatewayProgram, SendsEachStripeDownItsTree) {
  const auto programs = make_programs(tree());
  ASSERT_EQ(programs.gateways.size(), 8U);
  const Gateway& b = programs.gateways[2];
  EXPECT_EQ(b.id, "aws:b/0");
  ASSERT_EQ(b.programs.size(), 2U);
  EXPECT_EQ(b.programs[0].root.children[0].kind, Operator::Kind::kMuxAnd) << "writes, and passes on";
  EXPECT_EQ(b.programs[1].root.children[0].kind, Operator::Kind::kWrite) << "a leaf of the second tree";
}

TEST(GatewayProgram, SurvivesJson) {
  for (const auto& plan : {two_paths(), tree()}) {
    const auto programs = make_programs(plan);
    const auto read = parse_programs(programs_json(programs));
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_EQ(*read, programs);
  }
}

std::string refusal(GatewayPrograms programs) {
  const auto status = validate(programs);
  return status.ok() ? "" : status.error().message();
}

TEST(GatewayProgramCheck, RefusesACircle) {
  auto programs = make_programs(two_paths());
  for (auto& gateway : programs.gateways)
    if (gateway.region == "gcp:z")
      for (auto& program : gateway.programs) program.root.children[0] = {Operator::Kind::kSend, "gcp:z/0", 1, {}};
  EXPECT_EQ(refusal(programs), "partition 0 goes in a circle through gateway 'gcp:z/0'");
}

TEST(GatewayProgramCheck, RefusesADestinationThatIsMissedOrReachedTwice) {
  auto missed = make_programs(two_paths());
  missed.destinations.push_back("gcp:y");
  EXPECT_EQ(refusal(missed), "partition 0 from gateway 'aws:a/0' does not reach gcp:y");
  auto twice = make_programs(two_paths());
  for (auto& program : twice.gateways[0].programs)
    program.root.children[0] = {Operator::Kind::kMuxAnd, "", 0, {program.root.children[0], program.root.children[0]}};
  EXPECT_EQ(refusal(twice), "gateway 'aws:a/0': partition 0 reaches gcp:z twice");
}

TEST(GatewayProgramCheck, RefusesProgramsThatDoNotMeet) {
  auto deaf = make_programs(two_paths());
  deaf.gateways.back().programs.clear();
  EXPECT_NE(refusal(deaf).find("'gcp:z/1' is sent partition 0 and has no program for it"), std::string::npos);
  auto lonely = make_programs(two_paths());
  lonely.gateways.push_back({"gcp:z/9", "gcp:z", {{{0}, {Operator::Kind::kReceive, "", 0, {{Operator::Kind::kWrite, "", 0, {}}}}}}});
  EXPECT_EQ(refusal(lonely), "gateway 'gcp:z/9' expects partition 0, and nobody sends it");
  auto uneven = make_programs(two_paths());
  uneven.shares[0] = 0.1;
  EXPECT_EQ(refusal(uneven), "the partitions' shares sum to 0.500000; they must sum to 1");
}

TEST(GatewayProgramJson, SaysWhereItIsWrong) {
  const auto error_of = [](std::string_view text) { return parse_programs(text).error().message(); };
  EXPECT_EQ(error_of("[]"), "the file: an object {…} belongs here");
  EXPECT_EQ(error_of(R"({"version": 2})"), "version: version 1 is read here; a newer isobar wrote this");
  EXPECT_EQ(error_of(R"({"version": 1, "source": "a:b", "destinations": ["c:d"], "shares": [1], "gateways": [{"id": "x", "region": "a:b",
    "programs": [{"partitions": [0], "root": {"op": "raed"}}]}]})"),
            "gateways[0].programs[0].root: no operator 'raed'; there are read, generate, receive, mux_and, mux_or, send, write");
  std::string deep = R"({"op": "write"})";
  for (int i = 0; i < 9; ++i) deep = R"({"op": "mux_or", "children": [)" + deep + "]}";
  EXPECT_NE(error_of(R"({"version": 1, "source": "a:b", "destinations": ["c:d"], "shares": [1], "gateways": [{"id": "x", "region": "a:b",
    "programs": [{"partitions": [0], "root": )" +
                     deep + "}]}]}")
                .find("operators are more than 8 deep"),
            std::string::npos);
}

}  // namespace
}  // namespace isobar::transfer
