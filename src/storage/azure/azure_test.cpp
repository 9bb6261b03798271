#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "azure_xml.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "shared_key.h"
#include "storage/azure.h"
#include "storage/scripted_transport.h"

namespace isobar::storage::azure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The example of the documentation of Shared Key: Get Container Metadata.
TEST(SharedKey, SignsWhatTheDocumentationShows) {
  net::HttpRequest request;
  request.url = {"https", "myaccount.blob.core.windows.net", 443, "/mycontainer?restype=container&comp=metadata&timeout=20"};
  request.headers = {{"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"}, {"x-ms-version", "2015-02-21"}};
  EXPECT_EQ(string_to_sign(request, "myaccount", 0),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
            "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20");
  sign_shared_key(request, "myaccount", "key", 0);
  EXPECT_THAT(std::string(request.headers.get("Authorization")), StartsWith("SharedKey myaccount:"));
}

TEST(SharedKey, SignsTheDecodedQueryTheEncodedPathAndTheLength) {
  net::HttpRequest request;
  request.method = "PUT";
  request.url = {"http", "127.0.0.1", 10000, "/acct/c/a%20b?blockid=YQ%3D%3D&comp=block"};
  request.headers = {{"Content-MD5", "m"}, {"x-ms-version", "v"}};
  EXPECT_EQ(string_to_sign(request, "acct", 5),
            "PUT\n\n\n5\nm\n\n\n\n\n\n\n\nx-ms-version:v\n/acct/acct/c/a%20b\nblockid:YQ==\ncomp:block");
}

TEST(AzureMetadata, NamesThatCSharpWouldNotTakeAreEscaped) {
  EXPECT_EQ(metadata_name("plain_name1"), "plain_name1");
  EXPECT_EQ(metadata_name("dash-ed"), "dash__x2ded");
  EXPECT_EQ(metadata_name("1st"), "__x31st");
  EXPECT_EQ(metadata_name("a__x2d"), "a__x5f_x2d");
}

TEST(AzureMetadata, EveryNameReadsBack) {
  rc::check([](const std::string& name) { RC_ASSERT(name_of_metadata(metadata_name(name)) == name); });
  rc::check([] {
    const auto name = *rc::gen::container<std::string>(rc::gen::element('_', 'x', '2', 'd', '5', 'f', '-', 'a'));
    RC_ASSERT(name_of_metadata(metadata_name(name)) == name);
  });
}

TEST(AzureKeys, NamesThatAzureWouldChangeAreRefusedRatherThanChanged) {
  for (const char* key : {"", "a\\b", "./a", "a/../b", "..", "end."})
    EXPECT_EQ(check_key(key).error().code(), Code::kInvalidArgument) << key;
  for (const char* key : {"a//b", "/a", "a.b", "...a", "a/", ".hidden", "a+b c"}) EXPECT_TRUE(check_key(key).ok()) << key;
}

TEST(AzureListing, TellsBlobsPrefixesAndEncodedNames) {
  const auto page = parse_list(
      "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs><Blob><Name "
      "Encoded=\"true\">a%01b</Name><Properties>"
      "<Last-Modified>Mon, 12 Oct 2009 17:50:30 GMT</Last-Modified><Etag>0x8D</Etag><Content-Length>5</Content-Length>"
      "<Content-MD5>JfnnlDI7RTiF9RgfG2JNCw==</Content-MD5><AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred></"
      "Properties></Blob>"
      "<BlobPrefix><Name>p/</Name></BlobPrefix></Blobs><NextMarker>m</NextMarker></EnumerationResults>");
  ASSERT_TRUE(page.ok()) << page.error().message();
  EXPECT_EQ(page->objects.at(0).key,
            "a\x01"
            "b");
  EXPECT_EQ(page->objects.at(0).bytes, 5U);
  EXPECT_EQ(page->objects.at(0).version, "0x8D");
  EXPECT_EQ(page->objects.at(0).checksums.md5, crypto::md5("123456789"));
  EXPECT_EQ(page->objects.at(0).storage_class, "");
  EXPECT_EQ(page->objects.at(0).modified, Instant::from_unix_seconds(1255369830));
  EXPECT_THAT(page->prefixes, ElementsAre("p/"));
  EXPECT_EQ(page->next, "m");
}

TEST(AzureBlocks, OnlyThoseOfOurNamingAreTaken) {
  const std::string ours = block_name("0123456789abcdef", 7);
  const auto blocks =
      parse_uncommitted("<BlockList><UncommittedBlocks><Block><Name>" + ours +
                        "</Name><Size>5</Size></Block><Block><Name>AAAA</Name><Size>1</Size></Block></UncommittedBlocks></BlockList>");
  ASSERT_TRUE(blocks.ok());
  ASSERT_EQ(blocks->size(), 1U);
  EXPECT_EQ((*blocks)[0].upload, "0123456789abcdef");
  EXPECT_EQ((*blocks)[0].number, 7);
  EXPECT_EQ(block_name("0123456789abcdef", 50'000).size(), ours.size());
}

class Azure : public testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = make_azure_store("acct", "cont", {}, SecretSource<AzureCredentials>::of(credentials), transport, clock);
    EXPECT_TRUE(store.ok());
    return std::move(*store);
  }
  Result<PutReceipt> put(Store& store, PutRequest request) {
    return await<PutReceipt>([&](auto done) { store.put(request, done); });
  }
  ScriptedTransport transport;
  StoppedClock clock;
  AzureCredentials credentials;
};

TEST_F(Azure, EveryWayInIsUsedAndNoSecretIsTold) {
  credentials.account_key = "KEYKEY";
  transport.answer(403, "<Error><Code>AuthenticationFailed</Code><Message>no\nRequestId:1</Message></Error>");
  const auto refused = put(*open(), {"k", "x"});
  EXPECT_EQ(refused.error().message(), "put az://acct/cont/k: the store answered 403 AuthenticationFailed: no");
  EXPECT_EQ(transport.last().url.text(), "https://acct.blob.core.windows.net/cont/k");
  EXPECT_THAT(transport.last_header("Authorization"), StartsWith("SharedKey acct:"));

  credentials = {};
  credentials.sas = "sv=1&sig=SECRETSIG";
  transport.answer(404, "", {{"x-ms-error-code", "ContainerNotFound"}});
  const auto missing = put(*open(), {"k", "x"});
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_THAT(missing.error().message(), Not(HasSubstr("SECRETSIG")));
  EXPECT_EQ(transport.last_target(), "/cont/k?sv=1&sig=SECRETSIG");

  credentials = {};
  credentials.bearer = "TOKEN";
  transport.answer(201);
  ASSERT_TRUE(put(*open(), {"k", "x"}).ok());
  EXPECT_EQ(transport.last_header("Authorization"), "Bearer TOKEN");
}

TEST_F(Azure, OnlyIfAbsentTellsThatItIsThere) {
  PutRequest request{"k", "x"};
  request.only_if_absent = true;
  for (const auto& [status, code] : {std::pair{409, "BlobAlreadyExists"}, {412, "ConditionNotMet"}}) {
    transport.answer(status, "", {{"x-ms-error-code", code}});
    EXPECT_EQ(put(*open(), request).error().code(), Code::kAlreadyExists);
  }
}

TEST_F(Azure, ACopysSourceIsSignedForReadingOnlyAndPinned) {
  credentials.account_key = "KEYKEY";
  auto store = open();
  transport.answer(201);
  const auto part = await<Part>([&](auto done) { store->copy_part(*store, "a b", "0x8D", 5, 10, {"to", "0123456789abcdef"}, 2, done); });
  ASSERT_TRUE(part.ok());
  const std::string source = transport.last_header("x-ms-copy-source");
  EXPECT_THAT(source, StartsWith("https://acct.blob.core.windows.net/cont/a%20b?sp=r&se="));
  EXPECT_THAT(source, Not(HasSubstr("KEYKEY")));
  EXPECT_EQ(transport.last_header("x-ms-source-range"), "bytes=5-14");
  EXPECT_EQ(transport.last_header("x-ms-source-if-match"), "\"0x8D\"");
}

TEST_F(Azure, ACopyThatTakesTimeIsWaitedFor) {
  auto store = open();
  transport.answer(202, "", {{"x-ms-copy-status", "pending"}});
  transport.answer(200, "", {{"x-ms-copy-status", "pending"}});
  transport.answer(200, "", {{"x-ms-copy-status", "success"}, {"ETag", "\"e\""}});
  transport.answer(200, "", {{"ETag", "\"f\""}});
  Properties properties;
  properties.metadata = {{"a", "b"}};
  const auto copied = await<PutReceipt>([&](auto done) { store->copy(*store, "k", "", "l", properties, done); });
  ASSERT_TRUE(copied.ok());
  EXPECT_EQ(copied->version, "f");
  EXPECT_EQ(transport.last_target(), "/cont/l?comp=properties");
}

}  // namespace
}  // namespace isobar::storage::azure
