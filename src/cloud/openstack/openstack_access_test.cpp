#include "openstack_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/machine_user.h"

namespace isobar::cloud::openstack {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

storage::Surroundings with(const std::map<std::string, std::string>& variables, const std::map<std::string, std::string>& files) {
  auto surroundings = surroundings_with(variables);
  surroundings.read_file = [files](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? Result<std::string>(not_found(path)) : found->second;
  };
  return surroundings;
}

constexpr const char* kClouds = R"(clouds:
  lab:
    auth: {auth_url: "https://keystone.lab:5000/v3", username: ada, project_name: atlas, user_domain_name: People, project_id: }
    region_name: east
    interface: internal
    cacert: ~/lab.pem
  farm:
    auth_type: v3applicationcredential
    auth: {auth_url: "https://farm", application_credential_id: c1, application_credential_secret: HUSH}
)";

TEST(OpenStackAccess, ReadsTheCloudThatIsNamedWithItsSecretsFromAFileOfTheirOwn) {
  const auto surroundings =
      with({{"OS_CLOUD", "lab"}}, {{"/nowhere/.config/openstack/clouds.yaml", kClouds},
                                   {"/nowhere/.config/openstack/secure.yaml", "clouds: {lab: {auth: {password: HUSH}}}"}});
  const auto access = find_access(surroundings);
  ASSERT_TRUE(access.ok()) << access.error().message();
  EXPECT_EQ(access->cloud, "lab");
  EXPECT_EQ(access->auth_url, "https://keystone.lab:5000");
  EXPECT_EQ(access->password, "HUSH");
  EXPECT_EQ(access->region, "east");
  EXPECT_EQ(access->interface, "internal");
  EXPECT_EQ(access->ca_file, "/nowhere/lab.pem");
  const auto other = find_access(surroundings, "farm");
  ASSERT_TRUE(other.ok()) << other.error().message();
  EXPECT_EQ(other->type, AuthType::kApplicationCredential);
}

TEST(OpenStackAccess, OfSeveralCloudsTheOneThatIsMeantIsAskedFor) {
  const auto error = find_access(with({}, {{"./clouds.yaml", kClouds}})).error();
  EXPECT_THAT(error.message(), AllOf(HasSubstr("farm, lab"), HasSubstr("OS_CLOUD")));
  EXPECT_THAT(find_access(with({{"OS_CLOUD", "farn"}}, {{"./clouds.yaml", kClouds}})).error().message(), HasSubstr("did you mean 'farm'?"));
}

TEST(OpenStackAccess, WhatIsWrongIsNamedWithItsPlaceAndNoSecretIsTold) {
  const auto wrong = [](const std::string& cloud) {
    return find_access(with({}, {{"./clouds.yaml", "clouds: {lab: " + cloud + "}"}})).error().message();
  };
  EXPECT_THAT(wrong("{auth: {auth_url: 'https://k', username: ada, project_name: p}}"),
              HasSubstr("./clouds.yaml: lab: it names no password"));
  EXPECT_THAT(wrong("{auth: {auth_url: 'https://k', username: ada, password: HUSH}}"),
              AllOf(HasSubstr("project_name"), Not(HasSubstr("HUSH"))));
  EXPECT_THAT(wrong("{auth: {username: ada}}"), HasSubstr("auth_url"));
  EXPECT_THAT(wrong("{profile: vexxhost, auth: {username: ada}}"), HasSubstr("profiles of vendors"));
  EXPECT_THAT(wrong("{verify: false, auth: {auth_url: 'https://k', username: a, password: p, project_name: q}}"), HasSubstr("cacert"));
  EXPECT_THAT(wrong("{auth_type: v3oidcpassword, auth: {auth_url: 'https://k'}}"), HasSubstr("not spoken here"));
  EXPECT_THAT(wrong("{auth: {auth_url: 'https://k/v2.0', username: a, password: p, project_name: q}}"), HasSubstr("Keystone v2"));
}

TEST(OpenStackAccess, VariablesAloneAreACloud) {
  const auto access = find_access(with({{"OS_AUTH_URL", "https://k:5000/v3/"},
                                        {"OS_USERNAME", "ada"},
                                        {"OS_PASSWORD", "p"},
                                        {"OS_PROJECT_NAME", "lab"},
                                        {"OS_ENDPOINT_TYPE", "internalURL"}},
                                       {}));
  ASSERT_TRUE(access.ok()) << access.error().message();
  EXPECT_EQ(access->cloud, "envvars");
  EXPECT_EQ(access->auth_url, "https://k:5000");
  EXPECT_EQ(access->interface, "internal");
  EXPECT_THAT(auth_body(*access), HasSubstr(R"("domain":{"name":"Default"})"));
}

}  // namespace
}  // namespace isobar::cloud::openstack
