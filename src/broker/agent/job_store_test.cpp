#include "job_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "base/random.h"

namespace isobar::broker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Store : public ::testing::Test {
 protected:
  Store() : folder_(fs::temp_directory_path() / ("isobar-store-" + secure_random_hex(6))) {}
  ~Store() override { fs::remove_all(folder_); }
  JobStore open() const { return JobStore::open(folder_).value(); }
  static JobId add(JobStore& store, const JobSpec& spec) { return store.add({&spec, 1}, at(1)).value()[0].id; }
  static Instant at(std::int64_t seconds) { return Instant::from_unix_seconds(seconds); }
  fs::path folder_;
};

TEST_F(Store, RemembersJobsAcrossOpenings) {
  JobSpec spec{.name = "train",
               .user = "ada",
               .num_nodes = 2,
               .cpus = 1.5,
               .gpus = 0.5,
               .setup = "s",
               .run = "r",
               .envs = {{"A", "b\nc"}},
               .resources = "1x"};
  JobId id;
  {
    auto store = open();
    id = add(store, spec);
    EXPECT_EQ(id, JobId(1));
  }
  auto store = open();
  EXPECT_EQ(store.spec(id).value(), spec);
  const auto job = store.find(id).value().value();
  EXPECT_EQ(job.name, "train");
  EXPECT_EQ(job.status, JobStatus::kPending);
  EXPECT_EQ(job.submitted, at(1));
  EXPECT_EQ(job.log_folder, "~/sky_logs/1-train");
  EXPECT_EQ(store.find(JobId(0)).value()->id, id) << "0 names the newest";
  EXPECT_FALSE(store.find(JobId(9)).value());
}

TEST_F(Store, TakesAnAutostopWithTheJobsOrNeither) {
  const Autostop autostop{std::chrono::minutes(3), true, IdleWait::kJobs};
  const JobSpec spec{.name = "train", .run = "r"};
  {
    auto store = open();
    ASSERT_TRUE(store.add({&spec, 1}, at(7), autostop).ok());
    ASSERT_TRUE(store.add({&spec, 1}, at(8)).ok());
  }
  const auto saved = open().autostop().value();
  ASSERT_TRUE(saved.has_value());
  EXPECT_EQ(saved->autostop, autostop) << "jobs that come without one leave it as it was";
  EXPECT_EQ(saved->set_at, at(7));
}

TEST_F(Store, KeepsPhasesPlacesAndVerdictsOfUnfinishedJobs) {
  auto store = open();
  const auto id = add(store, {.num_nodes = 2, .cpus = 1, .gpus = 2, .setup = "s", .run = "r"});
  const std::vector<Place> places{{0, {0, 1}}, {3, {}}};
  const Verdict verdict{JobStatus::kFailed, 7, 1, "why"};
  ASSERT_TRUE(store.apply(std::vector<QueueEffect>{PhaseBegun{id, Phase::kRun, places}, VerdictReached{id, verdict}}, at(5)).ok());
  const auto unfinished = open().unfinished().value();
  ASSERT_EQ(unfinished.size(), 1U);
  EXPECT_EQ(unfinished[0].status, JobStatus::kRunning);
  EXPECT_EQ(unfinished[0].places, places);
  EXPECT_EQ(unfinished[0].verdict, verdict);
  EXPECT_TRUE(unfinished[0].demand.has_setup && unfinished[0].demand.has_run);
  ASSERT_TRUE(store.apply(std::vector<QueueEffect>{JobEnded{id, verdict}}, at(9)).ok());
  EXPECT_TRUE(store.unfinished().value().empty());
  const auto job = store.find(id).value().value();
  EXPECT_EQ(job.status, JobStatus::kFailed);
  EXPECT_EQ(job.exit_code, 7);
  EXPECT_EQ(job.failed_rank, 1);
  EXPECT_EQ(job.ended, at(9));
  EXPECT_EQ(store.last_activity().value(), at(9));
  EXPECT_EQ(store.spec(id).error().code(), Code::kNotFound) << "an ended job's script is gone";
}

TEST_F(Store, KeepsWhichJobsWaitForLostNodesAndWhichNodesMayBeGivenJobs) {
  {
    auto store = open();
    EXPECT_TRUE(store.accepted_nodes().value().empty());
    add(store, {.num_nodes = 2, .run = "r", .again_when_node_lost = true});
    add(store, {.run = "r"});
    ASSERT_TRUE(store.accept_nodes({{0, "a"}, {1, "b"}}).ok());
    ASSERT_TRUE(store.accept_nodes({{0, "a"}, {1, "c"}}).ok());
  }
  const auto store = open();
  const auto unfinished = store.unfinished().value();
  ASSERT_EQ(unfinished.size(), 2U);
  EXPECT_TRUE(unfinished[0].demand.waits_for_lost);
  EXPECT_FALSE(unfinished[1].demand.waits_for_lost);
  EXPECT_EQ(store.accepted_nodes().value(), (std::map<int, std::string>{{0, "a"}, {1, "c"}}));
}

TEST_F(Store, ATableFromBeforeNodesCouldBeReplacedIsRead) {
  {
    auto store = open();
    add(store, {.run = "r"});
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "jobs.db").c_str(), &raw), SQLITE_OK);
  const char* older = "ALTER TABLE jobs DROP COLUMN waits_for_lost; DROP TABLE nodes; PRAGMA user_version = 1";
  ASSERT_EQ(sqlite3_exec(raw, older, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  auto store = open();
  EXPECT_FALSE(store.unfinished().value().at(0).demand.waits_for_lost);
  add(store, {.run = "r", .again_when_node_lost = true});
  EXPECT_TRUE(open().unfinished().value().at(1).demand.waits_for_lost);
}

TEST_F(Store, SecretsLieBesideTheTableAndGoWithTheJob) {
  auto store = open();
  const auto id = add(store, {.run = "r", .secrets = {{"TOKEN", "hunter2hunter2"}}, .setup_secrets = {{"KEY", "hunter2hunter2"}}});
  EXPECT_EQ(store.spec(id).value().secrets.at("TOKEN"), "hunter2hunter2");
  EXPECT_EQ(store.spec(id).value().setup_secrets.at("KEY"), "hunter2hunter2");
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const bool is_secrets = entry.path().filename().string().starts_with("secrets-");
    if (is_secrets) EXPECT_EQ(fs::status(entry.path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    else EXPECT_THAT(read_file(entry.path()).value(), Not(HasSubstr("hunter2")));
  }
  ASSERT_TRUE(store.apply(std::vector<QueueEffect>{JobEnded{id, {JobStatus::kCancelled}}}, at(2)).ok());
  for (const auto& entry : fs::directory_iterator(folder_)) EXPECT_FALSE(entry.path().filename().string().starts_with("secrets-"));
}

TEST_F(Store, ATokenNamesOneJob) {
  auto store = open();
  const JobSpec spec{.run = "r", .token = "abc"};
  const auto first = store.add({&spec, 1}, at(1)).value()[0], again = store.add({&spec, 1}, at(2)).value()[0];
  EXPECT_TRUE(first.is_new);
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(first.id, again.id);
}

TEST_F(Store, ListsInPagesNewestFirst) {
  auto store = open();
  for (int i = 0; i < 5; ++i) add(store, {.run = "r"});
  ASSERT_TRUE(store.apply(std::vector<QueueEffect>{JobEnded{JobId(4), {}}}, at(2)).ok());
  const auto first = store.list({}, 2).value();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].id, JobId(5));
  EXPECT_EQ(store.list({}, 9, first[1].id).value().size(), 3U);
  EXPECT_EQ(store.list({.active_only = true}, 9).value().size(), 4U);
}

TEST_F(Store, KeepsAutostop) {
  auto store = open();
  EXPECT_FALSE(store.autostop().value());
  ASSERT_TRUE(store.save_autostop({Autostop{90s, true, IdleWait::kNone}, at(3)}).ok());
  EXPECT_EQ(open().autostop().value()->autostop, (Autostop{90s, true, IdleWait::kNone}));
  ASSERT_TRUE(store.save_autostop({std::nullopt, at(4)}).ok());
  EXPECT_FALSE(open().autostop().value()->autostop);
  EXPECT_EQ(open().autostop().value()->set_at, at(4));
}

TEST_F(Store, ADamagedTableAndAnUnwritableFolderSaySo) {
  fs::create_directories(folder_);
  ASSERT_TRUE(write_file(folder_ / "jobs.db", std::string(8192, 'x')).ok());
  EXPECT_EQ(JobStore::open(folder_).error().code(), Code::kDataLoss);
  const auto inside_a_file = JobStore::open(folder_ / "jobs.db" / "x");
  EXPECT_FALSE(inside_a_file.ok());
}

TEST(LogFolderName, IsPlainWhateverTheJobIsCalled) {
  EXPECT_EQ(log_folder_name(JobId(7), "train v1.2"), "7-train_v1.2");
  EXPECT_EQ(log_folder_name(JobId(7), "../../x\n"), "7-.._.._x_");
  EXPECT_EQ(log_folder_name(JobId(7), std::string(500, 'a')).size(), 102U);
}

}  // namespace
}  // namespace isobar::broker
