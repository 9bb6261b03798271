// `isobar db planner` as its users run it: on counts, on a plan, and on the cluster that is made of that plan.

#include <gmock/gmock.h>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;

class DbPlanner : public CliTest {
 protected:
  /// Six replicas, two on each of three clouds, each run by another.
  std::string plan() {
    std::string text = "shards:\n  -\n";
    for (int i = 0; i < 6; ++i)
      text += "    - {at: \"127.0.0.1:" + std::to_string(7400 + i) + "\", cloud: " +
              (i < 2   ? "aws"
               : i < 4 ? "gcp"
                       : "azure") +
              ", operator: o" + std::to_string(i) + "}\n";
    return write("plan.yaml", text);
  }
  boost::json::object answer(std::vector<std::string> words) {
    words.insert(words.begin(), {"db", "planner"});
    words.insert(words.end(), {"-o", "json"});
    return boost::json::parse(ok(words)).as_object();
  }
};

TEST_F(DbPlanner, SixOnThreeCloudsSurviveNeitherThoughSixOperatorsDo) {
  const std::string file = plan();
  const auto planned = answer({"--plan", file});
  const auto& kinds = planned.at("kinds").as_array();
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds[0].at("kind"), "cloud");
  EXPECT_EQ(kinds[0].at("failing_most"), 0);
  EXPECT_THAT(std::string(kinds[0].at("shards").at(0).at("verdict").as_string()), HasSubstr("neither the outage nor the corruption"));
  EXPECT_EQ(kinds[1].at("kind"), "operator");
  EXPECT_EQ(kinds[1].at("failing_most"), 1);
  const std::string made = (folder_ / "cluster").string();
  ok({"db", "init", made, "--plan", file});
  EXPECT_EQ(answer({made}), planned);
  EXPECT_EQ(answer({made + "/cluster.yaml"}), planned);
}

TEST_F(DbPlanner, WhatIsSuggestedIsWhatPlaceTakes) {
  const auto suggested = answer({"--suggest", "--domains", "aws=3,gcp,azure,onprem=1", "--f", "1"});
  const auto placed = answer({"--place", std::string(suggested.at("place").as_string())});
  EXPECT_EQ(suggested.at("kinds"), placed.at("kinds"));
  EXPECT_EQ(suggested.at("needed").at(0).at("domains"), 6);
}

TEST_F(DbPlanner, BadInputNamesThePlaceAndTheMend) {
  const auto problem = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"db", "planner"});
    const auto failed = run(words);
    EXPECT_EQ(failed.exit_code, 2) << failed.out;
    return failed.err;
  };
  EXPECT_THAT(problem({}), HasSubstr("--place aws=2,gcp=2,azure=2"));
  EXPECT_THAT(problem({"--place", "aws=2,gcp=2"}), HasSubstr("are 4 replicas, and a shard that bears f=1 has 5f+1=6"));
  EXPECT_THAT(problem({"--place", "aws=many"}), HasSubstr("'many' is no count of replicas"));
  EXPECT_THAT(problem({"--place", "aws=3,aws=3"}), HasSubstr("'aws' is named twice"));
  EXPECT_THAT(problem({"--suggest", "--domains", "aws=1,gcp=2"}), HasSubstr("room for 3 replicas in all"));
  EXPECT_THAT(problem({"--domains", "aws"}), HasSubstr("--suggest"));
  const std::string bare = (folder_ / "bare").string();
  ok({"db", "init", bare});
  EXPECT_THAT(problem({bare}), HasSubstr("domains: {cloud: aws} in cluster.yaml"));
}

}  // namespace
}  // namespace isobar::e2e
