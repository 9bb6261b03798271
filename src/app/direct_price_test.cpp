#include "direct_price.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::app {
namespace {

using testing::HasSubstr;

TEST(DirectPrice, FollowsTheStepsOfWhatLeavesAndCountsRequests) {
  const auto prices =
      transfer::PriceBook::parse("from,to,network,after_gb,usd_per_gb\na:x,*,premium,0,0\na:x,*,premium,100,0.5\na:x,*,premium,110,0.25\n",
                                 "cloud,instance,vcpus,usd_per_hour,egress_gbps,ingress_gbps\n",
                                 "cloud,write_usd_per_1000,read_usd_per_1000\na,9,1\nb,2,9\n", "region,latitude,longitude,place,group\n");
  ASSERT_TRUE(prices.ok()) << prices.error().message();
  CopyVolume volume;
  volume.add(30ULL << 30, 1ULL << 30);
  volume.add(0, 1ULL << 30);
  EXPECT_EQ(volume.reads, 31U);
  EXPECT_EQ(volume.writes, 33U) << "thirty parts, begun and completed, and an object that is none";
  // The first ten of thirty GB at 0.5, the rest at 0.25; the free part counts as used up.
  const auto text = direct_price(volume, "a:x", "b:y", *prices, transfer::NetworkTier::kPremium);
  EXPECT_THAT(text, HasSubstr("from a:x to b:y: $10.00 for the 30.0 GiB"));
  EXPECT_THAT(text, HasSubstr("$0.10 for requests"));
}

}  // namespace
}  // namespace isobar::app
