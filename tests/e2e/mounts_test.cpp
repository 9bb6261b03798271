// Buckets that a task wants mounted on its nodes: real rclone and a real FUSE, on an S3 that others made.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "base/process.h"
#include "cli.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "emulator.h"
#include "random_bytes.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Why nothing can be mounted here; empty: it can.
std::string no_fuse() {
  if (::geteuid() != 0) return "an instance of this machine may mount FUSE only for root";
  if (::access("/dev/fuse", R_OK | W_OK) != 0) return "there is no /dev/fuse";
  if (::access("/usr/bin/rclone", X_OK) != 0 || ::access("/usr/bin/fusermount3", X_OK) != 0) return "rclone and fuse3 are not installed";
  return "";
}

class Mounts : public CliTest {
 protected:
  static void SetUpTestSuite() { server_ = new auto(stores::Emulator::start("moto")); }
  static void TearDownTestSuite() { delete server_; }
  void SetUp() override {
    CliTest::SetUp();
    if (const auto why = no_fuse(); !why.empty()) GTEST_SKIP() << why;
    if (!server_->ok()) GTEST_SKIP() << server_->error().message();
    reach(**server_);
    bucket_ = "b" + folder_.filename().string().substr(11);
    ok({"mb", "s3://" + bucket_}, environment_);
  }
  void reach(const stores::Emulator& server) {
    environment_ = {{"AWS_ACCESS_KEY_ID", "id"},      {"AWS_SECRET_ACCESS_KEY", kSecret},
                    {"AWS_REGION", "us-east-1"},      {"AWS_ENDPOINT_URL", fmt::format("http://127.0.0.1:{}", server.port())},
                    {"AWS_CONFIG_FILE", "/dev/null"}, {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"}};
  }
  void put(const std::string& key, const std::string& text) {
    ok({"cp", write("object", text), fmt::format("s3://{}/{}", bucket_, key)}, environment_);
  }
  std::string object(const std::string& key) { return run({"cat", fmt::format("s3://{}/{}", bucket_, key)}, environment_).out; }
  /// A task that mounts the bucket, and below it what the test adds.
  std::string task(const std::string& mode, const std::string& rest, const std::string& more = "") {
    return write("t.yaml", fmt::format("file_mounts:\n  ~/d: {{source: 's3://{}/', mode: {}{}}}\n{}", bucket_, mode, more, rest));
  }
  bool on_disk(const std::string& text) const {
    for (const auto& entry : fs::recursive_directory_iterator(home_))
      if (read_file(entry.path(), 1 << 30).value_or("").find(text) != std::string::npos) return true;
    return false;
  }
  /// Processes by a word of their command, of those that have this test's folder in their environment.
  std::vector<pid_t> processes(const std::string& word) const {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      if (read_file(entry.path() / "environ").value_or("").find(folder_.string()) == std::string::npos) continue;
      if (read_file(entry.path() / "cmdline").value_or("").starts_with(word)) found.push_back(std::stoi(name));
    }
    return found;
  }

  static inline const std::string kSecret = "never-to-be-seen-outside";
  static inline Result<stores::Emulator>* server_ = nullptr;
  std::map<std::string, std::string> environment_;
  std::string bucket_;
};

TEST_F(Mounts, ABucketIsThereForAllJobsOfAllNodesAndItsKeysAreNowhere) {
  put("train/a", "first");
  const auto out = ok({"launch", "-c", "a",
                       task("MOUNT", "num_nodes: 2\nrun: cat ~/d/train/a; echo from-$ISOBAR_NODE_RANK > ~/d/out-$ISOBAR_NODE_RANK; env\n")},
                      environment_);
  EXPECT_THAT(out, AllOf(HasSubstr("first"), Not(HasSubstr(kSecret))));
  EXPECT_EQ(object("out-0"), "from-0\n");
  EXPECT_EQ(object("out-1"), "from-1\n");
  // Another job, which mounts nothing by itself.
  EXPECT_TRUE(eventually([&] { return run({"exec", "a", "cat ~/d/out-1"}).out.find("from-1") != std::string::npos; }));
  EXPECT_FALSE(on_disk(kSecret));
  for (const pid_t pid : processes("rclone"))
    EXPECT_THAT(read_file(fmt::format("/proc/{}/cmdline", pid)).value_or(""), Not(HasSubstr(kSecret)));
  EXPECT_EQ(processes("rclone").size(), 2U);
  ok({"down", "-y", "a"});
  EXPECT_TRUE(eventually([&] { return processes("rclone").empty(); }));
  EXPECT_EQ(object("train/a"), "first") << "what is in a bucket stays when the cluster goes";
}

TEST_F(Mounts, AMountOutlivesTheAgentAndComesBackWhenRcloneDies) {
  put("a", "first");
  const auto file = task("MOUNT", "run: cat ~/d/a\n");
  ok({"launch", "-c", "a", file}, environment_);
  const auto rclone = processes("rclone");
  ASSERT_EQ(rclone.size(), 1U);
  for (const pid_t pid : node_processes("agent")) ::kill(pid, SIGKILL);
  EXPECT_THAT(ok({"exec", "a", file}, environment_), HasSubstr("first"));
  EXPECT_EQ(processes("rclone"), rclone) << "mounted once";
  ::kill(rclone[0], SIGKILL);
  // In between a job fails; it neither hangs nor writes to the disk below.
  ASSERT_TRUE(eventually([&] { return run({"exec", "a", "cat ~/d/a"}).exit_code == 0; }));
  EXPECT_NE(processes("rclone"), rclone);
  EXPECT_THAT(ok({"exec", "a", "cat ~/d/a"}), HasSubstr("first"));
}

TEST_F(Mounts, WhileNothingIsMountedNothingCanBeWrittenThere) {
  ok({"launch", "-c", "a", task("MOUNT", "run: 'true'\n")}, environment_);
  // The keeper first, so that nobody mounts again; its rclone goes with it.
  for (const pid_t pid : processes(std::string("isobar-node\0mount", 17))) ::kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return processes("rclone").empty(); }));
  const auto refused = run({"exec", "a", "echo lost > ~/d/x"});
  EXPECT_EQ(refused.exit_code, 100);
  EXPECT_THAT(refused.out, HasSubstr("Read-only file system"));
  // The next task that asks for it has it again.
  EXPECT_EQ(run({"exec", "a", task("MOUNT", "run: echo kept > ~/d/x\n")}, environment_).exit_code, 0);
  EXPECT_EQ(object("x"), "kept\n");
}

TEST_F(Mounts, AClusterThatWasStoppedHasItsBucketsAgain) {
  put("a", "first");
  ok({"launch", "-c", "a", task("MOUNT", "run: 'true'\n")}, environment_);
  ok({"stop", "-y", "a"});
  EXPECT_TRUE(processes("rclone").empty());
  ok({"start", "a"}, environment_);
  EXPECT_THAT(ok({"exec", "a", "cat ~/d/a"}), HasSubstr("first"));
}

TEST_F(Mounts, GooglesStoreIsMountedToo) {
  auto google = stores::Emulator::start("fakegcs");
  if (!google.ok()) GTEST_SKIP() << google.error().message();
  const std::map<std::string, std::string> there = {{"STORAGE_EMULATOR_HOST", fmt::format("127.0.0.1:{}", google->port())}};
  ok({"mb", "gs://box"}, there);
  ok({"cp", write("object", "first"), "gs://box/x/a"}, there);
  const auto file = write("t.yaml", "file_mounts:\n  ~/d: {source: 'gs://box/x'}\nrun: cat ~/d/a; echo second > ~/d/b\n");
  EXPECT_THAT(ok({"launch", "-c", "a", file}, there), HasSubstr("first"));
  EXPECT_EQ(run({"cat", "gs://box/x/b"}, there).out, "second\n");
}

/// A shared access signature of the account that azurite has, for its containers and blobs.
std::string azurites_signature() {
  const auto key = crypto::from_base64("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==").value();
  const auto signature =
      crypto::to_base64(crypto::hmac_sha256(key, "devstoreaccount1\nrwdlacup\nb\nsco\n\n2099-01-01T00:00:00Z\n\nhttps,http\n2019-12-12\n"));
  std::string escaped;
  for (const char c : signature) escaped += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string(1, c);
  return "sv=2019-12-12&ss=b&srt=sco&sp=rwdlacup&se=2099-01-01T00%3A00%3A00Z&spr=https%2Chttp&sig=" + escaped;
}

TEST_F(Mounts, AzuresStoreIsMountedToo) {
  auto azure = stores::Emulator::start("azurite");
  if (!azure.ok()) GTEST_SKIP() << azure.error().message();
  const auto signature = azurites_signature();
  const std::map<std::string, std::string> there = {
      {"AZURE_STORAGE_ACCOUNT", "devstoreaccount1"},
      {"AZURE_STORAGE_SAS_TOKEN", signature},
      {"AZURE_STORAGE_ENDPOINT", fmt::format("http://127.0.0.1:{}/devstoreaccount1", azure->port())}};
  ok({"mb", "az://devstoreaccount1/box"}, there);
  ok({"cp", write("object", "first"), "az://devstoreaccount1/box/x/a"}, there);
  const auto file = write("t.yaml", "file_mounts:\n  ~/d: {source: 'az://devstoreaccount1/box/x'}\nrun: cat ~/d/a; echo second > ~/d/b\n");
  EXPECT_THAT(ok({"launch", "-c", "a", file}, there), HasSubstr("first"));
  EXPECT_EQ(run({"cat", "az://devstoreaccount1/box/x/b"}, there).out, "second\n");
  EXPECT_FALSE(on_disk(signature.substr(signature.size() - 30)));
}

TEST_F(Mounts, AJobIsOverWhenWhatItWroteIsInTheBucket) {
  const auto large = "; head -c 20000000 /dev/urandom | tee ~/d/large | md5sum";
  const auto out = ok({"launch", "-c", "a",
                       task("MOUNT_CACHED", fmt::format("run: mkdir -p ~/d/deep; echo one > ~/d/deep/a; echo two >> ~/d/deep/a{}\n", large),
                            ", config: {mount_cached: {vfs_write_back: 2s}}")},
                      environment_);
  EXPECT_EQ(object("deep/a"), "one\ntwo\n");
  EXPECT_EQ(object("large").size(), 20'000'000U);
  EXPECT_THAT(out, HasSubstr("written and not yet in s3://" + bucket_));
}

TEST_F(Mounts, DownWaitsForUploadsAndKeepsWhatCannotBeUploaded) {
  auto own = stores::Emulator::start("moto");
  ASSERT_TRUE(own.ok());
  {
    auto server = std::move(*own);
    reach(server);
    ok({"mb", "s3://" + bucket_}, environment_);
    const auto writes =
        task("MOUNT_CACHED", "run: echo late > ~/d/late; touch ~/written; sleep 1000\n", ", config: {mount_cached: {vfs_write_back: 4s}}");
    ok({"launch", "-d", "-c", "a", writes}, environment_);
    ASSERT_TRUE(eventually([&] { return fs::exists(home_ / "local/a/0/home/written"); }));
    ok({"down", "-y", "a"});
    EXPECT_EQ(object("late"), "late\n");
    ok({"launch", "-d", "-c", "b", writes}, environment_);
    ASSERT_TRUE(eventually([&] { return fs::exists(home_ / "local/b/0/home/written"); }));
  }
  const auto kept = run({"down", "-y", "b", "--graceful-timeout", "6"});
  EXPECT_EQ(kept.exit_code, 1);
  EXPECT_THAT(kept.err, AllOf(HasSubstr("1 file is written and not yet in s3://" + bucket_), HasSubstr("--graceful-timeout 0")));
  EXPECT_EQ(status_of("b"), "UP");
  ok({"down", "-y", "b", "--graceful-timeout", "0"});
}

TEST_F(Mounts, AClusterThatEndsByItselfWaitsForUploads) {
  // What setup leaves running writes after the job has ended, and the upload is due when the cluster has been idle for long.
  const auto late = "setup: nohup sh -c 'sleep 3; echo late > ~/d/late; touch ~/written' > /dev/null 2>&1 &\nrun: 'true'\n";
  ok({"launch", "-c", "a", "--down", "-i", "0", task("MOUNT_CACHED", late, ", config: {mount_cached: {vfs_write_back: 9s}}")},
     environment_);
  ASSERT_TRUE(eventually([&] { return fs::exists(home_ / "local/a/0/home/written"); }));
  EXPECT_EQ(object("late"), "");
  EXPECT_TRUE(eventually([&] { return status_of("a").empty(); }, 40s));
  EXPECT_EQ(object("late"), "late\n");
}

TEST_F(Mounts, WhatIsNotUploadedWhenAClusterStopsIsUploadedWhenItStarts) {
  ok({"launch", "-d", "-c", "a",
      task("MOUNT_CACHED", "run: echo late > ~/d/late; touch ~/written; sleep 1000\n", ", config: {mount_cached: {vfs_write_back: 10s}}")},
     environment_);
  ASSERT_TRUE(eventually([&] { return fs::exists(home_ / "local/a/0/home/written"); }));
  EXPECT_THAT(run({"stop", "-y", "a", "--graceful-timeout", "1"}).err, HasSubstr("goes on when that is started"));
  EXPECT_EQ(object("late"), "");
  ok({"start", "a"}, environment_);
  EXPECT_TRUE(eventually([&] { return object("late") == "late\n"; }, 40s));
}

TEST_F(Mounts, WhatANodeLacksIsNamedWithTheMend) {
  auto without = environment_;
  without["PATH"] = (folder_ / "none").string();
  const auto refused = run({"launch", "-c", "a", task("MOUNT", "run: echo ran\n")}, without);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("at ~/d on node 0 of cluster 'a': a mount needs rclone and fusermount3 there"),
                                 HasSubstr("apt-get install rclone fuse3"), HasSubstr("`mode: COPY`")));
  EXPECT_THAT(refused.out, Not(HasSubstr("ran\n")));
}

TEST_F(Mounts, APlaceThatIsTakenOrABucketThatIsNotThereIsRefused) {
  ok({"launch", "-c", "a", "mkdir ~/d; touch ~/d/mine"});
  EXPECT_THAT(run({"launch", "-c", "a", task("MOUNT", "run: x\n")}, environment_).err, HasSubstr("holds files, which a mount would hide"));
  const auto none = write("n.yaml", "file_mounts:\n  ~/e: {source: 's3://no-such-bucket-" + bucket_ + "'}\nrun: x\n");
  EXPECT_THAT(run({"launch", "-c", "a", none}, environment_).err, HasSubstr("NoSuchBucket"));
  ok({"exec", "a", write("r.yaml", "file_mounts:\n  ~/f: {source: 's3://" + bucket_ + "/x'}\nrun: 'true'\n")}, environment_);
  EXPECT_THAT(run({"exec", "a", write("s.yaml", "file_mounts:\n  ~/f: {source: 's3://" + bucket_ + "/y'}\nrun: x\n")}, environment_).err,
              HasSubstr("/x is mounted there already"));
}

TEST_F(Mounts, ABucketIsMadeFromAFolderOfThisMachine) {
  for (const auto* name : {"f/a", "f/deep/b", "f/skip.log", "f/.gitignore"})
    write(name, std::string(name).ends_with("ignore") ? "*.log\n" : std::string(name) + "\n");
  const auto name = "made-" + bucket_;
  const auto file =
      write("t.yaml", fmt::format("file_mounts:\n  ~/d: {{name: {}, source: ./f, mode: MOUNT}}\n  ~/c: {{name: {}, mode: COPY}}\n"
                                  "run: find ~/d ~/c -type f; cat ~/c/deep/b\n",
                                  name, name));
  const auto first = run({"launch", "-c", "a", file}, environment_);
  EXPECT_EQ(first.exit_code, 0);
  EXPECT_THAT(first.err, AllOf(HasSubstr("Made s3://" + name), HasSubstr("3 of ")));
  EXPECT_THAT(first.out, AllOf(HasSubstr("home/d/deep/b"), HasSubstr("home/c/deep/b"), HasSubstr("f/deep/b"), Not(HasSubstr("skip.log"))));
  // Again: only what is new.
  write("f/new", "n\n");
  const auto again = run({"launch", "-c", "a", file}, environment_);
  EXPECT_THAT(again.err, AllOf(Not(HasSubstr("Made")), HasSubstr("1 of "), HasSubstr("what is the same was there already")));
  EXPECT_THAT(run({"storage", "delete", "-y", name}, environment_).err, HasSubstr("is mounted on cluster 'a'"));
  ok({"down", "-y", "a"}, environment_);
  EXPECT_EQ(run({"cat", "s3://" + name + "/new"}, environment_).out, "n\n") << "persistent unless the task says otherwise";
  const auto listed = json({"storage", "ls"});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at("location").as_string(), "s3://" + name);
  EXPECT_EQ(listed[0].at("status").as_string(), "READY");
  EXPECT_THAT(ok({"storage", "delete", "-y", name}, environment_), HasSubstr("is gone"));
  EXPECT_THAT(run({"ls", "s3://" + name}, environment_).err, HasSubstr("NoSuchBucket"));
  EXPECT_TRUE(json({"storage", "ls"}).empty());
}

TEST_F(Mounts, OnlyWhatIsobarMadeGoesWithItsCluster) {
  put("theirs", "x");
  const auto name = "made-" + bucket_;
  const auto task_of = [&](const std::string& bucket) {
    return write("t.yaml", fmt::format("file_mounts:\n  ~/{0}: {{name: {0}, persistent: false}}\nrun: echo y > ~/{0}/y\n", bucket));
  };
  ok({"launch", "-c", "a", task_of(name)}, environment_);
  ok({"launch", "-c", "a", task_of(bucket_)}, environment_);
  const auto down = run({"down", "-y", "a"}, environment_);
  EXPECT_THAT(down.err, HasSubstr("Deleted s3://" + name));
  EXPECT_THAT(run({"ls", "s3://" + name}, environment_).err, HasSubstr("NoSuchBucket"));
  EXPECT_EQ(object("theirs"), "x");
  EXPECT_EQ(object("y"), "y\n");
  EXPECT_THAT(run({"storage", "delete", "-y", bucket_}, environment_).err, HasSubstr("not known to have been made by isobar"));
  EXPECT_EQ(object("theirs"), "x");
}

TEST_F(Mounts, ALaunchThatIsKilledWhileItMakesABucketIsGoneOnWith) {
  write("f/a", random_bytes(3, 3'000'000));
  ok({"launch", "-c", "a", "true"}, environment_);
  for (int round = 0; round < 8; ++round) {
    const auto name = fmt::format("killed-{}-{}", round, bucket_);
    const auto place = "s3://" + name;
    const auto file =
        write("t.yaml", fmt::format("file_mounts:\n  ~/d{}: {{name: {}, source: ./f}}\nrun: md5sum < ~/d{}/a\n", round, name, round));
    auto launch = start({"launch", "-c", "a", file}, environment_);
    ::usleep(static_cast<useconds_t>(60'000 + round * 40'000));
    launch->signal(SIGKILL);
    launch->wait();
    EXPECT_EQ(run({"launch", "-c", "a", file}, environment_).exit_code, 0) << round;
    EXPECT_EQ(run({"cat", place + "/a"}, environment_).out.size(), 3'000'000U) << round;
    const auto listed = json({"storage", "ls"});
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].at("status").as_string(), "READY");
    ok({"down", "-y", "a"}, environment_);
    const auto deleted = run({"storage", "delete", "-y", name}, environment_);
    EXPECT_EQ(deleted.exit_code == 0, listed[0].at("made").as_bool()) << deleted.err;
    if (deleted.exit_code != 0) ok({"rm", "-r", "-y", place}, environment_), ok({"rb", place}, environment_);
    if (deleted.exit_code != 0) break;
    ok({"launch", "-c", "a", "true"}, environment_);
  }
}

TEST_F(Mounts, AFolderThatIsNotThereIsSaidBeforeAnythingIsMade) {
  const auto file = write("t.yaml", "file_mounts:\n  ~/d: {name: made-" + bucket_ + ", source: ./none}\nrun: x\n");
  EXPECT_THAT(run({"launch", "-c", "a", file}, environment_).err, HasSubstr("file_mounts.~/d: ./none is not there"));
  EXPECT_TRUE(json({"storage", "ls"}).empty());
  EXPECT_EQ(status_of("a"), "");
}

}  // namespace
}  // namespace isobar::e2e
