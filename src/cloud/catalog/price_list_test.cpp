// One test for each trap that published price lists have held.

#include "price_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

PriceList read(std::string_view text, std::string_view cloud) {
  auto list = read_price_list(text, cloud, "list.csv");
  EXPECT_TRUE(list.ok()) << (list.ok() ? "" : list.error().message());
  return list.ok() ? std::move(list).value() : PriceList{};
}

std::string failure(std::string_view text) {
  const auto list = read_price_list(text, "aws", "list.csv");
  return list.ok() ? "accepted" : list.error().message();
}

const Offer* find(const PriceList& list, std::string_view type, std::string_view accelerator, double count) {
  for (const Offer& offer : list.offers)
    if (offer.instance_type == type && offer.accelerator == accelerator && offer.accelerator_count == count) return &offer;
  return nullptr;
}

TEST(PriceList, ReadsColumnsByNameInAnyOrder) {
  const char* aws =
      "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch\n"
      "g4dn.xlarge,T4,1.0,4.0,16.0,,0.526,0.2158,us-east-1,use1-az1,x86_64\n";
  const char* runpod =
      "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Region,SpotPrice,Price,AvailabilityZone,GpuInfo\n"
      "g4dn.xlarge,T4,1.0,4.0,16.0,us-east-1,0.2158,0.526,use1-az1,\n";
  EXPECT_EQ(read(aws, "aws").offers, read(runpod, "aws").offers);
  EXPECT_EQ(read(aws, "aws").offers[0].hourly_spot_price, 0.2158);
}

TEST(PriceList, KeepsZoneIdsOfAwsLocalZonesIncluded) {
  const auto list = read(
      "InstanceType,vCPUs,MemoryGiB,Price,Region,AvailabilityZone\n"
      "c5.large,2,4,0.085,us-east-1,use1-az1\nc5.large,2,4,0.102,us-west-2,usw2-lax1-az1\n",
      "aws");
  EXPECT_EQ(list.offers[0].zone, "use1-az1");
  EXPECT_EQ(list.offers[1].zone, "usw2-lax1-az1");
}

TEST(PriceList, KeepsSpotPricesThatAreMissingEqualOrAboveOnDemand) {
  const auto list =
      read("InstanceType,vCPUs,MemoryGiB,Price,SpotPrice,Region\na,2,4,1.0,,r\nb,2,4,1.0,1.0,r\nc,2,4,1.0,1.5,r\nd,2,4,,0.4,r\n", "aws");
  ASSERT_EQ(list.offers.size(), 4U);
  EXPECT_EQ(list.offers[0].hourly_spot_price, std::nullopt);
  EXPECT_EQ(list.offers[1].hourly_spot_price, 1.0);
  EXPECT_EQ(list.offers[2].hourly_spot_price, 1.5);
  EXPECT_EQ(list.offers[3].hourly_price, std::nullopt);
}

TEST(PriceList, LeavesOutOffersWithoutAPriceAndCountsThem) {
  const auto list = read("InstanceType,vCPUs,MemoryGiB,Price,SpotPrice,Region\na,2,4,,,r\nb,2,4,0,,r\nc,2,4,nan,,r\n", "aws");
  EXPECT_TRUE(list.offers.empty());
  EXPECT_EQ(list.dropped.at("no price"), 3U);
  EXPECT_EQ(read("InstanceType,vCPUs,MemoryGiB,Price,Region\n2CPU--4GB,2,4,0,lab\n", "kubernetes").offers.size(), 1U);
}

TEST(PriceList, ReadsCountsAndSizesHoweverTheyAreWritten) {
  const auto list = read(
      "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region\n"
      "a,,,4,16,1,r\nb,,0,4.0,1.69921875,1,r\nc,H100,8.0,128,1600,1,r\nd,T4,,4,16,1,r\n",
      "nebius");
  EXPECT_EQ(list.offers[0].accelerator_count, 0);
  EXPECT_EQ(list.offers[1].accelerator, "");
  EXPECT_EQ(list.offers[1].memory_gib, 1.69921875);
  EXPECT_EQ(list.offers[2].accelerator_count, 8);
  EXPECT_EQ(list.offers[3].accelerator_count, 1);
}

TEST(PriceList, TakesDeviceMemoryFromPythonDictsAndDistrustsThemWhereTheNameIsKnown) {
  const auto memory = [](std::string_view name, std::string_view info) {
    const std::string text = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,Region\nx," + std::string(name) +
                             ",8,4,16,\"" + std::string(info) + "\",1,r\n";
    return read(text, "runpod").offers.at(0).accelerator_memory_gib;
  };
  EXPECT_EQ(memory("NEW1", "{'Gpus': [{'Name': 'NEW1', 'Count': 8.0, 'MemoryInfo': {'SizeInMiB': 98304}}], 'TotalGpuMemoryInMiB': 786432}"),
            96);
  EXPECT_EQ(memory("NEW1", "{'gpus': [{'name': 'new1', 'memoryinfo': {'sizeinmib': 98304}}]}"), 96);
  EXPECT_EQ(memory("NEW1", "{'Gpus': [{'MemoryInfo': {'SizeInMiB': 80}}]}"), 80);  // GiB where MiB are expected
  EXPECT_EQ(memory("H200", "{'Gpus': [{'MemoryInfo': {'SizeInMiB': 81920}}]}"), 141);
  EXPECT_EQ(memory("NEW1", "NEW1"), 0);
  EXPECT_EQ(memory("NEW1", "{'Gpus': [{'MemoryInfo': {'SizeInMiB': None}}]}"), 0);
}

constexpr const char* kGcpHeader =
    "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice\n";

TEST(PriceList, AddsGcpHostAndGpuPricesInTheSameZone) {
  const auto list = read(std::string(kGcpHeader) +
                             "a2-highgpu-1g,12.0,85.0,,,,us-central1,us-central1-a,0.73948,0.29576\n"
                             ",,,A100,1.0,,us-central1,us-central1-a,2.93391,0.88017\n",
                         "gcp");
  ASSERT_EQ(list.offers.size(), 1U);
  const Offer* whole = find(list, "a2-highgpu-1g", "A100", 1);
  ASSERT_NE(whole, nullptr);
  EXPECT_NEAR(*whole->hourly_price, 3.67339, 1e-9);
  EXPECT_NEAR(*whole->hourly_spot_price, 1.17593, 1e-9);
  EXPECT_EQ(whole->vcpus, 12);
}

TEST(PriceList, AttachesOlderGcpGpusToN1MachinesWithinTheirLimits) {
  const auto list = read(std::string(kGcpHeader) +
                             "n1-standard-8,8.0,30.0,,,,us-central1,us-central1-a,0.38,0.08\n"
                             "n1-standard-16,16.0,60.0,,,,us-central1,us-central1-a,0.76,0.16\n"
                             "n2-standard-8,8.0,32.0,,,,us-central1,us-central1-a,0.39,0.09\n"
                             ",,,V100,1.0,,us-central1,us-central1-a,2.48,0.74\n",
                         "gcp");
  EXPECT_NE(find(list, "n1-standard-8", "V100", 1), nullptr);
  EXPECT_EQ(find(list, "n1-standard-16", "V100", 1), nullptr) << "one V100 takes at most 12 vCPUs";
  EXPECT_EQ(find(list, "n2-standard-8", "V100", 1), nullptr);
  EXPECT_NE(find(list, "n1-standard-8", "", 0), nullptr) << "the bare machine is still sold";
}

TEST(PriceList, LeavesOutGcpHalvesThatCannotBePricedWhole) {
  const auto list = read(std::string(kGcpHeader) +
                             "a2-highgpu-1g,12.0,85.0,,,,us-central1,us-central1-a,0.73948,0.29576\n"
                             ",,,L4,1.0,,us-east1,us-east1-b,0.56,0.2\n",
                         "gcp");
  EXPECT_TRUE(list.offers.empty());
  EXPECT_EQ(list.dropped.at("a host machine whose GPU has no price in its zone"), 1U);
  EXPECT_EQ(list.dropped.at("a GPU whose host machine has no price in its zone"), 1U);
}

TEST(PriceList, DropsTheTpuSentinelPriceAndKeepsTheOther) {
  const auto list = read(std::string(kGcpHeader) +
                             ",,,tpu-v6e-8,1,tpu-v6e-8,asia-east1,asia-east1-c,700.0,700.0\n"
                             ",,,tpu-v6e-8,1,tpu-v6e-8,southamerica-west1,southamerica-west1-a,21.6,700.0\n",
                         "gcp");
  ASSERT_EQ(list.offers.size(), 1U);
  EXPECT_EQ(list.offers[0].instance_type, "TPU-VM");
  EXPECT_EQ(list.offers[0].hourly_price, 21.6);
  EXPECT_EQ(list.offers[0].hourly_spot_price, std::nullopt);
}

TEST(PriceList, CountsDuplicateRowsAndReadsALateRowAtTheEnd) {
  const auto list = read(std::string(kGcpHeader) +
                             ",,,tpu-v5p-8,1,x,europe-west4,europe-west4-b,33.6,10\n,,,tpu-v5p-8,1,x,europe-west4,europe-west4-b,33.6,10\n"
                             "n1-highmem-8,8.0,52.0,,,,us-central2,us-central2-b,0.47321,0.09962\n",
                         "gcp");
  EXPECT_NE(find(list, "n1-highmem-8", "", 0), nullptr);
  EXPECT_EQ(list.dropped.at("a later row for the same type and place takes its place"), 1U);
}

TEST(PriceList, OneRowMayStandForSeveralRegionsOrZones) {
  const auto list = read("InstanceType,vCPUs,MemoryGiB,Price,Region,AvailabilityZone\na,2,4,1,east|west,\nb,2,4,1,east,e-a|e-b\n", "oci");
  ASSERT_EQ(list.offers.size(), 4U);
  EXPECT_EQ(list.offers[1].region, "west");
  EXPECT_EQ(list.offers[3].zone, "e-b");
  EXPECT_EQ(read("InstanceType,vCPUs,MemoryGiB,Price,Region\nC5,4,8.59,0.08,East Coast (NY2)\n", "paperspace").offers[0].region,
            "East Coast (NY2)");
}

TEST(PriceList, NamesTheColumnsItDoesNotRead) {
  EXPECT_THAT(read("InstanceType,vCPUs,MemoryGiB,Price,Region,Generation\na,2,4,1,r,V1\n", "azure").ignored_columns,
              ElementsAre("Generation"));
}

TEST(PriceList, SaysWhereAndHowToMendWhatIsMalformed) {
  EXPECT_EQ(failure("InstanceType,vCPUs,MemoryGiB,Prize,Region\n"), "list.csv:1:1: no column Price; did you mean it by Prize?");
  EXPECT_EQ(failure("InstanceType,vCPUs,MemoryGiB,Price,Region\na,2,4,cheap,r\n"),
            "list.csv:2:7: Price is \"cheap\"; it must be a number from 0 up, or empty");
  EXPECT_EQ(failure("InstanceType,vCPUs,MemoryGiB,Price,Region\na,2,4,-1,r\n"),
            "list.csv:2:7: Price is \"-1\"; it must be a number from 0 up, or empty");
  EXPECT_THAT(failure("InstanceType,vCPUs,MemoryGiB,Price,Region\na,2,4\n"),
              HasSubstr("list.csv:2:5: this row has 3 fields where the header has 5"));
  EXPECT_THAT(failure("InstanceType,vCPUs,MemoryGiB,Price,Region,Price\n"), HasSubstr("column Price stands twice"));
  EXPECT_THAT(failure("InstanceType,vCPUs,MemoryGiB,Price,Region\n\x1b[31m,2,4,1,r\n"), HasSubstr("control characters"));
  EXPECT_THAT(failure(""), HasSubstr("the file is empty"));
}

}  // namespace
}  // namespace isobar::cloud
