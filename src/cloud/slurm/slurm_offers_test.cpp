#include "slurm_offers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kGib = 1024;

SlurmNode a_node(const std::string& name, int cpus, std::uint64_t gib, std::vector<SlurmGres> gres = {}) {
  return {.name = name, .address = name, .state = "IDLE", .cpus = cpus, .memory_mib = gib * kGib, .gres = std::move(gres)};
}
SlurmPartition a_partition(std::string name, std::vector<std::string> nodes) {
  return {.name = std::move(name), .state = "UP", .nodes = std::move(nodes)};
}

std::vector<std::string> types(const std::vector<SlurmOffer>& offers) {
  std::vector<std::string> names;
  for (const SlurmOffer& offer : offers) names.push_back(offer.offer.instance_type);
  return names;
}

TEST(SlurmOffers, ANodeIsSoldWholeAndInHalves) {
  const SlurmInventory inventory{"22.05",
                                 {a_partition("gpu", {"g1", "g2"})},
                                 {a_node("g1", 16, 64, {{"gpu", "a100", 4, 0}}), a_node("g2", 16, 64, {{"gpu", "a100", 4, 3}})}};
  const auto offers = slurm_offers("alps", inventory, {.vcpu = 0.01, .memory_gib = 0.001, .gpu = 1});
  ASSERT_THAT(types(offers), ElementsAre("16cpu-64gb-a100x4", "8cpu-32gb-a100x2", "4cpu-16gb-a100x1"));
  const Offer& whole = offers[0].offer;
  EXPECT_EQ(whole.cloud, "slurm");
  EXPECT_EQ(whole.region, "alps");
  EXPECT_EQ(whole.zone, "gpu");
  EXPECT_EQ(whole.vcpus, 16);
  EXPECT_EQ(whole.memory_gib, 64);
  EXPECT_EQ(whole.accelerator, "A100");
  EXPECT_EQ(whole.accelerator_count, 4);
  EXPECT_NEAR(whole.hourly_price.value(), 0.16 + 0.064 + 4, 1e-9);
  EXPECT_FALSE(whole.hourly_spot_price);
  EXPECT_EQ(describe(offers[0].room), "1 of 2 free");
  EXPECT_EQ(describe(offers[2].room), "5 of 8 free");
}

TEST(SlurmOffers, WithoutPricesEverythingIsFree) {
  const SlurmInventory inventory{"22.05", {a_partition("p", {"w1"})}, {a_node("w1", 4, 8)}};
  const auto offers = slurm_offers("lab", inventory);
  EXPECT_THAT(types(offers), ElementsAre("4cpu-8gb", "2cpu-4gb", "1cpu-2gb"));
  EXPECT_EQ(offers[0].offer.hourly_price, 0.0);
  EXPECT_EQ(offers[0].offer.accelerator, "");
}

TEST(SlurmOffers, APartitionOfWholeNodesSellsNoHalves) {
  SlurmInventory inventory{"22.05", {a_partition("p", {"w1", "w2"})}, {a_node("w1", 4, 8), a_node("w2", 4, 8)}};
  inventory.partitions[0].whole_nodes = true;
  inventory.nodes[1].cpus_allocated = 1;
  const auto offers = slurm_offers("lab", inventory);
  EXPECT_THAT(types(offers), ElementsAre("4cpu-8gb"));
  EXPECT_EQ(describe(offers[0].room), "1 of 2 free");
}

TEST(SlurmOffers, ClosedPartitionsAndNodesThatDoNotExistSellNothing) {
  SlurmInventory inventory{"22.05",
                           {a_partition("closed", {"w1"}), a_partition("future", {"w2"}), a_partition("empty", {})},
                           {a_node("w1", 4, 8), a_node("w2", 4, 8)}};
  inventory.partitions[0].state = "DOWN";
  inventory.nodes[1].state = "FUTURE";
  EXPECT_THAT(slurm_offers("lab", inventory), IsEmpty());
}

TEST(SlurmOffers, NodesThatAreAlmostAlikeAreOneTypeOfTheLesserMemory) {
  SlurmInventory inventory{"22.05", {a_partition("p", {"w1", "w2"})}, {a_node("w1", 1, 8), a_node("w2", 1, 8)}};
  inventory.nodes[0].memory_mib += 20;
  const auto offers = slurm_offers("lab", inventory);
  ASSERT_THAT(types(offers), ElementsAre("1cpu-8gb"));
  EXPECT_EQ(offers[0].shape.memory_mib, 8 * kGib);
  EXPECT_EQ(describe(offers[0].room), "2 of 2 free");
}

TEST(SlurmOffers, AnOfferIsFoundAgainByItsName) {
  const SlurmInventory inventory{"22.05", {a_partition("p", {"w1"})}, {a_node("w1", 12, 48, {{"gpu", "", 3, 0}})}};
  const auto offers = slurm_offers("lab", inventory);
  EXPECT_THAT(types(offers), ElementsAre("12cpu-48gb-gpux3", "8cpu-32gb-gpux2", "4cpu-16gb-gpux1"));
  EXPECT_EQ(find_offer(offers, "p", "8cpu-32gb-gpux2")->shape, (SlurmShape{8, 32 * kGib, "", 2}));
  EXPECT_EQ(find_offer(offers, "p", "8cpu-32gb-gpux2")->offer.accelerator, "GPU");
  EXPECT_FALSE(find_offer(offers, "q", "8cpu-32gb-gpux2"));
  EXPECT_FALSE(find_offer(offers, "p", "8cpu-32gb"));
}

TEST(Room, CountsOnlyNodesThatTakeJobsAsFree) {
  SlurmInventory inventory{"22.05", {a_partition("p", {"w1", "w2", "w3"})}, {a_node("w1", 4, 8), a_node("w2", 4, 8), a_node("w3", 4, 8)}};
  inventory.nodes[1].state = "DOWN*";
  inventory.nodes[2].memory_mib_allocated = 5 * kGib;
  EXPECT_EQ(room_for({1, 2 * kGib, "", 0}, inventory, inventory.partitions[0]), (SlurmRoom{4 + 0 + 1, 12}));
}

TEST(CouldEverRun, SaysWhyNot) {
  SlurmInventory inventory{
      "22.05", {a_partition("gpu", {"g1"}), a_partition("closed", {})}, {a_node("g1", 16, 64, {{"gpu", "a100", 4, 4}})}};
  inventory.nodes[0].state = "DOWN*";
  inventory.partitions[0].time_limit = 24h;
  inventory.partitions[0].nodes_max = 2;
  inventory.partitions[1].state = "INACTIVE";
  const SlurmShape fits{16, 64 * kGib, "a100", 4};
  EXPECT_TRUE(could_ever_run(fits, 1, 24h, inventory, "gpu").ok()) << "used up or down today, not for ever";
  const auto why = [&](const SlurmShape& shape, int nodes, std::optional<Duration> time, const char* partition) {
    return could_ever_run(shape, nodes, time, inventory, partition).error();
  };
  EXPECT_EQ(why(fits, 2, {}, "gpu").message(), "partition gpu has 1 nodes with 16cpu-64gb-a100x4 each, and 2 are asked for");
  EXPECT_EQ(why({17, 1, "", 0}, 1, {}, "gpu").code(), Code::kExhausted);
  EXPECT_EQ(why({1, 65 * kGib, "", 0}, 1, {}, "gpu").code(), Code::kExhausted);
  EXPECT_EQ(why({1, 1, "h100", 1}, 1, {}, "gpu").code(), Code::kExhausted);
  EXPECT_TRUE(could_ever_run({1, 1, "", 4}, 1, {}, inventory, "gpu").ok()) << "any type will do";
  EXPECT_EQ(why({1, 1, "", 0}, 3, {}, "gpu").message(), "partition gpu gives a job at most 2 nodes, and 3 are asked for");
  EXPECT_EQ(why(fits, 1, 25h, "gpu").message(), "partition gpu gives a job at most 1-00:00:00, and 1-01:00:00 is asked for; ask for less");
  EXPECT_EQ(why(fits, 1, {}, "closed").code(), Code::kUnavailable);
  EXPECT_EQ(why(fits, 1, {}, "gpus").message(), "there is no partition gpus; did you mean gpu?");
  EXPECT_EQ(why(fits, 1, {}, "elsewhere").message(), "there is no partition elsewhere; there are gpu, closed");
}

// Each type's own shape must fit where it is sold, for any node.
TEST(SlurmOffers, EveryOfferFitsTheNodeItCameFrom) {
  for (int cpus = 1; cpus <= 40; ++cpus)
    for (int gpus = 0; gpus <= 9; ++gpus) {
      std::vector<SlurmGres> gres;
      if (gpus > 0) gres.push_back({"gpu", "t4", gpus, 0});
      const SlurmInventory inventory{"22.05", {a_partition("p", {"w1"})}, {a_node("w1", cpus, 7, gres)}};
      const auto offers = slurm_offers("lab", inventory);
      ASSERT_FALSE(offers.empty());
      std::set<std::string> names;
      for (const SlurmOffer& offer : offers) {
        EXPECT_GE(offer.room.free, 1) << offer.offer.instance_type;
        EXPECT_EQ(offer.room.free, offer.room.total);
        EXPECT_TRUE(names.insert(offer.offer.instance_type).second) << offer.offer.instance_type << " twice";
        EXPECT_TRUE(could_ever_run(offer.shape, 1, {}, inventory, "p").ok());
      }
    }
}

TEST(GpuNames, AreThoseOfTheCatalogWhereTheModelIsKnown) {
  for (const auto& [type, name] : {std::pair("a100", "A100"),
                                   {"nvidia_a100-sxm4-80gb", "A100-80GB"},
                                   {"nvidia_a100_80gb_pcie", "A100-80GB"},
                                   {"nvidia_h100_80gb_hbm3", "H100"},
                                   {"tesla_v100-sxm2-32gb", "V100-32GB"},
                                   {"v100", "V100"},
                                   {"L40S", "L40S"},
                                   {"l4", "L4"},
                                   {"tesla_t4", "T4"},
                                   {"a100_1g.5gb", "A100_1G.5GB"},
                                   {"gtx1080", "GTX1080"},
                                   {"", "GPU"}})
    EXPECT_EQ(accelerator_name(type), name) << type;
}

TEST(GpuNames, TheUsersOwnComeFirst) {
  const GpuNames names{{"GTX", "RTX6000"}, {"", "T4"}};
  EXPECT_EQ(accelerator_name("gtx", names), "RTX6000");
  EXPECT_EQ(accelerator_name("", names), "T4");
  EXPECT_EQ(accelerator_name("a100", names), "A100");
}

}  // namespace
}  // namespace isobar::cloud
