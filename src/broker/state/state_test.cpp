#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "broker/cluster_lock.h"
#include "broker/state_store.h"

namespace isobar::broker {
namespace {

class StateTest : public testing::Test {
 protected:
  fs::path folder_ = fs::temp_directory_path() / ("isobar-state-" + secure_random_hex(6));
  void SetUp() override { ASSERT_TRUE(make_folders(folder_).ok()); }
  void TearDown() override { fs::remove_all(folder_); }
  StateStore open() {
    auto store = StateStore::open(folder_ / "state.db");
    CHECK(store.ok(), store.error().message());
    return std::move(store).value();
  }
  static ClusterRecord a_cluster(std::string name) {
    ClusterRecord cluster;
    cluster.name = std::move(name);
    cluster.placement = {
        {.cloud = "local", .region = "local", .instance_type = "this-machine", .vcpus = 2, .memory_gib = 8}, true, 1.25, 0};
    cluster.num_nodes = 2;
    cluster.launched = Instant::from_unix_seconds(100);
    cluster.autostop = Autostop{7min, true, IdleWait::kNone};
    cluster.ports = {{80, 80}, {8000, 8010}};
    cluster.last_command = "isobar launch";
    cluster.token = "t-1";
    cluster.user = "me";
    cluster.mounts = {{.destination = "~/d",
                       .bucket_sources = {"s3://b/x \"y\""},
                       .mode = MountMode::kMountCached,
                       .settings = {{"mount_cached.transfers", "4"}}}};
    return cluster;
  }
};

TEST_F(StateTest, KeepsEveryFieldOfACluster) {
  auto written = a_cluster("a");
  written.volumes = {
      {.path = "/d", .name = "data", .ephemeral_gb = {}},
      {.path = "/e", .name = {}, .ephemeral_gb = 7, .storage_class = "c", .access_mode = "ReadWriteMany", .labels = {{"a", "b"}}}};
  {
    auto store = open();
    ASSERT_TRUE(store.put(written).ok());
  }
  auto store = open();
  const auto read = store.cluster("a");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->status, written.status);
  EXPECT_EQ(read->placement, written.placement);
  EXPECT_EQ(read->num_nodes, 2);
  EXPECT_EQ(read->launched, written.launched);
  EXPECT_EQ(read->autostop, written.autostop);
  EXPECT_EQ(read->ports, written.ports);
  EXPECT_EQ(read->token, "t-1");
  EXPECT_EQ(read->mounts, written.mounts);
  EXPECT_EQ(read->volumes, written.volumes);
  EXPECT_EQ(store.cluster("b").error().code(), Code::kNotFound);
}

TEST_F(StateTest, TakesOverWhatWasWrittenBeforeClustersHadMounts) {
  {
    auto store = open();
    ASSERT_TRUE(store.put(a_cluster("a")).ok());
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "state.db").c_str(), &raw), SQLITE_OK);
  const char* older =
      "ALTER TABLE clusters DROP COLUMN mounts; ALTER TABLE clusters DROP COLUMN ports; ALTER TABLE clusters DROP COLUMN volumes; "
      "ALTER TABLE clusters DROP COLUMN mend; DROP TABLE storages; DROP TABLE volumes; PRAGMA user_version = 2;";
  ASSERT_EQ(sqlite3_exec(raw, older, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  auto store = open();
  auto cluster = store.cluster("a").value();
  EXPECT_EQ(cluster.token, "t-1");
  EXPECT_TRUE(cluster.mounts.empty());
  cluster.mounts = a_cluster("a").mounts;
  ASSERT_TRUE(store.put(cluster).ok());
  EXPECT_EQ(store.cluster("a")->mounts, cluster.mounts);
  EXPECT_TRUE(store.put_storage({"s3://b"}).ok());
}

TEST_F(StateTest, KeepsEveryFieldOfABucket) {
  const StorageRecord written{"s3://b", StorageStatus::kDeleting, true, false, "eu-west-1", "a", "~/d", Instant::from_unix_seconds(5)};
  auto store = open();
  ASSERT_TRUE(store.put_storage(written).ok());
  ASSERT_TRUE(store.put_storage({"gs://c"}).ok());
  const auto read = store.storages().value();
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].location, "gs://c");
  EXPECT_FALSE(read[0].made);
  EXPECT_TRUE(read[0].persistent);
  EXPECT_EQ(read[1].status, StorageStatus::kDeleting);
  EXPECT_TRUE(read[1].made);
  EXPECT_FALSE(read[1].persistent);
  EXPECT_EQ(read[1].region, "eu-west-1");
  EXPECT_EQ(read[1].cluster, "a");
  EXPECT_EQ(read[1].source, "~/d");
  EXPECT_EQ(read[1].since, written.since);
  ASSERT_TRUE(store.remove_storage("s3://b").ok());
  EXPECT_EQ(store.storages()->size(), 1U);
}

TEST_F(StateTest, AnIntentStandsUntilItIsFinished) {
  auto store = open();
  auto cluster = a_cluster("a");
  ASSERT_TRUE(store.begin({IntentKind::kCreate, "a", "local", "t-1", Instant()}, &cluster).ok());
  ASSERT_EQ(store.intents()->size(), 1U);
  EXPECT_EQ(store.clusters()->size(), 1U);
  cluster.status = ClusterStatus::kUp;
  ASSERT_TRUE(store.finish("a", cluster, Instant::from_unix_seconds(0)).ok());
  EXPECT_TRUE(store.intents()->empty());
}

TEST_F(StateTest, RefusalsAreBelievedUntilTheyExpire) {
  auto store = open();
  const Instant now = Instant::from_unix_seconds(1000);
  const cloud::Scope zone{.cloud = "aws", .region = "us-east-1", .zone = "use1-az1", .instance_type = "p4d", .use_spot = true};
  const cloud::Scope region{.cloud = "azure", .region = "eastus", .zone = {}, .instance_type = "big", .use_spot = {}};
  ASSERT_TRUE(store.remember_refusal({zone, "InsufficientInstanceCapacity", now + 10min}, now).ok());
  ASSERT_TRUE(store.remember_refusal({region, "SkuNotAvailable", now + 20min}, now).ok());
  const auto both = store.refusals(now).value();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].scope, zone);
  EXPECT_EQ(both[1].scope, region);
  EXPECT_EQ(both[1].code, "SkuNotAvailable");
  EXPECT_EQ(store.refusals(now + 10min).value().size(), 1U);
  // What has expired is not kept for ever.
  ASSERT_TRUE(store.remember_refusal({zone, "again", now + 2h}, now + 1h).ok());
  EXPECT_EQ(store.refusals(now).value().size(), 1U);
}

TEST_F(StateTest, CostIsCountedByTheSecondAtTheRecordedPriceWhileUp) {
  auto store = open();
  auto cluster = a_cluster("a");
  cluster.status = ClusterStatus::kUp;
  ASSERT_TRUE(store.finish("a", cluster, Instant::from_unix_seconds(0)).ok());
  ASSERT_TRUE(store.finish("a", cluster, Instant::from_unix_seconds(600)).ok()) << "already paid for: no second record";
  cluster.status = ClusterStatus::kStopped;
  ASSERT_TRUE(store.finish("a", cluster, Instant::from_unix_seconds(1800)).ok());
  ASSERT_TRUE(store.finish("a", std::nullopt, Instant::from_unix_seconds(9999)).ok());
  const auto usage = store.usage();
  ASSERT_EQ(usage->size(), 1U);
  EXPECT_DOUBLE_EQ((*usage)[0].cost(Instant::from_unix_seconds(99999)), 1.25 * 2 * 0.5);
  EXPECT_TRUE(store.clusters()->empty());
}

// A home's first commands may all create its state at the same instant, and the last to close a file removes its write-ahead log
// under the hands of the next to open it.
TEST_F(StateTest, ProcessesThatOpenAtTheSameInstantWaitForOneAnother) {
  for (int round = 0; round < 25; ++round) {
    const fs::path path = folder_ / std::to_string(round) / "state.db";
    int gate[2];
    ASSERT_EQ(::pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      children.push_back(::fork());
      if (children.back() != 0) continue;
      ::close(gate[1]);
      char nothing;
      while (::read(gate[0], &nothing, 1) > 0) continue;
      for (int turn = 0; turn < 3; ++turn) {
        auto store = StateStore::open(path);
        const Status written = store.ok() ? store->put(a_cluster(fmt::format("c{}", i))) : Status(store.error());
        if (!written.ok()) fmt::print(stderr, "{}\n", written.error().message());
        if (!written.ok()) ::_exit(1);
      }
      ::_exit(0);
    }
    ::close(gate[1]);
    ::close(gate[0]);
    for (const pid_t child : children) {
      int ending = 0;
      ::waitpid(child, &ending, 0);
      EXPECT_EQ(ending, 0);
    }
    EXPECT_EQ(StateStore::open(path)->clusters()->size(), children.size());
  }
}

TEST_F(StateTest, AFileFromBeforePortsWereRecordedIsRead) {
  {
    auto store = open();
    ASSERT_TRUE(store.put(a_cluster("a")).ok());
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "state.db").c_str(), &raw), SQLITE_OK);
  const char* older =
      "ALTER TABLE clusters DROP COLUMN mounts; ALTER TABLE clusters DROP COLUMN ports; ALTER TABLE clusters DROP COLUMN volumes; "
      "ALTER TABLE clusters DROP COLUMN mend; PRAGMA user_version = 2";
  ASSERT_EQ(sqlite3_exec(raw, older, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  auto store = open();
  auto cluster = store.cluster("a").value();
  EXPECT_EQ(cluster.user, "me");
  EXPECT_TRUE(cluster.ports.empty());
  cluster.ports = {{80, 80}};
  ASSERT_TRUE(store.put(cluster).ok());
  EXPECT_EQ(open().cluster("a").value().ports, cluster.ports);
}

TEST_F(StateTest, HowToMendAClusterIsKept) {
  auto cluster = a_cluster("a");
  cluster.mend = {.allowed = true,
                  .generation = 3,
                  .replacing = {1, 4},
                  .labels = {{"team", "\"x\""}},
                  .config = {{"k", "v: 1"}},
                  .image = "docker:x",
                  .files = {{"~/sky_workdir", "/home/ada/w", false}, {"~/git", "/cache/1", true}}};
  ASSERT_TRUE(open().put(cluster).ok());
  EXPECT_EQ(open().cluster("a").value().mend, cluster.mend);
}

TEST_F(StateTest, AFileFromBeforeVolumesAndMendingIsRead) {
  {
    auto store = open();
    ASSERT_TRUE(store.put(a_cluster("a")).ok());
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "state.db").c_str(), &raw), SQLITE_OK);
  const char* older =
      "ALTER TABLE clusters DROP COLUMN volumes; ALTER TABLE clusters DROP COLUMN mend; DROP TABLE volumes; PRAGMA user_version = 3";
  ASSERT_EQ(sqlite3_exec(raw, older, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  auto store = open();
  EXPECT_TRUE(store.cluster("a")->volumes.empty());
  EXPECT_EQ(store.cluster("a")->mend, MendPlan());
  EXPECT_EQ(store.cluster("a")->mounts, a_cluster("a").mounts);
  EXPECT_TRUE(store.put_volume({{.name = "data"}, VolumeStatus::kReady, "kubernetes", "me", {}}).ok());
}

TEST_F(StateTest, KeepsEveryFieldOfAVolume) {
  VolumeRecord written{{.name = "data",
                        .token = "t",
                        .region = "lab",
                        .name_space = "research",
                        .id = "data-01234567",
                        .size_gib = 1ULL << 40,
                        .storage_class = "fast",
                        .access_mode = "ReadWriteMany",
                        .labels = {{"team", "\"vision\""}},
                        .use_existing = true},
                       VolumeStatus::kDeleting,
                       "kubernetes",
                       "me",
                       Instant::from_unix_seconds(100)};
  ASSERT_TRUE(open().put_volume(written).ok());
  const auto read = open().volume("data").value();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->volume, written.volume);
  EXPECT_EQ(read->status, VolumeStatus::kDeleting);
  EXPECT_EQ(read->cloud, "kubernetes");
  EXPECT_EQ(read->since, written.since);
  EXPECT_FALSE(open().volume("other").value());
}

TEST_F(StateTest, AFileOfANewerVersionIsRefusedAndLeftAlone) {
  { open(); }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "state.db").c_str(), &raw), SQLITE_OK);
  sqlite3_exec(raw, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(raw);
  const auto refused = StateStore::open(folder_ / "state.db");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("newer isobar"));
}

TEST_F(StateTest, ADamagedFileIsSaidToBeDamaged) {
  ASSERT_TRUE(write_file(folder_ / "state.db", std::string(8192, 'x')).ok());
  const auto refused = StateStore::open(folder_ / "state.db");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
}

TEST_F(StateTest, ALockNamesItsHolderToThoseWhoWait) {
  const auto held = ClusterLock::try_acquire(folder_, "a", "isobar launch -c a");
  ASSERT_TRUE(held.ok());
  std::string told;
  const auto refused = ClusterLock::acquire(folder_, "a", "isobar down a", 50ms, [&](const std::string& sentence) { told = sentence; });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kDeadlineExceeded);
  EXPECT_THAT(told, testing::HasSubstr(fmt::format("held by `isobar launch -c a` (process {}", ::getpid())));
  EXPECT_TRUE(ClusterLock::try_acquire(folder_, "b", "x").ok()) << "another cluster is free";
}

TEST_F(StateTest, SharedHoldersExcludeAnExclusiveOneButNotEachOther) {
  const auto ignore = [](const std::string&) {};
  const auto one = ClusterLock::acquire(folder_, "a", "exec", 0s, ignore, Hold::kShared);
  const auto two = ClusterLock::acquire(folder_, "a", "exec", 0s, ignore, Hold::kShared);
  EXPECT_TRUE(one.ok() && two.ok());
  EXPECT_FALSE(ClusterLock::acquire(folder_, "a", "down", 0s, ignore).ok());
}

TEST_F(StateTest, ALockDiesWithItsHolder) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = ClusterLock::try_acquire(folder_, "a", "child");
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(ClusterLock::try_acquire(folder_, "a", "x").ok());
}

}  // namespace
}  // namespace isobar::broker
