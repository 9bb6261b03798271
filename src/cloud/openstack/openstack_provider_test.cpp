#include "cloud/openstack_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/machine_user.h"
#include "fake_openstack.h"

namespace isobar::cloud::openstack {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

CreateOrder an_order(std::string cluster = "train", int count = 2) {
  CreateOrder order{.cluster = std::move(cluster), .token = "tok1"};
  order.offer = {.cloud = "openstack", .region = "RegionOne", .zone = "nova", .instance_type = "m1.small", .vcpus = 2, .memory_gib = 4};
  order.count = count;
  return order;
}

const std::map<std::string, std::string> kVariables = {
    {"OS_AUTH_URL", "http://keystone/v3"}, {"OS_USERNAME", "ada"},           {"OS_PASSWORD", "SECRET"}, {"OS_PROJECT_NAME", "lab"},
    {"OS_REGION_NAME", "RegionOne"},       {"OS_USER_DOMAIN_NAME", "People"}};

class OpenStack : public testing::Test {
 protected:
  OpenStackProvider provider(FakeOpenStack& world, const std::map<std::string, std::string>& variables = kVariables) {
    return OpenStackProvider({.home = home.path(),
                              .owner = "ada",
                              .clock = clock,
                              .log = log,
                              .setup = setup,
                              .sleep = [this](Duration span) { clock.advance(span); }},
                             settings, surroundings_with(variables), world);
  }
  OpenStackProvider provider() { return provider(cloud); }
  CloudError refused(const CreateOrder& order = an_order()) {
    auto outcome = provider().create(order, 5min);
    EXPECT_TRUE(outcome.failure);
    EXPECT_THAT(outcome.instances, IsEmpty());
    return outcome.failure.value_or(CloudError{unavailable("nothing was refused"), "", {}});
  }
  static void expect_nothing_left(const FakeOpenStack& world) {
    EXPECT_THAT(world.servers, IsEmpty());
    EXPECT_THAT(world.ports, IsEmpty());
    EXPECT_THAT(world.floating, IsEmpty());
  }

  ScratchHome home{ScratchHome::Holds::kKey};
  FakeOpenStack cloud;
  OpenStackSettings settings;
  PausedClock clock;
  Log log;
  RecordingSetup setup;
};

TEST_F(OpenStack, GivesEachRankAPortAFloatingAddressAndAServerWithItsMark) {
  const auto made = provider().create(an_order("train", 3), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_THAT(cloud.servers, SizeIs(3));
  EXPECT_THAT(cloud.ports, SizeIs(3));
  EXPECT_THAT(cloud.floating, SizeIs(3));
  for (const auto& server : cloud.servers) {
    EXPECT_EQ(server.order.at("flavorRef").as_string(), "f1");
    EXPECT_EQ(server.order.at("imageRef").as_string(), "img-2");
    EXPECT_EQ(server.order.at("availability_zone").as_string(), "nova");
    EXPECT_EQ(server.mark("isobar-cluster"), "train");
    EXPECT_EQ(server.mark("isobar-owner"), "ada");
    EXPECT_TRUE(server.order.contains("tags"));
  }
  ASSERT_THAT(made.instances, SizeIs(3));
  for (int rank = 0; rank < 3; ++rank) {
    const Instance& node = made.instances[static_cast<std::size_t>(rank)];
    EXPECT_EQ(node.rank, rank);
    EXPECT_EQ(node.ssh.user, "ubuntu");
    EXPECT_THAT(node.ssh.host, StartsWith("192.0.2."));
    EXPECT_THAT(node.address, StartsWith("10.0.0."));
    EXPECT_EQ(node.region, "RegionOne");
  }
  EXPECT_THAT(cloud.keys, ElementsAre(StartsWith("isobar-")));
  ASSERT_THAT(cloud.groups, SizeIs(1));
  EXPECT_THAT(cloud.groups[0].rules, SizeIs(2)) << "SSH from anywhere, everything among themselves";
  EXPECT_EQ(cloud.last_version, "compute 2.61") << "no newer one than is spoken here";
}

TEST_F(OpenStack, AnOlderNovaIsSpokenToInItsVersionAndWithoutTags) {
  cloud.version = "2.38";
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_EQ(cloud.last_version, "compute 2.38");
  EXPECT_FALSE(cloud.servers[0].order.contains("tags"));
}

TEST_F(OpenStack, SignsInByWhatTheUserHas) {
  ASSERT_TRUE(provider().check().ok());
  const auto by_password = boost::json::serialize(cloud.signed_in);
  EXPECT_THAT(by_password, AllOf(HasSubstr(R"("methods":["password"])"), HasSubstr(R"("domain":{"name":"People"})"),
                                 HasSubstr(R"("scope":{"project":{"name":"lab")")));
  ASSERT_TRUE(provider(cloud, {{"OS_AUTH_URL", "http://keystone"}, {"OS_TOKEN", "T"}, {"OS_PROJECT_ID", "p1"}}).check().ok());
  EXPECT_THAT(boost::json::serialize(cloud.signed_in), AllOf(HasSubstr(R"("token":{"id":"T"})"), HasSubstr(R"({"id":"p1"})")));
  ASSERT_TRUE(provider(cloud, {{"OS_AUTH_URL", "http://keystone/v3/"},
                               {"OS_AUTH_TYPE", "v3applicationcredential"},
                               {"OS_APPLICATION_CREDENTIAL_ID", "c"},
                               {"OS_APPLICATION_CREDENTIAL_SECRET", "S"}})
                  .check()
                  .ok());
  EXPECT_THAT(boost::json::serialize(cloud.signed_in), AllOf(HasSubstr("application_credential"), Not(HasSubstr("scope"))));
}

TEST_F(OpenStack, AnExpiredTokenIsReplacedInTheMidstOfACommand) {
  auto openstack = provider();
  ASSERT_FALSE(openstack.create(an_order(), 5min).failure);
  ASSERT_EQ(cloud.tokens, 1);
  cloud.tokens = 7;  // The one that is held is none of Keystone's any more.
  ASSERT_TRUE(openstack.list("train").ok());
  EXPECT_EQ(cloud.tokens, 8);
}

TEST_F(OpenStack, AWrongPasswordRulesOutTheCloudAndIsNeverTold) {
  cloud.always["POST auth"] = {401, R"({"error":{"code":401,"title":"Unauthorized","message":"The request requires authentication."}})"};
  const auto wrong = provider().check();
  EXPECT_EQ(wrong.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(wrong.error().message(), AllOf(HasSubstr("sign in to the cloud 'envvars'"), Not(HasSubstr("SECRET"))));
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "Unauthorized");
  EXPECT_FALSE(failure.scope.region);
}

TEST_F(OpenStack, WithoutAnyConfigurationNothingIsAskedAndTheMendIsNamed) {
  auto nobody = provider(cloud, {});
  EXPECT_THAT(nobody.check().error().message(), HasSubstr("clouds.yaml"));
  EXPECT_THAT(nobody.own_offers(), IsEmpty());
  EXPECT_THAT(nobody.clusters().value(), IsEmpty());
  EXPECT_THAT(cloud.asked, IsEmpty());
}

TEST_F(OpenStack, FlavorsAreOfferedByRegionAndZoneAtTheUsersPrices) {
  settings.prices = {{"g1.a100", 2.5}};
  const auto offers = provider().own_offers();
  ASSERT_THAT(offers, SizeIs(3)) << "of the one region that is named, and the one zone that is open";
  EXPECT_EQ(offers[0].region, "RegionOne");
  EXPECT_EQ(offers[0].zone, "nova");
  EXPECT_EQ(offers[0].hourly_price, 0);
  EXPECT_EQ(offers[0].memory_gib, 4);
  EXPECT_EQ(offers[2].accelerator, "A100");
  EXPECT_EQ(offers[2].accelerator_count, 2);
  EXPECT_EQ(offers[2].hourly_price, 2.5);
  EXPECT_FALSE(offers[2].hourly_spot_price);
}

TEST_F(OpenStack, AQuotaThatCannotHoldTheOrderIsToldBeforeAnythingIsMade) {
  cloud.limits = R"({"limits":{"absolute":{"maxTotalCores":20,"totalCoresUsed":17}}})";
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "QuotaExceeded");
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
  EXPECT_THAT(failure.error.message(), HasSubstr("20 vCPUs, of which 17 are used; 2 × m1.small takes 4"));
  EXPECT_EQ(failure.scope.instance_type, "m1.small");
  EXPECT_EQ(cloud.times("POST ports") + cloud.times("POST servers"), 0U);
}

TEST_F(OpenStack, AQuotaThatNovaAloneKnowsIsToldAsOne) {
  cloud.refusals["POST servers"] = {
      {403, R"({"forbidden":{"code":403,"message":"Quota exceeded for instances: Requested 1, but already used 10"}})"}};
  EXPECT_EQ(refused(an_order("train", 1)).provider_code, "QuotaExceeded");
  expect_nothing_left(cloud);
}

TEST_F(OpenStack, WithoutAHostNothingIsLeftAndOnlyTheZoneIsRuledOut) {
  cloud.faults["1"] = "No valid host was found. There are not enough hosts available.";
  cloud.limits = R"({"limits":{"absolute":{}}})";
  const auto failure = refused(an_order("train", 3));
  EXPECT_EQ(failure.provider_code, "NoValidHost");
  EXPECT_THAT(failure.error.message(), HasSubstr("No valid host was found"));
  EXPECT_EQ(failure.scope.zone, "nova");
  expect_nothing_left(cloud);
}

TEST_F(OpenStack, AServerWhoseAnswerWasLostIsNotMadeTwice) {
  cloud.answers_lost_of_server = 1;
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(cloud.servers, SizeIs(2));
  EXPECT_THAT(cloud.ports, SizeIs(2));
}

TEST_F(OpenStack, ARepeatedOrderAdoptsWhatItMade) {
  const auto first = provider().create(an_order(), 5min).instances;
  const auto again = provider().create(an_order(), 5min);
  ASSERT_FALSE(again.failure) << again.failure->error.message();
  EXPECT_EQ(again.instances[1].id, first[1].id);
  EXPECT_THAT(cloud.servers, SizeIs(2));
}

TEST_F(OpenStack, DiesAfterEveryRequestAndIsCleanedUp) {
  for (int lives = 0;; ++lives) {
    ASSERT_LT(lives, 200);
    FakeOpenStack world;
    world.requests_until_dead = lives;
    const bool made = !provider(world).create(an_order(), 5min).failure;
    const bool died = world.requests_until_dead < 0;
    world.requests_until_dead = 1 << 30;
    ASSERT_TRUE(provider(world).terminate("train", 5min).ok()) << lives;
    expect_nothing_left(world);
    EXPECT_NE(made, died) << lives;
    if (!died) break;
  }
}

TEST_F(OpenStack, StopsAndStartsWithTheSameServers) {
  auto openstack = provider();
  const auto made = openstack.create(an_order(), 5min).instances;
  ASSERT_TRUE(openstack.stop("train", 5min).ok());
  EXPECT_EQ(openstack.list("train").value()[0].state, InstanceState::kStopped);
  ASSERT_TRUE(openstack.stop("train", 5min).ok()) << "one that is off already is no error";
  const auto started = openstack.start("train", 5min);
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ((*started)[0].id, made[0].id);
}

TEST_F(OpenStack, PortsAreAGroupOfTheClustersOwnThatGoesWithIt) {
  auto openstack = provider();
  ASSERT_FALSE(openstack.create(an_order(), 5min).failure);
  ASSERT_TRUE(openstack.open_ports("train", {{80, 80}}, 5min).ok());
  ASSERT_TRUE(openstack.open_ports("train", {{80, 80}, {8000, 8010}}, 5min).ok());
  ASSERT_THAT(cloud.groups, SizeIs(2));
  EXPECT_THAT(cloud.groups[1].rules, SizeIs(2)) << "what is open is not opened twice";
  for (const auto& port : cloud.ports)
    EXPECT_THAT(boost::json::serialize(port.order.at("security_groups")),
                AllOf(HasSubstr(cloud.groups[0].id), HasSubstr(cloud.groups[1].id)));
  EXPECT_THAT(openstack.endpoints("train", {{80, 80}}, 5min).value().at(0).host, StartsWith("192.0.2."));
  ASSERT_TRUE(openstack.terminate("train", 5min).ok());
  EXPECT_THAT(cloud.groups, SizeIs(1)) << "the one that all share stays";
}

TEST_F(OpenStack, WhatACrashLeftOfAPortIsFoundByTheSweep) {
  auto openstack = provider();
  ASSERT_FALSE(openstack.create(an_order(), 5min).failure);
  for (auto& port : cloud.ports) port.order.erase("device_id");
  cloud.servers.clear();
  EXPECT_THAT(openstack.clusters().value(), ElementsAre("train"));
  ASSERT_TRUE(openstack.terminate("train", 5min).ok());
  expect_nothing_left(cloud);
  EXPECT_THAT(openstack.clusters().value(), IsEmpty());
}

TEST_F(OpenStack, ALostNodeIsReplacedOnAPortOfItsOwnGeneration) {
  auto openstack = provider();
  const auto made = openstack.create(an_order("train", 3), 5min).instances;
  const auto lost =
      std::find_if(cloud.servers.begin(), cloud.servers.end(), [](const auto& each) { return each.mark("isobar-rank") == "1"; });
  lost->status = "ERROR";
  auto order = an_order("train", 3);
  order.generation = 1;
  const auto mended = openstack.replace(order, {1}, 5min);
  ASSERT_FALSE(mended.failure) << mended.failure->error.message();
  EXPECT_THAT(cloud.servers, SizeIs(3));
  EXPECT_EQ(mended.instances[0].id, made[0].id);
  EXPECT_EQ(mended.instances[2].id, made[2].id);
  EXPECT_NE(mended.instances[1].id, made[1].id);
}

TEST_F(OpenStack, WhoIsSignedInElsewhereMeanwhileIsToldWhereMachinesMayBe) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  cloud.project = "p2";
  const auto listed = provider().list("train");
  EXPECT_EQ(listed.error().code(), Code::kPermissionDenied) << "and not: there are none";
  EXPECT_THAT(listed.error().message(), AllOf(HasSubstr("project p1"), HasSubstr("sign in as before")));
}

TEST_F(OpenStack, OfSeveralNetworksTheOneToUseIsAskedFor) {
  cloud.networks = R"({"networks":[{"id":"a","name":"red"},{"id":"b","name":"blue"}]})";
  EXPECT_THAT(refused().error.message(), AllOf(HasSubstr("red, blue"), HasSubstr("openstack: {network: NAME}")));
  settings.network = "blue";
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_EQ(cloud.ports[0].order.at("network_id").as_string(), "b");
}

TEST_F(OpenStack, WithoutFloatingAddressesMachinesAreReachedAtTheirOwn) {
  settings.floating_network = "none";
  const auto made = provider().create(an_order(), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  EXPECT_THAT(cloud.floating, IsEmpty());
  EXPECT_THAT(made.instances[0].ssh.host, StartsWith("10.0.0."));
}

TEST_F(OpenStack, AnImageThatThereIsNotIsNamedWithTheMend) {
  cloud.images = R"({"images":[]})";
  EXPECT_THAT(refused().error.message(), HasSubstr("openstack: {image: NAME}"));
  settings.image = "mine";
  EXPECT_THAT(refused().error.message(), HasSubstr("no image 'mine'"));
}

TEST_F(OpenStack, AFlavorWithoutADiskBootsFromAVolumeThatGoesWithItsMachine) {
  auto order = an_order();
  order.offer.instance_type = "m1.volume";
  order.disk_gb = 80;
  ASSERT_FALSE(provider().create(order, 5min).failure);
  const auto& volume = cloud.servers[0].order.at("block_device_mapping_v2").as_array().at(0).as_object();
  EXPECT_EQ(volume.at("volume_size").to_number<int>(), 80);
  EXPECT_TRUE(volume.at("delete_on_termination").as_bool());
  EXPECT_FALSE(cloud.servers[0].order.contains("imageRef"));
}

TEST_F(OpenStack, WhatAnotherOwnerMadeIsNeverTouched) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  for (auto& server : cloud.servers) server.order.at("metadata").as_object()["isobar-owner"] = "grace";
  for (auto* things : {&cloud.ports, &cloud.floating})
    for (auto& thing : *things) thing.order["description"] = "isobar grace train tok1 0";
  EXPECT_THAT(provider().list("train").value(), IsEmpty());
  ASSERT_TRUE(provider().terminate("train", 5min).ok());
  EXPECT_THAT(cloud.servers, SizeIs(2));
  EXPECT_THAT(cloud.ports, SizeIs(2));
}

TEST_F(OpenStack, OrdersThatItDoesNotTakeAreRefusedBeforeAnythingIsSent) {
  auto spot = an_order();
  spot.use_spot = true;
  EXPECT_THAT(refused(spot).error.message(), HasSubstr("no spot machines"));
  auto label = an_order();
  label.labels = {{"isobar-rank", "7"}};
  EXPECT_THAT(refused(label).error.message(), HasSubstr("belongs to isobar"));
  EXPECT_THAT(cloud.asked, IsEmpty());
}

TEST_F(OpenStack, FactsNameTheCloudItsRegionsAndWhatIsInUse) {
  const auto facts = provider().facts();
  ASSERT_THAT(facts, SizeIs(testing::Ge(2U)));
  EXPECT_EQ(facts[0], "signed in to the cloud 'envvars' of OpenStack, regions RegionOne");
  EXPECT_EQ(facts[1], "RegionOne: Nova 2.61, 0 machines and 0 of 20 vCPUs in use");
}

}  // namespace
}  // namespace isobar::cloud::openstack
