#include "catalog_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/random.h"
#include "catalog_layout.h"
#include "catalog_test_offers.h"

namespace isobar::cloud {
namespace {

using testing::HasSubstr;

std::vector<Offer> rows_of(std::span<const Shape> shapes) {
  std::vector<Offer> rows;
  for (const Shape& shape : shapes)
    for (std::uint32_t i = 0; i < shape.places.size(); ++i) rows.push_back(to_offer(shape, shape.places[i]));
  return rows;
}

std::vector<Offer> some_offers() {
  Offer spot_only = an_offer("gcp", "us-central1", "us-central1-a", "TPU-VM", 0, "tpu-v6e-8", 1);
  spot_only.hourly_price = std::nullopt;
  spot_only.hourly_spot_price = 4.35366;
  return {an_offer("aws", "us-east-1", "use1-az1", "m6i.2xlarge", 0.384), an_offer("aws", "us-east-1", "use1-az2", "m6i.2xlarge", 0.384),
          an_offer("aws", "us-east-1", "", "p5.48xlarge", 98.32, "H100", 8), spot_only};
}

TEST(CatalogFile, GivesBackEveryOfferInNameOrder) {
  auto offers = some_offers();
  std::swap(offers[0], offers[3]);
  const auto file = CatalogFile::hold(encode_catalog(offers, {{"aws", 20250302}}), "test");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(rows_of((*file)->shapes()), some_offers());
  EXPECT_EQ((*file)->shapes().size(), 3U) << "a type is stored once, whatever its places";
  EXPECT_EQ((*file)->shapes()[0].date, 20250302U);
  EXPECT_EQ((*file)->shapes()[2].date, 0U);
}

TEST(CatalogFile, KeepsTheLastOfEqualOffers) {
  const auto file = CatalogFile::hold(encode_catalog({an_offer("aws", "r", "", "a", 1), an_offer("aws", "r", "", "a", 2)}, {}), "test");
  EXPECT_EQ(rows_of((*file)->shapes()), std::vector{an_offer("aws", "r", "", "a", 2)});
}

TEST(CatalogFile, AnEmptyCatalogIsAFileToo) { EXPECT_TRUE((*CatalogFile::hold(encode_catalog({}, {}), "test"))->shapes().empty()); }

TEST(CatalogFile, RefusesEverySingleFlippedByteAndEveryCut) {
  const std::string good = encode_catalog(some_offers(), {});
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    EXPECT_EQ(CatalogFile::hold(bad, "bad").error().code(), Code::kDataLoss) << i;
    EXPECT_FALSE(CatalogFile::hold(good.substr(0, i), "cut").ok()) << i;
  }
  EXPECT_FALSE(CatalogFile::hold(good + "x", "long").ok());
  EXPECT_EQ(CatalogFile::hold("hello", "x.catalog").error().message(),
            "catalog file x.catalog: it is cut short: 5 bytes, and the header alone takes 48; import the cloud's price list again with "
            "`isobar catalog import`, or remove the file");
}

/// Damage that carries a right checksum, as a malicious file would.
TEST(CatalogFile, EveryIndexIsCheckedEvenWhenTheChecksumIsRight) {
  const std::string good = encode_catalog(some_offers(), {});
  Random random(7);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    for (std::uint64_t n = random.below(4) + 1; n > 0; --n) bad[random.below(bad.size())] = static_cast<char>(random.next());
    const std::uint64_t checksum = catalog_checksum(bad);
    std::memcpy(bad.data() + offsetof(CatalogHeader, checksum), &checksum, sizeof checksum);
    const auto file = CatalogFile::hold(bad, "bad");
    if (!file.ok()) ++refused;
    else rows_of((*file)->shapes());  // must stay within the file: the sanitizers watch
  }
  EXPECT_GT(refused, 10000);
}

TEST(CatalogFile, RoundTripsAnyOffers) {
  EXPECT_TRUE(rc::check([](const std::vector<std::tuple<std::string, std::string, unsigned>>& drawn) {
    std::vector<Offer> offers;
    for (const auto& [cloud, type, price] : drawn) {
      const auto name = [](const std::string& text) { return text.empty() ? "x" : std::to_string(std::hash<std::string>{}(text) % 5); };
      offers.push_back(an_offer(name(cloud), "r" + std::to_string(price % 3), "", name(type), price));
    }
    const auto once = CatalogFile::hold(encode_catalog(offers, {}), "once");
    RC_ASSERT(once.ok());
    const auto twice = CatalogFile::hold(encode_catalog(rows_of((*once)->shapes()), {}), "twice");
    RC_ASSERT(rows_of((*once)->shapes()) == rows_of((*twice)->shapes()));
    for (const Offer& row : rows_of((*once)->shapes())) RC_ASSERT(std::find(offers.begin(), offers.end(), row) != offers.end());
  }));
}

TEST(Catalog, OwnOffersTakeThePlaceOfTheirCloudAlone) {
  const std::string builtin = encode_catalog(some_offers(), {{"aws", 20250302}, {"gcp", 20240101}});
  auto catalog = Catalog::open(builtin, "/nonexistent");
  ASSERT_TRUE(catalog.ok());
  EXPECT_EQ(catalog->oldest_date(), 20240101U);
  ASSERT_TRUE(catalog->add(std::vector{an_offer("local", "local", "", "this-machine", 0), an_offer("gcp", "r", "", "only", 1)}).ok());
  ASSERT_EQ(catalog->sections().size(), 3U);
  EXPECT_EQ(catalog->sections()[0].cloud, "aws");
  EXPECT_EQ(catalog->sections()[0].rows, 3U);
  EXPECT_EQ(catalog->sections()[1].shapes[0].instance_type, "only");
  EXPECT_EQ(catalog->sections()[1].rows, 1U);
  EXPECT_EQ(catalog->sections()[2].cloud, "local");
  EXPECT_EQ(catalog->rows(), 5U);
}

TEST(Catalog, OwnOffersWithImpossibleNumbersAreRefused) {
  Catalog catalog;
  EXPECT_THAT(catalog.add(std::vector{an_offer("ssh", "pool", "", "host", -1)}).error().message(), HasSubstr("not a possible number"));
  EXPECT_FALSE(catalog.add(std::vector{an_offer("ssh", "pool", "", "host\x1b[31m", 1)}).ok());
}

TEST(Catalog, CopiesKeepTheirViewsAliveOnTheirOwn) {
  Catalog kept;
  {
    Catalog catalog;
    ASSERT_TRUE(catalog.add(std::vector{an_offer("ssh", "pool", "", "a-host-with-a-long-name", 1)}).ok());
    kept = catalog;
  }
  EXPECT_EQ(kept.sections()[0].shapes[0].instance_type, "a-host-with-a-long-name");
}

}  // namespace
}  // namespace isobar::cloud
