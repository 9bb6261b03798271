#include "requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/encoding.h"

namespace isobar::cloud::ec2 {
namespace {

using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;

RunOrder a_run() {
  return {.client_token = "t-0",
          .image_id = "ami-1",
          .root_device = "/dev/sda1",
          .instance_type = "m6i.large",
          .key_name = "isobar-1",
          .subnet_id = "subnet-1",
          .security_group_id = "sg-1",
          .disk_gb = 64,
          .disk_type = "gp3",
          .tags = {{"a", "1"}, {"b", "x y"}}};
}

TEST(Ec2Requests, WhatBecomesOfAMachineThatPowersItselfOff) {
  const auto asked = set_shutdown_behavior("i-1", true);
  EXPECT_THAT(asked, testing::Contains(testing::Pair("Value", "terminate")));
  EXPECT_THAT(set_shutdown_behavior("i-1", false), testing::Contains(testing::Pair("Value", "stop")));
  EXPECT_THAT(asked, testing::Contains(testing::Pair("Attribute", "instanceInitiatedShutdownBehavior")));
  EXPECT_THAT(asked, testing::Contains(testing::Pair("InstanceId", "i-1")));
}

TEST(Requests, FiltersAreNumberedWithTheirValues) {
  const auto form = describe("DescribeInstances", std::vector<Filter>{{"tag:a", {"1"}}, {"instance-state-name", {"pending", "running"}}});
  EXPECT_EQ(net::encode_query(form),
            "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aa&Filter.1.Value.1=1&Filter.2.Name=instance-state-name"
            "&Filter.2.Value.1=pending&Filter.2.Value.2=running");
}

TEST(Requests, AMachineIsTaggedInTheVeryCallThatMakesIt) {
  const Form form = run_instances(a_run());
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"ClientToken", "t-0"},
                                                        {"MinCount", "1"},
                                                        {"MaxCount", "1"},
                                                        {"TagSpecification.1.ResourceType", "instance"},
                                                        {"TagSpecification.1.Tag.2.Key", "b"},
                                                        {"TagSpecification.1.Tag.2.Value", "x y"},
                                                        {"TagSpecification.2.ResourceType", "volume"},
                                                        {"BlockDeviceMapping.1.DeviceName", "/dev/sda1"},
                                                        {"BlockDeviceMapping.1.Ebs.VolumeSize", "64"},
                                                        {"BlockDeviceMapping.1.Ebs.VolumeType", "gp3"},
                                                        {"BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"},
                                                        {"NetworkInterface.1.SubnetId", "subnet-1"},
                                                        {"NetworkInterface.1.SecurityGroupId.1", "sg-1"},
                                                        {"NetworkInterface.1.AssociatePublicIpAddress", "true"}})
    EXPECT_THAT(form, Contains(Pair(name, value)));
  // EC2 refuses a subnet and a group beside an interface, and the tags of a spot request without one.
  EXPECT_THAT(form, Not(Contains(Key("SubnetId"))));
  EXPECT_THAT(form, Not(Contains(Key("SecurityGroupId.1"))));
  EXPECT_THAT(form, Not(Contains(Key("TagSpecification.3.ResourceType"))));
  EXPECT_THAT(form, Not(Contains(Key("InstanceMarketOptions.MarketType"))));
}

TEST(Requests, SpotIsAskedForOnceAndEndsWhenItIsTakenAway) {
  RunOrder order = a_run();
  order.spot = true;
  const Form form = run_instances(order);
  EXPECT_THAT(form, Contains(Pair("InstanceMarketOptions.MarketType", "spot")));
  EXPECT_THAT(form, Contains(Pair("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time")));
  EXPECT_THAT(form, Contains(Pair("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate")));
  EXPECT_THAT(form, Contains(Pair("TagSpecification.3.ResourceType", "spot-instances-request")));
}

TEST(Requests, AKeyTravelsInBase64) {
  EXPECT_THAT(import_key_pair("n", "ssh-ed25519 AAAA isobar", {}),
              Contains(Pair("PublicKeyMaterial", crypto::to_base64("ssh-ed25519 AAAA isobar"))));
}

TEST(Requests, AGroupIsOpenToItselfAndForSsh) {
  const Form within = authorize_ingress("sg-1", Ingress::kWithinGroup), ssh = authorize_ingress("sg-1", Ingress::kSshFromAnywhere);
  EXPECT_THAT(within, Contains(Pair("IpPermissions.1.IpProtocol", "-1")));
  EXPECT_THAT(within, Contains(Pair("IpPermissions.1.Groups.1.GroupId", "sg-1")));
  EXPECT_THAT(within, Not(Contains(Key("IpPermissions.1.IpRanges.1.CidrIp"))));
  EXPECT_THAT(ssh, Contains(Pair("IpPermissions.1.FromPort", "22")));
  EXPECT_THAT(ssh, Contains(Pair("IpPermissions.1.ToPort", "22")));
  EXPECT_THAT(ssh, Contains(Pair("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0")));
}

}  // namespace
}  // namespace isobar::cloud::ec2
