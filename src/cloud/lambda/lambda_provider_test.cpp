#include "cloud/lambda_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/machine_user.h"
#include "fake_lambda.h"

namespace isobar::cloud::lambda {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

CreateOrder an_order(std::string cluster = "train", int count = 2) {
  CreateOrder order{.cluster = std::move(cluster), .token = "tok1"};
  order.offer = {.cloud = "lambda", .region = "us-east-1", .instance_type = "gpu_1x_a10", .vcpus = 30, .memory_gib = 200};
  order.offer.accelerator_count = 1;
  order.count = count;
  return order;
}

class Lambda : public testing::Test {
 protected:
  LambdaProvider provider(const std::map<std::string, std::string>& variables = {{"LAMBDA_API_KEY", "SECRET"}}) {
    return provider(surroundings_with(variables), lambda);
  }
  LambdaProvider provider(storage::Surroundings surroundings, FakeLambda& world) {
    return LambdaProvider({.home = home.path(),
                           .owner = "ada",
                           .clock = clock,
                           .log = log,
                           .setup = setup,
                           .sleep = [this](Duration span) { clock.advance(span); }},
                          std::move(surroundings), world);
  }
  CloudError refused(const CreateOrder& order = an_order()) {
    auto outcome = provider().create(order, 5min);
    EXPECT_TRUE(outcome.failure);
    EXPECT_THAT(outcome.instances, IsEmpty());
    return outcome.failure.value_or(CloudError{unavailable("nothing was refused"), "", {}});
  }

  ScratchHome home{ScratchHome::Holds::kKey};
  FakeLambda lambda;
  PausedClock clock;
  Log log;
  RecordingSetup setup;
};

TEST_F(Lambda, GivesEachRankItsOwnLaunchWithItsMark) {
  const auto made = provider().create(an_order("train", 3), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_THAT(lambda.machines, SizeIs(3));
  for (int rank = 0; rank < 3; ++rank) {
    const auto& order = lambda.machines[static_cast<std::size_t>(rank)].order;
    EXPECT_EQ(order.at("region_name").as_string(), "us-east-1");
    EXPECT_EQ(order.at("instance_type_name").as_string(), "gpu_1x_a10");
    EXPECT_EQ(order.at("name").as_string(), "train-" + std::to_string(rank));
    EXPECT_EQ(lambda.machines[static_cast<std::size_t>(rank)].tag("isobar-rank"), std::to_string(rank));
    EXPECT_EQ(lambda.machines[static_cast<std::size_t>(rank)].tag("isobar-owner"), "ada");
    const Instance& node = made.instances[static_cast<std::size_t>(rank)];
    EXPECT_EQ(node.rank, rank);
    EXPECT_EQ(node.ssh.user, "ubuntu");
    EXPECT_EQ(node.ssh.host, "192.0.2." + std::to_string(rank));
    EXPECT_EQ(node.address, "10.0.0." + std::to_string(rank));
  }
  EXPECT_EQ(lambda.authorization, "Bearer SECRET");
  ASSERT_THAT(setup.orders, SizeIs(1));
  EXPECT_EQ(setup.orders[0].vcpus, 30);
  EXPECT_EQ(setup.orders[0].gpus, 1);
}

TEST_F(Lambda, PortsMustBeOpenInTheAccountsFirewallWhichIsLeftAlone) {
  auto cloud = provider();
  const auto refused = cloud.check_ports({{8080, 8080}});
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr("one firewall for the whole account"), HasSubstr("8080")));
  EXPECT_TRUE(cloud.check_ports({{22, 22}}).ok());
  lambda.firewall.push_back(boost::json::object{{"protocol", "tcp"}, {"port_range", {8000, 9000}}, {"source_network", "10.0.0.0/8"}});
  EXPECT_FALSE(cloud.check_ports({{8080, 8080}}).ok()) << "not to everyone";
  lambda.firewall.push_back(boost::json::object{{"protocol", "tcp"}, {"port_range", {8000, 9000}}, {"source_network", "0.0.0.0/0"}});
  EXPECT_TRUE(cloud.check_ports({{8080, 8080}}).ok());
  ASSERT_FALSE(cloud.create(an_order(), 5min).failure);
  ASSERT_TRUE(cloud.open_ports("train", {{8080, 8080}}, 5min).ok());
  EXPECT_EQ(cloud.endpoints("train", {{8080, 8080}}, 5min).value().at(0).host, "192.0.2.0");
}

TEST_F(Lambda, TheKeyIsEnteredOnce) {
  ASSERT_FALSE(provider().create(an_order("one"), 5min).failure);
  auto other = an_order("two");
  other.token = "tok2";
  ASSERT_FALSE(provider().create(other, 5min).failure);
  EXPECT_EQ(lambda.times("POST /ssh-keys"), 1U);
  EXPECT_THAT(lambda.keys, ElementsAre(testing::StartsWith("isobar-")));
}

TEST_F(Lambda, AKeyThatAnotherProcessEnteredMeanwhileIsUsed) {
  lambda.refusals["POST /ssh-keys"] = {{400, "global/duplicate"}};
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  lambda.refusals["POST /ssh-keys"] = {{400, "global/invalid-parameters"}};
  auto other = an_order("two");
  other.token = "tok2";
  EXPECT_EQ(refused(other).provider_code, "global/invalid-parameters");
}

TEST_F(Lambda, ARefusedRankLeavesNone) {
  lambda.refused_ranks["1"] = "instance-operations/launch/insufficient-capacity";
  const auto failure = refused(an_order("train", 3));
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
  EXPECT_EQ(failure.scope.region, "us-east-1");
  EXPECT_EQ(failure.scope.instance_type, "gpu_1x_a10");
  EXPECT_EQ(lambda.alive(), 0U);
  EXPECT_EQ(lambda.times("POST /instance-operations/launch"), 2U);
  EXPECT_THAT(setup.orders, IsEmpty());
}

TEST_F(Lambda, LaunchesThatLambdaThrottlesAreWaitedFor) {
  lambda.launches_throttled = 3;
  const Instant start = clock.now();
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_GE(clock.now() - start, 36s);
  EXPECT_THAT(lambda.machines, SizeIs(2));
}

TEST_F(Lambda, ThrottlingBeyondTheDeadlineIsTold) {
  lambda.launches_throttled = 1000;
  const auto failure = refused();
  EXPECT_THAT(failure.error.message(), HasSubstr("429"));
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
}

TEST_F(Lambda, ALaunchWhoseAnswerWasLostIsFoundByItsTags) {
  lambda.answers_lost_of_launch = 1;
  lambda.looks_until_listed = 2;
  const auto made = provider().create(an_order(), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  EXPECT_THAT(lambda.machines, SizeIs(2));
}

TEST_F(Lambda, ALaunchThatNeverArrivedIsMadeAgain) {
  lambda.launches_lost = 1;
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(lambda.machines, SizeIs(2));
  EXPECT_EQ(lambda.times("POST /instance-operations/launch"), 3U);
}

TEST_F(Lambda, OfTwoMachinesOfARankOneIsRemoved) {
  lambda.answers_lost_of_launch = 1;
  lambda.looks_until_listed = 8;  // Longer than a lost launch is looked for.
  const auto made = provider().create(an_order("train", 1), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  EXPECT_THAT(lambda.machines, SizeIs(2));
  EXPECT_EQ(lambda.alive(), 1U);
}

TEST_F(Lambda, ARepeatedOrderAdoptsWhatItMade) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  const auto again = provider().create(an_order(), 5min);
  ASSERT_FALSE(again.failure) << again.failure->error.message();
  EXPECT_THAT(lambda.machines, SizeIs(2));
  auto other = an_order();
  other.token = "tok2";
  EXPECT_EQ(refused(other).error.code(), Code::kAlreadyExists);
  EXPECT_EQ(lambda.alive(), 2U);
}

TEST_F(Lambda, WithoutRoomNothingIsLaunched) {
  auto order = an_order();
  order.offer.region = "me-west-1";
  auto failure = refused(order);
  EXPECT_THAT(failure.error.message(), HasSubstr("it has some in us-east-1, us-west-1"));
  EXPECT_EQ(failure.scope.region, "me-west-1");
  order.offer.instance_type = "gpu_8x_h100_sxm5";
  failure = refused(order);
  EXPECT_FALSE(failure.scope.region);
  EXPECT_EQ(failure.scope.instance_type, "gpu_8x_h100_sxm5");
  order.offer.instance_type = "gpu_1x_abacus";
  EXPECT_EQ(refused(order).provider_code, "unknown-instance-type");
  EXPECT_EQ(lambda.times("POST /instance-operations/launch"), 0U);
}

TEST_F(Lambda, WhatThereIsRoomForIsAskedOnceForManyRegions) {
  auto provider = this->provider();
  auto order = an_order();
  for (const char* region : {"me-west-1", "us-south-1", "us-east-3"}) {
    order.offer.region = region;
    EXPECT_TRUE(provider.create(order, 5min).failure);
  }
  EXPECT_EQ(lambda.times("GET /instance-types"), 1U);
}

TEST_F(Lambda, WhatAMachineBecomesInsteadIsTold) {
  lambda.ends_instead["1"] = "terminating";
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "InstanceEnded");
  EXPECT_EQ(lambda.alive(), 0U);
}

TEST_F(Lambda, AnUnhealthyMachineIsWaitedForAndThenRemoved) {
  lambda.ends_instead["0"] = "unhealthy";
  EXPECT_EQ(refused().error.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(lambda.alive(), 0U);
}

TEST_F(Lambda, MachinesThatLostTheirTagsAreRemovedAllTheSame) {
  lambda.keeps_tags = false;
  EXPECT_EQ(refused().error.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(lambda.alive(), 0U);
}

TEST_F(Lambda, APreemptedMachineIsToldFromOneThatWasRemoved) {
  auto provider = this->provider();
  ASSERT_FALSE(provider.create(an_order(), 5min).failure);
  lambda.machines[1].status = "preempted";
  const auto listed = provider.list("train").value();
  ASSERT_THAT(listed, SizeIs(2));
  EXPECT_EQ(listed[1].state, InstanceState::kTerminated);
  EXPECT_THAT(listed[1].problem, HasSubstr("preempted"));
  lambda.machines[1].status = "terminated";
  EXPECT_THAT(provider.list("train").value(), SizeIs(1));
}

TEST_F(Lambda, ManyClustersAreListedByOneQuestion) {
  auto provider = this->provider();
  ASSERT_FALSE(provider.create(an_order("one"), 5min).failure);
  auto other = an_order("two", 1);
  other.token = "tok2";
  ASSERT_FALSE(provider.create(other, 5min).failure);
  const auto before = lambda.times("GET /instances");
  const auto each = provider.list_each({"one", "two", "three"});
  EXPECT_EQ(lambda.times("GET /instances"), before + 1);
  EXPECT_THAT(each.at("one").value(), SizeIs(2));
  EXPECT_THAT(each.at("two").value(), SizeIs(1));
  EXPECT_THAT(each.at("three").value(), IsEmpty());
  EXPECT_THAT(provider.clusters().value(), ElementsAre("one", "two"));
}

TEST_F(Lambda, WhoNeverUsedItIsNotAskedForAKey) {
  EXPECT_THAT(provider({}).clusters().value(), IsEmpty());
  EXPECT_THAT(lambda.asked, IsEmpty());
}

TEST_F(Lambda, CannotStopAndSaysSo) {
  auto provider = this->provider();
  ASSERT_FALSE(provider.create(an_order(), 5min).failure);
  EXPECT_FALSE(provider.stops());
  EXPECT_FALSE(provider.ends_by_itself());
  EXPECT_EQ(provider.stop("train", 5min).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(lambda.alive(), 2U);
}

TEST_F(Lambda, TerminateOfWhatIsGoneInPartRemovesTheRest) {
  auto provider = this->provider();
  ASSERT_FALSE(provider.create(an_order("train", 3), 5min).failure);
  // Between the list and the call one goes by itself.
  lambda.refusals["POST /instance-operations/terminate"] = {{404, "global/object-does-not-exist"}};
  ASSERT_TRUE(provider.terminate("train", 5min).ok());
  EXPECT_EQ(lambda.alive(), 0U);
  EXPECT_TRUE(provider.terminate("train", 5min).ok());
}

TEST_F(Lambda, WhatAnotherOwnerMadeIsNeverTouched) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  for (auto& machine : lambda.machines)
    for (auto& tag : machine.order.at("tags").as_array())
      if (tag.as_object().at("key").as_string() == "isobar-owner") tag.as_object()["value"] = "grace";
  EXPECT_THAT(provider().list("train").value(), IsEmpty());
  ASSERT_TRUE(provider().terminate("train", 5min).ok());
  EXPECT_EQ(lambda.alive(), 2U);
}

TEST_F(Lambda, DiesAfterEveryRequestAndIsCleanedUp) {
  for (int lives = 0;; ++lives) {
    ASSERT_LT(lives, 100);
    FakeLambda world;
    world.requests_until_dead = lives;
    const auto with = [&] { return provider(surroundings_with({{"LAMBDA_API_KEY", "S"}}), world); };
    const bool made = !with().create(an_order(), 5min).failure;
    const bool died = world.requests_until_dead < 0;
    world.requests_until_dead = 1 << 30;
    ASSERT_TRUE(with().terminate("train", 5min).ok()) << lives;
    EXPECT_EQ(world.alive(), 0U) << lives;
    EXPECT_NE(made, died) << lives;
    if (!died) break;
  }
}

CreateOrder a_replacement(int generation = 1) {
  auto order = an_order("train", 3);
  order.generation = generation;
  return order;
}

TEST_F(Lambda, ALostNodeIsReplacedAloneInItsRank) {
  ASSERT_FALSE(provider().create(an_order("train", 3), 5min).failure);
  lambda.machines[1].status = "preempted";
  const auto mended = provider().replace(a_replacement(), {1}, 5min);
  ASSERT_FALSE(mended.failure) << mended.failure->error.message();
  ASSERT_THAT(lambda.machines, SizeIs(4));
  EXPECT_EQ(lambda.machines[3].tag("isobar-rank"), "1");
  EXPECT_EQ(lambda.machines[3].tag("isobar-token"), "tok1");
  EXPECT_EQ(lambda.machines[3].tag("isobar-generation"), "1");
  ASSERT_THAT(mended.instances, SizeIs(3));
  EXPECT_EQ(mended.instances[0].id, "m-0") << "the others are as they were";
  EXPECT_EQ(mended.instances[1].id, "m-3");
  EXPECT_EQ(mended.instances[2].id, "m-2");
  ASSERT_THAT(setup.orders, SizeIs(2));
  EXPECT_THAT(setup.orders[1].nodes, SizeIs(3)) << "the head learns of the new one";
  const auto listed = provider().list("train").value();
  ASSERT_THAT(listed, SizeIs(3)) << "of the lost one nothing is told any more";
  EXPECT_THAT(listed[1].problem, IsEmpty());
}

TEST_F(Lambda, WhatIsLeftOfALostNodeIsRemovedBeforeItsSuccessorIsMade) {
  ASSERT_FALSE(provider().create(an_order("train", 3), 5min).failure);
  lambda.machines[1].status = "unhealthy";
  lambda.asked.clear();
  ASSERT_FALSE(provider().replace(a_replacement(), {1}, 5min).failure);
  EXPECT_EQ(lambda.machines[1].status, "terminated");
  const auto at = [&](const char* what) { return std::find(lambda.asked.begin(), lambda.asked.end(), what) - lambda.asked.begin(); };
  EXPECT_LT(at("POST /instance-operations/terminate"), at("POST /instance-operations/launch"));
}

TEST_F(Lambda, AReplacementThatIsRefusedLeavesTheOthersAndNothingOfItsOwn) {
  ASSERT_FALSE(provider().create(an_order("train", 3), 5min).failure);
  lambda.machines[1].status = lambda.machines[2].status = "preempted";
  lambda.refused_ranks["2"] = "instance-operations/launch/insufficient-capacity";
  const auto refused = provider().replace(a_replacement(), {1, 2}, 5min);
  ASSERT_TRUE(refused.failure);
  EXPECT_THAT(refused.failure->error.message(), testing::StartsWith("replace node 1, 2 of cluster train on lambda in us-east-1: "));
  EXPECT_EQ(refused.failure->error.code(), Code::kExhausted);
  ASSERT_THAT(lambda.machines, SizeIs(4));
  EXPECT_EQ(lambda.machines[0].status, "active");
  EXPECT_EQ(lambda.machines[3].status, "terminated");
  lambda.refused_ranks.clear();
  EXPECT_FALSE(provider().replace(a_replacement(2), {1, 2}, 5min).failure);
}

TEST_F(Lambda, ReplacingTwiceMakesOneMachineARank) {
  ASSERT_FALSE(provider().create(an_order("train", 3), 5min).failure);
  lambda.machines[1].status = "preempted";
  ASSERT_FALSE(provider().replace(a_replacement(), {1}, 5min).failure);
  ASSERT_FALSE(provider().replace(a_replacement(), {1}, 5min).failure);
  ASSERT_FALSE(provider().replace(a_replacement(2), {}, 5min).failure) << "as after a crash";
  EXPECT_THAT(lambda.machines, SizeIs(4));
  const auto gone = provider().replace(a_replacement(3), {1}, 5min);
  ASSERT_FALSE(gone.failure) << "given up though it runs";
  EXPECT_EQ(lambda.machines[3].status, "terminated");
  EXPECT_THAT(lambda.machines, SizeIs(5));
}

TEST_F(Lambda, AReplacementDoesNotTakeTheLostMachineForTheOneWhoseAnswerWasLost) {
  ASSERT_FALSE(provider().create(an_order("train", 3), 5min).failure);
  lambda.machines[1].status = "unhealthy";
  lambda.launches_lost = 1;
  ASSERT_FALSE(provider().replace(a_replacement(), {1}, 5min).failure);
  ASSERT_THAT(lambda.machines, SizeIs(4));
  EXPECT_EQ(lambda.alive(), 3U);
}

TEST_F(Lambda, OfAClusterThatIsGoneNothingIsMadeAgain) {
  const auto failed = provider().replace(a_replacement(), {1}, 5min);
  EXPECT_EQ(failed.failure->error.code(), Code::kNotFound);
  EXPECT_THAT(lambda.machines, IsEmpty());
}

TEST_F(Lambda, AReplacementThatDiesAfterAnyRequestIsCompletedByTheNext) {
  for (int lives = 0;; ++lives) {
    ASSERT_LT(lives, 100);
    FakeLambda world;
    const auto with = [&] { return provider(surroundings_with({{"LAMBDA_API_KEY", "S"}}), world); };
    ASSERT_FALSE(with().create(an_order("train", 3), 5min).failure);
    world.machines[1].status = "unhealthy";
    world.requests_until_dead = lives;
    const bool made = !with().replace(a_replacement(), {1}, 5min).failure;
    const bool died = world.requests_until_dead < 0;
    world.requests_until_dead = 1 << 30;
    ASSERT_FALSE(with().replace(a_replacement(2), {1}, 5min).failure) << lives;
    EXPECT_EQ(world.alive(), 3U) << lives;
    EXPECT_EQ(world.machines[0].status, "active") << lives;
    EXPECT_EQ(world.machines[2].status, "active") << lives;
    EXPECT_NE(made, died) << lives;
    if (!died) break;
  }
}

TEST_F(Lambda, AWrongKeyRulesOutLambdaAndNamesTheMend) {
  lambda.always["GET /instances"] = {401, "global/invalid-api-key"};
  const auto wrong = provider().check();
  EXPECT_EQ(wrong.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(wrong.error().message(), AllOf(HasSubstr("cloud.lambda.ai/api-keys"), Not(HasSubstr("SECRET"))));
  const auto failure = refused();
  EXPECT_FALSE(failure.scope.region);
  EXPECT_FALSE(failure.scope.instance_type);
}

TEST_F(Lambda, TheKeyIsReadFromLambdasOwnFile) {
  auto surroundings = surroundings_with({});
  surroundings.read_file = [](const std::string& path) -> Result<std::string> {
    if (path != "/nowhere/.lambda_cloud/lambda_keys") return not_found(path);
    return std::string("# mine\napi_key = FILEKEY\n");
  };
  ASSERT_TRUE(provider(surroundings, lambda).check().ok());
  EXPECT_EQ(lambda.authorization, "Bearer FILEKEY");
  const auto none = provider({}).check();
  EXPECT_EQ(none.error().code(), Code::kNotFound);
  EXPECT_THAT(none.error().message(), HasSubstr("api_key = KEY"));
}

TEST_F(Lambda, FactsNameWhatThereIsRoomFor) {
  EXPECT_THAT(provider().facts(),
              ElementsAre("Lambda Cloud has room now for gpu_1x_a10", "machines of ours are looked for in all regions"));
}

TEST_F(Lambda, OrdersThatLambdaDoesNotTakeAreRefusedBeforeAnythingIsSent) {
  auto order = an_order();
  order.labels["Team"] = "x";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("Team"));
  order.labels = {{"isobar-rank", "7"}};
  EXPECT_THAT(refused(order).error.message(), HasSubstr("isobar-rank"));
  order = an_order();
  order.use_spot = true;
  EXPECT_THAT(refused(order).error.message(), HasSubstr("no spot"));
  order = an_order();
  order.image = "docker:ubuntu";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("docker:ubuntu"));
  EXPECT_THAT(lambda.asked, IsEmpty());
}

TEST_F(Lambda, ImagesAreNamedByFamilyOrById) {
  auto order = an_order("one", 1);
  order.image = "lambda-stack-24-04";
  ASSERT_FALSE(provider().create(order, 5min).failure);
  EXPECT_EQ(lambda.machines[0].order.at("image").as_object().at("family").as_string(), "lambda-stack-24-04");
  order = an_order("two", 1);
  order.token = "tok2";
  order.image = "01234567-89ab-cdef-0123-456789abcdef";
  ASSERT_FALSE(provider().create(order, 5min).failure);
  EXPECT_EQ(lambda.machines[1].order.at("image").as_object().at("id").as_string(), order.image);
}

}  // namespace
}  // namespace isobar::cloud::lambda
