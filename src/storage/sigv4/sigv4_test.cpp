#include "storage/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::storage {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const std::string kEmptyHash = crypto::to_hex(crypto::sha256(""));

// The examples of the S3 API reference ("Signature calculations"), all at 2013-05-24T00:00:00Z.
struct S3Example {
  std::string method, target;
  net::Headers headers;
  std::string body, signature;
};

std::string authorization(const net::HttpRequest& request) { return std::string(request.headers.get("Authorization")); }

std::string sign_example(const S3Example& example) {
  net::HttpRequest request;
  request.method = example.method;
  request.url = {"https", "examplebucket.s3.amazonaws.com", 443, example.target};
  request.headers = example.headers;
  const AwsCredentials credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", {}};
  sign_v4(request, credentials, {"us-east-1", "s3"}, crypto::to_hex(crypto::sha256(example.body)), Instant::from_unix_seconds(1369353600));
  return authorization(request);
}

TEST(Sigv4, SignsTheS3ReferencesExamples) {
  const S3Example examples[] = {
      {"GET", "/test.txt", {{"Range", "bytes=0-9"}}, "", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"PUT",
       "/test%24file.text",
       {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
       "Welcome to Amazon S3.",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"GET", "/?lifecycle", {}, "", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"GET", "/?max-keys=2&prefix=J", {}, "", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  for (const auto& example : examples) EXPECT_THAT(sign_example(example), EndsWith("Signature=" + example.signature)) << example.target;
}

// From AWS's published test suite for version 4: service "service", at 2015-08-30T12:36:00Z.
std::string sign_suite(std::string method, std::string target) {
  net::HttpRequest request;
  request.method = std::move(method);
  request.url = {"https", "example.amazonaws.com", 443, std::move(target)};
  sign_v4(request, {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}}, {"us-east-1", "service"}, kEmptyHash,
          Instant::from_unix_seconds(1440938160));
  return authorization(request);
}

TEST(Sigv4, SignsTheTestSuite) {
  EXPECT_EQ(sign_suite("GET", "/"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_THAT(sign_suite("GET", "/?Param2=value2&Param1=value1"),
              EndsWith("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
  EXPECT_THAT(sign_suite("POST", "/"), EndsWith("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
}

TEST(Sigv4, CarriesTheTokenOfTemporaryCredentialsAndSignsIt) {
  net::HttpRequest request;
  request.url = {"https", "b.s3.amazonaws.com", 443, "/k"};
  sign_v4(request, {"AK", "SK", "TOKEN", {}}, {"us-east-1", "s3"}, kUnsignedPayload, Instant());
  EXPECT_EQ(request.headers.get("X-Amz-Security-Token"), "TOKEN");
  EXPECT_EQ(request.headers.get("X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_THAT(authorization(request), HasSubstr("host;x-amz-content-sha256;x-amz-date;x-amz-security-token"));
  EXPECT_THAT(authorization(request), testing::Not(HasSubstr("SK")));
}

TEST(Sigv4, LeavesAnonymousRequestsUnsigned) {
  net::HttpRequest request;
  sign_v4(request, {}, {"us-east-1", "s3"}, kUnsignedPayload, Instant());
  EXPECT_FALSE(request.headers.has("Authorization"));
}

TEST(Sigv4, FoldsHeadersOfOneNameAndRunsOfBlanks) {
  net::HttpRequest request;
  request.url = {"https", "h", 443, "/"};
  request.headers = {{"My-Header", " a   b "}, {"my-header", "c"}};
  std::string names;
  EXPECT_THAT(canonical_request(request, true, kEmptyHash, names), HasSubstr("my-header:a b,c\n\n"));
  EXPECT_EQ(names, "host;my-header");
}

}  // namespace
}  // namespace isobar::storage
