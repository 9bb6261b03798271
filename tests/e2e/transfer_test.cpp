// Moving data as a user does: between folders, and with an S3 server made by others.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "cli.h"
#include "emulator.h"
#include "random_bytes.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

class Transfer : public CliTest {
 protected:
  void make(const std::string& path, std::string_view content) const {
    ASSERT_TRUE(make_folders((folder_ / path).parent_path()).ok());
    ASSERT_TRUE(write_file(folder_ / path, content, Durability::kCache).ok());
  }
  std::string at(const std::string& path) const { return (folder_ / path).string(); }
  std::string content(const std::string& path) const { return read_file(folder_ / path).value_or("(missing)"); }
  bool same(const std::string& a, const std::string& b) const {
    return std::system(("diff -r " + at(a) + " " + at(b) + " >/dev/null").c_str()) == 0;
  }
  std::size_t partial_files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      count += entry.path().filename().string().starts_with(".isobar-partial");
    return count;
  }
};

TEST_F(Transfer, AFolderArrivesWholeWithTimesAndASecondSyncCopiesNothing) {
  make("src/a/b.txt", "hello");
  make("src/empty", "");
  make("src/large", random_bytes(1, 20'000'000));
  fs::last_write_time(folder_ / "src/a/b.txt", fs::file_time_type::clock::now() - std::chrono::hours(50));
  ok({"cp", "-r", at("src"), at("dst")});
  EXPECT_TRUE(same("src", "dst"));
  EXPECT_EQ(fs::last_write_time(folder_ / "src/a/b.txt"), fs::last_write_time(folder_ / "dst/a/b.txt"));
  EXPECT_THAT(ok({"sync", at("src"), at("dst")}), HasSubstr("copied 0 objects"));
  make("src/a/b.txt", "hullo");
  EXPECT_THAT(ok({"sync", at("src"), at("dst")}), HasSubstr("copied 1 object"));
  EXPECT_THAT(ok({"check", "--download", at("src"), at("dst")}), HasSubstr("3 objects are the same, 0 differ"));
  EXPECT_EQ(partial_files(), 0U);
}

TEST_F(Transfer, SyncDeletesOnlyWhenTheSourceIsWholeAndMeant) {
  make("src/keep", "1");
  make("dst/keep", "1");
  make("dst/extra1", "1");
  make("dst/extra2", "1");
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(run({"sync", "--delete", at("missing"), at("dst")}).exit_code, 2);
  const auto empty = run({"sync", "--delete", at("empty"), at("dst")});
  EXPECT_EQ(empty.exit_code, 1);
  EXPECT_THAT(empty.err, HasSubstr("source is empty"));
  EXPECT_THAT(run({"sync", "--delete", "--max-delete", "1", at("src"), at("dst")}).err, HasSubstr("--max-delete allows 1"));
  EXPECT_THAT(ok({"sync", "--delete", "-n", at("src"), at("dst")}), HasSubstr("delete extra1"));
  EXPECT_TRUE(fs::exists(folder_ / "dst/extra2"));
  EXPECT_THAT(ok({"sync", "--delete", at("src"), at("dst")}), HasSubstr("removed 2"));
  EXPECT_FALSE(fs::exists(folder_ / "dst/extra2"));
  EXPECT_TRUE(fs::exists(folder_ / "dst/keep"));
  // A folder that cannot be read makes the listing incomplete.
  make("src/locked/x", "1");
  make("dst/locked/x", "1");
  if (::geteuid() == 0) return;
  ::chmod((folder_ / "src/locked").c_str(), 0);
  EXPECT_EQ(run({"sync", "--delete", at("src"), at("dst")}).exit_code, 1);
  EXPECT_TRUE(fs::exists(folder_ / "dst/locked/x"));
}

TEST_F(Transfer, BadInputIsToldAndNothingIsDone) {
  make("src/a", "1");
  EXPECT_THAT(run({"cp", at("src"), at("dst")}).err, HasSubstr("add --recursive"));
  EXPECT_EQ(run({"cp", at("none"), at("dst")}).exit_code, 2);
  EXPECT_THAT(run({"cp", "s4://b/k", at("dst")}).err, HasSubstr("did you mean s3://"));
  EXPECT_EQ(run({"cp", at("src/a")}).exit_code, 2);
  EXPECT_EQ(run({"cp", "-r", "--part-size", "1", at("src"), at("dst")}).exit_code, 2);
  EXPECT_EQ(run({"cp", "-r", "--include", "*.none", at("src"), at("dst")}).exit_code, 1) << "nothing matches";
  EXPECT_FALSE(fs::exists(folder_ / "dst/a"));
  EXPECT_EQ(run({"cp", "--resume", at("src/a"), at("dst")}).exit_code, 2);
}

TEST_F(Transfer, ListsFiltersSeveralTargetsAndManifestsWork) {
  for (const char* name : {"a.csv", "b.csv", "c.tmp", "d/e.csv"}) make(std::string("src/") + name, name);
  ok({"cp", "-r", "--include", "*.csv", "--exclude", "d/**", "--manifest", at("manifest"), "--also", at("two"), at("src"), at("one")});
  EXPECT_TRUE(fs::exists(folder_ / "one/a.csv"));
  EXPECT_FALSE(fs::exists(folder_ / "one/c.tmp"));
  EXPECT_FALSE(fs::exists(folder_ / "one/d"));
  EXPECT_TRUE(same("one", "two"));
  const std::string manifest = content("manifest");
  EXPECT_EQ(std::count(manifest.begin(), manifest.end(), '\n'), 4);
  EXPECT_THAT(manifest, HasSubstr("\"crc32c\""));
  make("list", at("src/a.csv") + "\t" + at("three/x.csv") + "\n# a remark\n" + at("src/d/e.csv") + "\t" + at("three/y.csv") + "\n");
  ok({"cp", "--from-list", at("list")});
  EXPECT_EQ(content("three/x.csv"), "a.csv");
  EXPECT_EQ(content("three/y.csv"), "d/e.csv");
  make("bad-list", "s9://x/y\tz\n");
  EXPECT_THAT(run({"cp", "--from-list", at("bad-list")}).err, HasSubstr("bad-list:1:"));
  ok({"mv", at("src/c.tmp"), at("moved/")});
  EXPECT_TRUE(fs::exists(folder_ / "moved/c.tmp"));
  EXPECT_FALSE(fs::exists(folder_ / "src/c.tmp"));
}

TEST_F(Transfer, AFileThatIsWrittenWhileItIsCopiedIsToldAndNotKept) {
  make("src/log", std::string(30'000'000, 'x'));
  auto running = start({"cp", "--bwlimit", "20MB/s", "--part-size", "1MiB", at("src/log"), at("dst/")});
  std::this_thread::sleep_for(400ms);
  std::ofstream(folder_ / "src/log", std::ios::app) << "more";
  const auto outcome = running->wait();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("changed while it was copied"));
  EXPECT_FALSE(fs::exists(folder_ / "dst/log"));
  EXPECT_EQ(partial_files(), 0U);
}

TEST_F(Transfer, AKilledCopyGoesOnWhereItWasAndLeavesNothingBehind) {
  make("src/large", random_bytes(2, 40'000'000));
  for (int i = 0; i < 50; ++i) make("src/d/" + std::to_string(i), random_bytes(static_cast<std::uint64_t>(i), 10'000));
  const std::vector<std::string> command = {"cp", "-r", "--part-size", "1MiB", "--bwlimit", "40MB/s", at("src"), at("dst")};
  for (int i = 0; i < 3; ++i) {
    auto running = start(command);
    EXPECT_TRUE(eventually([&] { return partial_files() > 0; }));
    std::this_thread::sleep_for(200ms);
    running->signal(SIGKILL);
    running->wait();
  }
  EXPECT_FALSE(fs::exists(folder_ / "dst/large")) << "the copy was too fast for this test";
  const auto outcome = run(command);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("Taking up the unfinished transfer"));
  EXPECT_TRUE(same("src", "dst"));
  EXPECT_EQ(partial_files(), 0U);
  EXPECT_TRUE(!fs::exists(home_ / "transfers") || fs::is_empty(home_ / "transfers"));
}

TEST_F(Transfer, CtrlCSaysHowToGoOn) {
  make("src/large", random_bytes(3, 30'000'000));
  auto running = start({"cp", "--part-size", "1MiB", "--bwlimit", "10MB/s", at("src/large"), at("dst/")});
  ASSERT_TRUE(eventually([&] { return partial_files() > 0; }));
  running->signal(SIGINT);
  const auto outcome = running->wait(10s);
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.err, HasSubstr("The same command goes on where it was"));
  ok({"cp", "--part-size", "1MiB", "--resume", at("src/large"), at("dst/")});
  EXPECT_TRUE(content("dst/large") == content("src/large"));
}

TEST_F(Transfer, AFullDiskIsToldAndLeavesNothingBehind) {
  fs::create_directories(folder_ / "small");
  if (std::system(("mount -t tmpfs -o size=4m tmpfs " + at("small") + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "mounting a small disk is not permitted here";
  make("src/large", random_bytes(4, 20'000'000));
  make("src/little", "1");
  const auto outcome = run({"cp", "-r", "--part-size", "1MiB", at("src"), at("small")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("No space left"));
  EXPECT_FALSE(fs::exists(folder_ / "small/large"));
  EXPECT_EQ(partial_files(), 0U);
  ASSERT_EQ(std::system(("umount -l " + at("small")).c_str()), 0);
}

// Ceph's gateway in the long run, which tells the truth about when uploads began; moto in CI, which is had in seconds.
class TransferS3 : public Transfer {
 protected:
  static inline const char* const kServer = std::getenv("ISOBAR_LONG") ? "radosgw" : "moto";
  static void SetUpTestSuite() {
    auto started = stores::Emulator::start(kServer);
    if (started.ok()) server_ = std::make_unique<stores::Emulator>(std::move(started).value());
    else reason_ = started.error().message();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    Transfer::SetUp();
    if (!server_) GTEST_SKIP() << reason_;
    bucket_ = "b-" + secure_random_hex(4);
    environment_ = {{"AWS_ACCESS_KEY_ID", kServer == std::string("moto") ? "id" : "RADOSKEY"},
                    {"AWS_SECRET_ACCESS_KEY", kServer == std::string("moto") ? "id" : "RADOSSECRET"},
                    {"AWS_REGION", "us-east-1"},
                    {"AWS_ENDPOINT_URL", "http://127.0.0.1:" + std::to_string(server_->port())}};
    ok({"mb", "s3://" + bucket_}, environment_);
  }
  std::string s3(const std::string& key) const { return "s3://" + bucket_ + "/" + key; }
  static inline std::unique_ptr<stores::Emulator> server_;
  static inline std::string reason_;
  std::string bucket_;
  std::map<std::string, std::string> environment_;
};

TEST_F(TransferS3, AFolderGoesUpComesBackAndSyncsOnce) {
  make("src/a b+c&d=?.txt", "odd");
  make("src/d/large", random_bytes(5, 18'000'000));
  make("src/empty", "");
  ok({"cp", "-r", at("src"), s3("p")}, environment_);
  EXPECT_THAT(ok({"sync", at("src"), s3("p")}, environment_), HasSubstr("copied 0 objects"));
  EXPECT_THAT(ok({"check", "--download", at("src"), s3("p")}, environment_), HasSubstr("3 objects are the same, 0 differ"));
  ok({"cp", "-r", s3("p"), at("back")}, environment_);
  EXPECT_TRUE(same("src", "back"));
  ok({"cp", "-r", s3("p"), s3("q")}, environment_);
  EXPECT_THAT(ok({"du", "--bytes", s3("q")}, environment_), HasSubstr("18000003 bytes in 3 objects"));
  EXPECT_EQ(ok({"cat", s3("q/a b+c&d=?.txt")}, environment_), "odd");
  EXPECT_THAT(ok({"ls", s3("q/")}, environment_), HasSubstr("q/d/"));
  EXPECT_EQ(run({"cp", s3("none"), at("x")}, environment_).exit_code, 2);
  ok({"rm", "-r", "-y", s3("q")}, environment_);
  EXPECT_THAT(ok({"ls", "-r", s3("")}, environment_), Not(HasSubstr("q/")));
}

TEST_F(TransferS3, PropertiesThatAreSetArriveAlsoBetweenTwoPlacesOfOneStore) {
  make("a.txt", "x");
  ok({"cp", at("a.txt"), s3("a")}, environment_);
  // Of all that may be set, the storage class is what a listing tells.
  ok({"cp", "--storage-class", "STANDARD_IA", s3("a"), s3("b")}, environment_);
  EXPECT_THAT(ok({"ls", "-o", "json", s3("b")}, environment_), HasSubstr("STANDARD_IA"));
}

// Ten kills in CI, a hundred in the long run.
TEST_F(TransferS3, UploadsThatAreKilledAtRandomGoOnAndLeaveNoParts) {
  const int kills = std::getenv("ISOBAR_LONG") ? 100 : 10;
  make("src/large", random_bytes(6, 60'000'000));
  for (int i = 0; i < 30; ++i) make("src/d/" + std::to_string(i), random_bytes(static_cast<std::uint64_t>(i), 5'000));
  std::vector<std::string> command = {"cp", "-r", "--part-size", "5MiB", "--bwlimit", "30MB/s", at("src"), s3("p")};
  Random random(7);
  int finished = 0;
  for (int i = 0; i < kills; ++i) {
    auto running = start(command, environment_);
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(800)));
    running->signal(SIGKILL);
    finished += running->wait().exit_code == 0;
  }
  const auto outcome = run(command, environment_);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  // moto says of every upload that it began in 2010, which is not when this job could have begun one.
  if (kServer != std::string("moto")) {
    EXPECT_EQ(ok({"ls", "--uploads", s3("")}, environment_), "");
  }
  EXPECT_THAT(ok({"check", "--download", at("src"), s3("p")}, environment_), HasSubstr("31 objects are the same, 0 differ"));
  ok({"rm", "-r", "-y", s3("p")}, environment_);
  ok({"rb", "s3://" + bucket_}, environment_);
}

}  // namespace
}  // namespace isobar::e2e
