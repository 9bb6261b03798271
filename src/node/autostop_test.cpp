// How a cluster ends itself, and how a node's disk follows a source.

#include "local_cluster.h"

#include <thread>

namespace isobar::testing {

using broker::Autostop;
using broker::IdleWait;
using broker::JobSpec;
using broker::JobStatus;
using cloud::InstanceState;

namespace {

InstanceState state_of(const LocalCluster& cluster) {
  const auto instances = cluster.instances();
  return instances.empty() ? InstanceState::kTerminated : instances.front().state;
}

}  // namespace

TEST(LocalAutostop, StopsAnIdleClusterAndKeepsItsDisk) {
  LocalCluster cluster(2);
  cluster.run("echo kept > ~/kept");
  ASSERT_TRUE(cluster.client().set_autostop(Autostop{.idle = 200ms}).ok());
  ASSERT_TRUE(
      eventually([&] { return state_of(cluster) == InstanceState::kStopped && cluster.instances()[1].state == InstanceState::kStopped; }));
  EXPECT_EQ(read_file(cluster.home() / "kept").value(), "kept\n");
  ASSERT_TRUE(cluster.provider().start("test", 10s).ok());
  EXPECT_EQ(cluster.client().job(broker::JobId(1)).value().status, JobStatus::kSucceeded);
}

TEST(LocalAutostop, DownRemovesEverything) {
  LocalCluster cluster(2);
  ASSERT_TRUE(cluster.client().set_autostop(Autostop{.idle = 100ms, .down = true}).ok());
  ASSERT_TRUE(eventually([&] { return state_of(cluster) == InstanceState::kTerminated; }));
  EXPECT_TRUE(cluster.provider().clusters().value().empty());
  EXPECT_FALSE(fs::exists(cluster.root() / "test"));
}

// Issue 715: a long setup counted as idleness.
TEST(LocalAutostop, AJobBeingSetUpIsActivity) {
  const LocalCluster cluster;
  ASSERT_TRUE(cluster.client().set_autostop(Autostop{.idle = 300ms}).ok());
  const auto id = cluster.submit(JobSpec{.name = "job", .setup = "sleep 1", .run = "exit 1"});
  std::this_thread::sleep_for(700ms);
  EXPECT_EQ(state_of(cluster), InstanceState::kRunning);
  EXPECT_FALSE(cluster.client().status().value().idle_since.has_value());
  EXPECT_EQ(cluster.wait(id).job.status, JobStatus::kFailed);
  EXPECT_TRUE(eventually([&] { return state_of(cluster) == InstanceState::kStopped; }));
}

// Issue 5946: autostop was lost when the state was refreshed. Here it even outlives the agent.
TEST(LocalAutostop, OutlivesTheAgent) {
  const LocalCluster cluster;
  ASSERT_TRUE(cluster.client().set_autostop(Autostop{.idle = 1500ms}).ok());
  kill_hard(cluster.agent_pid());
  const auto kept = cluster.client().status().value().autostop;
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->idle, 1500ms);
  EXPECT_TRUE(eventually([&] { return state_of(cluster) == InstanceState::kStopped; }));
}

TEST(LocalAutostop, WaitingForNothingIgnoresJobs) {
  const LocalCluster cluster;
  cluster.submit("sleep 1000");
  ASSERT_TRUE(cluster.client().set_autostop(Autostop{.idle = 200ms, .wait_for = IdleWait::kNone}).ok());
  EXPECT_TRUE(eventually([&] { return state_of(cluster) == InstanceState::kStopped; }));
}

TEST(LocalAutostop, WaitsUntilALogThatIsBeingReadWasReadToItsEnd) {
  LocalCluster cluster;
  const auto id = cluster.submit("seq 3000000");
  ASSERT_TRUE(cluster.reaches(id, JobStatus::kSucceeded, 60s));
  auto tail = cluster.client().open_tail({.job = id}).value();
  ASSERT_TRUE(cluster.client().set_autostop(Autostop{.idle = 100ms, .down = true}).ok());
  std::this_thread::sleep_for(500ms);
  std::string log;
  const auto job = tail.read([&](std::string_view piece) { log += piece; });
  ASSERT_TRUE(job.ok()) << job.error().message();
  EXPECT_TRUE(log.ends_with("3000000\n")) << log.substr(log.size() - std::min<std::size_t>(log.size(), 100));
  EXPECT_TRUE(eventually([&] { return state_of(cluster) == InstanceState::kTerminated; }));
}

// A launch that was killed between submitting its job and setting autostop left a cluster that ran for ever.
TEST(LocalAutostop, SubmittedWithAJobItOutlivesWhoeverSubmittedItAndTheAgent) {
  const LocalCluster cluster;
  {
    auto launch = cluster.client();
    ASSERT_TRUE(launch.submit(std::vector{JobSpec{.name = "job", .run = "true"}}, Autostop{.idle = 1s}).ok());
  }
  kill_hard(cluster.agent_pid());
  EXPECT_TRUE(eventually([&] { return state_of(cluster) == InstanceState::kStopped; }));
}

TEST(LocalAutostop, SubmittedWithAJobItWaitsForTheSubmitterToOpenItsLog) {
  const LocalCluster cluster;
  std::optional<broker::AgentClient> launch(cluster.client());
  const auto ids = launch->submit(std::vector{JobSpec{.name = "job", .run = "echo out"}}, Autostop{.idle = 50ms, .down = true});
  ASSERT_TRUE(ids.ok()) << ids.error().message();
  std::this_thread::sleep_for(1s);
  auto tail = launch->open_tail({.job = ids->front()}).value();
  std::string log;
  ASSERT_TRUE(tail.read([&](std::string_view piece) { log += piece; }).ok());
  EXPECT_THAT(log, ::testing::HasSubstr("out\n"));
  EXPECT_EQ(state_of(cluster), InstanceState::kRunning);
  launch.reset();
  EXPECT_TRUE(eventually([&] { return state_of(cluster) == InstanceState::kTerminated; }));
}

TEST(LocalAutostop, RefusedWithItsJobsItIsNotSet) {
  const LocalCluster cluster;
  const auto refused = cluster.client().submit(std::vector{JobSpec{.name = "big", .num_nodes = 5, .run = "true"}}, Autostop{.idle = 50ms});
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_FALSE(cluster.client().status().value().autostop.has_value());
}

TEST(LocalAutostop, CanBeTurnedOff) {
  const LocalCluster cluster;
  ASSERT_TRUE(cluster.client().set_autostop(Autostop{.idle = 300ms}).ok());
  ASSERT_TRUE(cluster.client().set_autostop(std::nullopt).ok());
  std::this_thread::sleep_for(600ms);
  EXPECT_EQ(state_of(cluster), InstanceState::kRunning);
}

TEST(LocalShutDown, OfTheHeadEndsTheCluster) {
  const LocalCluster cluster(2);
  ASSERT_TRUE(cluster.client().shut_down(broker::PowerOff::kStop).ok());
  EXPECT_TRUE(eventually(
      [&] { return cluster.instances()[0].state == InstanceState::kStopped && cluster.instances()[1].state == InstanceState::kStopped; }));
}

}  // namespace isobar::testing
