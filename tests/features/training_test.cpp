// `isobar features training-set` as its users run it: on what is shipped, from a store, and wrongly.

#include <gmock/gmock.h>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kShipped = std::string(ISOBAR_SOURCE_DIR) + "/examples/features/";

class FeaturesTrainingSet : public CliTest {
 protected:
  /// The machines that are shipped, whose paths are those of the project's folder.
  std::vector<std::string> machines(std::vector<std::string> more) {
    std::string text = *read_file(kShipped + "machines.yaml");
    const std::string_view path = "examples/features/nab";
    text.replace(text.find(path), path.size(), kShipped + "nab");
    std::vector<std::string> words{"features", "training-set", write("machines.yaml", text), "--entities", kShipped + "incidents.csv",
                                   "--out",    out()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::string out() { return (folder_ / "out.csv").string(); }
  std::string problem(const std::vector<std::string>& words) {
    const auto failed = run(words);
    EXPECT_NE(failed.exit_code, 0);
    EXPECT_FALSE(fs::exists(out()));
    return failed.err;
  }
};

TEST_F(FeaturesTrainingSet, WhatIsShippedIsJoinedAndAgainToTheByte) {
  const auto words = machines({"--features", "latest,mean_1h,peak", "--without", "measurements_live", "--statuses"});
  const auto first = run(words);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("5 rows"));
  const std::string text = *read_file(out());
  EXPECT_THAT(text, StartsWith("key,event_timestamp,incident,latest,latest__status,mean_1h,mean_1h__status,peak,peak__status\n"
                               "nyc_taxi,2014-07-03 12:00:00,0,17604.0,PRESENT,17191.0,PRESENT,26872.0,PRESENT\n"));
  EXPECT_THAT(text, HasSubstr("speed_t4013,2014-01-01 00:00:00,0,,NOT_FOUND,"));
  EXPECT_EQ(
      run(machines({"--features", "latest,mean_1h,peak", "--without", "measurements_live", "--statuses", "--memory", "1MiB"})).exit_code,
      0);
  EXPECT_TRUE(*read_file(out()) == text);
}

TEST_F(FeaturesTrainingSet, BadInputNamesThePlaceAndTheMend) {
  EXPECT_THAT(problem(machines({"--service", "dashboard"})),
              AllOf(HasSubstr("'measurements_live' come by push"), HasSubstr("--without measurements_live")));
  EXPECT_THAT(problem(machines({"--service", "dashbord", "--without", "measurements_live"})), HasSubstr("did you mean 'dashboard'?"));
  EXPECT_THAT(problem(machines({"--features", "latest", "--without", "measurements_live", "--time", "at"})), HasSubstr("no column 'at'"));
  EXPECT_THAT(problem(machines({"--features", "latest", "--events", "measurements_live"})), HasSubstr("write it as SOURCE=FILE"));
  EXPECT_THAT(problem(machines({"--features", "latest", "--data", "/no/such/store"})), HasSubstr("no store of features in this folder"));
  EXPECT_THAT(problem(machines({"--features", "latest", "--without", "measurements_live", "--memory", "1kB"})),
              HasSubstr("--memory must be at least 1MiB"));
  EXPECT_THAT(problem(machines({"--features", "latest", "--without", "measurements_live", "--as-of-knowledge"})), HasSubstr("'created'"));
}

}  // namespace
}  // namespace isobar::e2e
