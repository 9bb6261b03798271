#include "region_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/scripted_transport.h"

namespace isobar::cloud::ec2 {
namespace {

using testing::HasSubstr;
using testing::Not;

class Region : public testing::Test {
 protected:
  static std::string page(const std::string& id, const std::string& next) {
    return "<R><reservationSet><item><instancesSet><item><instanceId>" + id +
           "</instanceId><instanceState><name>running</name></instanceState></item></instancesSet></item></reservationSet><nextToken>" +
           next + "</nextToken></R>";
  }
  static std::string changes(int from, int to) {
    std::string items;
    for (int id = from; id < to; ++id)
      items += "<item><instanceId>i-" + std::to_string(id) + "</instanceId><currentState><name>shutting-down</name></currentState></item>";
    return "<R><instancesSet>" + items + "</instancesSet></R>";
  }

  storage::ScriptedTransport transport;
  storage::StoppedClock clock;
  AwsClient client{{storage::SecretSource<storage::AwsCredentials>::of({"AKID", "SECRET", "", {}}), {}, transport, clock, [](Duration) {}}};
  RegionApi api{client, "eu-west-1", clock.at + std::chrono::minutes(1)};
};

TEST_F(Region, ReadsEveryPage) {
  transport.answer(200, page("i-1", "two+2"));
  transport.answer(200, page("i-2", ""));
  const auto machines = api.machines({{"tag:a", {"b"}}});
  ASSERT_TRUE(machines.ok());
  ASSERT_EQ(machines->size(), 2U);
  EXPECT_EQ((*machines)[1].id, "i-2");
  EXPECT_THAT(transport.asked[0].owned_body, Not(HasSubstr("NextToken")));
  EXPECT_THAT(transport.asked[1].owned_body, HasSubstr("Filter.1.Name=tag%3Aa"));
  EXPECT_THAT(transport.asked[1].owned_body, HasSubstr("NextToken=two%2B2"));
}

TEST_F(Region, PagesThatGoRoundInCirclesAreAnError) {
  transport.answer(200, page("i-1", "again"));
  transport.answer(200, page("i-1", "again"));
  EXPECT_EQ(api.machines({}).error().code(), Code::kDataLoss);
}

TEST_F(Region, AnAnswerThatIsNoneSaysWhatWasAsked) {
  transport.answer(200, "<html/>");
  EXPECT_EQ(api.machines({}).error().message(), "list machines: the answer holds no reservationSet");
}

TEST_F(Region, ManyMachinesAreNamedInSeveralCalls) {
  std::vector<std::string> ids;
  for (int id = 0; id < 700; ++id) ids.push_back("i-" + std::to_string(id));
  transport.answer(200, changes(0, 500));
  transport.answer(200, changes(500, 700));
  const auto states = api.terminate(ids);
  ASSERT_TRUE(states.ok());
  EXPECT_EQ(states->size(), 700U);
  EXPECT_THAT(transport.asked[1].owned_body, HasSubstr("InstanceId.200=i-699"));
  EXPECT_THAT(transport.asked[1].owned_body, Not(HasSubstr("InstanceId.201")));
}

TEST_F(Region, NothingIsAskedForNothing) {
  EXPECT_TRUE(api.terminate({}).ok());
  EXPECT_TRUE(api.cancel_spot_requests({}).ok());
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(Region, TheOtherServicesAreAskedInTheSameRegion) {
  transport.answer(200, R"({"Parameter":{"Value":"ami-1"}})");
  EXPECT_EQ(*api.parameter("/a/\"b\""), "ami-1");
  EXPECT_EQ(transport.last().url.host, "ssm.eu-west-1.amazonaws.com");
  EXPECT_EQ(transport.last().owned_body, R"({"Name":"/a/\"b\""})");
  transport.answer(200, R"({"Quota":{"Value":5}})");
  EXPECT_EQ(*api.quota("L-1"), 5);
  EXPECT_EQ(transport.last().url.host, "servicequotas.eu-west-1.amazonaws.com");
  EXPECT_EQ(transport.last_header("X-Amz-Target"), "ServiceQuotasV20190624.GetServiceQuota");
}

}  // namespace
}  // namespace isobar::cloud::ec2
