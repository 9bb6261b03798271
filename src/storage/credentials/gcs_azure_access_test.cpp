#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "known_surroundings.h"
#include "storage/azure_access.h"
#include "storage/gcs_access.h"
#include "storage/scripted_transport.h"

namespace isobar::storage {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Made for this test alone.
constexpr std::string_view kPrivateKey = R"(-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC6mDgKZUWPYQmN
C8jQplvTwtgyU7vvIcUpALaL/PW65XVrnLtFlSNapm3+wQldB1R2tBb2MFzGfA1q
7IURlUp/fuWCv9p9Q4qsU22MlZ+QRexl2jWU0AzqtehnXtzsVbfu471PwIJa5Bbb
0ms+do8Z+bbYCAFNgxbQKpwNoGOvgR+eNMLPtt+CbejUKpsVRq1cNUa2BeCgJIzQ
YDVC5IzNRONvxAc1O+4dzb9XRQ7gLTaRNHE0FnxwGcxiVGqhh0Z7Dohvhe8K4nV2
+kRlPTCU73wB3KfeQFZ1vSUSnu9t2LHmO+Xw2XNBpHwmkpiuJjo+kgiTWxofFVBa
nyw+QURdAgMBAAECggEAAe0VUwIlnCvHwfV3rrOw6fgubCKSI49JLjmsKLjFPpck
xaYaBsdZ1JM4OnN6qcOsGweT3xmzs3bPWqWzX/GXEcbZDqb1VeqvEUVRMazPt1kJ
bim4+N7G61tSWVLQ2/2shuJB74NQtSh6le1PnxbxNjbuLL+0Z7ztLNvrvXZE4Shj
CX5B8gOi5KyKoAF3dkC4Kil8NwkGk5PaG3PQQw2foI9nzCEtjUSbW4l0j4O0qX1I
h6CUB4gG/I6O7WXI/nrqPXmI8hbT/GrUT43Ti6GOcPDM5ELYrQP6wc1cmjEseFXv
u+ovFHtPiEVNuVWZR/jC9KZspL7xC1SxgKwb+f1eMQKBgQDrCTRcomSMQ5SAeAb2
JEw6cDYNYGtFoKAVDfOR73PQhtUrNQmS79r1CI8PynvlD+HprDShkO9z5ARyU02g
CkT+oB/mP61+TxK91tyFzC0wE+fWsuqNcKDIi+k/CJO4+KtTmsBe4d+OqnYUeEcN
u7EBC6ZJX0SAl5Q5VP7Njg4r5QKBgQDLPOhkj31/+Hz13tkbrn9OEikV8cy0H7XI
DuUVR8Cz4WLoRnf5HcYnAaNO4CBSa3dg/Aq51jetUQh91f6B1YsK+LkeEmoaXIUV
I5COjgzCEO04TParCUiarEowwalUidYd1LCyg5IDBb3T2zRqYF9NekxSWAF82wt3
AHm3AvFfGQKBgF2Vsaq84opTEltA74yskUmnim4zGSOFPJiFkJloHdZHCbQFj0VZ
ifaNLOGdv01K0KpJbj9yxVWA0iBvePYjgKteOLVmX39unsjGN9JypP+CvYpofSpK
UUrpIrt9f8xj/1vvv29IQsq8pv2pkqkuNeFzsQeADnehY1ycskRIru3dAoGBAJPH
2Bu3EsSIxSRrRGcSfVMhdWqVhgm7vQyZeA3/PKoPy0Gma/piogEe+caSxi3oIsgM
vSfgEmAeOhR2FDgINLBnpwOs1CYS/FogoC5oL/K1KCj2Ha7Ec1y0xsWpLB1ilKTg
UROdBADanet8yyJGrUXDFdgSUhKdnDqNx/NBWo2RAoGAULVVPdHRw4apf8HFYEiO
0TTuX4JKG8aTGwd18dE65S1TvjEory0T/FAOG6dU1ac3hn71Mdt8mpQF0Xjg0lTk
CFIK7lFHV239RdDg+aoEzoKvp3RhHdPz3VB6WnLjJAUqt3hvf2N89Q4G7J/vH9yM
WlsKS8BzNpBKEyms2H2Lz8U=
-----END PRIVATE KEY-----
)";

std::string service_account() {
  std::string pem;
  for (const char c : kPrivateKey) pem += c == '\n' ? std::string("\\n") : std::string(1, c);
  return R"({"type":"service_account","project_id":"p","private_key_id":"kid","client_email":"me@p","private_key":")" + pem +
         R"(","token_uri":"https://oauth2.googleapis.com/token"})";
}

class GcsAccessTest : public testing::Test {
 protected:
  Result<GcsCredentials> get() {
    const auto access = find_gcs_access(known.get(), transport, clock);
    if (!access.ok()) return access.error();
    project = access->project;
    return await<GcsCredentials>([&](auto done) { access->credentials->get(done); });
  }
  std::string token() {
    const auto credentials = get();
    return credentials.ok() ? credentials->bearer : credentials.error().message();
  }
  KnownSurroundings known;
  ScriptedTransport transport;
  StoppedClock clock;
  std::string project;
};

TEST_F(GcsAccessTest, AServiceAccountSignsForItsToken) {
  known.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "~/key.json";
  known.files["/home/u/key.json"] = service_account();
  transport.answer(200, R"({"access_token":"TOK","expires_in":3599})");
  const auto credentials = get();
  ASSERT_TRUE(credentials.ok()) << credentials.error().message();
  EXPECT_EQ(credentials->bearer, "TOK");
  EXPECT_EQ(credentials->expires, clock.at + 3599s);
  EXPECT_EQ(project, "p");
  const std::string body = transport.last().owned_body;
  EXPECT_THAT(body, StartsWith("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
                               crypto::to_base64_url(R"({"alg":"RS256","typ":"JWT","kid":"kid"})") + "."));
  EXPECT_THAT(body, Not(HasSubstr("PRIVATE")));
}

TEST_F(GcsAccessTest, AUsersSignInIsRenewed) {
  known.files["/home/u/.config/gcloud/application_default_credentials.json"] =
      R"({"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"q"})";
  transport.answer(200, R"({"access_token":"TOK","expires_in":10})");
  EXPECT_EQ(token(), "TOK");
  EXPECT_EQ(transport.last().owned_body, "grant_type=refresh_token&client_id=c&client_secret=s&refresh_token=r");
  EXPECT_EQ(project, "q");
  transport.answer(400, R"({"error":"invalid_grant","error_description":"Token r has been revoked"})");
  EXPECT_EQ(token(), "sign in to Google Cloud: the store answered 400 invalid_grant");
}

TEST_F(GcsAccessTest, AnEmulatorNeedsNothingAndAMachineIsAsked) {
  transport.answer(200, R"({"access_token":"MACHINE","expires_in":3000,"token_type":"Bearer"})");
  EXPECT_EQ(token(), "MACHINE");
  EXPECT_EQ(transport.last().url.text(), "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token");
  EXPECT_EQ(transport.last_header("Metadata-Flavor"), "Google");
  transport.fail(unavailable("no such host"));
  EXPECT_THAT(token(), HasSubstr("run `gcloud auth application-default login`"));
  known.variables["STORAGE_EMULATOR_HOST"] = "localhost:9023";
  EXPECT_EQ(token(), "");
  EXPECT_EQ(find_gcs_access(known.get(), transport, clock)->endpoint, "http://localhost:9023");
}

TEST_F(GcsAccessTest, WrongFilesAreToldByNameWithoutWhatTheyHold) {
  known.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/k";
  EXPECT_EQ(token(), "GOOGLE_APPLICATION_CREDENTIALS: /k: there is no such file");
  known.files["/k"] = "VERYSECRET";
  EXPECT_THAT(token(), AllOf(StartsWith("/k: it is not JSON"), Not(HasSubstr("VERYSECRET"))));
  known.files["/k"] = R"({"type":"service_account","client_email":"e"})";
  EXPECT_EQ(token(), "/k: the field 'private_key' is missing");
  known.files["/k"] = R"({"type":"external_account"})";
  EXPECT_THAT(token(), HasSubstr("credentials of type 'external_account' are not understood; use a service account's key"));
  known.files["/k"] =
      R"({"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","token_uri":"http://evil.example/"})";
  EXPECT_EQ(token(), "/k: its token_uri is no https URL");
  known.files["/k"] = R"({"type":"service_account","client_email":"e","private_key":"VERYSECRET"})";
  EXPECT_THAT(token(), AllOf(StartsWith("sign in to Google Cloud"), Not(HasSubstr("VERYSECRET"))));
}

class AzureAccessTest : public testing::Test {
 protected:
  Result<AzureCredentials> get(const std::string& account = "acct") {
    const auto access = find_azure_access(known.get(), account, transport, clock);
    if (!access.ok()) return access.error();
    endpoint = access->endpoint;
    return await<AzureCredentials>([&](auto done) { access->credentials->get(done); });
  }
  KnownSurroundings known;
  ScriptedTransport transport;
  StoppedClock clock;
  std::string endpoint;
};

TEST_F(AzureAccessTest, AConnectionStringSaysEverything) {
  known.variables["AZURE_STORAGE_CONNECTION_STRING"] =
      "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=S0VZ;EndpointSuffix=core.chinacloudapi.cn";
  EXPECT_EQ(get()->account_key, "KEY");
  EXPECT_EQ(endpoint, "https://acct.blob.core.chinacloudapi.cn");
  known.variables["AZURE_STORAGE_CONNECTION_STRING"] =
      "BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=?sv=1&sig=a%3D";
  EXPECT_EQ(get()->sas, "sv=1&sig=a%3D");
  known.variables["AZURE_STORAGE_CONNECTION_STRING"] = "UseDevelopmentStorage=true";
  EXPECT_FALSE(get("devstoreaccount1")->account_key.empty());
  EXPECT_EQ(endpoint, "http://127.0.0.1:10000/devstoreaccount1");
}

TEST_F(AzureAccessTest, AKeyOpensOnlyTheAccountThatItBelongsTo) {
  known.variables = {{"AZURE_STORAGE_ACCOUNT", "acct"}, {"AZURE_STORAGE_KEY", "S0VZ"}};
  EXPECT_EQ(get()->account_key, "KEY");
  transport.answer(200, R"({"access_token":"MACHINE","expires_in":"86000","token_type":"Bearer"})");
  EXPECT_EQ(get("other")->bearer, "MACHINE");
  EXPECT_THAT(transport.last_target(), StartsWith("/metadata/identity/oauth2/token?api-version=2018-02-01"));
}

TEST_F(AzureAccessTest, AClientOfEntraGetsAToken) {
  known.variables = {{"AZURE_TENANT_ID", "t"}, {"AZURE_CLIENT_ID", "c"}, {"AZURE_CLIENT_SECRET", "s&"}};
  transport.answer(200, R"({"access_token":"TOK","expires_in":3599})");
  EXPECT_EQ(get()->bearer, "TOK");
  EXPECT_EQ(transport.last_target(), "/t/oauth2/v2.0/token");
  EXPECT_THAT(transport.last().owned_body, HasSubstr("client_secret=s%26"));
  known.variables.erase("AZURE_CLIENT_SECRET");
  known.variables["AZURE_FEDERATED_TOKEN_FILE"] = "/f";
  known.files["/f"] = "JWT";
  transport.answer(200, R"({"access_token":"FED","expires_in":3599})");
  EXPECT_EQ(get()->bearer, "FED");
  EXPECT_THAT(transport.last().owned_body, HasSubstr("client_assertion=JWT"));
}

TEST_F(AzureAccessTest, WrongValuesAreToldByNameWithoutThem) {
  known.variables = {{"AZURE_STORAGE_KEY", "VERYSECRET!"}};
  EXPECT_EQ(get().error().message(), "AZURE_STORAGE_KEY is no key: it should be base64, as the portal shows it");
  known.variables = {{"AZURE_STORAGE_CONNECTION_STRING", "VERYSECRET"}};
  EXPECT_EQ(get().error().message(),
            "AZURE_STORAGE_CONNECTION_STRING: the connection string has a part that is not NAME=VALUE; parts are separated by ;");
  known.variables.clear();
  transport.fail(unavailable("no route"));
  EXPECT_THAT(get().error().message(), HasSubstr("set AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY"));
}

TEST(Surroundings, AProgramsOutputIsReadAndItsFailureTold) {
  const Surroundings surroundings = Surroundings::of_process();
  const auto run = [&](const std::string& command) {
    return await<std::string>([&](auto done) { surroundings.run_program(command, done); });
  };
  EXPECT_EQ(run("printf 'a b'; exit 0").value_or(""), "a b");
  EXPECT_EQ(run("echo VERYSECRET; exit 3").error().message(), "it ended with code 3");
}

}  // namespace
}  // namespace isobar::storage
