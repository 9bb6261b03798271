#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/random.h"
#include "mount_folder.h"
#include "mount_keeper.h"
#include "rclone_remote.h"
#include "rclone_status.h"
#include "transfer/mount_order.h"

namespace isobar::transfer {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;

class NoNetwork final : public net::HttpTransport {
 public:
  void start(net::HttpRequest, net::HttpDone done) override { done(unavailable("nothing is asked here")); }
};

Result<RcloneRemote> remote_of(const std::string& location, const std::map<std::string, std::string>& variables,
                               const std::map<std::string, std::string>& files = {}) {
  storage::Surroundings surroundings;
  surroundings.home = "/home/ada";
  surroundings.variable = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  surroundings.read_file = [files](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return not_found(path + " is not there");
    return found->second;
  };
  surroundings.run_program = [](const std::string&, const storage::Done<std::string>& done) { done(unavailable("no programs")); };
  MountOrder order{.store = {.location = location}, .destination = "~/d"};
  order.surroundings = {variables, files, "/home/ada"};
  NoNetwork network;
  const SystemClock clock;
  return rclone_remote(order, surroundings, network, clock);
}

std::string value(const RcloneRemote& remote, const std::string& name) {
  const auto found = remote.config.find(name);
  return found == remote.config.end() ? "none" : found->second;
}

TEST(MountOrder, ComesBackAsItWas) {
  MountOrder order{.store = {.location = "s3://b/x", .endpoint = "http://h"}, .destination = "~/d", .cached = true, .read_only = true};
  order.settings = {{"transfers", "4"}, {"vfs_write_back", "5s"}};
  order.surroundings = {{{"AWS_PROFILE", "work"}}, {{"/f", "\"odd\" é"}}, "/home/ada"};
  const auto again = decode_mount_order(encode(order)).value();
  EXPECT_EQ(again.store.location, "s3://b/x");
  EXPECT_EQ(again.store.endpoint, "http://h");
  EXPECT_EQ(again.destination, "~/d");
  EXPECT_TRUE(again.cached && again.read_only);
  EXPECT_EQ(again.settings, order.settings);
  EXPECT_EQ(again.surroundings.files, order.surroundings.files);
  for (const char* text : {"", "[]", "{}", R"({"place":"{}","cached":true,"read_only":true,"settings":{}})"})
    EXPECT_EQ(decode_mount_order(text).error().code(), Code::kInvalidArgument) << text;
}

TEST(MountSettings, NamesAndValuesAreThoseThatThereAre) {
  EXPECT_TRUE(check_mount_settings({{"transfers", "8"}, {"vfs_cache_max_size", "1.5Gi"}, {"vfs_cache_max_age", "off"}}, true).ok());
  EXPECT_THAT(check_mount_settings({{"transfer", "8"}}, true).error().message(), HasSubstr("no setting 'transfer'"));
  EXPECT_THAT(check_mount_settings({{"transfers", "8k"}}, true).error().message(), HasSubstr("expected a number"));
  // A value is a word of rclone's command line, and must not become another option.
  for (const char* value : {"", "--rc-no-auth", "1 2", "5s;x", "x"})
    EXPECT_FALSE(check_mount_settings({{"buffer_size", value}}, true).ok()) << value;
  EXPECT_THAT(check_mount_settings({{"transfers", "8"}}, false).error().message(), HasSubstr("a setting of MOUNT_CACHED"));
}

TEST(RcloneRemote, S3IsReachedWithTheOwnersKeysRegionAndEndpoint) {
  const std::map<std::string, std::string> keys = {
      {"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_REGION", "eu-west-1"}};
  const auto aws = remote_of("s3://bucket/a/b//", keys).value();
  EXPECT_EQ(aws.path, "isobar:bucket/a/b");
  EXPECT_EQ(value(aws, "provider"), "AWS");
  EXPECT_EQ(value(aws, "access_key_id"), "id");
  EXPECT_EQ(value(aws, "secret_access_key"), "s");
  EXPECT_EQ(value(aws, "region"), "eu-west-1");
  EXPECT_FALSE(aws.expires);
  auto elsewhere = keys;
  elsewhere["AWS_ENDPOINT_URL"] = "http://10.0.0.1:9000";
  EXPECT_EQ(value(remote_of("s3://bucket", elsewhere).value(), "provider"), "Other");
  EXPECT_EQ(value(remote_of("s3://bucket", elsewhere).value(), "endpoint"), "http://10.0.0.1:9000");
}

TEST(RcloneRemote, GoogleIsReachedWithAKeyOrASignedInUser) {
  const std::string file = "/home/ada/.config/gcloud/application_default_credentials.json";
  const auto account = remote_of("gs://bucket/x", {}, {{file, R"({"type":"service_account","private_key":"k"})"}}).value();
  EXPECT_THAT(value(account, "service_account_credentials"), HasSubstr("private_key"));
  const auto user =
      remote_of("gs://bucket", {}, {{file, R"({"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"})"}})
          .value();
  EXPECT_EQ(value(user, "client_id"), "c");
  EXPECT_THAT(value(user, "token"), HasSubstr(R"("refresh_token":"r")"));
  EXPECT_EQ(value(remote_of("gs://bucket", {}).value(), "token"), "none") << "the machine's own account";
  EXPECT_THAT(remote_of("gs://bucket", {}, {{file, R"({"type":"external_account"})"}}).error().message(), HasSubstr("'external_account'"));
  const auto damaged = remote_of("gs://bucket", {}, {{file, R"({"type":"authorized_user","client_secret":"hush"})"}}).error().message();
  EXPECT_THAT(damaged, Not(HasSubstr("hush")));
}

TEST(RcloneRemote, AzureIsReachedWithAKeyOrASignature) {
  const auto key = remote_of("az://acct/box/x", {{"AZURE_STORAGE_ACCOUNT", "acct"}, {"AZURE_STORAGE_KEY", "a2V5"}}).value();
  EXPECT_EQ(key.path, "isobar:box/x");
  EXPECT_EQ(value(key, "account"), "acct");
  EXPECT_EQ(value(key, "key"), "a2V5");
  const auto sas = remote_of("az://acct/box", {{"AZURE_STORAGE_ACCOUNT", "acct"}, {"AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=2"}}).value();
  EXPECT_EQ(value(sas, "sas_url"), "https://acct.blob.core.windows.net/box?sv=1&sig=2");
  EXPECT_EQ(value(sas, "account"), "none");
}

TEST(RcloneRemote, OfAzuresEndpointsRcloneTakesTheDomain) {
  std::map<std::string, std::string> variables = {{"AZURE_STORAGE_ACCOUNT", "acct"}, {"AZURE_STORAGE_KEY", "a2V5"}};
  variables["AZURE_STORAGE_ENDPOINT"] = "https://acct.blob.core.chinacloudapi.cn/";
  EXPECT_EQ(value(remote_of("az://acct/box", variables).value(), "endpoint"), "blob.core.chinacloudapi.cn");
  variables["AZURE_STORAGE_ENDPOINT"] = "http://127.0.0.1:10000/acct";
  EXPECT_THAT(remote_of("az://acct/box", variables).error().message(), HasSubstr("not 'http://127.0.0.1:10000/acct'"));
  variables.erase("AZURE_STORAGE_KEY");
  variables["AZURE_STORAGE_SAS_TOKEN"] = "sig=2";
  EXPECT_EQ(value(remote_of("az://acct/box", variables).value(), "sas_url"), "http://127.0.0.1:10000/acct/box?sig=2");
}

TEST(RcloneRemote, OtherPlacesAreRefused) {
  EXPECT_THAT(remote_of("https://example.com/x", {}).error().message(), HasSubstr("s3://, gs:// and az://"));
}

TEST(RcloneStart, NoWordOfTheCommandIsSecret) {
  const MountFolder folder("/h/.isobar/mounts/1");
  const MountPlace place{"s3://b", "~/d", "/h/d", true, false, {{"transfers", "3"}}, {}};
  const auto remote = remote_of("s3://b", {{"AWS_ACCESS_KEY_ID", "id-x"}, {"AWS_SECRET_ACCESS_KEY", "secret-x"}}).value();
  ::setenv("RCLONE_READ_ONLY", "true", 1);
  ::setenv("AWS_CA_BUNDLE", "/x.pem", 1);
  const auto start = rclone_start(folder, place, remote, {});
  ::unsetenv("RCLONE_READ_ONLY");
  ::unsetenv("AWS_CA_BUNDLE");
  for (const auto& word : start.words) EXPECT_THAT(word, testing::AllOf(Not(HasSubstr("-x")), Not(HasSubstr(start.control.password))));
  EXPECT_THAT(start.words, testing::AllOf(Contains("--vfs-cache-mode=full"), Contains("--transfers=3"), Contains("--vfs-write-back=1s")));
  for (const auto& entry : start.environment) EXPECT_THAT(entry, Not(HasSubstr("secret-x")));
  EXPECT_THAT(start.environment, Not(testing::AnyOf(Contains("RCLONE_READ_ONLY=true"), Contains("AWS_CA_BUNDLE=/x.pem"))))
      << "the node's own settings are for its own remotes";
  EXPECT_THAT(start.config, testing::AllOf(testing::StartsWith("[isobar]\n"), HasSubstr("secret_access_key = secret-x\n")));
}

TEST(LineToKeep, HasNoTimeAndNoSignature) {
  EXPECT_EQ(line_to_keep("2026/11/27 19:06:01 ERROR : x: Put \"https://h/b/k?sig=hush&se=1\": no? why\n"),
            "ERROR : x: Put \"https://h/b/k?…\": no? why");
  EXPECT_EQ(line_to_keep("  https://h/k?X-Amz-Signature=hush"), "https://h/k?…");
  EXPECT_EQ(line_to_keep("short"), "short");
  EXPECT_EQ(line_to_keep(""), "");
}

class MountFolders : public testing::Test {
 protected:
  fs::path home_ = fs::temp_directory_path() / ("isobar-mount-" + secure_random_hex(6));
  void SetUp() override {
    ASSERT_TRUE(make_folders(home_).ok());
    ::setenv("HOME", home_.c_str(), 1);
  }
  void TearDown() override { fs::remove_all(home_); }
};

TEST_F(MountFolders, RememberWhatIsMountedByItsPlace) {
  EXPECT_EQ(mount_point_of("~/d/"), home_ / "d/");
  EXPECT_EQ(mount_point_of("d"), home_ / "sky_workdir/d");
  EXPECT_EQ(mount_point_of("/d"), "/d");
  const auto folder = MountFolder::of_point(home_ / "d");
  EXPECT_EQ(MountFolder::of_point(home_ / "x/../d/").path(), folder.path());
  EXPECT_TRUE(MountFolder::all().empty());
  const auto lock = folder.hold();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(folder.hold().error().code(), Code::kAlreadyExists);
  EXPECT_TRUE(folder.is_kept());
  const MountPlace place{"s3://b", "~/d", home_ / "d", true, false, {{"transfers", "3"}}, Instant::from_unix_seconds(9)};
  ASSERT_TRUE(folder.write_place(place).ok());
  const auto again = MountFolder::all().at(0).place().value();
  EXPECT_TRUE(again.same_mount(place));
  EXPECT_EQ(again.expires, place.expires);
  EXPECT_EQ(again.point, place.point);
}

TEST_F(MountFolders, ACacheWithoutItsRcloneStillTellsWhatIsNotUploaded) {
  const auto folder = MountFolder::of_point(home_ / "d");
  const auto meta = folder.cache() / "vfsMeta" / "isobar" / "b";
  ASSERT_TRUE(make_folders(meta / "deep").ok());
  ASSERT_TRUE(write_file(meta / "done", "{\n\t\"Size\": 6,\n\t\"Dirty\": false\n}\n", Durability::kCache).ok());
  ASSERT_TRUE(write_file(meta / "deep/waits", "{\n\t\"Size\": 6,\n\t\"Dirty\": true\n}\n", Durability::kCache).ok());
  NoNetwork network;
  const auto left = uploads_left(folder, network);
  EXPECT_EQ(left.files, 1U);
  EXPECT_FALSE(left.kept);
}

}  // namespace
}  // namespace isobar::transfer
