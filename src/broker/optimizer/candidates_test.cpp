#include "broker/candidates.h"

#include <gmock/gmock.h>

#include "market_for_tests.h"

namespace isobar::broker {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> find(const ResourceRequest& request, const Market& market = the_market()) {
  return show(find_candidates(only(request), market));
}

std::string failure(const ResourceChoice& choice, const Market& market = the_market()) {
  const auto candidates = find_candidates(choice, market);
  return candidates.ok() ? "found some" : candidates.error().message();
}

std::vector<std::string> exclusions(const ResourceRequest& request, const Market& market = the_market()) {
  const auto candidates = find_candidates(only(request), market);
  std::vector<std::string> lines;
  for (const Exclusion& e : candidates->exclusions) lines.push_back(describe(e));
  return lines;
}

TEST(Candidates, NothingAskedForMeansEightVcpusWithFourGibEach) {
  EXPECT_THAT(find({}), ElementsAre("aws/us-east-1 m6i.2xlarge", "azure/eastus Standard_D8s_v5",
                                    "gcp/us-central1/us-central1-a n2-standard-8", "gcp/us-central1/us-central1-b n2-standard-8",
                                    "aws/us-west-2 m6i.2xlarge", "aws/us-east-1 i3.2xlarge", "aws/us-east-1 m6i.4xlarge"));
}

TEST(Candidates, EveryFeasibleTypeOfACloudIsKeptNotOnlyTheCheapest) {
  ResourceRequest request;
  request.cloud.emplace("aws");
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 m6i.2xlarge", "aws/us-west-2 m6i.2xlarge", "aws/us-east-1 i3.2xlarge",
                                         "aws/us-east-1 m6i.4xlarge"));
}

TEST(Candidates, SaysForEachCloudWhyTypesAreLeftOut) {
  EXPECT_THAT(exclusions({}), AllOf(Contains("aws: 1 type is not x86_64; name one as instance_type to use it"),
                                    Contains("aws: 1 type is burstable; name one as instance_type to use it"),
                                    Contains("aws: 2 types carry accelerators, and none is asked for"),
                                    Contains("lambda: 1 type has fewer than the 8 vCPUs that are the default")));
}

TEST(Candidates, ANumberIsExactAndAPlusMeansAtLeast) {
  ResourceRequest request;
  request.cpus = Amount{16, false};
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 m6i.4xlarge"));
  request.cpus = Amount{10, true};
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 m6i.4xlarge"));
  request.cpus = Amount{10, false};
  EXPECT_THAT(failure(only(request)), HasSubstr("to take larger machines too, write cpus: 10+"));
}

TEST(Candidates, CpusAloneImplyFourGibOfMemoryEach) {
  ResourceRequest request;
  request.cloud.emplace("aws");
  request.cpus = Amount{8, false};
  EXPECT_THAT(find(request), Not(Contains(HasSubstr("c6i.2xlarge"))));
  request.memory = MemoryRequest{{16, false}, false};
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 c6i.2xlarge"));
}

TEST(Candidates, MemoryByTheVcpuIsARatioToReach) {
  ResourceRequest request;
  request.cloud.emplace("aws");
  request.cpus = Amount{8, false};
  request.memory = MemoryRequest{{2, false}, true};
  EXPECT_THAT(find(request), Contains(HasSubstr("c6i.2xlarge")));
  request.memory = MemoryRequest{{4.5, false}, true};
  EXPECT_THAT(failure(only(request)), HasSubstr("4.5"));
}

TEST(Candidates, AcceleratorNamesAreFoundInAnyCaseWithTheirExactCount) {
  EXPECT_THAT(find(a_gpu_request("a100", 1)), ElementsAre("lambda/us-west-2 gpu_1x_a100", "gcp/us-central1/us-central1-a a2-highgpu-1g"));
  EXPECT_THAT(find(a_gpu_request("A100", 8)), ElementsAre("aws/us-east-1 p4d.24xlarge"));
}

TEST(Candidates, AFractionOfAnAcceleratorNeedsAWholeOne) { EXPECT_EQ(find(a_gpu_request("T4", 0.5)), find(a_gpu_request("T4", 1))); }

TEST(Candidates, ACountThatNobodySellsIsExplainedWithThoseThereAre) {
  EXPECT_EQ(failure(only(a_gpu_request("A100", 3))),
            "no offer matches 3x A100\n"
            "  aws: no offer with A100:3; it has A100:8\n"
            "  azure: has no A100\n"
            "  gcp: no offer with A100:3; it has A100:1, A100:2\n"
            "  lambda: no offer with A100:3; it has A100:1");
}

TEST(Candidates, AnUnknownAcceleratorIsAnsweredWithTheNearestNames) {
  EXPECT_EQ(failure(only(a_gpu_request("A10O", 1))), "no cloud has an accelerator named A10O; did you mean A100?");
}

TEST(Candidates, AcceleratorsMayBeAskedForByTheirMemory) {
  ResourceRequest request;
  request.accelerator = AcceleratorRequest{"", 1, Amount{40, true}};
  EXPECT_THAT(find(request), ElementsAre("lambda/us-west-2 gpu_1x_a100", "gcp/us-central1/us-central1-a a2-highgpu-1g",
                                         "azure/eastus Standard_NC24ads_A100_v4"));
  request.accelerator->memory_gib = Amount{16, false};
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 g4dn.xlarge"));
}

TEST(Candidates, ANamedInstanceTypeMayBeBurstableOrArmAndCarryMoreAcceleratorsThanAsked) {
  ResourceRequest request;
  request.instance_type.emplace("t3.2xlarge");
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 t3.2xlarge"));
  request.instance_type.emplace("m6g.2xlarge");
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 m6g.2xlarge"));
  request = a_gpu_request("A100", 1);
  request.instance_type.emplace("p4d.24xlarge");
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 p4d.24xlarge"));
}

TEST(Candidates, AnInstanceTypeThatContradictsTheAcceleratorIsAnError) {
  ResourceRequest request = a_gpu_request("A100", 1);
  request.instance_type.emplace("g4dn.xlarge");
  EXPECT_EQ(failure(only(request)), "instance type g4dn.xlarge has T4:1, not A100:1; leave out one of the two");
  request.instance_type.emplace("m6i.2xlarge");
  EXPECT_EQ(failure(only(request)), "instance type m6i.2xlarge has no accelerator, not A100:1; leave out one of the two");
  request.instance_type.emplace("z9.huge");
  EXPECT_THAT(failure(only(request)), HasSubstr("aws: has no instance type z9.huge"));
}

TEST(Candidates, SpotMachinesAreChosenZoneByZone) {
  ResourceRequest request;
  request.use_spot = true;
  EXPECT_THAT(find(request),
              ElementsAre("gcp/us-central1/us-central1-a n2-standard-8 spot", "gcp/us-central1/us-central1-b n2-standard-8 spot",
                          "aws/us-east-1/use1-az2 m6i.2xlarge spot", "aws/us-east-1/use1-az1 m6i.2xlarge spot"));
  EXPECT_THAT(exclusions(request), AllOf(Contains("lambda: sells no spot machines"), Contains("azure: sells no spot machines"),
                                         Contains("aws: 2 types have no spot price")));
}

TEST(Candidates, StaysInThePlaceAskedForWithStarsForAnywhere) {
  ResourceRequest request;
  request.cloud.emplace("*");
  request.region.emplace("us-west-2");
  EXPECT_THAT(find(request), ElementsAre("aws/us-west-2 m6i.2xlarge"));
  request.cloud.emplace("aws");
  request.region.emplace("*");
  request.zone.emplace("use1-az2");
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1/use1-az2 m6i.2xlarge"));
}

TEST(Candidates, AwsZonesMayBeNamedAsTheAccountNamesThem) {
  ResourceRequest request;
  request.cloud.emplace("aws");
  request.zone.emplace("us-east-1a");
  request.instance_type.emplace("m6i.2xlarge");
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1/us-east-1a m6i.2xlarge"));
  request.use_spot = true;
  const auto spot = find_candidates(only(request), the_market());
  EXPECT_EQ(spot->ranked.at(0).hourly_price, 0.19) << "which id stands behind the name is not known: the dearest one is promised";
  EXPECT_EQ(spot->ranked.at(0).offer().zone, "us-east-1a");
}

TEST(Candidates, ImagesByRegionRestrictTheRegions) {
  ResourceRequest request;
  request.region_images = {{"us-west-2", "ami-1"}};
  EXPECT_THAT(find(request), ElementsAre("aws/us-west-2 m6i.2xlarge"));
}

TEST(Candidates, LocalDisksAndPriceCapsAreHonoured) {
  ResourceRequest request;
  request.local_disk = LocalDisk{"", Amount{1000, true}};
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 i3.2xlarge"));
  request = {};
  request.hourly_cost_max = 0.385;
  EXPECT_THAT(find(request), ElementsAre("aws/us-east-1 m6i.2xlarge", "azure/eastus Standard_D8s_v5"));
  EXPECT_THAT(exclusions(request), Contains("gcp: 1 type costs more than $0.385 an hour"));
}

TEST(Candidates, ADiskTierSaysWhyItDropsAWholeCloud) {
  ResourceRequest request = a_gpu_request("A100", 1);
  request.disk_tier = DiskTier::kHigh;
  EXPECT_THAT(find(request), ElementsAre("gcp/us-central1/us-central1-a a2-highgpu-1g"));
  EXPECT_THAT(exclusions(request), Contains("lambda: offers no choice of disk tier"));
}

TEST(Candidates, CloudsThatCannotBeUsedSayWhy) {
  Market market = the_market();
  market.disabled = {
      {"aws", "no credentials; run `aws configure`"}, {"azure", "not set up"}, {"gcp", "not set up"}, {"lambda", "not set up"}};
  EXPECT_EQ(failure(only({}), market),
            "no offer matches any resources\n  aws: no credentials; run `aws configure`\n  azure: not set up\n  gcp: not set up\n  lambda: "
            "not set up");
}

TEST(Candidates, AnyOfPoolsItsAlternatives) {
  ResourceRequest on_demand, spot;
  on_demand.cloud = spot.cloud.emplace("gcp");
  spot.use_spot = true;
  const ResourceChoice choice{{spot, on_demand}, Preference::kAny};
  EXPECT_THAT(show(find_candidates(choice, the_market())),
              ElementsAre("gcp/us-central1/us-central1-a n2-standard-8 spot", "gcp/us-central1/us-central1-b n2-standard-8 spot",
                          "gcp/us-central1/us-central1-a n2-standard-8", "gcp/us-central1/us-central1-b n2-standard-8"));
}

TEST(Candidates, AnyOfListsAnOfferOnceThoughTwoAlternativesAllowIt) {
  EXPECT_EQ(show(find_candidates({{ResourceRequest{}, ResourceRequest{}}, Preference::kAny}, the_market())), find({}));
}

TEST(Candidates, AnOrderedListTakesTheFirstAlternativeThatHasAny) {
  const ResourceChoice choice{{a_gpu_request("T4", 4), a_gpu_request("A100", 8), a_gpu_request("T4", 1)}, Preference::kOrdered};
  const auto candidates = find_candidates(choice, the_market());
  EXPECT_THAT(show(candidates), ElementsAre("aws/us-east-1 p4d.24xlarge"));
  EXPECT_EQ(candidates->ranked[0].alternative, 1U);
}

TEST(Candidates, AFailureRulesOutWhatItReachesAndNothingElse) {
  Market market = the_market();
  ResourceRequest request;
  request.cloud.emplace("aws");
  request.instance_type.emplace("m6i.2xlarge");
  market.blocked = {{.cloud = "aws", .region = "us-east-1", .zone = "use1-az1", .instance_type = "m6i.2xlarge"}};
  const auto one_zone_left = find_candidates(only(request), market);
  EXPECT_THAT(show(one_zone_left), ElementsAre("aws/us-east-1 m6i.2xlarge", "aws/us-west-2 m6i.2xlarge"));
  EXPECT_THAT(zones_of(one_zone_left->ranked[0], market.blocked), ElementsAre("use1-az2"));

  market.blocked.push_back({.cloud = "aws", .region = "us-east-1", .zone = "use1-az2"});
  EXPECT_THAT(find(request, market), ElementsAre("aws/us-west-2 m6i.2xlarge"));
  EXPECT_TRUE(is_blocked(one_zone_left->ranked[0], market.blocked));
  market.blocked = {{.use_spot = true}};
  EXPECT_THAT(find(request, market), ElementsAre("aws/us-east-1 m6i.2xlarge", "aws/us-west-2 m6i.2xlarge"));
  market.blocked = {{.cloud = "aws"}};
  EXPECT_THAT(failure(only(request), market), HasSubstr("aws: 1 type failed before and is left out for now"));
}

TEST(Candidates, ThisMachineFitsWhateverIsSmallEnoughForIt) {
  const Market market = a_market({OfferBuilder("local", "local", "", "this-machine", 2, 0).memory(24)});
  EXPECT_THAT(find({}, market), ElementsAre("local/local this-machine"));
  ResourceRequest request;
  request.cpus = Amount{1, false};
  EXPECT_THAT(find(request, market), ElementsAre("local/local this-machine"));
  request.cpus = Amount{4, true};
  EXPECT_EQ(failure(only(request), market), "no offer matches 4+ vCPUs\n  local: 1 type does not have 4+ vCPUs");
}

TEST(Candidates, TurnBackIntoTheOfferTheyCameFrom) {
  const auto candidates = find_candidates(only(a_gpu_request("A100", 1)), the_market());
  const cloud::Offer offer = candidates->ranked[1].offer();
  EXPECT_EQ(offer.cloud, "gcp");
  EXPECT_EQ(offer.zone, "us-central1-a");
  EXPECT_EQ(offer.instance_type, "a2-highgpu-1g");
  EXPECT_EQ(offer.hourly_price, 3.67);
}

}  // namespace
}  // namespace isobar::broker
