#include "storage/s3_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::storage::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string object(std::string_view key, int bytes = 1) {
  return "<Contents><Key>" + std::string(key) +
         "</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>" + std::to_string(bytes) +
         "</Size><StorageClass>STANDARD</StorageClass></Contents>";
}
std::string listing(std::string_view inside) {
  return R"(<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)" +
         std::string(inside) + "</ListBucketResult>";
}
std::vector<std::string> keys(const Result<ListPage>& page) {
  EXPECT_TRUE(page.ok()) << (page.ok() ? "" : page.error().message());
  std::vector<std::string> names;
  if (page.ok())
    for (const auto& found : page->objects) names.push_back(found.key);
  return names;
}

TEST(S3Listing, DecodesKeysOnlyWhenTheStoreSaysThatItEncodedThem) {
  const std::string encoded = "a%2Bb+c%20d%01%25";
  EXPECT_THAT(keys(parse_list(listing("<EncodingType>url</EncodingType>" + object(encoded)))), ElementsAre("a+b c d\x01%"));
  EXPECT_THAT(keys(parse_list(listing(object(encoded)))), ElementsAre(encoded));
}

TEST(S3Listing, ControlBytesDoNotMakeItUnreadable) {
  EXPECT_THAT(keys(parse_list(listing(object("a\x01z") + object("b&#x2;") + object(" ")))), ElementsAre(" ", "a\x01z", "b\x02"));
}

TEST(S3Listing, KeepsTheOrderOfBytes) {
  EXPECT_THAT(keys(parse_list(listing(object("b") + object("\xC3\xA9") + object("B")))), ElementsAre("B", "b", "\xC3\xA9"));
}

TEST(S3Listing, TellsSizesTimesAndVersions) {
  const auto page =
      parse_list(listing(object("k", 42) + "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes><IsTruncated>true</IsTruncated>"
                                           "<NextContinuationToken>t+/=</NextContinuationToken>"));
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->objects[0].bytes, 42U);
  EXPECT_EQ(page->objects[0].version, "e");
  EXPECT_EQ(page->objects[0].modified, Instant::from_unix_seconds(1255369830));
  EXPECT_EQ(page->objects[0].storage_class, "");
  EXPECT_THAT(page->prefixes, ElementsAre("p/"));
  EXPECT_EQ(page->next, "t+/=");
}

TEST(S3Listing, CutShortWithoutSayingWhereToGoOnIsLossNotTheEnd) {
  EXPECT_EQ(parse_list(listing("<IsTruncated>true</IsTruncated>")).error().code(), Code::kDataLoss);
}

TEST(S3Listing, AnythingElseIsRefused) {
  for (const char* text :
       {"", "no xml", "<html></html>", "<ListBucketResult>", "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>"})
    EXPECT_EQ(parse_list(text).error().code(), Code::kDataLoss) << text;
}

// A marker that was decoded wrongly, or not at all, makes a listing go round for ever.
TEST(S3Uploads, MarkersAreDecodedBeforeTheyAreUsedAgain) {
  const auto page = parse_uploads(
      "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a+b%26c</NextKeyMarker>"
      "<NextUploadIdMarker>id&amp;1</NextUploadIdMarker><Upload><Key>a+b%26c</Key><UploadId>id&amp;1</UploadId></Upload></"
      "ListMultipartUploadsResult>");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->uploads[0].key, "a b&c");
  const auto markers = split_markers(page->next);
  ASSERT_TRUE(markers.ok());
  EXPECT_EQ(markers->first, "a b&c");
  EXPECT_EQ(markers->second, "id&1");
}

TEST(S3Parts, ALongListSaysWhereToGoOn) {
  const auto page = parse_parts(
      "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>7</NextPartNumberMarker><Part><PartNumber>7</PartNumber>"
      "<ETag>\"e\"</ETag><Size>5</Size><ChecksumCRC32C>yZRlqg==</ChecksumCRC32C></Part></ListPartsResult>");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->next, 7);
  EXPECT_EQ(page->parts[0].crc32c, 0xc99465aaU);
}

TEST(S3Errors, AreReadAndGivenTheirMeaning) {
  const auto error =
      parse_error("\n <?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>m</Message><RequestId>r</RequestId></Error>");
  ASSERT_TRUE(error);
  EXPECT_EQ(code_of(error->code, 200), Code::kExhausted);
  EXPECT_EQ(code_of("InternalError", 200), Code::kUnavailable);
  EXPECT_EQ(code_of("NoSuchUpload", 200), Code::kNotFound);
  EXPECT_EQ(code_of("BadDigest", 400), Code::kDataLoss);
  EXPECT_EQ(code_of("RequestTimeout", 400), Code::kUnavailable);
  EXPECT_EQ(code_of("EntityTooSmall", 400), Code::kInvalidArgument);
  EXPECT_EQ(code_of("", 403), Code::kPermissionDenied);
  EXPECT_FALSE(parse_error("<html>502</html>"));
  EXPECT_FALSE(parse_error(""));
}

TEST(S3Checksums, AChecksumOfChecksumsIsNotTheObjects) {
  EXPECT_EQ(read_crc32c("yZRlqg=="), 0xc99465aaU);
  EXPECT_FALSE(read_crc32c("yZRlqg==-3"));
  EXPECT_FALSE(read_crc32c(""));
}

TEST(S3Requests, AreEscapedAndPrecise) {
  const std::string keys_gone[] = {"a&b<c>\r\n", "\""};
  EXPECT_EQ(
      write_removal(keys_gone),
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet><Object><Key>a&amp;b&lt;c&gt;&#13;&#10;</Key></Object>"
      "<Object><Key>&quot;</Key></Object></Delete>");
  const Part parts[] = {{1, 5, "e", 0xc99465aaU}};
  EXPECT_THAT(write_parts(parts),
              HasSubstr("<Part><PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag><ChecksumCRC32C>yZRlqg==</ChecksumCRC32C></Part>"));
}

}  // namespace
}  // namespace isobar::storage::s3
