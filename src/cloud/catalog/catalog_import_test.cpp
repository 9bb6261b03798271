#include "cloud/catalog_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "catalog_file.h"
#include "catalog_test_offers.h"

namespace isobar::cloud {
namespace {

using testing::HasSubstr;

constexpr const char* kList = "InstanceType,vCPUs,MemoryGiB,Price,Region\nm6i.2xlarge,8,32,0.4,us-east-1\nfree,8,32,,us-east-1\n";
const Instant kNow = Instant::from_unix_seconds(1'795'000'000);  // 2026-11-18

class CatalogImport : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }

  fs::path put(const fs::path& relative, std::string_view text) {
    const fs::path path = root_ / relative;
    fs::create_directories(path.parent_path());
    EXPECT_TRUE(write_file(path, text, Durability::kCache).ok());
    return path;
  }
  auto import(std::vector<fs::path> inputs, std::optional<std::string> cloud = {}) {
    return import_price_lists(inputs, cloud, into_, kNow);
  }

  const fs::path root_ = fs::temp_directory_path() / ("isobar_import_" + secure_random_hex(8));
  const fs::path into_ = root_ / "imported";
};

TEST_F(CatalogImport, TakesTheCloudFromTheFolderTheFileOrTheOption) {
  EXPECT_EQ(import({put("aws/vms.csv", kList)})->at(0).cloud, "aws");
  EXPECT_EQ(import({put("v8/azure/vms.csv", kList)})->at(0).cloud, "azure");
  EXPECT_EQ(import({put("oci.csv", kList)})->at(0).cloud, "oci");
  EXPECT_EQ(import({put("prices-of-today.csv", kList)}, "Lambda")->at(0).cloud, "lambda");
}

TEST_F(CatalogImport, FindsThePriceListsOfAFolderAndNothingElse) {
  put("all/v8/aws/vms.csv", kList);
  put("all/v8/aws/images.csv", "Tag,Region\n");
  put("all/v8/common/metadata.csv", "GPU,MemoryGB\n");
  put("all/v8/azure/vms.csv", kList);
  const auto imported = import({root_ / "all"});
  ASSERT_TRUE(imported.ok());
  ASSERT_EQ(imported->size(), 2U);
  EXPECT_EQ(imported->at(0).cloud, "aws");
  EXPECT_EQ(imported->at(1).cloud, "azure");
}

TEST_F(CatalogImport, ReplacesTheBuiltInRowsOfItsCloudAlone) {
  const std::string builtin = encode_catalog({an_offer("aws", "us-east-1", "", "old", 1), an_offer("gcp", "r", "", "kept", 1)}, {});
  ASSERT_TRUE(import({put("aws.csv", kList)}).ok());
  const auto catalog = Catalog::open(builtin, into_);
  ASSERT_TRUE(catalog.ok());
  ASSERT_EQ(catalog->sections().size(), 2U);
  EXPECT_EQ(catalog->sections()[0].shapes[0].instance_type, "m6i.2xlarge");
  EXPECT_EQ(catalog->sections()[0].shapes[0].date, date_of(kNow));
  EXPECT_EQ(format_date(date_of(kNow)), "2026-11-18");
  EXPECT_EQ(catalog->sections()[1].shapes[0].instance_type, "kept");
}

TEST_F(CatalogImport, ImportsNothingWhenOneListIsMalformed) {
  put("all/aws.csv", kList);
  put("all/oci.csv", "InstanceType,vCPUs,MemoryGiB,Price,Region\nx,8,32,cheap,r\n");
  const auto imported = import({root_ / "all"});
  EXPECT_THAT(imported.error().message(), HasSubstr("oci.csv:2:8: Price is \"cheap\""));
  EXPECT_FALSE(fs::exists(into_));
}

TEST_F(CatalogImport, RefusesTwoListsOfOneCloud) {
  EXPECT_THAT(import({put("v7/aws/vms.csv", kList), put("v8/aws/vms.csv", kList)}).error().message(), HasSubstr("two price lists for aws"));
}

TEST_F(CatalogImport, SaysWhatItKeptAndWhyItLeftOutTheRest) {
  const fs::path source = put("aws.csv", kList);
  EXPECT_EQ(describe(import({source})->at(0)), "aws: 1 offers from 2 rows of " + source.string() + "; left out: 1 no price");
}

TEST_F(CatalogImport, ADamagedImportIsAnErrorThatNamesTheFileAndTheMend) {
  const fs::path path = import({put("aws.csv", kList)})->at(0).catalog_file;
  fs::resize_file(path, 100);
  const std::string builtin = encode_catalog({}, {});
  const auto catalog = Catalog::open(builtin, into_);
  EXPECT_EQ(catalog.error().code(), Code::kDataLoss);
  EXPECT_THAT(catalog.error().message(), testing::AllOf(HasSubstr(path.string()), HasSubstr("isobar catalog import")));
}

TEST_F(CatalogImport, TheInfoTableHasARowForEachCloud) {
  const std::string builtin =
      encode_catalog({an_offer("aws", "r", "", "a", 1), an_offer("aws", "s", "", "g", 1, "T4", 1)}, {{"aws", 20250302}});
  const auto catalog = Catalog::open(builtin, into_);
  EXPECT_EQ(render_catalog_info(*catalog),
            "CLOUD  DATE        OFFERS  TYPES  REGIONS  ACCELERATORS  ORIGIN\n"
            "aws    2025-03-02  2       2      2        1             built in\n");
  EXPECT_EQ(catalog_info_json(*catalog),
            R"([{"cloud":"aws","date":"2025-03-02","offers":2,"types":2,"regions":2,"accelerators":1,"origin":"built in"}])");
}

}  // namespace
}  // namespace isobar::cloud
