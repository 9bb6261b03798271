#include "broker/egress.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>

namespace isobar::broker {
namespace {

constexpr double kTb = 1024;
constexpr const char* kClouds[] = {"aws", "azure", "gcp", "oci", "do", "lambda", "local"};

TEST(Egress, EachTierPricesOnlyTheBytesThatFallIntoIt) {
  EXPECT_NEAR(egress_cost("aws", "gcp", 11 * kTb), 1008.64, 0.005);
  EXPECT_NEAR(egress_cost("aws", "gcp", 49 * kTb), 4316.16, 0.005);
  EXPECT_NEAR(egress_cost("aws", "gcp", 50 * kTb), 4403.20, 0.005);
  EXPECT_NEAR(egress_cost("aws", "gcp", 60 * kTb), 5120.00, 0.005);
  EXPECT_NEAR(egress_cost("aws", "gcp", 200 * kTb), 10 * kTb * .09 + 40 * kTb * .085 + 100 * kTb * .07 + 50 * kTb * .05, 0.005);
  EXPECT_NEAR(egress_cost("gcp", "aws", 2 * kTb), kTb * .12 + kTb * .11, 0.005);
  EXPECT_NEAR(egress_cost("azure", "aws", 1), .0875, 1e-9);
}

TEST(Egress, IsFreeWithinACloudAndWhereNothingIsChargedByTheByte) {
  EXPECT_EQ(egress_cost("aws", "aws", 1e6), 0);
  EXPECT_EQ(egress_cost("lambda", "aws", 1e6), 0);
  EXPECT_EQ(egress_cost("aws", "gcp", 0), 0);
}

TEST(Egress, NeverFallsAndNeverJumps) {
  EXPECT_TRUE(rc::check([] {
    const char* cloud = *rc::gen::elementOf(std::vector<const char*>(std::begin(kClouds), std::end(kClouds)));
    const double gigabytes = *rc::gen::inRange(0, 400000) + *rc::gen::inRange(0, 1000) / 1000.0, more = *rc::gen::inRange(0, 1000) / 1000.0;
    const double before = egress_cost(cloud, "elsewhere", gigabytes), after = egress_cost(cloud, "elsewhere", gigabytes + more);
    RC_ASSERT(after >= before);
    RC_ASSERT(after - before <= 0.12 * more + 1e-6);
  }));
}

TEST(Egress, TransfersRunAtTenGigabitsASecond) {
  EXPECT_EQ(transfer_time("aws", "gcp", 1000), 800s);
  EXPECT_EQ(transfer_time("aws", "aws", 1000), 0s);
}

}  // namespace
}  // namespace isobar::broker
