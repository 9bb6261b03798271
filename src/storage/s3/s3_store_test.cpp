#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/crc32c.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "storage/s3.h"
#include "storage/scripted_transport.h"

namespace isobar::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class S3 : public testing::Test {
 protected:
  std::unique_ptr<Store> open(S3Options options = {}, std::string bucket = "bucket") {
    auto store = make_s3_store(std::move(bucket), std::move(options), credentials, transport, clock);
    EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().message());
    return std::move(*store);
  }
  static S3Options plain_http() {
    S3Options options;
    options.endpoint = "http://127.0.0.1:9000";
    return options;
  }
  Result<PutReceipt> put(Store& store, PutRequest request) {
    return await<PutReceipt>([&](auto done) { store.put(request, done); });
  }
  Result<ObjectHead> head(Store& store, std::string key, bool with_tags = false) {
    return await<ObjectHead>([&](auto done) { store.head(key, with_tags, done); });
  }
  Result<Got> get(Store& store, std::uint64_t offset, std::span<char> into, std::string version = {}) {
    return await<Got>([&](auto done) { store.get({"k", offset, into, version}, done); });
  }
  Result<std::vector<RemoveFailure>> remove(Store& store, std::vector<std::string> keys) {
    return await<std::vector<RemoveFailure>>([&](auto done) { store.remove(keys, done); });
  }

  ScriptedTransport transport;
  StoppedClock clock;
  std::shared_ptr<SecretSource<AwsCredentials>> credentials = SecretSource<AwsCredentials>::of({"AKID", "SECRET", "", {}});
};

TEST_F(S3, PutsTheBucketIntoTheHostAtAwsAndIntoThePathElsewhere) {
  transport.answer(200);
  ASSERT_TRUE(put(*open(), {"a b/c", "x"}).ok());
  EXPECT_EQ(transport.last().url.text(), "https://bucket.s3.us-east-1.amazonaws.com/a%20b/c");
  transport.answer(200);
  ASSERT_TRUE(put(*open({}, "dotted.bucket"), {"k", "x"}).ok());
  EXPECT_EQ(transport.last().url.text(), "https://s3.us-east-1.amazonaws.com/dotted.bucket/k");
  transport.answer(200);
  ASSERT_TRUE(put(*open(plain_http()), {"k", "x"}).ok());
  EXPECT_EQ(transport.last().url.text(), "http://127.0.0.1:9000/bucket/k");
}

TEST_F(S3, AnImitationsChecksumOfAnObjectOfPartsIsNotBelieved) {
  const auto told = [&](S3Options options, const std::string& etag) {
    transport.answer(200, "", {{"Content-Length", "5"}, {"ETag", etag}, {"x-amz-checksum-crc32c", "mnG7TA=="}});
    return head(*open(std::move(options)), "k")->info.checksums.crc32c.has_value();
  };
  EXPECT_TRUE(told({}, "\"abc-3\""));
  EXPECT_TRUE(told(plain_http(), "\"abc\""));
  EXPECT_FALSE(told(plain_http(), "\"abc-3\""));
}

TEST_F(S3, SendsKeysByteForByte) {
  auto store = open(plain_http());
  for (const auto& [key, path] : std::vector<std::pair<std::string, std::string>>{{"/x", "/bucket//x"},
                                                                                  {"a//b", "/bucket/a//b"},
                                                                                  {"./../x", "/bucket/./../x"},
                                                                                  {"s3://c/d", "/bucket/s3%3A//c/d"},
                                                                                  {"+:&=?,%#", "/bucket/%2B%3A%26%3D%3F%2C%25%23"},
                                                                                  {"\x01\xC3\xA9", "/bucket/%01%C3%A9"},
                                                                                  {"[a-z]*.{x}", "/bucket/%5Ba-z%5D%2A.%7Bx%7D"}}) {
    transport.answer(200);
    ASSERT_TRUE(put(*store, {key, "x"}).ok());
    EXPECT_EQ(transport.last_target(), path);
  }
}

TEST_F(S3, NamesTooLongAreRefusedBeforeAnythingIsSent) {
  const auto refused = put(*open(), {std::string(1025, 'k'), "x"});
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("1025 bytes; S3 takes at most 1,024"));
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(S3, LearnsTheBucketsRegionAndKeepsIt) {
  auto store = open();
  transport.answer(301, "<Error><Code>PermanentRedirect</Code></Error>", {{"x-amz-bucket-region", "eu-west-1"}});
  transport.answer(200);
  ASSERT_TRUE(put(*store, {"k", "x"}).ok());
  EXPECT_EQ(transport.last().url.host, "bucket.s3.eu-west-1.amazonaws.com");
  EXPECT_THAT(transport.last_header("Authorization"), HasSubstr("/eu-west-1/s3/"));
  transport.answer(200);
  ASSERT_TRUE(put(*store, {"l", "x"}).ok());
  EXPECT_EQ(transport.asked.size(), 3U);
}

TEST_F(S3, LearnsTheRegionFromEveryFormInWhichItIsTold) {
  const std::string malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
  const std::string endpoint = "<Error><Code>TemporaryRedirect</Code><Endpoint>bucket.s3.eu-west-1.amazonaws.com</Endpoint></Error>";
  const std::vector<std::tuple<int, std::string, net::Headers>> refusals = {
      {400, malformed, {}},
      {307, endpoint, {}},
      {307, "", {{"Location", "https://bucket.s3.eu-west-1.amazonaws.com/k"}}},
      {400, "", {{"x-amz-bucket-region", "eu-west-1"}}}};
  for (const auto& [status, body, headers] : refusals) {
    transport.answer(status, body, headers);
    transport.answer(200);
    ASSERT_TRUE(put(*open(), {"k", "x"}).ok()) << status << body;
    EXPECT_EQ(transport.last().url.host, "bucket.s3.eu-west-1.amazonaws.com");
  }
}

TEST_F(S3, NeverFollowsARedirectToSomewhereElse) {
  transport.answer(307, "", {{"Location", "https://evil.example/k"}});
  EXPECT_FALSE(put(*open(), {"k", "x"}).ok());
  transport.answer(301, "", {{"x-amz-bucket-region", "evil.example/"}});
  EXPECT_FALSE(put(*open(), {"k", "x"}).ok());
  EXPECT_EQ(transport.asked.size(), 2U);
}

TEST_F(S3, DoesNotGoRoundInCirclesBetweenRegions) {
  for (const char* region : {"eu-west-1", "us-east-1", "eu-west-1"}) transport.answer(301, "", {{"x-amz-bucket-region", region}});
  EXPECT_FALSE(put(*open(), {"k", "x"}).ok());
  EXPECT_EQ(transport.asked.size(), 3U);
}

TEST_F(S3, AsksForRequesterPaysOnEveryVerb) {
  S3Options options;
  options.requester_pays = true;
  auto store = open(options);
  char room[4];
  const std::vector<std::function<void()>> verbs = {
      [&] { (void)await<ListPage>([&](auto done) { store->list({}, done); }); },
      [&] { (void)head(*store, "k"); },
      [&] { (void)get(*store, 0, room); },
      [&] {
        (void)put(*store, {"k", "x"});
      },
      [&] { (void)remove(*store, {"k"}); },
      [&] { (void)await<Upload>([&](auto done) { store->start_upload("k", {}, done); }); },
      [&] { (void)await<Part>([&](auto done) {
              store->put_part({"k", "u"}, 1, 0, "x", {}, done);
            }); },
      [&] { (void)await<PartPage>([&](auto done) {
              store->list_parts({"k", "u"}, 0, done);
            }); },
      [&] { (void)await<PutReceipt>([&](auto done) {
              store->complete_upload({"k", "u"}, {{1, 1, "e", {}}}, 1, {}, {}, done);
            }); },
      [&] { (void)await<PutReceipt>([&](auto done) { store->copy(*store, "k", "", "l", {}, done); }); },
      [&] { (void)await<void>([&](auto done) {
              store->abort_upload({"k", "u"}, done);
            }); },
      [&] { (void)await<void>([&](auto done) {
              store->set_tags("k", {{"a", "b"}}, done);
            }); }};
  for (const auto& verb : verbs) {
    transport.answer(403);
    verb();
    EXPECT_EQ(transport.last_header("x-amz-request-payer"), "requester") << transport.last().method << transport.last_target();
  }
}

TEST_F(S3, PutCarriesPropertiesTagsChecksumsAndEncryption) {
  S3Options options;
  options.encryption = "aws:kms";
  options.kms_key = "key-1";
  options.acl = "bucket-owner-full-control";
  PutRequest request{"k", "123456789"};
  request.properties.content_type = "text/x";
  request.properties.cache_control = "no-store";
  request.properties.storage_class = "STANDARD_IA";
  request.properties.metadata = {{"who", "me"}};
  request.properties.tags.emplace()["a b"] = "c&d";
  request.checksums.md5 = crypto::md5(request.body);
  request.only_if_absent = true;
  transport.answer(200, "", {{"ETag", "\"etag\""}, {"x-amz-version-id", "v1"}, {"x-amz-checksum-crc32c", "4waSgw=="}});
  const auto receipt = put(*open(options), request);
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(receipt->etag, "etag");
  EXPECT_EQ(receipt->version, "etag@v1");
  EXPECT_EQ(receipt->checksums.crc32c, crypto::crc32c("123456789"));
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"Content-Type", "text/x"},
                                                        {"Cache-Control", "no-store"},
                                                        {"x-amz-storage-class", "STANDARD_IA"},
                                                        {"x-amz-meta-who", "me"},
                                                        {"x-amz-tagging", "a%20b=c%26d"},
                                                        {"x-amz-checksum-crc32c", "4waSgw=="},
                                                        {"x-amz-sdk-checksum-algorithm", "CRC32C"},
                                                        {"Content-MD5", "JfnnlDI7RTiF9RgfG2JNCw=="},
                                                        {"If-None-Match", "*"},
                                                        {"x-amz-server-side-encryption", "aws:kms"},
                                                        {"x-amz-server-side-encryption-aws-kms-key-id", "key-1"},
                                                        {"x-amz-acl", "bucket-owner-full-control"},
                                                        {"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}})
    EXPECT_EQ(transport.last_header(name), value) << name;
}

TEST_F(S3, AHeaderCannotBeSmuggledIntoMetadata) {
  PutRequest request{"k", "x"};
  request.properties.metadata = {{"a", "b\r\nx-amz-acl: public-read"}};
  EXPECT_EQ(put(*open(), request).error().code(), Code::kInvalidArgument);
  request.properties.metadata = {{"a: b", "c"}};
  EXPECT_EQ(put(*open(), request).error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(S3, WithoutTlsTheBodyIsSignedUntilTheStoreShowsThatItVerifiesChecksums) {
  auto store = open(plain_http());
  const std::string hash = crypto::to_hex(crypto::sha256("x"));
  transport.answer(200);
  ASSERT_TRUE(put(*store, {"k", "x"}).ok());
  EXPECT_EQ(transport.last_header("X-Amz-Content-Sha256"), hash);
  transport.answer(200, "", {{"x-amz-checksum-crc32c", crypto::crc32c_to_base64(crypto::crc32c("x"))}});
  ASSERT_TRUE(put(*store, {"k", "x"}).ok());
  EXPECT_EQ(transport.last_header("X-Amz-Content-Sha256"), hash);
  transport.answer(200);
  ASSERT_TRUE(put(*store, {"k", "x"}).ok());
  EXPECT_EQ(transport.last_header("X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
}

TEST_F(S3, RefusalsTellWhatToDoAndWhatTheStoreSaid) {
  auto store = open();
  transport.answer(503, "<Error><Code>SlowDown</Code><Message>Please reduce</Message><RequestId>R1</RequestId></Error>",
                   {{"Retry-After", "7"}});
  const auto slow = put(*store, {"k", "x"});
  EXPECT_EQ(slow.error().code(), Code::kExhausted);
  EXPECT_EQ(slow.error().retry_after(), 7s);
  EXPECT_EQ(slow.error().message(), "put s3://bucket/k: the store answered 503 SlowDown: Please reduce [request R1]");
  EXPECT_THAT(slow.error().message(), Not(HasSubstr("SECRET")));

  PutRequest once{"k", "x"};
  once.only_if_absent = true;
  transport.answer(412, "<Error><Code>PreconditionFailed</Code></Error>");
  EXPECT_EQ(put(*store, once).error().code(), Code::kAlreadyExists);
  transport.answer(400, "<Error><Code>BadDigest</Code></Error>");
  EXPECT_EQ(put(*store, {"k", "x"}).error().code(), Code::kDataLoss);
  transport.fail(unavailable("connection reset"));
  EXPECT_EQ(put(*store, {"k", "x"}).error().message(), "put s3://bucket/k: connection reset");
  transport.answer(404);
  EXPECT_EQ(head(*store, "k").error().code(), Code::kNotFound);
}

TEST_F(S3, ExpiredCredentialsAreFetchedAnewOnce) {
  int fetches = 0;
  credentials = std::make_shared<SecretSource<AwsCredentials>>(&clock, [&](const Done<AwsCredentials>& done) {
    done(AwsCredentials{"ID" + std::to_string(++fetches), "s", "t", clock.at + 1h});
  });
  transport.answer(400, "<Error><Code>ExpiredToken</Code></Error>");
  transport.answer(200);
  ASSERT_TRUE(put(*open(), {"k", "x"}).ok());
  EXPECT_THAT(transport.last_header("Authorization"), HasSubstr("Credential=ID2/"));
}

TEST_F(S3, AGetIsPinnedToItsVersion) {
  auto store = open();
  std::string room(4, '\0');
  transport.answer(
      206, "5678",
      {{"Content-Range", "bytes 5-8/100"}, {"ETag", "\"e\""}, {"x-amz-version-id", "v1"}, {"x-amz-checksum-crc32c", "4waSgw=="}});
  const auto got = get(*store, 5, room, "e@v1");
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->bytes, 4U);
  EXPECT_EQ(got->head.info.bytes, 100U);
  EXPECT_EQ(got->head.info.version, "e@v1");
  EXPECT_FALSE(got->head.info.checksums.crc32c) << "the checksum of a part is not the object's";
  EXPECT_EQ(room, "5678");
  EXPECT_EQ(transport.last_header("If-Match"), "\"e\"");
  EXPECT_EQ(transport.last_header("Range"), "bytes=5-8");
  EXPECT_EQ(transport.last_target(), "/k?versionId=v1");
  transport.answer(412);
  EXPECT_EQ(get(*store, 5, room, "old").error().code(), Code::kConflict);
}

TEST_F(S3, AShortOrMisplacedRangeIsLoss) {
  auto store = open();
  std::string room(4, '\0');
  transport.answer(206, "567", {{"Content-Range", "bytes 5-8/100"}});
  EXPECT_EQ(get(*store, 5, room).error().code(), Code::kDataLoss);
  transport.answer(206, "5678", {{"Content-Range", "bytes 4-7/100"}});
  EXPECT_EQ(get(*store, 5, room).error().code(), Code::kDataLoss);
  transport.answer(200, "0123", {});
  EXPECT_EQ(get(*store, 5, room).error().code(), Code::kDataLoss);
}

TEST_F(S3, AnEmptyObjectIsReadAsEmpty) {
  auto store = open();
  std::string room(4, '\0');
  transport.answer(416, "<Error><Code>InvalidRange</Code></Error>");
  transport.answer(200, "", {{"Content-Length", "0"}, {"ETag", "\"e\""}, {"Content-Type", "a/b"}});
  const auto got = get(*store, 0, room);
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->bytes, 0U);
  EXPECT_EQ(got->head.properties.content_type, "a/b");
}

TEST_F(S3, ListingGoesOnWhereThePageBeforeEnded) {
  auto store = open();
  transport.answer(
      200, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a+b=</NextContinuationToken></ListBucketResult>");
  const auto page = await<ListPage>([&](auto done) { store->list({"p/", false, "p/k", "", 10}, done); });
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(transport.last_target(), "/?list-type=2&encoding-type=url&max-keys=10&prefix=p%2F&delimiter=%2F&start-after=p%2Fk");
  transport.answer(
      200, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a+b=</NextContinuationToken></ListBucketResult>");
  const auto circle = await<ListPage>([&](auto done) { store->list({"p/", false, "p/k", page->next, 10}, done); });
  EXPECT_EQ(circle.error().code(), Code::kDataLoss);
  EXPECT_THAT(transport.last_target(), HasSubstr("continuation-token=a%2Bb%3D"));
}

TEST_F(S3, CompletingChecksTheSumOfThePartsFirst) {
  auto store = open();
  const auto short_one = await<PutReceipt>([&](auto done) {
    store->complete_upload({"k", "u"}, {{1, 5, "a", {}}, {2, 5, "b", {}}}, 11, {}, {}, done);
  });
  EXPECT_EQ(short_one.error().code(), Code::kDataLoss);
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(S3, AnErrorInsideASuccessIsAnError) {
  auto store = open();
  const std::string late = "<?xml version=\"1.0\"?>\n  \n<Error><Code>InternalError</Code><Message>again</Message></Error>";
  transport.answer(200, late);
  const auto completed = await<PutReceipt>([&](auto done) { store->complete_upload({"k", "u"}, {{1, 5, "a", {}}}, 5, {}, {}, done); });
  EXPECT_EQ(completed.error().code(), Code::kUnavailable);
  transport.answer(200, late);
  const auto copied = await<PutReceipt>([&](auto done) { store->copy(*store, "k", "", "l", {}, done); });
  EXPECT_EQ(copied.error().code(), Code::kUnavailable);
}

TEST_F(S3, ACopysSourceIsEncodedAndPinned) {
  auto store = open();
  transport.answer(200, "<CopyObjectResult><ETag>\"n\"</ETag></CopyObjectResult>");
  const auto copied = await<PutReceipt>([&](auto done) { store->copy(*store, "a b+c/\xC3\xA9", "e@v", "l", {}, done); });
  ASSERT_TRUE(copied.ok());
  EXPECT_EQ(copied->version, "n");
  EXPECT_EQ(transport.last_header("x-amz-copy-source"), "/bucket/a%20b%2Bc/%C3%A9?versionId=v");
  EXPECT_EQ(transport.last_header("x-amz-copy-source-if-match"), "\"e\"");
  EXPECT_EQ(transport.last_header("x-amz-metadata-directive"), "COPY");
  transport.answer(200, "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>");
  const auto part = await<Part>([&](auto done) { store->copy_part(*store, "k", "e", 5, 10, {"l", "u"}, 2, done); });
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->etag, "p");
  EXPECT_EQ(transport.last_header("x-amz-copy-source-range"), "bytes=5-14");
}

TEST_F(S3, WhereTheStoreMayIgnoreTheConditionTheSourceIsConfirmedAfterTheCopy) {
  auto store = open(plain_http());
  transport.answer(200, "<CopyObjectResult><ETag>\"n\"</ETag></CopyObjectResult>");
  transport.answer(412);
  const auto copied = await<PutReceipt>([&](auto done) { store->copy(*store, "k", "e", "l", {}, done); });
  EXPECT_EQ(copied.error().code(), Code::kConflict);
  EXPECT_EQ(transport.last().method, "HEAD");
}

TEST_F(S3, CopiesOnlyWithinOneServiceAndAccount) {
  auto here = open(plain_http()), same = open(plain_http(), "other"), aws = open();
  EXPECT_TRUE(here->can_copy_from(*same));
  EXPECT_FALSE(here->can_copy_from(*aws));
  credentials = SecretSource<AwsCredentials>::of({"OTHER", "S", "", {}});
  EXPECT_FALSE(here->can_copy_from(*open(plain_http())));
}

TEST_F(S3, RemovesInOneBatchWhatXmlCanHoldAndTheRestAlone) {
  auto store = open(plain_http());
  transport.answer(200, "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>");
  transport.answer(204);
  const auto failures = remove(*store, {"a", "b", "x\x01y"});
  ASSERT_TRUE(failures.ok());
  ASSERT_EQ(failures->size(), 1U);
  EXPECT_EQ((*failures)[0].key, "b");
  EXPECT_EQ((*failures)[0].error.code(), Code::kPermissionDenied);
  EXPECT_EQ(transport.asked[0].method, "POST");
  EXPECT_EQ(transport.asked[0].headers.get("Content-MD5"), crypto::to_base64(crypto::md5(transport.asked[0].owned_body)));
  EXPECT_EQ(transport.last().method, "DELETE");
  EXPECT_EQ(transport.last_target(), "/bucket/x%01y");
}

TEST_F(S3, ReadsPropertiesMetadataAndTags) {
  auto store = open();
  transport.answer(200, "",
                   {{"Content-Length", "5"},
                    {"ETag", "\"e\""},
                    {"Content-Type", "a/b"},
                    {"X-Amz-Meta-Who", "=?UTF-8?B?w6k=?="},
                    {"Content-Encoding", "aws-chunked,gzip"},
                    {"x-amz-storage-class", "GLACIER"},
                    {"x-amz-checksum-crc32c", "4waSgw=="}});
  transport.answer(200, "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>");
  const auto found = head(*store, "k", true);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->properties.metadata.at("who"), "\xC3\xA9");
  EXPECT_EQ(found->properties.content_encoding, "gzip");
  EXPECT_EQ(found->properties.storage_class, "GLACIER");
  EXPECT_EQ(found->properties.tags->at("a"), "b");
  EXPECT_TRUE(found->has_tags);
  EXPECT_EQ(found->info.checksums.crc32c, crypto::crc32c("123456789"));
}

TEST_F(S3, TellsTheRegionOfABucketAndOfWhatIsNotAtAwsThatItCannot) {
  const auto region = [](Store& store) { return await<std::string>([&](auto done) { store.region(done); }); };
  // Asked of the wrong region first, as the bucket's is not known.
  transport.answer(301, "", {{"x-amz-bucket-region", "eu-west-1"}});
  transport.answer(200, "", {{"x-amz-bucket-region", "eu-west-1"}});
  EXPECT_EQ(region(*open()).value(), "eu-west-1");
  EXPECT_EQ(transport.last().method, "HEAD");
  EXPECT_EQ(transport.last().url.text(), "https://bucket.s3.eu-west-1.amazonaws.com/");
  transport.answer(404);
  EXPECT_EQ(region(*open()).error().code(), Code::kNotFound);
  const auto elsewhere = region(*open(plain_http()));
  EXPECT_EQ(elsewhere.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(elsewhere.error().message(), HasSubstr("not at AWS: name the region"));
}

}  // namespace
}  // namespace isobar::storage
