#include "storage/aws_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws_profiles.h"
#include "known_surroundings.h"
#include "storage/scripted_transport.h"

namespace isobar::storage {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AwsAccessTest : public testing::Test {
 protected:
  Result<AwsAccess> find(const std::string& profile = {}) { return find_aws_access(known.get(), profile, transport, clock); }
  Result<AwsCredentials> get(const std::string& profile = {}) {
    const auto access = find(profile);
    if (!access.ok()) return access.error();
    return await<AwsCredentials>([&](auto done) { access->credentials->get(done); });
  }
  std::string id(const std::string& profile = {}) {
    const auto credentials = get(profile);
    return credentials.ok() ? credentials->access_key_id : credentials.error().message();
  }
  void config(const std::string& text) { known.files["/home/u/.aws/config"] = text; }
  void credentials_file(const std::string& text) { known.files["/home/u/.aws/credentials"] = text; }

  KnownSurroundings known;
  ScriptedTransport transport;
  StoppedClock clock;
};

const std::string kRoleAnswer =
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
    "<SessionToken>t</SessionToken><Expiration>2014-05-13T18:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
const std::string kJsonAnswer = R"({"AccessKeyId":"JSON","SecretAccessKey":"s","Token":"t","Expiration":"2014-05-13T18:00:00Z"})";

TEST_F(AwsAccessTest, KeysInTheEnvironmentComeFirstUnlessAProfileIsNamed) {
  known.variables = {{"AWS_ACCESS_KEY_ID", "ENV"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_SESSION_TOKEN", "t"}};
  credentials_file(
      "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n[other]\naws_access_key_id=OTHER\naws_secret_access_key=s\n");
  EXPECT_EQ(id(), "ENV");
  EXPECT_EQ(get()->session_token, "t");
  EXPECT_EQ(id("other"), "OTHER");
  known.variables = {{"AWS_PROFILE", "other"}};
  EXPECT_EQ(id(), "OTHER");
  known.variables.clear();
  EXPECT_EQ(id(), "FILE");
}

TEST_F(AwsAccessTest, HalfAPairOfVariablesIsAMistakeThatIsNamed) {
  known.variables = {{"AWS_ACCESS_KEY_ID", "ENV"}};
  EXPECT_EQ(id(), "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not: set both, or neither");
}

TEST_F(AwsAccessTest, RegionAndEndpointAreFound) {
  config("[default]\nregion = eu-west-1\nendpoint_url = http://a\n");
  known.variables = {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b"}};
  EXPECT_EQ(find()->region, "eu-west-1");
  EXPECT_EQ(find()->endpoint, "http://a");
  known.variables["AWS_REGION"] = "us-west-2";
  known.variables["AWS_ENDPOINT_URL"] = "http://b";
  EXPECT_EQ(find()->region, "us-west-2");
  EXPECT_EQ(find()->endpoint, "http://b");
  known.variables["AWS_ENDPOINT_URL_S3"] = "http://c";
  EXPECT_EQ(find()->endpoint, "http://c");
}

TEST_F(AwsAccessTest, ARoleIsAssumedWithTheKeysOfItsSource) {
  config(
      "[profile work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nexternal_id = x y\nregion = eu-west-1\n"
      "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = VERYSECRET\n");
  transport.answer(200, kRoleAnswer);
  const auto credentials = get("work");
  ASSERT_TRUE(credentials.ok()) << credentials.error().message();
  EXPECT_EQ(credentials->access_key_id, "ROLE");
  EXPECT_EQ(credentials->expires, Instant::from_unix_seconds(1400004000));
  EXPECT_EQ(transport.last().url.text(), "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_THAT(transport.last_header("Authorization"), HasSubstr("Credential=BASE/20140513/eu-west-1/sts/aws4_request"));
  EXPECT_THAT(transport.last().owned_body,
              AllOf(HasSubstr("Action=AssumeRole&"), HasSubstr("ExternalId=x%20y"), Not(HasSubstr("VERYSECRET"))));
}

TEST_F(AwsAccessTest, RolesThatGoRoundInACircleAreFoundBeforeAnythingIsAsked) {
  config("[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n");
  EXPECT_THAT(id("a"), HasSubstr("takes its credentials, through source_profile, from itself"));
  EXPECT_TRUE(transport.asked.empty());
}

TEST_F(AwsAccessTest, ARefusedRoleIsToldWithoutSecrets) {
  config("[profile a]\nrole_arn = r\nsource_profile = a\naws_access_key_id = BASE\naws_secret_access_key = VERYSECRET\n");
  transport.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>");
  const auto refused = get("a");
  EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
  EXPECT_EQ(refused.error().message(), "assume the role r: the store answered 403 AccessDenied: not you");
}

TEST_F(AwsAccessTest, AWebIdentityIsTradedForARole) {
  known.variables = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"}, {"AWS_ROLE_ARN", "r"}, {"AWS_REGION", "eu-west-1"}};
  known.files["/token"] = "JWT\n";
  transport.answer(200, kRoleAnswer);
  EXPECT_EQ(id(), "ROLE");
  EXPECT_THAT(transport.last().owned_body, AllOf(HasSubstr("AssumeRoleWithWebIdentity"), HasSubstr("WebIdentityToken=JWT&")));
  EXPECT_EQ(transport.last_header("Authorization"), "");
}

TEST_F(AwsAccessTest, SignInThroughIdentityCenterIsUsedWhileItLasts) {
  config("[profile sso]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = dev\n[sso-session corp]\nsso_region = eu-west-1\n");
  EXPECT_THAT(id("sso"), HasSubstr("run `aws sso login`"));
  KnownSurroundings with_token = known;
  // Whatever its name, the file in the cache is read.
  auto surroundings = with_token.get();
  surroundings.read_file = [inner = surroundings.read_file](const std::string& path) -> Result<std::string> {
    if (path.find("/sso/cache/") != std::string::npos) return std::string(R"({"accessToken":"TOK","expiresAt":"2014-05-13T17:00:00Z"})");
    return inner(path);
  };
  transport.answer(200, R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"s","sessionToken":"t","expiration":1400004000000}})");
  const auto access = find_aws_access(surroundings, "sso", transport, clock);
  ASSERT_TRUE(access.ok());
  const auto credentials = await<AwsCredentials>([&](auto done) { access->credentials->get(done); });
  ASSERT_TRUE(credentials.ok()) << credentials.error().message();
  EXPECT_EQ(credentials->access_key_id, "SSO");
  EXPECT_EQ(credentials->expires, Instant::from_unix_seconds(1400004000));
  EXPECT_EQ(transport.last_header("x-amz-sso_bearer_token"), "TOK");
  EXPECT_EQ(transport.last().url.text(), "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=dev&account_id=1");
}

TEST_F(AwsAccessTest, AProgramMayPrintCredentials) {
  config("[default]\ncredential_process = helper --x\n");
  known.programs["helper --x"] = R"({"Version":1,"AccessKeyId":"PROC","SecretAccessKey":"s"})";
  EXPECT_EQ(id(), "PROC");
  known.programs["helper --x"] = "VERYSECRET";
  EXPECT_THAT(id(), AllOf(StartsWith("what credential_process printed: it is not JSON"), Not(HasSubstr("VERYSECRET"))));
  known.programs.clear();
  EXPECT_EQ(id(), "run credential_process: it ended with code 127");
}

TEST_F(AwsAccessTest, AContainersCredentialsNeedATokenThatGoesNowhereElse) {
  known.variables = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c"}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t"}};
  known.files["/t"] = "TOK\n";
  transport.answer(200, kJsonAnswer);
  EXPECT_EQ(id(), "JSON");
  EXPECT_EQ(transport.last_header("Authorization"), "TOK");
  known.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://evil.example/c";
  EXPECT_THAT(id(), HasSubstr("no token is sent there"));
}

TEST_F(AwsAccessTest, TheMachinesRoleIsAskedForByToken) {
  transport.answer(200, "IMDSTOKEN");
  transport.answer(200, "my-role\n");
  transport.answer(200, kJsonAnswer);
  EXPECT_EQ(id(), "JSON");
  EXPECT_EQ(transport.asked[0].method, "PUT");
  EXPECT_EQ(transport.last().url.text(), "http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role");
  EXPECT_EQ(transport.last_header("X-aws-ec2-metadata-token"), "IMDSTOKEN");
}

TEST_F(AwsAccessTest, WithNothingAtAllItSaysWhatToDo) {
  transport.fail(unavailable("no route to host"));
  const auto nothing = get();
  EXPECT_EQ(nothing.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(nothing.error().message(), HasSubstr("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile"));
}

TEST_F(AwsAccessTest, WrongFilesAreToldByLineWithTheMend) {
  credentials_file("# mine\naws_access_key_id = A\n");
  EXPECT_EQ(id(), "/home/u/.aws/credentials:2: a setting stands before the first section; begin with [default]");
  credentials_file("[default\n");
  EXPECT_EQ(id(), "/home/u/.aws/credentials:1: a section begins here and misses its ]");
  credentials_file("[default]\nVERYSECRET\n");
  EXPECT_EQ(id(), "/home/u/.aws/credentials:2: a line NAME = VALUE was expected");
  credentials_file("[work]\naws_access_key_id = A\naws_secret_access_key = B\n");
  EXPECT_EQ(id("wrok"), "there is no profile 'wrok' in ~/.aws/config or ~/.aws/credentials; did you mean 'work'?");
  config("[profile r]\nrole_arn = x\n");
  EXPECT_THAT(id("r"), HasSubstr("neither source_profile nor credential_source"));
}

TEST_F(AwsAccessTest, NestedAndUnknownSectionsDoNotConfuse) {
  config(
      "[default]\r\ns3 =\r\n    max_concurrent_requests = 20\r\n    endpoint_url = http://nested\r\nregion = r1\r\n[services x]\r\nfoo = "
      "bar\r\n");
  EXPECT_EQ(find()->region, "r1");
  EXPECT_EQ(find()->endpoint, "");
}

}  // namespace
}  // namespace isobar::storage
