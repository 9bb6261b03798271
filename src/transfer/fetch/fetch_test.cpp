#include "transfer/fetch.h"
#include "transfer/fetch_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/random.h"

namespace isobar::transfer {
namespace {

TEST(FetchOrders, ComeBackAsTheyWere) {
  FetchOrders orders;
  orders.orders = {
      {{.location = "s3://data/train", .endpoint = "http://127.0.0.1:9000", .region = "eu-west-1", .anonymous = true}, "~/data"},
      {{.location = "gs://models/7b.bin"}, "/models/7b.bin"}};
  orders.surroundings = {{{"AWS_PROFILE", "work"}}, {{"/home/ada/.aws/config", "[profile work]\n\"odd\" é"}}, "/home/ada"};
  const auto again = decode_fetch_orders(encode(orders)).value();
  EXPECT_EQ(again.orders, orders.orders);
  EXPECT_EQ(again.orders[0].store.endpoint, "http://127.0.0.1:9000");
  EXPECT_EQ(again.orders[0].store.region, "eu-west-1");
  EXPECT_TRUE(again.orders[0].store.anonymous);
  EXPECT_EQ(again.surroundings.variables, orders.surroundings.variables);
  EXPECT_EQ(again.surroundings.files, orders.surroundings.files);
  EXPECT_EQ(again.surroundings.home, "/home/ada");
}

TEST(FetchOrders, GoInPiecesThatAProcessCanBeGiven) {
  FetchOrders orders;
  orders.orders = {{{.location = "s3://data/train"}, "~/data"}};
  orders.surroundings.files["/etc/bundle.pem"] = std::string(250'000, 'c');
  std::string joined;
  for (int i = 0; i < 3; ++i) {
    const auto pieces = fetch_variables(orders).value();
    EXPECT_EQ(pieces.size(), 3U);
    EXPECT_LT(pieces.at(fetch_variable(i)).size(), 128U << 10);
    joined += pieces.at(fetch_variable(i));
  }
  EXPECT_EQ(decode_fetch_orders(joined)->surroundings.files, orders.surroundings.files);
  orders.surroundings.files["/etc/more.pem"] = std::string(2 << 20, 'c');
  EXPECT_EQ(fetch_variables(orders).error().code(), Code::kInvalidArgument);
}

TEST(FetchOrders, WhatIsNotTheirsIsRefused) {
  for (const char* text : {"", "[]", "{}", R"({"orders":[{}],"variables":{},"files":{},"home":""})",
                           R"({"orders":[],"variables":{"A":1},"files":{},"home":""})"})
    EXPECT_EQ(decode_fetch_orders(text).error().code(), Code::kInvalidArgument) << text;
}

// With a folder as the store: the way is the same whatever the store is.
class Fetch : public testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / ("isobar-fetch-" + secure_random_hex(6));

  void SetUp() override {
    put("bucket/train/a", "aa");
    put("bucket/train/deep/b", "bbb");
    put("bucket/train2/c", "c");
    ASSERT_TRUE(make_folders(root_ / "home").ok());
    ::setenv("HOME", (root_ / "home").c_str(), 1);
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    ASSERT_TRUE(make_folders((root_ / path).parent_path()).ok());
    ASSERT_TRUE(write_file(root_ / path, text, Durability::kCache).ok());
  }
  std::string at(const std::string& path) const { return read_file(root_ / path).value_or("none"); }
  int fetch(const std::string& location, const std::string& destination) {
    FetchOrders orders;
    orders.orders = {{{.location = location}, destination}};
    const auto variables = fetch_variables(orders).value();
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
    return fetch_what_is_ordered();
  }
};

TEST_F(Fetch, AllBelowAPlaceGoesBelowTheDestination) {
  EXPECT_EQ(fetch((root_ / "bucket/train").string() + "/", "~/data"), 0);
  EXPECT_EQ(at("home/data/a"), "aa");
  EXPECT_EQ(at("home/data/deep/b"), "bbb");
  EXPECT_EQ(at("home/data/c"), "none");
}

TEST_F(Fetch, ADestinationWithoutARootIsInTheWorkdir) {
  EXPECT_EQ(fetch((root_ / "bucket/train").string() + "/", "data"), 0);
  EXPECT_EQ(at("home/sky_workdir/data/a"), "aa");
  EXPECT_EQ(fetch((root_ / "bucket/train").string() + "/", (root_ / "rooted").string()), 0);
  EXPECT_EQ(at("rooted/deep/b"), "bbb");
}

TEST_F(Fetch, ASecondRunTakesWhatIsNewAndRemovesNothing) {
  const auto source = (root_ / "bucket/train").string() + "/";
  ASSERT_EQ(fetch(source, "~/data"), 0);
  put("home/data/own", "kept");
  put("bucket/train/a", "changed");
  testing::internal::CaptureStdout();
  EXPECT_EQ(fetch(source, "~/data"), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), testing::HasSubstr("1 object, 7 B fetched; what is the same was there already"));
  EXPECT_EQ(at("home/data/a"), "changed");
  EXPECT_EQ(at("home/data/own"), "kept");
}

TEST_F(Fetch, WhatIsNotThereFailsWithItsName) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(fetch((root_ / "bucket/none").string() + "/", "~/data"), 1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("bucket/none"));
}

}  // namespace
}  // namespace isobar::transfer
