#include "transfer/egress_price.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "transfer/overlay.h"

namespace isobar::transfer {
namespace {

double list_price(const PriceBook& book, std::string_view from, std::string_view to, NetworkTier tier = NetworkTier::kPremium) {
  const auto price = book.egress(from, to, tier);
  return egress_usd(price, std::nullopt, 1);
}

TEST(EgressPrice, ChargesTheListPriceOfTheNarrowestRule) {
  const auto book = PriceBook::builtin();
  EXPECT_DOUBLE_EQ(list_price(book, "aws:us-east-1", "aws:us-east-2"), 0.01);
  EXPECT_DOUBLE_EQ(list_price(book, "aws:us-east-1", "aws:us-west-2"), 0.02);
  EXPECT_DOUBLE_EQ(list_price(book, "aws:us-east-1", "gcp:us-west1-a"), 0.09);
  EXPECT_DOUBLE_EQ(list_price(book, "aws:ap-south-1", "azure:eastus"), 0.1093);
  EXPECT_DOUBLE_EQ(list_price(book, "azure:canadacentral", "gcp:asia-northeast1-a"), 0.0875);
  EXPECT_DOUBLE_EQ(list_price(book, "azure:canadacentral", "azure:westus2"), 0.02);
  EXPECT_DOUBLE_EQ(list_price(book, "azure:westeurope", "azure:westus2"), 0.05);
  EXPECT_DOUBLE_EQ(list_price(book, "gcp:us-west1-a", "gcp:us-east1-b"), 0.01);
  EXPECT_DOUBLE_EQ(list_price(book, "gcp:us-west1-a", "gcp:australia-southeast1-a"), 0.15);
  EXPECT_DOUBLE_EQ(list_price(book, "gcp:us-west1-c", "aws:ap-southeast-2"), 0.19) << "another zone of a known region";
  EXPECT_DOUBLE_EQ(list_price(book, "gcp:us-west1-a", "aws:us-west-2", NetworkTier::kStandard), 0.085);
  EXPECT_DOUBLE_EQ(list_price(book, "aws:us-west-2", "gcp:us-west1-a", NetworkTier::kStandard), 0.09) << "AWS sells one tier";
  EXPECT_DOUBLE_EQ(list_price(book, "gcp:us-west1-a", "gcp:us-west1-a"), 0);
}

TEST(EgressPrice, FollowsTheStepsOfTheMonth) {
  const auto price = PriceBook::builtin().egress("aws:us-east-1", "gcp:us-west1-a");
  EXPECT_DOUBLE_EQ(price.free_gb(), 100);
  EXPECT_DOUBLE_EQ(price.usd(0, 100), 0);
  EXPECT_DOUBLE_EQ(price.usd(0, 10240), 10140 * 0.09);
  EXPECT_DOUBLE_EQ(price.usd(10240, 40960), 40960 * 0.085);
  EXPECT_DOUBLE_EQ(price.usd(0, 200'000), 10140 * 0.09 + 40960 * 0.085 + 102400 * 0.07 + 46400 * 0.05);
}

TEST(EgressPrice, IsCumulativeAndMonotone) {
  const auto book = PriceBook::builtin();
  const std::vector<std::string> regions = builtin_grid()->regions;
  EXPECT_TRUE(rc::check([&] {
    const auto price = book.egress(*rc::gen::elementOf(regions), *rc::gen::elementOf(regions));
    const double used = *rc::gen::inRange(0, 300'000), first = *rc::gen::inRange(0, 300'000), second = *rc::gen::inRange(0, 300'000);
    RC_ASSERT(std::abs(price.usd(used, first) + price.usd(used + first, second) - price.usd(used, first + second)) < 1e-6);
    RC_ASSERT(price.usd(used, first) <= price.usd(used, first + second) + 1e-9);
  }));
}

TEST(EgressPrice, PricesEveryBuiltInPairWithoutGuessing) {
  const auto book = PriceBook::builtin();
  for (const auto& name : builtin_grid_names()) {
    const auto grid = *builtin_grid(name);
    for (const auto& from : grid.regions)
      for (const auto& to : grid.regions) EXPECT_EQ(book.egress(from, to).guess, "") << from << " " << to;
  }
}

TEST(EgressPrice, SaysHowAnUnknownPairWasPriced) {
  const auto book = PriceBook::builtin();
  const auto new_region = book.egress("aws:mx-central-1", "gcp:us-west1-a");
  EXPECT_DOUBLE_EQ(egress_usd(new_region, std::nullopt, 1), 0.155);
  EXPECT_EQ(new_region.guess, "the price of aws:mx-central-1 → gcp:us-west1-a is not known: that of the dearest region of aws is taken");
  EXPECT_DOUBLE_EQ(list_price(book, "aws:mx-central-1", "aws:us-east-1"), 0.147);
  const auto lab = book.egress("lab:here", "aws:us-east-1");
  EXPECT_DOUBLE_EQ(lab.usd(0, 1000), 0);
  EXPECT_EQ(lab.guess, "no egress price of lab is known: it is taken as free");
}

TEST(PriceBook, KnowsMachinesAndRequests) {
  const auto book = PriceBook::builtin();
  EXPECT_EQ(book.vm("gcp:us-west1-a")->instance, "n2-standard-32");
  EXPECT_DOUBLE_EQ(book.vm("aws:us-east-1", "m5.4xlarge")->usd_per_hour, 0.768);
  EXPECT_EQ(book.vm("lab:here")->usd_per_hour, 0);
  EXPECT_EQ(book.vm("gcp:us-west1-a", "m5").error().message(), "no machine 'm5' of gcp is known; there are n2-standard-32, n2-standard-16");
  EXPECT_DOUBLE_EQ(book.requests("aws").write_usd, 0.000005);
  EXPECT_EQ(book.date(), "2022-11");
}

TEST(PriceBook, RefusesStepsOutOfOrder) {
  const auto book = PriceBook::parse("from,to,network,after_gb,usd_per_gb\na,*,premium,10,1\n", "", "", "");
  EXPECT_EQ(book.error().message(), "egress.csv:2:13: the steps of a pair begin at 0 and ascend; put this line in its place");
}

TEST(Overlay, TakesTheNarrowestQuota) {
  OverlayOptions options;
  options.quotas = {2, {{"aws", 8}}, {{"aws:us-east-1", 1}}, {{"gcp", 9}}};
  const auto grid = *builtin_grid();
  const auto overlay = make_overlay(grid, PriceBook::builtin(), options);
  ASSERT_TRUE(overlay.ok());
  EXPECT_EQ(overlay->regions[*resolve_region(grid, "aws:us-east-1")].vms_max, 1);
  EXPECT_EQ(overlay->regions[*resolve_region(grid, "aws:us-east-2")].vms_max, 8);
  EXPECT_EQ(overlay->regions[*resolve_region(grid, "azure:eastus")].vms_max, 2);
  EXPECT_EQ(overlay->cloud_quotas[0].vms_max, 9);
}

TEST(Overlay, ChangesAsItWasSeen) {
  const auto grid = *builtin_grid();
  const auto overlay = *make_overlay(grid, PriceBook::builtin(), {});
  const auto changed = changed_by(overlay, {{{0, 1, 0.5}, {0, 2, 0}}, {{3, 1}, {4, 99}}});
  EXPECT_EQ(changed.gbps.at(0, 1), 0.5);
  EXPECT_EQ(changed.gbps.at(0, 2), 0);
  EXPECT_EQ(changed.gbps.at(1, 0), overlay.gbps.at(1, 0));
  EXPECT_EQ(changed.regions[3].vms_max, overlay.regions[3].vms_max - 1);
  EXPECT_EQ(changed.regions[4].vms_max, 0);
}

}  // namespace
}  // namespace isobar::transfer
