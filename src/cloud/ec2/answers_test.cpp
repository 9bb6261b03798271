#include "answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "refusal.h"

namespace isobar::cloud::ec2 {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(Answers, AMachineIsReadWithItsTagsAndItsReason) {
  const auto page = parse_machines(R"(<?xml version="1.0" encoding="UTF-8"?>
    <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
      <reservationSet><item><reservationId>r-1</reservationId><instancesSet>
        <item><instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState><code>48</code><name>terminated</name></instanceState>
          <placement><availabilityZone>us-east-1c</availabilityZone></placement><instanceLifecycle>spot</instanceLifecycle>
          <stateReason><code>Server.SpotInstanceTermination</code><message>Spot instance termination</message></stateReason>
          <privateIpAddress>10.0.0.4</privateIpAddress><ipAddress>3.4.5.6</ipAddress>
          <tagSet><item><key>team</key><value>a &amp; b</value></item><item><key>empty</key><value/></item></tagSet></item>
        <item><instanceId>i-2</instanceId><instanceState><name>pending</name></instanceState></item>
      </instancesSet></item></reservationSet><nextToken>next</nextToken></DescribeInstancesResponse>)");
  ASSERT_TRUE(page.ok()) << page.error().message();
  EXPECT_EQ(page->next, "next");
  ASSERT_THAT(page->items, SizeIs(2));
  const Machine& machine = page->items[0];
  EXPECT_EQ(machine.zone, "us-east-1c");
  EXPECT_EQ(machine.private_address, "10.0.0.4");
  EXPECT_EQ(machine.public_address, "3.4.5.6");
  EXPECT_TRUE(machine.spot);
  EXPECT_TRUE(machine.is_gone());
  EXPECT_EQ(machine.reason_code, "Server.SpotInstanceTermination");
  EXPECT_EQ(machine.tag("team"), "a & b");
  EXPECT_EQ(machine.tag("empty"), "");
  EXPECT_EQ(page->items[1].public_address, "");
  EXPECT_FALSE(page->items[1].spot);
}

TEST(Answers, WhatIsNotAnAnswerIsNotReadAsAnEmptyOne) {
  for (const char* text :
       {"", "<html>login</html>", "{}", "<R><reservationSet><item><instancesSet><item/></instancesSet></item></reservationSet></R>"}) {
    const auto page = parse_machines(text);
    ASSERT_FALSE(page.ok()) << text;
    EXPECT_EQ(page.error().code(), Code::kDataLoss);
  }
  EXPECT_THAT(parse_machines("<R><reservationSet/></R>")->items, IsEmpty());
  EXPECT_FALSE(parse_run("<R><instancesSet/></R>").ok());
  EXPECT_FALSE(parse_identity("<R/>").ok());
}

TEST(Answers, ASecurityGroupTellsWhomItLetsIn) {
  const auto group = [](const std::string& permissions) {
    return parse_security_groups("<R><securityGroupInfo><item><groupId>sg-1</groupId><ipPermissions>" + permissions +
                                 "</ipPermissions></item></securityGroupInfo></R>")
        ->items.at(0);
  };
  const std::string within = "<item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-1</groupId></item></groups></item>";
  EXPECT_TRUE(group(within).open_within);
  EXPECT_FALSE(group(within).lets_ssh_in);
  EXPECT_FALSE(group("<item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-2</groupId></item></groups></item>").open_within);
  const auto tcp = [](const std::string& from, const std::string& to) {
    return "<item><ipProtocol>tcp</ipProtocol><fromPort>" + from + "</fromPort><toPort>" + to +
           "</toPort><ipRanges><item><cidrIp>192.0.2.0/24</cidrIp></item></ipRanges></item>";
  };
  EXPECT_TRUE(group(tcp("22", "22")).lets_ssh_in);  // One office alone is what the user wants.
  EXPECT_TRUE(group(tcp("1", "1024")).lets_ssh_in);
  EXPECT_FALSE(group(tcp("80", "443")).lets_ssh_in);
}

TEST(Answers, AnImageTellsItsRootDisk) {
  const auto page =
      parse_images(R"(<R><imagesSet><item><imageId>ami-1</imageId><name>n</name><creationDate>2026-01-01T00:00:00.000Z</creationDate>
    <architecture>arm64</architecture><rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping>
    <item><deviceName>/dev/sdb</deviceName><ebs><volumeSize>500</volumeSize></ebs></item>
    <item><deviceName>/dev/xvda</deviceName><ebs><volumeSize>75</volumeSize></ebs></item></blockDeviceMapping></item></imagesSet></R>)");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->items.at(0).root_gb, 75U);
  EXPECT_EQ(page->items.at(0).root_device, "/dev/xvda");
}

TEST(Answers, TheJsonServicesAreRead) {
  EXPECT_EQ(*parse_parameter(R"({"Parameter":{"Name":"n","Value":"ami-7"}})"), "ami-7");
  EXPECT_FALSE(parse_parameter(R"({"Parameter":{"Value":7}})").ok());
  EXPECT_FALSE(parse_parameter("[]").ok());
  EXPECT_EQ(*parse_quota(R"({"Quota":{"Value":0.0}})"), 0.0);
  EXPECT_EQ(*parse_quota(R"({"Quota":{"Value":64}})"), 64.0);
  EXPECT_FALSE(parse_quota(R"({"Quota":{"Value":"64"}})").ok());
}

TEST(Refusals, AreReadInEveryFormOfAws) {
  auto refusal = parse_refusal(400,
                               "<Response><Errors><Error><Code>InvalidAMIID.NotFound</Code><Message>no</Message></Error></"
                               "Errors><RequestID>r-1</RequestID></Response>");
  EXPECT_EQ(refusal.code, "InvalidAMIID.NotFound");
  EXPECT_EQ(refusal.request_id, "r-1");
  refusal = parse_refusal(403,
                          "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>no</Message></Error>"
                          "<RequestId>r-2</RequestId></ErrorResponse>");
  EXPECT_EQ(refusal.code, "InvalidClientTokenId");
  EXPECT_EQ(refusal.request_id, "r-2");
  refusal = parse_refusal(400, R"({"__type":"com.amazonaws.ssm#ParameterNotFound","Message":"no"})");
  EXPECT_EQ(refusal.code, "ParameterNotFound");
  EXPECT_EQ(refusal.message, "no");
  refusal = parse_refusal(502, "<html><body>bad gateway</body></html>");
  EXPECT_EQ(refusal.code, "");
  EXPECT_TRUE(is_passing(refusal));
  EXPECT_EQ(refused_by(refusal, "EC2", "us-east-1", "look").provider_code, "Http502");
}

TEST(Refusals, CodesSayWhatTheCallerDoes) {
  const auto code = [](const char* aws_code, int status = 400) {
    return refused_by({status, aws_code, "", ""}, "EC2", "us-east-1", "run").code();
  };
  EXPECT_EQ(code("InsufficientInstanceCapacity", 500), Code::kExhausted);
  EXPECT_EQ(code("VolumeLimitExceeded"), Code::kExhausted);
  EXPECT_EQ(code("UnauthorizedOperation", 403), Code::kPermissionDenied);
  EXPECT_EQ(code("ExpiredToken"), Code::kPermissionDenied);
  EXPECT_EQ(code("InvalidAMIID.NotFound"), Code::kNotFound);
  EXPECT_EQ(code("InvalidKeyPair.Duplicate"), Code::kAlreadyExists);
  EXPECT_EQ(code("InvalidParameterValue"), Code::kInvalidArgument);
  EXPECT_EQ(code("InternalError", 500), Code::kUnavailable);
}

}  // namespace
}  // namespace isobar::cloud::ec2
