#include "cloud/ec2_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_ec2.h"
#include "test_user.h"

namespace isobar::cloud::ec2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class Ec2 : public testing::Test {
 protected:
  Ec2Provider provider(const std::map<std::string, std::string>& variables = {
                           {"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "SECRET"}, {"AWS_REGION", "us-east-1"}}) {
    return Ec2Provider({.settings = {.home = home.path(), .owner = "ada"},
                        .surroundings = surroundings_with(variables),
                        .transport = aws,
                        .clock = clock,
                        .log = log,
                        .setup = setup,
                        .sleep = [this](Duration span) { clock.advance(span); }});
  }
  CloudError refused(const CreateOrder& order = an_order()) {
    auto outcome = provider().create(order, 5min);
    EXPECT_TRUE(outcome.failure);
    EXPECT_THAT(outcome.instances, IsEmpty());
    return outcome.failure.value_or(CloudError{unavailable("nothing was refused"), "", {}});
  }

  ScratchHome home{ScratchHome::Holds::kKey};
  FakeEc2 aws;
  PausedClock clock;
  Log log;
  RecordingSetup setup;
};

TEST_F(Ec2, GivesEachRankItsOwnCallWithItsTags) {
  const auto made = provider().create(an_order("train", 3), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_THAT(made.instances, SizeIs(3));
  ASSERT_THAT(aws.machines, SizeIs(3));
  std::set<std::string> ranks;
  for (const auto& machine : aws.machines) {
    ranks.insert(FakeEc2::tag_of(machine.form, "isobar-rank"));
    EXPECT_EQ(machine.token, "tok1-" + FakeEc2::tag_of(machine.form, "isobar-rank"));
    EXPECT_EQ(machine.get("MaxCount"), "1");
  }
  EXPECT_THAT(ranks, ElementsAre("0", "1", "2"));
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(made.instances[static_cast<std::size_t>(rank)].rank, rank);
}

TEST_F(Ec2, PortsAreRulesOfAGroupOfTheClustersOwnThatGoesWithIt) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order("train", 2), 5min).failure);
  ASSERT_TRUE(ec2.open_ports("train", {{80, 80}}, 5min).ok());
  ASSERT_THAT(aws.groups, SizeIs(1));
  const std::string group = aws.groups.begin()->first;
  for (const auto& machine : aws.machines) EXPECT_THAT(machine.groups, ElementsAre("sg-1", group));
  ASSERT_TRUE(ec2.open_ports("train", {{80, 80}, {8000, 8010}}, 5min).ok());
  EXPECT_THAT(aws.groups[group].ranges, ElementsAre("80-80", "8000-8010")) << "what is open already is not asked for again";
  const auto endpoints = ec2.endpoints("train", {{80, 80}}, 5min).value();
  ASSERT_THAT(endpoints, SizeIs(1));
  EXPECT_THAT(endpoints[0].host, StartsWith("3.0.0."));
  EXPECT_EQ(endpoints[0].outer_port, 80);
  ASSERT_TRUE(ec2.terminate("train", 5min).ok());
  EXPECT_THAT(aws.groups, IsEmpty());
  EXPECT_THAT(ec2.clusters().value(), IsEmpty());
}

TEST_F(Ec2, AGroupThatIsHeldOnToIsLeftForTheSweep) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order("train", 1), 5min).failure);
  ASSERT_TRUE(ec2.open_ports("train", {{80, 80}}, 5min).ok());
  aws.machines[0].state = "terminated";  // by somebody else, and EC2 has not cleared up yet
  ASSERT_TRUE(ec2.terminate("train", 5min).ok());
  EXPECT_THAT(aws.groups, SizeIs(1));
  EXPECT_THAT(ec2.clusters().value(), ElementsAre("train"));
  aws.groups_let_go = true;
  ASSERT_TRUE(ec2.terminate("train", 5min).ok());
  EXPECT_THAT(aws.groups, IsEmpty());
  EXPECT_THAT(ec2.clusters().value(), IsEmpty());
}

// Dead at every request in turn, and then taken down by the next command.
TEST_F(Ec2, ACrashWhilePortsAreOpenedLeavesNoGroup) {
  for (int lives = 0; lives < 12; ++lives) {
    auto ec2 = provider();
    auto order = an_order("train", 2);
    order.token = "tok" + std::to_string(lives);
    ASSERT_FALSE(ec2.create(order, 5min).failure);
    aws.requests_until_dead = lives;
    (void)ec2.open_ports("train", {{80, 80}, {443, 443}}, 5s).ok();
    aws.requests_until_dead = 1 << 30;
    ASSERT_TRUE(provider().open_ports("train", {{80, 80}, {443, 443}}, 5min).ok());
    ASSERT_THAT(aws.groups, SizeIs(1)) << "there is never a second one";
    ASSERT_TRUE(provider().terminate("train", 5min).ok());
    EXPECT_THAT(aws.groups, IsEmpty()) << lives;
  }
}

TEST_F(Ec2, NodesOnSpotMachinesAreToldToWatchForTheirEnd) {
  auto order = an_order("train", 1);
  order.use_spot = true;
  ASSERT_FALSE(provider().create(order, 5min).failure);
  auto steady = an_order("steady", 1);
  steady.token = "tok2";
  ASSERT_FALSE(provider().create(steady, 5min).failure);
  ASSERT_THAT(setup.orders, SizeIs(2));
  EXPECT_EQ(setup.orders[0].preemption_watch, "aws");
  EXPECT_EQ(setup.orders[1].preemption_watch, "");
}

TEST_F(Ec2, WhenOneRankIsRefusedNoneIsLeft) {
  aws.refused_ranks["1"] = "InsufficientInstanceCapacity";
  aws.looks_until_listed = 5;  // The ranks that were made are not in any list yet.
  const auto failure = refused(an_order("train", 3));
  EXPECT_EQ(failure.provider_code, "InsufficientInstanceCapacity");
  EXPECT_EQ(failure.scope.zone, "use1-az2");
  EXPECT_EQ(aws.alive(), 0U);
  EXPECT_EQ(aws.times("RunInstances"), aws.machines.size() + 1);  // A want of capacity is not asked for twice.
  EXPECT_THAT(setup.orders, IsEmpty());
}

TEST_F(Ec2, AMachineWhoseAnswerWasLostIsNotMadeTwice) {
  aws.answers_lost_of_run = 2;
  ASSERT_FALSE(provider().create(an_order("train", 2), 5min).failure);
  EXPECT_THAT(aws.machines, SizeIs(2));
  EXPECT_EQ(aws.times("RunInstances"), 4U);
}

TEST_F(Ec2, AnOrderRepeatedBeforeItsMachinesAreListedFindsThemByTheirTokens) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  aws.looks_until_listed = aws.machines[0].looks + 1;
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(aws.machines, SizeIs(2));
  EXPECT_EQ(aws.times("RunInstances"), 4U);
}

TEST_F(Ec2, MachinesThatAreNotListedYetAreWaitedFor) {
  aws.looks_until_listed = 4;
  const auto made = provider().create(an_order(), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  EXPECT_THAT(made.instances, SizeIs(2));
  EXPECT_EQ(aws.times("RunInstances"), 2U);
}

TEST_F(Ec2, AnOrderRepeatedAfterTheImageHasChangedTakesWhatItMade) {
  auto order = an_order("train", 1);
  ASSERT_FALSE(provider().create(order, 5min).failure);
  aws.looks_until_listed = aws.machines[0].looks + 1;
  order.disk_gb = 80;
  const auto again = provider().create(order, 5min);
  ASSERT_FALSE(again.failure) << again.failure->error.message();
  EXPECT_THAT(aws.machines, SizeIs(1));
}

TEST_F(Ec2, AMachineThatEndsInsteadOfRunningIsARefusalWithItsReason) {
  aws.ends_instead["0"] = "Client.VolumeLimitExceeded";
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "VolumeLimitExceeded");
  EXPECT_FALSE(failure.scope.zone);
  EXPECT_EQ(aws.alive(), 0U);
}

TEST_F(Ec2, MachinesThatDoNotRunInTimeAreRemoved) {
  aws.looks_until_running = 1'000'000;
  const auto failure = refused();
  EXPECT_EQ(failure.error.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(aws.alive(), 0U);
}

TEST_F(Ec2, AKnownQuotaThatIsTooSmallIsToldBeforeAnythingIsMade) {
  aws.quotas["L-1216C47A"] = 0;
  auto failure = refused();
  EXPECT_EQ(failure.provider_code, "VcpuLimitExceeded");
  EXPECT_THAT(failure.error.message(),
              HasSubstr("request-service-quota-increase --region us-east-1 --service-code ec2 --quota-code L-1216C47A"));
  EXPECT_EQ(aws.times("RunInstances"), 0U);
  aws.quotas["L-1216C47A"] = 3;  // Two nodes of two vCPUs.
  EXPECT_EQ(refused().provider_code, "VcpuLimitExceeded");
  aws.quotas["L-1216C47A"] = 4;
  EXPECT_FALSE(provider().create(an_order(), 5min).failure);
}

TEST_F(Ec2, SpotHasItsOwnQuota) {
  aws.quotas["L-34B43A08"] = 0;
  auto order = an_order();
  order.use_spot = true;
  EXPECT_EQ(refused(order).provider_code, "MaxSpotInstanceCountExceeded");
  EXPECT_FALSE(provider().create(an_order(), 5min).failure);
}

TEST_F(Ec2, AQuotaThatMayNotBeReadStopsNothing) {
  aws.always["GetServiceQuota"] = {400, "AccessDeniedException"};
  EXPECT_FALSE(provider().create(an_order(), 5min).failure);
}

TEST_F(Ec2, ImagesAreSearchedWhereParametersMayNotBeRead) {
  aws.always["GetParameter"] = {400, "AccessDeniedException"};
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_EQ(aws.times("DescribeImages"), 2U);
}

TEST_F(Ec2, WithoutADefaultVpcOrASubnetTheMendIsTold) {
  aws.zones_with_subnets.clear();
  auto failure = refused();
  EXPECT_EQ(failure.provider_code, "InvalidSubnetID.NotFound");
  EXPECT_EQ(failure.scope.zone, "use1-az2");
  EXPECT_THAT(failure.error.message(), HasSubstr("aws ec2 create-default-subnet --region us-east-1 --availability-zone us-east-1a"));
  aws.has_default_vpc = false;
  failure = refused();
  EXPECT_EQ(failure.provider_code, "VPCIdNotSpecified");
  EXPECT_FALSE(failure.scope.zone);
  EXPECT_THAT(failure.error.message(), HasSubstr("aws ec2 create-default-vpc --region us-east-1"));
}

TEST_F(Ec2, WhatAnotherProcessMadeMeanwhileIsUsed) {
  aws.refusals["CreateSecurityGroup"] = {{400, "InvalidGroup.Duplicate"}};
  aws.refusals["AuthorizeSecurityGroupIngress"] = {{400, "InvalidPermission.Duplicate"}, {400, "InvalidPermission.Duplicate"}};
  aws.refusals["ImportKeyPair"] = {{400, "InvalidKeyPair.Duplicate"}};
  aws.group_listed_after = 3;
  const auto made = provider().create(an_order(), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  EXPECT_EQ(aws.machines[0].get("NetworkInterface.1.SecurityGroupId.1"), "sg-1");
}

TEST_F(Ec2, AuthFailureOfAClosedRegionDoesNotRuleOutAllOfAws) {
  aws.always["DescribeInstances"] = {401, "AuthFailure"};
  auto failure = refused();
  EXPECT_EQ(failure.provider_code, "OptInRequired");
  EXPECT_EQ(failure.scope.region, "us-east-1");
  aws.always["GetCallerIdentity"] = {403, "InvalidClientTokenId"};
  failure = refused();
  EXPECT_EQ(failure.provider_code, "AuthFailure");
  EXPECT_FALSE(failure.scope.region);
}

TEST_F(Ec2, AClosedRegionHoldsNothingAndHidesNothing) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order(), 5min).failure);
  aws.closed_regions = {"me-south-1"};
  auto elsewhere = an_order("other");
  elsewhere.offer.region = "me-south-1";
  EXPECT_EQ(refused(elsewhere).provider_code, "OptInRequired");
  EXPECT_THAT(ec2.list("train").value(), SizeIs(2));
  EXPECT_THAT(ec2.clusters().value(), ElementsAre("train"));
  // When no region at all answers it is the credentials that are wrong, and nothing is known.
  aws.closed_regions = {"me-south-1", "us-east-1"};
  EXPECT_EQ(ec2.list("train").error().code(), Code::kPermissionDenied);
  EXPECT_FALSE(ec2.terminate("train", 5min).ok());
}

TEST_F(Ec2, AClusterInSeveralRegionsIsListedWholeAndNotStarted) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order("train", 1), 5min).failure);
  auto elsewhere = an_order("train", 1);
  elsewhere.token = "tok2";
  elsewhere.offer.region = "eu-west-1";
  ASSERT_FALSE(ec2.create(elsewhere, 5min).failure);
  EXPECT_THAT(ec2.list("train").value(), SizeIs(2));
  EXPECT_EQ(ec2.start("train", 5min).error().code(), Code::kConflict);
  ASSERT_TRUE(ec2.terminate("train", 5min).ok());
  EXPECT_EQ(aws.alive(), 0U);
}

TEST_F(Ec2, AnUnknownRefusalBlocksOneZoneAndLeavesNothing) {
  aws.refused_ranks["1"] = "SomethingNewIn2031";
  const auto failure = refused();
  EXPECT_EQ(failure.scope.zone, "use1-az2");
  EXPECT_EQ(failure.scope.instance_type, "m6i.large");
  EXPECT_EQ(aws.alive(), 0U);
}

TEST_F(Ec2, WhenCleaningUpFailsTheErrorSaysThatMachinesMayBeLeft) {
  aws.refused_ranks["1"] = "InsufficientInstanceCapacity";
  aws.always["TerminateInstances"] = {403, "UnauthorizedOperation"};
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "InsufficientInstanceCapacity");
  EXPECT_THAT(failure.error.message(), HasSubstr("machines may be left"));
}

TEST_F(Ec2, DiesAfterEveryRequestAndIsCleanedUp) {
  for (int lives = 0;; ++lives) {
    ASSERT_LT(lives, 100);
    FakeEc2 world;
    world.requests_until_dead = lives;
    const auto with = [&] {
      return Ec2Provider({{home.path(), "ada"},
                          surroundings_with({{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "S"}}),
                          world,
                          clock,
                          log,
                          setup,
                          [this](Duration span) { clock.advance(span); }});
    };
    const bool made = !with().create(an_order(), 5min).failure;
    const bool died = world.requests_until_dead < 0;
    world.requests_until_dead = 1 << 30;
    ASSERT_TRUE(with().terminate("train", 5min).ok()) << lives;
    EXPECT_EQ(world.alive(), 0U) << lives;
    EXPECT_NE(made, died) << lives;
    if (!died) break;
  }
}

TEST_F(Ec2, TerminateCancelsSpotRequestsToo) {
  auto ec2 = provider();
  aws.spot_requests = {"sir-1", "sir-2"};
  ASSERT_TRUE(ec2.terminate("train", 5min).ok());
  EXPECT_THAT(aws.spot_requests, IsEmpty());
}

TEST_F(Ec2, TroubleWithSpotRequestsKeepsNoMachineAlive) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order(), 5min).failure);
  aws.always["DescribeSpotInstanceRequests"] = {400, "InvalidParameterValue"};
  EXPECT_FALSE(ec2.terminate("train", 5min).ok());
  EXPECT_EQ(aws.alive(), 0U);
  aws.always["DescribeSpotInstanceRequests"] = {403, "UnauthorizedOperation"};  // Who may not ask for spot has none.
  EXPECT_TRUE(ec2.terminate("train", 5min).ok());
}

TEST_F(Ec2, SpotMachinesAreNotStopped) {
  auto ec2 = provider();
  auto order = an_order();
  order.use_spot = true;
  ASSERT_FALSE(ec2.create(order, 5min).failure);
  EXPECT_EQ(ec2.stop("train", 5min).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(aws.times("StopInstances"), 0U);
}

TEST_F(Ec2, EachMachineIsToldWhatBecomesOfItWhenItEndsByItself) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order(), 5min).failure);
  ASSERT_TRUE(ec2.set_own_end("train", true, 5min).ok());
  EXPECT_EQ(aws.times("ModifyInstanceAttribute"), 2U);
  aws.refusals["ModifyInstanceAttribute"] = {{403, "UnauthorizedOperation"}};
  EXPECT_THAT(ec2.set_own_end("train", false, 5min).error().message(),
              StartsWith("say what becomes of cluster train when it ends by itself: "));
  EXPECT_EQ(ec2.set_own_end("other", true, 5min).error().code(), Code::kNotFound);
}

TEST_F(Ec2, StartNeverMakesAMachine) {
  auto ec2 = provider();
  const auto made = ec2.create(an_order(), 5min).instances;
  ASSERT_TRUE(ec2.stop("train", 5min).ok());
  aws.refusals["StartInstances"] = {{500, "InsufficientInstanceCapacity"}};
  const auto refused_start = ec2.start("train", 5min);
  EXPECT_EQ(refused_start.error().code(), Code::kExhausted);
  EXPECT_THAT(refused_start.error().message(), StartsWith("start cluster train on aws in us-east-1: "));
  EXPECT_THAT(aws.machines, SizeIs(2));
  const auto started = ec2.start("train", 5min);
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ((*started)[0].id, made[0].id);
  EXPECT_EQ(aws.times("RunInstances"), 2U);
  EXPECT_THAT(setup.orders, SizeIs(2));
}

TEST_F(Ec2, AReplacementHasAClientTokenOfItsOwnGeneration) {
  auto ec2 = provider();
  const auto made = ec2.create(an_order("train", 3), 5min).instances;
  aws.of_rank("1").state = "terminated";
  auto order = an_order("train", 3);
  order.generation = 1;
  const auto mended = ec2.replace(order, {1}, 5min);
  ASSERT_FALSE(mended.failure) << mended.failure->error.message();
  ASSERT_THAT(aws.machines, SizeIs(4));
  EXPECT_EQ(aws.machines[3].token, order.token + "-g1-1");
  EXPECT_EQ(mended.instances[0].id, made[0].id);
  EXPECT_EQ(mended.instances[2].id, made[2].id);
  EXPECT_NE(mended.instances[1].id, made[1].id);
}

TEST_F(Ec2, ARefusedReplacementRemovesNoneOfTheMachinesThatRun) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order("train", 3), 5min).failure);
  aws.of_rank("1").state = "terminated";
  aws.refused_ranks["1"] = "InsufficientInstanceCapacity";
  auto order = an_order("train", 3);
  order.generation = 1;
  ASSERT_TRUE(ec2.replace(order, {1}, 5min).failure);
  EXPECT_EQ(aws.alive(), 2U);
}

TEST_F(Ec2, MachinesThatAreOffAreStartedBesideAReplacement) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order("train", 3), 5min).failure);
  ASSERT_TRUE(ec2.stop("train", 5min).ok());
  aws.of_rank("1").state = "terminated";
  auto order = an_order("train", 3);
  order.generation = 1;
  ASSERT_FALSE(ec2.replace(order, {1}, 5min).failure);
  EXPECT_EQ(aws.alive(), 3U);
  EXPECT_EQ(aws.times("StartInstances"), 1U);
}

TEST_F(Ec2, AnOrderRepeatedAfterAStopLeavesTheDisksAlone) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order(), 5min).failure);
  ASSERT_TRUE(ec2.stop("train", 5min).ok());
  EXPECT_EQ(refused().error.code(), Code::kAlreadyExists);
  EXPECT_EQ(aws.alive(), 2U);
}

TEST_F(Ec2, RanksAreKnownByTheirTagsWhateverTheOrderOfTheList) {
  auto ec2 = provider();
  ASSERT_FALSE(ec2.create(an_order("train", 4), 5min).failure);
  std::reverse(aws.machines.begin(), aws.machines.end());
  const auto listed = ec2.list("train").value();
  ASSERT_THAT(listed, SizeIs(4));
  for (int rank = 0; rank < 4; ++rank) EXPECT_EQ(listed[static_cast<std::size_t>(rank)].rank, rank);
}

TEST_F(Ec2, CheckNamesTheMendAndNeverASecret) {
  aws.always["GetCallerIdentity"] = {403, "SignatureDoesNotMatch"};
  const auto wrong = provider().check();
  EXPECT_EQ(wrong.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(wrong.error().message(), HasSubstr("aws configure"));
  EXPECT_THAT(wrong.error().message(), Not(HasSubstr("SECRET")));
  aws.requests_until_dead = 0;  // Neither is this an EC2 machine with a role.
  const auto none = provider({}).check();
  EXPECT_THAT(none.error().message(), StartsWith("no AWS credentials; run `aws configure` or `aws sso login`"));
}

TEST_F(Ec2, FactsNameWhoIsSignedInAndWhereMachinesMayBe) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(provider().facts(),
              ElementsAre("signed in to AWS as arn:aws:iam::1:user/ada", "machines of ours are looked for in us-east-1"));
}

TEST_F(Ec2, TheRegionIsOnDiskBeforeTheFirstMachineIs) {
  aws.requests_until_dead = 0;
  auto order = an_order();
  order.offer.region = "eu-west-1";
  (void)provider().create(order, 5min);
  EXPECT_THAT(read_file(home.path() / "aws" / "regions").value(), HasSubstr("eu-west-1"));
}

TEST_F(Ec2, OrdersThatEc2DoesNotTakeAreRefusedBeforeAnythingIsSent) {
  auto order = an_order();
  order.labels["aws:x"] = "y";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("aws:x"));
  order.labels = {{"isobar-rank", "7"}};
  EXPECT_THAT(refused(order).error.message(), HasSubstr("isobar-rank"));
  order = an_order();
  order.offer.region = "us-east-1\nevil.example/";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("is no region of aws"));
  order = an_order();
  order.count = 0;
  EXPECT_EQ(refused(order).error.code(), Code::kInvalidArgument);
  EXPECT_THAT(aws.asked, IsEmpty());
  EXPECT_FALSE(fs::exists(home.path() / "aws" / "regions"));
}

TEST_F(Ec2, WithoutAZoneEc2Chooses) {
  auto order = an_order("train", 1);
  order.offer.zone.clear();
  ASSERT_FALSE(provider().create(order, 5min).failure);
  EXPECT_EQ(aws.machines[0].get("SecurityGroupId.1"), "sg-1");
  EXPECT_EQ(aws.machines[0].get("NetworkInterface.1.SubnetId"), "");
}

}  // namespace
}  // namespace isobar::cloud::ec2
