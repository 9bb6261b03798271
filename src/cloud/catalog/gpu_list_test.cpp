#include "cloud/gpu_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog_test_offers.h"

namespace isobar::cloud {
namespace {

Catalog a_catalog() {
  Offer a100 = an_offer("gcp", "us-central1", "us-central1-a", "a2-highgpu-1g", 3.67, "A100", 1);
  a100.accelerator_memory_gib = 40;
  Offer europe = a100;
  a100.hourly_spot_price = 1.17;
  europe.region = "europe-west4";
  europe.zone = "europe-west4-a";
  europe.hourly_price = 3.75;
  Catalog catalog;
  const std::vector offers = {a100,
                              europe,
                              an_offer("aws", "us-east-1", "use1-az1", "p4d.24xlarge", 32.77, "A100", 8),
                              an_offer("aws", "us-east-1", "use1-az1", "p4de.24xlarge", 40.97, "A100-80GB", 8),
                              an_offer("aws", "us-east-1", "use1-az1", "m6i.2xlarge", 0.384),
                              an_offer("aws", "us-east-1", "use1-az1", "g4dn.xlarge", 0.526, "T4", 1)};
  EXPECT_TRUE(catalog.add(offers).ok());
  return catalog;
}

std::vector<std::string> places(const Result<std::vector<GpuOffer>>& offers) {
  std::vector<std::string> names;
  for (const GpuOffer& o : *offers) names.push_back(o.cloud + "/" + o.region + " " + o.instance_type);
  return names;
}

TEST(GpuList, ListsEveryAcceleratorWithItsQuantities) {
  EXPECT_EQ(render_gpu_quantities(*list_gpu_offers(a_catalog(), {})),
            "GPU        AVAILABLE_QUANTITIES\n"
            "A100       1, 8\n"
            "A100-80GB  8\n"
            "T4         1\n");
}

TEST(GpuList, ShowsTheCheapestRegionOfEachTypeUnlessAllAreAskedFor) {
  EXPECT_THAT(places(list_gpu_offers(a_catalog(), {.accelerator = "A100:1"})), testing::ElementsAre("gcp/us-central1 a2-highgpu-1g"));
  EXPECT_THAT(places(list_gpu_offers(a_catalog(), {.accelerator = "A100:1", .all_regions = true})),
              testing::ElementsAre("gcp/us-central1 a2-highgpu-1g", "gcp/europe-west4 a2-highgpu-1g"));
}

TEST(GpuList, FindsNamesInAnyCaseAndTheirVariants) {
  EXPECT_THAT(places(list_gpu_offers(a_catalog(), {.accelerator = "a100"})),
              testing::ElementsAre("gcp/us-central1 a2-highgpu-1g", "aws/us-east-1 p4d.24xlarge", "aws/us-east-1 p4de.24xlarge"));
}

TEST(GpuList, KeepsToTheInfraAskedFor) {
  EXPECT_THAT(places(list_gpu_offers(a_catalog(), {.accelerator = "A100", .cloud = "gcp", .region = "europe-west4"})),
              testing::ElementsAre("gcp/europe-west4 a2-highgpu-1g"));
  EXPECT_TRUE(list_gpu_offers(a_catalog(), {.accelerator = "T4", .cloud = "gcp"})->empty());
}

TEST(GpuList, SuggestsNamesForOneThatIsNotThere) {
  EXPECT_EQ(list_gpu_offers(a_catalog(), {.accelerator = "A1000"}).error().message(), "no accelerator A1000 in the catalog; it has A100");
  EXPECT_EQ(list_gpu_offers(a_catalog(), {.accelerator = "A100:x"}).error().code(), Code::kInvalidArgument);
}

TEST(GpuList, PrintsTheColumnsUsersKnow) {
  EXPECT_EQ(render_gpu_offers(*list_gpu_offers(a_catalog(), {.accelerator = "A100", .cloud = "gcp"})),
            "GPU   QTY  CLOUD  INSTANCE_TYPE  DEVICE_MEM  vCPUs  HOST_MEM  HOURLY_PRICE  HOURLY_SPOT_PRICE  REGION\n"
            "A100  1    gcp    a2-highgpu-1g  40GB        8      32GB      $ 3.670       $ 1.170            us-central1\n");
  EXPECT_EQ(
      gpu_offers_json(*list_gpu_offers(a_catalog(), {.accelerator = "T4"})),
      R"([{"accelerator":"T4","count":1E0,"cloud":"aws","instance_type":"g4dn.xlarge","region":"us-east-1","device_memory_gib":0E0,"vcpus":8E0,"memory_gib":3.2E1,"hourly_price":5.26E-1,"hourly_spot_price":null}])");
}

}  // namespace
}  // namespace isobar::cloud
