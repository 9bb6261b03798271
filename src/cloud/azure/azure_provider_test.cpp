#include "cloud/azure_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/machine_user.h"
#include "fake_arm.h"
#include "launch_rules.h"

namespace isobar::cloud::azure {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

CreateOrder an_order(std::string cluster = "train", int count = 2) {
  CreateOrder order{.cluster = std::move(cluster), .token = "tok1"};
  order.offer = {.cloud = "azure", .region = "eastus", .instance_type = "Standard_D4s_v5", .vcpus = 4};
  order.count = count;
  order.disk_gb = 128;
  return order;
}

class Azure : public testing::Test {
 protected:
  static std::map<std::string, std::string> variables() {
    return {{"AZURE_TENANT_ID", "t"},
            {"AZURE_CLIENT_ID", "c"},
            {"AZURE_CLIENT_SECRET", "SECRET"},
            {"AZURE_SUBSCRIPTION_ID", "01234567-89ab-cdef-0123-456789abcdef"}};
  }
  AzureProvider provider(storage::Surroundings surroundings, FakeArm& world) {
    return AzureProvider({.home = home.path(),
                          .owner = "ada",
                          .clock = clock,
                          .log = log,
                          .setup = setup,
                          .sleep = [this](Duration span) { clock.advance(span); }},
                         std::move(surroundings), world);
  }
  AzureProvider provider() { return provider(surroundings_with(variables()), azure); }
  CloudError refused(const CreateOrder& order = an_order()) {
    auto outcome = provider().create(order, 5min);
    EXPECT_TRUE(outcome.failure);
    EXPECT_THAT(outcome.instances, IsEmpty());
    return outcome.failure.value_or(CloudError{unavailable("nothing was refused"), "", {}});
  }

  ScratchHome home{ScratchHome::Holds::kKey};
  FakeArm azure;
  PausedClock clock;
  Log log;
  RecordingSetup setup;
};

TEST_F(Azure, GivesEachRankItsOwnMachineInTheOrdersGroup) {
  const auto made = provider().create(an_order("train", 3), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_THAT(azure.machines, SizeIs(3));
  ASSERT_THAT(azure.groups, SizeIs(1));
  for (const auto& machine : azure.machines) {
    EXPECT_EQ(machine.group, azure.groups.begin()->first);
    EXPECT_EQ(machine.order.at("tags").as_object().at("isobar-cluster").as_string(), "train");
  }
  EXPECT_EQ(made.instances[2].rank, 2);
  EXPECT_EQ(made.instances[2].ssh.host, "192.0.2.5");
  EXPECT_EQ(made.instances[2].address, "10.60.0.4");
  EXPECT_EQ(made.instances[2].ssh.user, "isobar");
  EXPECT_EQ(azure.authorization, "Bearer TOKEN");
}

TEST_F(Azure, PortsAreOneRuleOfTheClustersOwnSecurityGroup) {
  auto cloud = provider();
  ASSERT_FALSE(cloud.create(an_order("train", 2), 5min).failure);
  ASSERT_TRUE(cloud.open_ports("train", {{80, 80}}, 5min).ok());
  ASSERT_TRUE(cloud.open_ports("train", {{80, 80}, {8000, 8010}}, 5min).ok());
  ASSERT_THAT(azure.groups, SizeIs(1));
  const auto& rules = azure.groups.begin()->second.rules;
  ASSERT_THAT(rules, ElementsAre(testing::Key("ports")));
  const auto& properties = rules.at("ports").at("properties").as_object();
  EXPECT_EQ(boost::json::serialize(properties.at("destinationPortRanges")), R"(["80","8000-8010"])");
  EXPECT_EQ(properties.at("access").as_string(), "Allow");
  EXPECT_THAT(cloud.endpoints("train", {{80, 80}}, 5min).value().at(0).host, testing::StartsWith("192.0.2."));
  ASSERT_TRUE(cloud.terminate("train", 5min).ok());
  EXPECT_THAT(azure.groups, IsEmpty());
}

TEST_F(Azure, AQuotaOfVcpusThatCannotHoldTheOrderIsToldBeforeAnythingIsMade) {
  auto order = an_order("train", 3);
  order.offer.instance_type = "Standard_D8s_v5";
  order.offer.vcpus = 8;
  azure.quotas = {{"cores", 100}, {"standardDSv5Family", 24}, {"lowPriorityCores", 3}};
  const auto failure = refused(order);
  EXPECT_EQ(failure.provider_code, "QuotaExceeded");
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
  EXPECT_THAT(failure.error.message(),
              HasSubstr("'standardDSv5Family' in eastus is 24 vCPUs, of which 1 are used; 3 × Standard_D8s_v5 takes 24"));
  EXPECT_EQ(azure.times("PUT groups"), 0U);
  azure.quotas["standardDSv5Family"] = 25;
  EXPECT_FALSE(provider().create(order, 5min).failure);
}

TEST_F(Azure, SpotMachinesCountAgainstAQuotaOfTheirOwn) {
  auto order = an_order();
  order.use_spot = true;
  azure.quotas = {{"cores", 0}, {"lowPriorityCores", 1}};
  EXPECT_THAT(refused(order).error.message(), HasSubstr("'lowPriorityCores'"));
  azure.quotas["lowPriorityCores"] = 1000;
  EXPECT_FALSE(provider().create(order, 5min).failure);
}

TEST_F(Azure, WhoMayNotReadQuotasLaunchesAllTheSame) {
  azure.always["GET usages"] = {403, "AuthorizationFailed"};
  EXPECT_FALSE(provider().create(an_order(), 5min).failure);
}

TEST(AzureFamilies, AreNamedAsAzureCountsThem) {
  EXPECT_EQ(family_of("Standard_D8s_v5"), "standardDSv5Family");
  EXPECT_EQ(family_of("Standard_NC24ads_A100_v4"), "standardNCADSA100v4Family");
  EXPECT_EQ(family_of("Standard_F4"), "standardFFamily");
  EXPECT_EQ(family_of("what"), "");
}

TEST_F(Azure, AReplacementJoinsTheNetworkThatIsThereAndLeavesItsRulesAlone) {
  auto cloud = provider();
  ASSERT_FALSE(cloud.create(an_order("train", 3), 5min).failure);
  ASSERT_TRUE(cloud.open_ports("train", {{80, 80}}, 5min).ok());
  ASSERT_THAT(azure.machines, SizeIs(3));
  std::erase_if(azure.machines, [](const auto& machine) { return machine.name.ends_with("-1"); });
  auto order = an_order("train", 3);
  order.generation = 1;
  azure.asked.clear();
  const auto mended = cloud.replace(order, {1}, 5min);
  ASSERT_FALSE(mended.failure) << mended.failure->error.message();
  ASSERT_THAT(azure.groups, SizeIs(1));
  EXPECT_THAT(azure.groups.begin()->second.rules, ElementsAre(testing::Key("ports")));
  EXPECT_EQ(azure.times("PUT networkSecurityGroups") + azure.times("PUT virtualNetworks"), 0U);
  ASSERT_THAT(azure.machines, SizeIs(3));
  EXPECT_THAT(azure.machines[2].name, testing::EndsWith("-1-g1"));
  EXPECT_EQ(azure.machines[2].group, azure.machines[0].group);
}

TEST_F(Azure, ARefusedReplacementLeavesTheGroupOfTheOthers) {
  auto cloud = provider();
  ASSERT_FALSE(cloud.create(an_order("train", 3), 5min).failure);
  std::erase_if(azure.machines, [](const auto& machine) { return machine.name.ends_with("-1"); });
  azure.failing_ranks["1"] = "AllocationFailed";
  auto order = an_order("train", 3);
  order.generation = 1;
  EXPECT_EQ(cloud.replace(order, {1}, 5min).failure->provider_code, "AllocationFailed");
  EXPECT_THAT(azure.machines, SizeIs(2));
  ASSERT_THAT(azure.groups, SizeIs(1));
  EXPECT_FALSE(azure.groups.begin()->second.ends);
}

TEST_F(Azure, AMachineThatFailsIsARefusalWithItsCodeAndLeavesNothing) {
  azure.failing_ranks["1"] = "AllocationFailed";
  const auto failure = refused(an_order("train", 3));
  EXPECT_EQ(failure.provider_code, "AllocationFailed");
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
  EXPECT_EQ(failure.scope.region, "eastus");
  EXPECT_THAT(azure.machines, IsEmpty());
  EXPECT_THAT(azure.groups, IsEmpty());
}

TEST_F(Azure, WhatIsRefusedAtOnceLeavesNoGroupEither) {
  azure.always["PUT virtualMachines"] = {409, "OperationNotAllowed"};
  azure.message = "Operation could not be completed as it results in exceeding approved Total Regional Cores quota.";
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "QuotaExceeded");
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
  EXPECT_THAT(azure.groups, IsEmpty());
}

TEST_F(Azure, AMachineWhoseAnswerWasLostIsNotMadeTwice) {
  azure.answers_lost_of_put = 2;
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(azure.machines, SizeIs(2));
}

TEST_F(Azure, ARepeatedOrderAdoptsWhatItMade) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_EQ(azure.times("PUT virtualMachines"), 2U);
  auto other = an_order();
  other.token = "tok2";
  EXPECT_EQ(refused(other).error.code(), Code::kAlreadyExists);
  EXPECT_THAT(azure.machines, SizeIs(2));
}

TEST_F(Azure, StopsByGivingTheHardwareBackAndStarts) {
  auto cloud = provider();
  ASSERT_FALSE(cloud.create(an_order(), 5min).failure);
  EXPECT_FALSE(cloud.ends_by_itself());
  ASSERT_TRUE(cloud.stop("train", 5min).ok());
  EXPECT_EQ(azure.machines[0].power, "deallocated");
  EXPECT_EQ(cloud.list("train").value()[0].state, InstanceState::kStopped);
  azure.failing_start = "AllocationFailed";
  EXPECT_EQ(cloud.start("train", 5min).error().code(), Code::kExhausted);
  const auto started = cloud.start("train", 5min);
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_THAT(*started, SizeIs(2));
  ASSERT_TRUE(cloud.terminate("train", 5min).ok());
  EXPECT_THAT(azure.groups, IsEmpty());
  EXPECT_TRUE(cloud.terminate("train", 5min).ok());
}

TEST_F(Azure, APreemptedSpotMachineIsTold) {
  auto cloud = provider();
  auto order = an_order();
  order.use_spot = true;
  ASSERT_FALSE(cloud.create(order, 5min).failure);
  EXPECT_EQ(azure.machines[0].order.at("properties").as_object().at("priority").as_string(), "Spot");
  EXPECT_EQ(cloud.stop("train", 5min).error().code(), Code::kInvalidArgument);
  // Machines are made several at once, so that their order says nothing of their ranks.
  for (auto& machine : azure.machines)
    if (machine.name.ends_with("-1")) machine.power = "deallocated";
  const auto listed = cloud.list("train").value();
  EXPECT_EQ(listed.at(0).problem, "");
  EXPECT_THAT(listed.at(1).problem, HasSubstr("preempted"));
}

TEST_F(Azure, AllPagesAreRead) {
  ASSERT_FALSE(provider().create(an_order("train", 5), 5min).failure);
  azure.page = 2;
  EXPECT_THAT(provider().list("train").value(), SizeIs(5));
}

TEST_F(Azure, AGroupWithoutMachinesIsFoundAndRemoved) {
  // It dies between the group and the first machine.
  azure.always["PUT networkSecurityGroups"] = {400, "InvalidRequest"};
  azure.always["DELETE groups"] = {409, "ScopeLocked"};
  EXPECT_THAT(refused().error.message(), HasSubstr("may be left"));
  azure.always.clear();
  EXPECT_THAT(provider().list("train").value(), IsEmpty());
  EXPECT_THAT(provider().clusters().value(), ElementsAre("train"));
  ASSERT_TRUE(provider().terminate("train", 5min).ok());
  EXPECT_THAT(azure.groups, IsEmpty());
  EXPECT_THAT(provider().clusters().value(), IsEmpty());
}

TEST_F(Azure, AGroupThatIsBeingDeletedIsNobodysAnyMore) {
  azure.groups_stay = true;
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  ASSERT_TRUE(provider().terminate("train", 5min).ok());
  EXPECT_THAT(provider().clusters().value(), IsEmpty());
}

TEST_F(Azure, WhatAnotherOwnerMadeIsNeverTouched) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  for (auto& machine : azure.machines) machine.order.at("tags").as_object()["isobar-owner"] = "grace";
  for (auto& [name, group] : azure.groups) group.order.at("tags").as_object()["isobar-owner"] = "grace";
  ASSERT_TRUE(provider().terminate("train", 5min).ok());
  EXPECT_THAT(azure.machines, SizeIs(2));
  EXPECT_THAT(azure.groups, SizeIs(1));
}

TEST_F(Azure, DiesAfterEveryRequestAndIsCleanedUp) {
  for (int lives = 0;; ++lives) {
    ASSERT_LT(lives, 200);
    FakeArm world;
    world.requests_until_dead = lives;
    const auto with = [&] { return provider(surroundings_with(variables()), world); };
    const bool made = !with().create(an_order(), 5min).failure;
    const bool died = world.requests_until_dead < 0;
    world.requests_until_dead = 1 << 30;
    ASSERT_TRUE(with().terminate("train", 5min).ok()) << lives;
    EXPECT_THAT(world.machines, IsEmpty()) << lives;
    EXPECT_THAT(world.groups, IsEmpty()) << lives;
    EXPECT_NE(made, died) << lives;
    if (!died) break;
  }
}

TEST_F(Azure, RefusalsReachAsFarAsTheySay) {
  azure.always["GET virtualMachines"] = {403, "ReadOnlyDisabledSubscription"};
  EXPECT_FALSE(refused().scope.region);
  azure.always.clear();
  azure.always["PUT groups"] = {403, "AuthorizationFailed"};
  const auto failure = refused();
  EXPECT_FALSE(failure.scope.region);
  EXPECT_EQ(failure.scope.instance_type, "Standard_D4s_v5");
  EXPECT_THAT(failure.error.message(), HasSubstr("Contributor"));
}

TEST_F(Azure, TheCliAndItsSubscriptionAreUsedWhereNothingElseIsSet) {
  auto surroundings = surroundings_with({});
  surroundings.read_file = [](const std::string& path) -> Result<std::string> {
    if (path != "/nowhere/.azure/azureProfile.json") return not_found(path);
    return std::string("\xef\xbb\xbf{\"subscriptions\":[{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"isDefault\":true}]}");
  };
  std::string asked;
  surroundings.run_program = [&](const std::string& command, const storage::Done<std::string>& done) {
    asked = command;
    done(std::string(R"({"accessToken":"CLITOKEN","expires_on":1760003600})"));
  };
  ASSERT_TRUE(provider(surroundings, azure).check().ok());
  EXPECT_THAT(asked, AllOf(HasSubstr("az account get-access-token"), HasSubstr("https://management.azure.com/")));
  EXPECT_EQ(azure.authorization, "Bearer CLITOKEN");
}

TEST_F(Azure, CheckNamesTheMendAndNeverASecret) {
  EXPECT_THAT(provider().facts().at(0), HasSubstr("'Research'"));
  azure.always["GET subscription"] = {401, "InvalidAuthenticationToken"};
  EXPECT_THAT(provider().check().error().message(), AllOf(HasSubstr("az login"), Not(HasSubstr("SECRET"))));
  EXPECT_THAT(provider(surroundings_with({}), azure).check().error().message(), HasSubstr("az login"));
}

TEST_F(Azure, OrdersThatItDoesNotTakeAreRefusedBeforeAnythingIsSent) {
  auto order = an_order();
  order.labels["a/b"] = "x";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("a/b"));
  order = an_order();
  order.offer.region = "eastus/../x";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("is no region"));
  order = an_order();
  order.image = "ubunto-22.04";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("did you mean 'ubuntu-22.04'?"));
  order.image = "/subscriptions/../../x";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("is no id"));
  EXPECT_THAT(azure.asked, IsEmpty());
}

}  // namespace
}  // namespace isobar::cloud::azure
