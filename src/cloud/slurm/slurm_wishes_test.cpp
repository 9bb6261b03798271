#include "slurm_wishes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SlurmWishes, AreTakenFromTheLabelsThatAreSlurms) {
  const auto wishes = slurm_wishes({{"team", "on"},
                                    {"slurm/account", "physics"},
                                    {"slurm/qos", "high"},
                                    {"slurm/time", "1-02:00:00"},
                                    {"slurm/options", "  --constraint=nvlink  -x w7 "}})
                          .value();
  EXPECT_EQ(wishes.account, "physics");
  EXPECT_EQ(wishes.qos, "high");
  EXPECT_EQ(wishes.time_limit, 26h);
  EXPECT_THAT(wishes.options, ElementsAre("--constraint=nvlink", "-x", "w7"));
  EXPECT_EQ(slurm_wishes({}).value().time_limit, std::nullopt);
}

TEST(SlurmWishes, TimesAreWrittenAsSlurmDoesOrAsWeDo) {
  const auto time = [](const char* text) { return slurm_wishes({{"slurm/time", text}}).value().time_limit; };
  EXPECT_EQ(time("90"), 90min);
  EXPECT_EQ(time("1:30:00"), 90min);
  EXPECT_EQ(time("1h30m"), 90min);
  EXPECT_EQ(time("4h"), 4h);
  for (const char* text : {"", "0", "soon", "-1h", "UNLIMITED"})
    EXPECT_THAT(slurm_wishes({{"slurm/time", text}}).error().message(), HasSubstr("write 4h")) << text;
}

TEST(SlurmWishes, AnUnknownKeyIsToldWithTheNearest) {
  EXPECT_THAT(slurm_wishes({{"slurm/acount", "x"}}).error().message(), HasSubstr("did you mean slurm/account?"));
  EXPECT_THAT(slurm_wishes({{"slurm/zzzzzzzzzzzz", "x"}}).error().message(), HasSubstr("there are slurm/account"));
}

}  // namespace
}  // namespace isobar::cloud
