#include "cloud/gcp_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/machine_user.h"
#include "fake_compute.h"

namespace isobar::cloud::gcp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;
using testing::StartsWith;

CreateOrder an_order(std::string cluster = "train", int count = 2) {
  CreateOrder order{.cluster = std::move(cluster), .token = "tok1"};
  order.offer = {.cloud = "gcp", .region = "us-central1", .zone = "us-central1-a", .instance_type = "n2-standard-4", .vcpus = 4};
  order.count = count;
  order.disk_gb = 64;
  return order;
}
CreateOrder a_gpu_order() {
  auto order = an_order("gpu", 1);
  order.offer.instance_type = "n1-standard-8";
  order.offer.accelerator = "T4";
  order.offer.accelerator_count = 2;
  return order;
}

constexpr const char* kUserKey =
    R"({"type":"authorized_user","client_id":"c","client_secret":"SECRET","refresh_token":"REFRESH","quota_project_id":"other"})";

class Gcp : public testing::Test {
 protected:
  storage::Surroundings surroundings() const {
    auto surroundings = surroundings_with({});
    surroundings.read_file = [](const std::string& path) -> Result<std::string> {
      if (path == "/nowhere/.config/gcloud/application_default_credentials.json") return std::string(kUserKey);
      if (path == "/nowhere/.config/gcloud/active_config") return std::string("work\n");
      if (path == "/nowhere/.config/gcloud/configurations/config_work") return std::string("[core]\nproject = proj\n");
      return not_found(path + ": there is no such file");
    };
    return surroundings;
  }
  GcpProvider provider(FakeCompute& world) {
    return GcpProvider({.home = home.path(),
                        .owner = "ada",
                        .clock = clock,
                        .log = log,
                        .setup = setup,
                        .sleep = [this](Duration span) { clock.advance(span); }},
                       surroundings(), world);
  }
  GcpProvider provider() { return provider(google); }
  CloudError refused(const CreateOrder& order = an_order()) {
    auto outcome = provider().create(order, 5min);
    EXPECT_TRUE(outcome.failure);
    EXPECT_THAT(outcome.instances, IsEmpty());
    return outcome.failure.value_or(CloudError{unavailable("nothing was refused"), "", {}});
  }

  ScratchHome home{ScratchHome::Holds::kKey};
  FakeCompute google;
  PausedClock clock;
  Log log;
  RecordingSetup setup;
};

TEST_F(Gcp, GivesEachRankItsOwnMachineWithItsMark) {
  const auto made = provider().create(an_order("Train_1", 3), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_THAT(google.machines, SizeIs(3));
  std::set<std::string> ranks;
  for (const auto& machine : google.machines) {
    EXPECT_THAT(machine.name, MatchesRegex("isobar-train-1-[0-9a-f]{12}-[0-2]"));
    EXPECT_EQ(machine.metadata("isobar-cluster"), "Train_1");
    EXPECT_THAT(machine.metadata("ssh-keys"), StartsWith("isobar:ssh-ed25519 AAAA"));
    ranks.insert(machine.metadata("isobar-rank"));
  }
  EXPECT_THAT(ranks, ElementsAre("0", "1", "2"));
  EXPECT_EQ(made.instances[2].ssh.user, "isobar");
  EXPECT_EQ(made.instances[2].ssh.host, "192.0.2.7");
  EXPECT_EQ(made.instances[2].region, "us-central1");
  EXPECT_EQ(google.authorization, "Bearer TOKEN");
  EXPECT_THAT(google.firewalls, ElementsAre(testing::Key("isobar-ssh"), testing::Key("isobar-within")));
}

TEST_F(Gcp, PortsAreARuleForTheMachinesOfTheClusterAndGoWithIt) {
  auto gcp = provider();
  ASSERT_FALSE(gcp.create(an_order("train", 2), 5min).failure);
  ASSERT_TRUE(gcp.open_ports("train", {{80, 80}}, 5min).ok());
  ASSERT_TRUE(gcp.open_ports("train", {{80, 80}, {8000, 8010}}, 5min).ok());
  ASSERT_THAT(google.firewalls, SizeIs(3));
  const auto& [name, rule] =
      *std::find_if(google.firewalls.begin(), google.firewalls.end(), [](const auto& each) { return each.first.ends_with("-ports"); });
  EXPECT_EQ(boost::json::serialize(rule.at("allowed")), R"([{"IPProtocol":"tcp","ports":["80","8000-8010"]}])");
  const auto& tag = rule.at("targetTags").as_array().at(0);
  for (const auto& machine : google.machines) {
    const auto& tags = machine.order.at("tags").as_object().at("items").as_array();
    EXPECT_NE(std::find(tags.begin(), tags.end(), tag), tags.end());
  }
  EXPECT_EQ(gcp.endpoints("train", {{80, 80}}, 5min).value().at(0).host, "192.0.2.7");
  ASSERT_TRUE(gcp.terminate("train", 5min).ok());
  EXPECT_THAT(google.firewalls, SizeIs(2));
}

TEST_F(Gcp, ARuleThatACrashLeftIsFoundBySweep) {
  auto gcp = provider();
  ASSERT_FALSE(gcp.create(an_order("train", 1), 5min).failure);
  ASSERT_TRUE(gcp.open_ports("train", {{80, 80}}, 5min).ok());
  google.machines.clear();
  EXPECT_THAT(gcp.clusters().value(), ElementsAre("train"));
  ASSERT_TRUE(gcp.terminate("train", 5min).ok());
  EXPECT_THAT(gcp.clusters().value(), IsEmpty());
}

TEST_F(Gcp, AStockOutComesWithTheOperationAndLeavesNone) {
  google.refused_ranks["1"] = {"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", "The zone does not have enough resources."};
  const auto failure = refused(an_order("train", 3));
  EXPECT_EQ(failure.provider_code, "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS");
  EXPECT_EQ(failure.scope.zone, "us-central1-a");
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
  EXPECT_THAT(google.machines, IsEmpty());
  EXPECT_THAT(setup.orders, IsEmpty());
}

TEST_F(Gcp, AGlobalQuotaRulesOutTheTypeEverywhere) {
  google.refused_ranks["0"] = {"QUOTA_EXCEEDED", "Quota 'GPUS_ALL_REGIONS' exceeded.  Limit: 0.0 globally."};
  const auto failure = refused();
  EXPECT_FALSE(failure.scope.region);
  EXPECT_EQ(failure.scope.instance_type, "n2-standard-4");
  google.refused_ranks["0"] = {"QUOTA_EXCEEDED", "Quota 'CPUS' exceeded.  Limit: 24.0 in region us-central1."};
  auto other = an_order();
  other.token = "tok2";
  const auto regional = refused(other);
  EXPECT_EQ(regional.scope.region, "us-central1");
  EXPECT_FALSE(regional.scope.zone);
}

TEST_F(Gcp, AKnownQuotaOfVcpusIsToldBeforeAnythingIsMade) {
  google.regional_quotas = {{"CPUS", 1000}, {"N2_CPUS", 11}};
  const auto failure = refused(an_order("train", 3));
  EXPECT_EQ(failure.provider_code, "QUOTA_EXCEEDED: N2_CPUS");
  EXPECT_EQ(failure.error.code(), Code::kExhausted);
  EXPECT_THAT(failure.error.message(), HasSubstr("3 × n2-standard-4 takes 12"));
  google.regional_quotas = {{"CPUS", 1000}, {"N2_CPUS", 12}};
  EXPECT_FALSE(provider().create(an_order("train", 3), 5min).failure);
}

TEST_F(Gcp, MachinesOfTheFirstSeriesShareAQuotaAndSpotOnesHaveTheirOwnIfAny) {
  auto order = an_order("train", 3);
  order.offer.instance_type = "e2-standard-4";
  google.regional_quotas = {{"CPUS", 4}};
  EXPECT_EQ(refused(order).provider_code, "QUOTA_EXCEEDED: CPUS");
  order.use_spot = true;
  google.regional_quotas = {{"CPUS", 4}, {"PREEMPTIBLE_CPUS", 100}};
  EXPECT_FALSE(provider().create(order, 5min).failure);
  google.regional_quotas = {{"CPUS", 4}, {"PREEMPTIBLE_CPUS", 0}};
  order.token = "tok2";
  order.cluster = "other";
  EXPECT_EQ(refused(order).provider_code, "QUOTA_EXCEEDED: CPUS") << "where none was given, the standard quota counts";
}

TEST_F(Gcp, AKnownQuotaOfGpusIsToldBeforeAnythingIsMade) {
  ASSERT_FALSE(provider().create(a_gpu_order(), 5min).failure);
  auto order = a_gpu_order();
  order.token = "tok2";
  order.cluster = "two";
  order.use_spot = true;
  auto failure = refused(order);
  EXPECT_EQ(failure.provider_code, "QUOTA_EXCEEDED: PREEMPTIBLE_NVIDIA_T4_GPUS");
  EXPECT_EQ(failure.scope.region, "us-central1");
  google.gpus_all_regions = 0;
  order.use_spot = false;
  failure = refused(order);
  EXPECT_EQ(failure.provider_code, "QUOTA_EXCEEDED: GPUS_ALL_REGIONS");
  EXPECT_FALSE(failure.scope.region);
  EXPECT_THAT(google.machines, SizeIs(1));
}

TEST_F(Gcp, GpusAreAttachedAndTheImageHasTheirDriver) {
  ASSERT_FALSE(provider().create(a_gpu_order(), 5min).failure);
  const auto& order = google.machines.at(0).order;
  const auto& gpu = order.at("guestAccelerators").as_array().at(0).as_object();
  EXPECT_EQ(gpu.at("acceleratorType").as_string(), "zones/us-central1-a/acceleratorTypes/nvidia-tesla-t4");
  EXPECT_EQ(gpu.at("acceleratorCount").as_int64(), 2);
  EXPECT_EQ(order.at("scheduling").as_object().at("onHostMaintenance").as_string(), "TERMINATE");
  // The first family is not there (any more): the next one is taken.
  EXPECT_THAT(boost::json::serialize(order.at("disks")), HasSubstr("common-cu128-ubuntu-2204-nvidia-570-v1"));
}

TEST_F(Gcp, AMachineWhoseAnswerWasLostIsNotMadeTwice) {
  google.answers_lost_of_insert = 2;
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(google.machines, SizeIs(2));
}

TEST_F(Gcp, ARepeatedOrderAdoptsWhatItMade) {
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(google.machines, SizeIs(2));
  EXPECT_EQ(google.times("POST instances"), 2U);
  auto other = an_order();
  other.token = "tok2";
  EXPECT_EQ(refused(other).error.code(), Code::kAlreadyExists);
  EXPECT_THAT(google.machines, SizeIs(2));
}

TEST_F(Gcp, ThrottledRequestsAreWaitedFor) {
  google.refusals["POST instances"] = {{403, "rateLimitExceeded"}, {403, "rateLimitExceeded"}, {429, "rateLimitExceeded"}};
  ASSERT_FALSE(provider().create(an_order(), 5min).failure);
  EXPECT_THAT(google.machines, SizeIs(2));
}

TEST_F(Gcp, StopsAndStartsWithTheDisks) {
  auto gcp = provider();
  const auto made = gcp.create(an_order(), 5min).instances;
  ASSERT_TRUE(gcp.stop("train", 5min).ok());
  EXPECT_EQ(gcp.list("train").value()[0].state, InstanceState::kStopped);
  EXPECT_EQ(gcp.list("train").value()[0].problem, "");
  google.refused_start = "ZONE_RESOURCE_POOL_EXHAUSTED";
  EXPECT_EQ(gcp.start("train", 5min).error().code(), Code::kExhausted);
  const auto started = gcp.start("train", 5min);
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ((*started)[1].id, made[1].id);
  EXPECT_THAT(google.machines, SizeIs(2));
  ASSERT_TRUE(gcp.terminate("train", 5min).ok());
  EXPECT_THAT(google.machines, IsEmpty());
  EXPECT_TRUE(gcp.terminate("train", 5min).ok());
}

TEST_F(Gcp, APreemptedSpotMachineIsToldFromOneThatWasStopped) {
  auto gcp = provider();
  auto order = an_order();
  order.use_spot = true;
  ASSERT_FALSE(gcp.create(order, 5min).failure);
  EXPECT_EQ(google.machines[0].order.at("scheduling").as_object().at("provisioningModel").as_string(), "SPOT");
  google.preempt("1");
  const auto listed = gcp.list("train").value();
  ASSERT_THAT(listed, SizeIs(2));
  EXPECT_EQ(listed[0].problem, "");
  EXPECT_EQ(listed[1].state, InstanceState::kStopped);
  EXPECT_THAT(listed[1].problem, HasSubstr("preempted"));
  ASSERT_TRUE(gcp.terminate("train", 5min).ok());
  EXPECT_THAT(google.machines, IsEmpty());
}

TEST_F(Gcp, AllPagesAreRead) {
  ASSERT_FALSE(provider().create(an_order("train", 5), 5min).failure);
  google.page = 2;
  EXPECT_THAT(provider().list("train").value(), SizeIs(5));
}

TEST_F(Gcp, WithoutANetworkTheMendIsTold) {
  google.always["GET networks"] = {404, "notFound"};
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "VPC_NOT_FOUND");
  EXPECT_FALSE(failure.scope.region);
  EXPECT_THAT(failure.error.message(), HasSubstr("gcloud compute networks create default"));
}

TEST_F(Gcp, AFirewallRuleThatAnotherProcessMadeMeanwhileIsUsed) {
  google.refusals["POST firewalls"] = {{409, "alreadyExists"}, {409, "alreadyExists"}};
  EXPECT_FALSE(provider().create(an_order(), 5min).failure);
}

TEST_F(Gcp, WithoutAnImageThatSuitsTheOneThatIsMissingIsNamed) {
  google.images.clear();
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "IMAGE_NOT_FOUND");
  EXPECT_FALSE(failure.scope.region);
  EXPECT_THAT(failure.error.message(), AllOf(HasSubstr("ubuntu-2204-lts"), HasSubstr("image_id")));
}

TEST_F(Gcp, RefusalsReachAsFarAsTheySay) {
  google.always["POST instances"] = {403, "forbidden"};
  auto failure = refused();
  EXPECT_EQ(failure.provider_code, "IAM_PERMISSION_DENIED");
  EXPECT_FALSE(failure.scope.region);
  google.always["POST instances"] = {404, "notFound"};  // The type of machine is not to be had in the zone.
  EXPECT_EQ(refused().scope.zone, "us-central1-a");
  google.always["GET aggregated"] = {403, "accessNotConfigured"};
  failure = refused();
  EXPECT_FALSE(failure.scope.instance_type);
  EXPECT_THAT(failure.error.message(), HasSubstr("gcloud services enable compute.googleapis.com"));
}

TEST_F(Gcp, DiesAfterEveryRequestAndIsCleanedUp) {
  for (int lives = 0;; ++lives) {
    ASSERT_LT(lives, 200);
    FakeCompute world;
    world.requests_until_dead = lives;
    const bool made = !provider(world).create(an_order(), 5min).failure;
    const bool died = world.requests_until_dead < 0;
    world.requests_until_dead = 1 << 30;
    ASSERT_TRUE(provider(world).terminate("train", 5min).ok()) << lives;
    EXPECT_THAT(world.machines, IsEmpty()) << lives;
    EXPECT_NE(made, died) << lives;
    if (!died) break;
  }
}

TEST_F(Gcp, CheckAndFactsNameTheProject) {
  EXPECT_TRUE(provider().check().ok());
  EXPECT_THAT(provider().facts(),
              ElementsAre("signed in to the project proj of Google Cloud", "its quota of GPUs in all regions is 4, of which 0 are used",
                          "machines of ours are looked for in proj"));
  GcpProvider nobody({.home = home.path(), .owner = "ada", .clock = clock, .log = log, .setup = setup, .sleep = {}}, surroundings_with({}),
                     google);
  EXPECT_THAT(nobody.check().error().message(), HasSubstr("gcloud auth application-default login"));
}

TEST_F(Gcp, OrdersThatGoogleDoesNotTakeAreRefusedBeforeAnythingIsSent) {
  auto order = an_order();
  order.labels["Team"] = "x";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("Team"));
  order = an_order();
  order.offer.zone = "us-central1-a/../x";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("is no zone of gcp"));
  order = an_order();
  order.offer.instance_type = "TPU-VM";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("TPU"));
  order = an_order();
  order.image = "ubunto-22.04";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("did you mean 'ubuntu-22.04'?"));
  EXPECT_THAT(google.asked, IsEmpty());
}

}  // namespace
}  // namespace isobar::cloud::gcp
