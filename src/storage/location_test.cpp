#include "storage/location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/store.h"

namespace isobar::storage {
namespace {

using testing::HasSubstr;

Location at(std::string_view text) {
  const auto location = parse_location(text);
  EXPECT_TRUE(location.ok()) << text << (location.ok() ? "" : location.error().message());
  return location.value_or(Location{});
}

TEST(Location, KeepsTheKeyByteForByte) {
  EXPECT_EQ(at("s3://b/a//b").key, "a//b");
  EXPECT_EQ(at("s3://b//x").key, "/x");
  EXPECT_EQ(at("s3://b/./../x").key, "./../x");
  EXPECT_EQ(at("s3://b/s3://c/d").key, "s3://c/d");
  EXPECT_EQ(at("gs://b/a b+c&d=?#%41").key, "a b+c&d=?#%41");
  EXPECT_EQ(at("s3://b").key, "");
  EXPECT_EQ(at("s3://b/").key, "");
  EXPECT_EQ(at("s3://b/").bucket, "b");
}

TEST(Location, KnowsEveryStoreByItsScheme) {
  EXPECT_EQ(at("gcs://b/k").kind, Kind::kGcs);
  const auto azure = at("https://acct.blob.core.windows.net/c/k/l");
  EXPECT_EQ(azure.kind, Kind::kAzure);
  EXPECT_EQ(azure.account, "acct");
  EXPECT_EQ(azure.bucket, "c");
  EXPECT_EQ(azure.key, "k/l");
  EXPECT_EQ(at("az://acct/c/k").text(), azure.text().substr(0, azure.text().size() - 2));
  EXPECT_EQ(at("https://host:8443/a/b?c=d").bucket, "https://host:8443");
  EXPECT_EQ(at("file:///tmp/x").key, "/tmp/x");
  EXPECT_EQ(at("./s3://x").kind, Kind::kLocal);
  EXPECT_EQ(at("../a").key, "../a");
}

TEST(Location, SaysWhatIsWrongAndWhatIsMeant) {
  EXPECT_THAT(parse_location("s4://b/k").error().message(), HasSubstr("did you mean s3://"));
  EXPECT_THAT(parse_location("s3:///k").error().message(), HasSubstr("bucket is missing"));
  EXPECT_THAT(parse_location("az://").error().message(), HasSubstr("account is missing"));
  EXPECT_FALSE(parse_location("").ok());
  EXPECT_FALSE(parse_location("s3://a b/k").ok());
}

}  // namespace
}  // namespace isobar::storage
