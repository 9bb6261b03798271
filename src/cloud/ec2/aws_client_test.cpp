#include "aws_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/scripted_transport.h"
#include "test_user.h"

namespace isobar::cloud::ec2 {
namespace {

using storage::AwsCredentials;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

std::string refusal(const std::string& code) {
  return "<Response><Errors><Error><Code>" + code +
         "</Code><Message>no\nsuch luck</Message></Error></Errors><RequestID>r-7</RequestID></Response>";
}

class Client : public testing::Test {
 protected:
  struct MovingClock final : Clock {
    Instant at = Instant::from_unix_seconds(1'760'000'000);
    Instant now() const override { return at; }
  };

  AwsClient client(std::map<Service, std::string> endpoints = {}) {
    return AwsClient({credentials, std::move(endpoints), transport, clock, [this](Duration span) {
                        pauses.push_back(span);
                        clock.at = clock.at + span;
                      }});
  }
  Answer<std::string> call(const AwsCall& asked = {.region = "us-east-1", .doing = "look", .form = form("DescribeVpcs")}) {
    return client().call(asked, clock.at + 10min);
  }

  storage::ScriptedTransport transport;
  MovingClock clock;
  std::vector<Duration> pauses;
  int fetched = 0;
  std::shared_ptr<storage::SecretSource<AwsCredentials>> credentials =
      std::make_shared<storage::SecretSource<AwsCredentials>>(&clock, [this](const storage::Done<AwsCredentials>& done) {
        done(AwsCredentials{"AKID" + std::to_string(++fetched), "SECRET", "TOKEN", {}});
      });
};

TEST_F(Client, SignsAFormForTheRegionsOwnEndpoint) {
  transport.answer(200, "<R/>");
  EXPECT_EQ(*call(), "<R/>");
  EXPECT_EQ(transport.last().method, "POST");
  EXPECT_EQ(transport.last().url.text(), "https://ec2.us-east-1.amazonaws.com/");
  EXPECT_EQ(transport.last().owned_body, "Action=DescribeVpcs&Version=2016-11-15");
  EXPECT_THAT(transport.last_header("Authorization"), HasSubstr("Credential=AKID1/20251009/us-east-1/ec2/aws4_request"));
  EXPECT_THAT(transport.last_header("Authorization"), Not(HasSubstr("SECRET")));
  EXPECT_EQ(transport.last_header("X-Amz-Security-Token"), "TOKEN");
}

TEST_F(Client, SpeaksJsonToTheOtherServicesAndKnowsChina) {
  transport.answer(200, "{}");
  ASSERT_TRUE(call({.service = Service::kSsm,
                    .region = "cn-north-1",
                    .doing = "look",
                    .target = "AmazonSSM.GetParameter",
                    .json = "{\"Name\":\"x\"}"})
                  .ok());
  EXPECT_EQ(transport.last().url.host, "ssm.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(transport.last_header("X-Amz-Target"), "AmazonSSM.GetParameter");
  EXPECT_EQ(transport.last_header("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(transport.last().owned_body, "{\"Name\":\"x\"}");
}

TEST_F(Client, EndpointsAreTakenFromTheVariablesOfAwscli) {
  const auto endpoints =
      find_endpoints(surroundings_with({{"AWS_ENDPOINT_URL", "http://all:1"}, {"AWS_ENDPOINT_URL_EC2", "http://ec2:2"}}));
  EXPECT_EQ(endpoints.at(Service::kEc2), "http://ec2:2");
  EXPECT_EQ(endpoints.at(Service::kServiceQuotas), "http://all:1");
  EXPECT_TRUE(
      find_endpoints(surroundings_with({{"AWS_ENDPOINT_URL", "http://all:1"}, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}})).empty());
  transport.answer(200, "<R/>");
  ASSERT_TRUE(client(endpoints).call({.region = "us-east-1", .form = form("DescribeVpcs")}, clock.at + 1min).ok());
  EXPECT_EQ(transport.last().url.text(), "http://ec2:2/");
  EXPECT_THAT(transport.last_header("Authorization"), HasSubstr("/us-east-1/ec2/"));
}

TEST_F(Client, ARegionThatCouldLeadElsewhereIsRefusedUnsent) {
  for (const char* region : {"", "evil.example/", "us-east-1.evil", "US-EAST-1"})
    EXPECT_EQ(call({.region = region, .doing = "look", .form = form("DescribeVpcs")}).error().code(), Code::kInvalidArgument) << region;
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(Client, WaitsLongerEachTimeWhileItIsThrottled) {
  for (int i = 0; i < 12; ++i) transport.answer(503, refusal("RequestLimitExceeded"));
  transport.answer(200, "<R/>");
  EXPECT_TRUE(call().ok());
  ASSERT_EQ(pauses.size(), 12U);
  EXPECT_THAT(pauses[0], AllOf(Ge(Duration(125ms)), Le(Duration(250ms))));
  EXPECT_THAT(pauses[3], AllOf(Ge(Duration(1s)), Le(Duration(2s))));
  EXPECT_THAT(pauses[11], AllOf(Ge(Duration(4s)), Le(Duration(8s))));
}

TEST_F(Client, GivesUpAtTheDeadlineWithTheLastRefusal) {
  for (int i = 0; i < 200; ++i) transport.answer(503, refusal("Throttling"));
  const Instant end = clock.at + 20s;
  const auto answer = client().call({.region = "us-east-1", .doing = "look", .form = form("DescribeVpcs")}, end);
  EXPECT_TRUE(answer.refused_with("Throttling"));
  EXPECT_EQ(answer.error().code(), Code::kExhausted);
  EXPECT_EQ(clock.at, end);
}

TEST_F(Client, TroubleInsideAwsIsWaitedOutAFewTimes) {
  for (int i = 0; i < 8; ++i) transport.answer(500, refusal("InternalError"));
  EXPECT_TRUE(call().refused_with("InternalError"));
  EXPECT_TRUE(transport.all_answered());
  for (int i = 0; i < 3; ++i) transport.answer(502, "<html>bad gateway</html>");
  transport.answer(200, "<R/>");
  EXPECT_TRUE(call().ok());
}

TEST_F(Client, AnApiThatCannotBeReachedIsNamedSo) {
  for (int i = 0; i < 5; ++i) transport.fail(unavailable("connection refused"));
  const auto answer = call();
  EXPECT_TRUE(answer.refused_with("ApiUnreachable"));
  EXPECT_EQ(answer.error().message(), "look: EC2 in us-east-1: connection refused");
  EXPECT_TRUE(transport.all_answered());
  transport.fail(Error(Code::kPermissionDenied, "the certificate is not trusted"));
  EXPECT_TRUE(call().refused_with("ApiUnreachable"));  // At once: that does not pass.
}

TEST_F(Client, CapacityIsAServerErrorThatIsNotRepeated) {
  transport.answer(500, refusal("InsufficientInstanceCapacity"));
  EXPECT_TRUE(call().refused_with("InsufficientInstanceCapacity"));
  EXPECT_TRUE(pauses.empty());
}

TEST_F(Client, ExpiredCredentialsAreFetchedAnewOnce) {
  transport.answer(400, refusal("ExpiredToken"));
  transport.answer(200, "<R/>");
  EXPECT_TRUE(call().ok());
  EXPECT_EQ(fetched, 2);
  EXPECT_THAT(transport.last_header("Authorization"), HasSubstr("AKID2/"));
  transport.answer(400, R"({"__type":"ExpiredTokenException","message":"The security token included in the request is expired"})");
  transport.answer(400, refusal("RequestExpired"));
  EXPECT_TRUE(call().refused_with("RequestExpired"));
}

TEST_F(Client, RefusalsNameThePlaceTheCodeAndTheMend) {
  transport.answer(400, refusal("VcpuLimitExceeded"));
  const auto answer = call();
  EXPECT_EQ(answer.error().message(),
            "look: EC2 in us-east-1 answered 400 VcpuLimitExceeded: no such luck [request r-7]; ask for more vCPUs in the Service Quotas "
            "console");
  EXPECT_EQ(answer.error().code(), Code::kExhausted);
}

TEST_F(Client, WhatWasMadeAMomentAgoIsWaitedForWhereTheCallerSaysSo) {
  transport.answer(400, refusal("InvalidGroup.NotFound"));
  transport.answer(200, "<R/>");
  AwsCall asked{.region = "us-east-1", .doing = "run", .form = form("RunInstances"), .settling = {"InvalidGroup.NotFound"}};
  EXPECT_TRUE(call(asked).ok());
  transport.answer(400, refusal("InvalidGroup.NotFound"));
  EXPECT_TRUE(call().refused_with("InvalidGroup.NotFound"));
}

}  // namespace
}  // namespace isobar::cloud::ec2
