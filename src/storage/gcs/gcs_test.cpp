#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/crc32c.h"
#include "crypto/digest.h"
#include "gcs_json.h"
#include "storage/gcs.h"
#include "storage/scripted_transport.h"

namespace isobar::storage::gcs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kObject = R"({"name":"k","size":"5","generation":"7","updated":"2009-10-12T17:50:30.5Z","etag":"e","crc32c":"yZRlqg=="})";

TEST(GcsJson, TellsObjectsWhetherNumbersAreTextOrNot) {
  for (const std::string& text :
       {kObject, std::string(R"({"name":"k","size":5,"generation":7,"updated":"2009-10-12T17:50:30.5Z","crc32c":"yZRlqg=="})")}) {
    const auto head = parse_object(text);
    ASSERT_TRUE(head.ok()) << head.error().message();
    EXPECT_EQ(head->info.bytes, 5U);
    EXPECT_EQ(head->info.version, "7");
    EXPECT_EQ(head->info.checksums.crc32c, 0xc99465aaU);
    EXPECT_EQ(head->info.modified, Instant::from_unix_seconds(1255369830) + 500ms);
  }
}

TEST(GcsJson, WhatIsNoAnswerOfTheServiceIsLoss) {
  for (const char* text : {"", "[]", "{", R"({"name":"k"})", R"({"size":"5"})", R"({"name":"k","size":"x"})"})
    EXPECT_EQ(parse_object(text).error().code(), Code::kDataLoss) << text;
  EXPECT_EQ(parse_list(R"({"items":[1]})").error().code(), Code::kDataLoss);
  EXPECT_EQ(parse_rewrite(R"({"done":false})").error().code(), Code::kDataLoss);
  EXPECT_EQ(parse_rewrite(R"({"done":true})").error().code(), Code::kDataLoss);
}

TEST(GcsJson, ErrorsAreReadInBothLanguages) {
  const auto in_json = parse_error(R"({"error":{"code":404,"message":"No such object","errors":[{"reason":"notFound"}]}})");
  EXPECT_EQ(in_json.reason, "notFound");
  EXPECT_EQ(in_json.message, "No such object");
  EXPECT_EQ(parse_error("<Error><Code>NoSuchUpload</Code></Error>").reason, "NoSuchUpload");
  EXPECT_EQ(parse_error("<html>").message, "");
  EXPECT_EQ(code_of({"conflict", "You already own this bucket."}, 409), Code::kAlreadyExists);
  EXPECT_EQ(code_of({"conflict", "The bucket you tried to delete is not empty."}, 409), Code::kConflict);
  EXPECT_EQ(code_of({"invalid", "Provided CRC32C \"AAAAAA==\" doesn't match calculated CRC32C"}, 400), Code::kDataLoss);
  EXPECT_EQ(code_of({"rateLimitExceeded", ""}, 403), Code::kExhausted);
}

TEST(GcsJson, HashesComeInOneHeaderOrTwo) {
  const std::string md5 = "JfnnlDI7RTiF9RgfG2JNCw==";
  for (const net::Headers& headers :
       {net::Headers{{"x-goog-hash", "crc32c=yZRlqg==,md5=" + md5}}, {{"x-goog-hash", "crc32c=yZRlqg=="}, {"X-Goog-Hash", "md5=" + md5}}}) {
    EXPECT_EQ(read_hashes(headers).crc32c, 0xc99465aaU);
    EXPECT_EQ(read_hashes(headers).md5, crypto::md5("123456789"));
  }
}

class Gcs : public testing::Test {
 protected:
  std::unique_ptr<Store> open(GcsOptions options = {}) {
    auto store = make_gcs_store("bucket", std::move(options), credentials, transport, clock);
    EXPECT_TRUE(store.ok());
    return std::move(*store);
  }
  ScriptedTransport transport;
  StoppedClock clock;
  std::shared_ptr<SecretSource<GcsCredentials>> credentials = SecretSource<GcsCredentials>::of({"TOKEN", {}});
};

TEST_F(Gcs, PutsResourceAndContentTogetherAndAsksForVerification) {
  transport.answer(200, kObject);
  PutRequest request{"a/b c", "123456789"};
  request.properties.content_type = "text/x";
  request.properties.metadata = {{"who", "me"}};
  request.checksums.crc32c = 0xc99465aaU;
  request.only_if_absent = true;
  auto store = open();
  ASSERT_TRUE(await<PutReceipt>([&](auto done) { store->put(request, done); }).ok());
  EXPECT_EQ(transport.last_target(), "/upload/storage/v1/b/bucket/o?uploadType=multipart&name=a%2Fb%20c&ifGenerationMatch=0");
  EXPECT_EQ(transport.last_header("Authorization"), "Bearer TOKEN");
  EXPECT_THAT(transport.last().owned_body, HasSubstr(R"("crc32c":"yZRlqg==")"));
  EXPECT_THAT(transport.last().owned_body, HasSubstr(R"("metadata":{"who":"me"})"));
  EXPECT_THAT(transport.last().owned_body, HasSubstr("Content-Type: text/x\r\n\r\n123456789\r\n--"));
  transport.answer(412, "{}");
  EXPECT_EQ(await<PutReceipt>([&](auto done) { store->put(request, done); }).error().code(), Code::kAlreadyExists);
}

TEST_F(Gcs, AGetIsPinnedToItsGenerationAndReadAsStored) {
  auto store = open();
  std::string room(4, '\0');
  transport.answer(206, "5678",
                   {{"Content-Range", "bytes 5-8/100"},
                    {"x-goog-generation", "7"},
                    {"x-goog-hash", "crc32c=yZRlqg=="},
                    {"x-goog-stored-content-encoding", "gzip"}});
  const auto got = await<Got>([&](auto done) { store->get({"a/b", 5, room, "7"}, done); });
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->head.info.bytes, 100U);
  EXPECT_EQ(got->head.properties.content_encoding, "gzip");
  EXPECT_EQ(got->head.info.checksums.crc32c, 0xc99465aaU);
  EXPECT_EQ(transport.last_target(), "/storage/v1/b/bucket/o/a%2Fb?alt=media&ifGenerationMatch=7");
  EXPECT_EQ(transport.last_header("Accept-Encoding"), "gzip");
  transport.answer(412, "{}");
  EXPECT_EQ(await<Got>([&](auto done) { store->get({"a/b", 5, room, "6"}, done); }).error().code(), Code::kConflict);
}

TEST_F(Gcs, AListingBeginsAfterAKeyAndLeavesPartsOut) {
  auto store = open();
  const auto item = [](const std::string& name) { return R"({"name":")" + name + R"(","size":"1","generation":"1"})"; };
  transport.answer(200, R"({"items":[)" + item("b") + "," + item("b/c") + "," + item(".isobar-parts/1/marker") +
                            R"(],"prefixes":[".isobar-parts/","d/"]})");
  const auto page = await<ListPage>([&](auto done) { store->list({"", false, "b", "", 10}, done); });
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(page->objects[0].key, "b/c");
  EXPECT_THAT(page->prefixes, ElementsAre("d/"));
  EXPECT_THAT(transport.last_target(), HasSubstr("startOffset=b"));
}

TEST_F(Gcs, ALargeCopyGoesOnUntilItIsDone) {
  auto store = open();
  transport.answer(200, R"({"done":false,"rewriteToken":"t1"})");
  transport.answer(200, R"({"done":false,"rewriteToken":"t2"})");
  transport.answer(200, R"({"done":true,"resource":)" + kObject + "}");
  const auto copied = await<PutReceipt>([&](auto done) { store->copy(*store, "a/b", "3", "k", {}, done); });
  ASSERT_TRUE(copied.ok());
  EXPECT_EQ(copied->version, "7");
  EXPECT_EQ(transport.last_target(), "/storage/v1/b/bucket/o/a%2Fb/rewriteTo/b/bucket/o/k?ifSourceGenerationMatch=3&rewriteToken=t2");
}

TEST_F(Gcs, PartsGoOverTheXmlInterfaceEachWithItsChecksum) {
  auto store = open();
  Properties properties;
  properties.metadata = {{"who", "me"}};
  transport.answer(200, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
  const auto upload = await<Upload>([&](auto done) { store->start_upload("a/b c", properties, done); });
  ASSERT_TRUE(upload.ok()) << upload.error().message();
  EXPECT_EQ(transport.last_target(), "/bucket/a/b%20c?uploads=");
  EXPECT_EQ(transport.last_header("x-goog-meta-who"), "me");
  transport.answer(200, "", {{"ETag", "\"e1\""}, {"x-goog-hash", "crc32c=" + crypto::crc32c_to_base64(crypto::crc32c("12345"))}});
  const auto part = await<Part>([&](auto done) { store->put_part(*upload, 1, 0, "12345", {}, done); });
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(transport.last_header("x-goog-hash"), "crc32c=" + crypto::crc32c_to_base64(crypto::crc32c("12345")));
  transport.answer(200, "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>");
  transport.answer(200, kObject);
  const auto receipt = await<PutReceipt>([&](auto done) { store->complete_upload(*upload, {*part}, 5, {}, {}, done); });
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  EXPECT_EQ(receipt->version, "7");
  EXPECT_THAT(transport.asked[2].owned_body, Not(HasSubstr("ChecksumCRC32C")));
}

TEST_F(Gcs, AnExpiredTokenIsFetchedAnewOnce) {
  int fetches = 0;
  credentials = std::make_shared<SecretSource<GcsCredentials>>(&clock, [&](const Done<GcsCredentials>& done) {
    done(GcsCredentials{"T" + std::to_string(++fetches), clock.at + 1h});
  });
  auto store = open();
  transport.answer(401, "{}");
  transport.answer(200, kObject);
  ASSERT_TRUE(await<ObjectHead>([&](auto done) { store->head("k", false, done); }).ok());
  EXPECT_EQ(transport.last_header("Authorization"), "Bearer T2");
}

TEST_F(Gcs, TellsTheRegionOfABucketUnlessItLiesInSeveral) {
  const auto region = [&](const char* answer) {
    transport.answer(200, answer);
    auto store = open();
    return await<std::string>([&](auto done) { store->region(done); });
  };
  EXPECT_EQ(region(R"({"location":"US-EAST4","locationType":"region"})").value(), "us-east4");
  EXPECT_EQ(transport.last().url.target, "/storage/v1/b/bucket?fields=location%2ClocationType");
  EXPECT_EQ(region(R"({"location":"EUROPE-WEST1"})").value(), "europe-west1");
  for (const char* several : {R"({"location":"US","locationType":"multi-region"})", R"({"location":"NAM4","locationType":"dual-region"})",
                              R"({"location":"EU"})"}) {
    const auto told = region(several);
    EXPECT_EQ(told.error().code(), Code::kInvalidArgument);
    EXPECT_THAT(told.error().message(), testing::HasSubstr("lies in several regions"));
  }
  EXPECT_EQ(region("{}").error().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace isobar::storage::gcs
