// What happens when things break: commands and agents are killed at any instant, and the next command repairs.

#include <gmock/gmock.h>

#include <thread>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;

class Crash : public CliTest {};

// The instants are spread over a whole launch; whatever had happened by then, afterwards there is a whole cluster or none.
TEST_F(Crash, AKilledLaunchLeavesAWholeClusterOrNone) {
  for (int delay_ms = 1; delay_ms <= 61; delay_ms += 4) {
    const std::string cluster = "c" + std::to_string(delay_ms);
    const auto launching = start({"launch", "-c", cluster, "--num-nodes", "2", "echo ran"});
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    launching->signal(SIGKILL);
    launching->wait();
    const std::string status = status_of(cluster);
    EXPECT_TRUE(status == "UP" || status.empty()) << delay_ms << " ms: " << status;
    EXPECT_EQ(fs::exists(home_ / "local" / cluster), status == "UP") << delay_ms;
    EXPECT_THAT(ok({"launch", "-c", cluster, "--num-nodes", "2", "echo again"}), HasSubstr("again"));
    ok({"down", cluster, "-y"});
  }
}

// Killed in the instant in which the job is on the node's disk: the cluster ends by itself all the same, and nobody has to look after it.
TEST_F(Crash, ALaunchThatIsKilledRightAfterItsSubmissionLeavesNoClusterWithoutItsAutostop) {
  for (const std::string cluster : {"a", "b", "c"}) {
    ok({"launch", "-c", cluster, "true"});
    const fs::path table = home_ / "local" / cluster / "0" / "home" / ".isobar" / "jobs" / "jobs.db-wal";
    const auto written = [&] {
      std::error_code none;
      return fs::file_size(table, none);
    };
    ASSERT_GT(written(), 0U);
    ASSERT_TRUE(eventually([&] { return json({"queue", cluster})[0].at("status") == "SUCCEEDED"; }));
    const auto before = written();
    const auto launching = start({"launch", "-c", cluster, "-i", "1s", "--down", "sleep 2"});
    const Instant until = SystemClock().now() + 20s;
    while (written() == before && SystemClock().now() < until) std::this_thread::yield();
    launching->signal(SIGKILL);
    launching->wait();
    EXPECT_TRUE(eventually([&] { return node_processes().empty(); })) << cluster << " runs for ever";
    EXPECT_EQ(status_of(cluster), "");
  }
}

TEST_F(Crash, AKilledDownIsFinishedByTheNextCommand) {
  for (int delay_ms = 1; delay_ms <= 25; delay_ms += 6) {
    ok({"launch", "-c", "a", "true"});
    const auto removing = start({"down", "a", "-y"});
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    removing->signal(SIGKILL);
    removing->wait();
    const std::string status = status_of("a");
    EXPECT_TRUE(status == "UP" || status.empty()) << delay_ms << " ms: " << status;
    ok({"down", "--all", "-y"});
  }
}

TEST_F(Crash, AJobOutlivesItsAgent) {
  ok({"launch", "-c", "a", "true"});
  ok({"exec", "a", "-d", "for i in 1 2 3 4 5 6; do echo tick $i; sleep 0.3; done; exit 5"});
  ASSERT_TRUE(eventually([&] { return ok({"logs", "a", "2", "--no-follow"}).find("tick 2") != std::string::npos; }));
  const auto agents = node_processes("agent");
  ASSERT_FALSE(agents.empty());
  for (const pid_t agent : agents) ::kill(agent, SIGKILL);
  EXPECT_TRUE(eventually([&] { return run({"logs", "a", "2"}).exit_code == 100; }));
  const auto log = run({"logs", "a", "2"}).out;
  for (int i = 1; i <= 6; ++i) {
    const std::string tick = "tick " + std::to_string(i) + "\n";
    const auto first = log.find(tick);
    EXPECT_NE(first, std::string::npos) << tick << log;
    EXPECT_EQ(log.find(tick, first + 1), std::string::npos) << "exactly once: " << log;
  }
  EXPECT_EQ(json({"queue", "a"})[0].at("exit_code").as_int64(), 5);
}

TEST_F(Crash, MachinesThatBelongToNoClusterAreSwept) {
  ok({"launch", "-c", "a", "true"});
  fs::remove(home_ / "state.db");
  fs::remove(home_ / "state.db-wal");
  fs::remove(home_ / "state.db-shm");
  const auto swept = run({"status"});
  EXPECT_THAT(swept.err, HasSubstr("which belong to no cluster"));
  EXPECT_FALSE(fs::exists(home_ / "local" / "a"));
  EXPECT_TRUE(node_processes().empty());
}

TEST_F(Crash, ConcurrentCommandsOnOneClusterTakeTurns) {
  std::vector<std::unique_ptr<Running>> launches;
  for (int i = 0; i < 4; ++i) launches.push_back(start({"launch", "-c", "a", "echo turn " + std::to_string(i)}));
  for (int i = 0; i < 4; ++i) {
    const auto outcome = launches[static_cast<std::size_t>(i)]->wait();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("turn " + std::to_string(i)));
  }
  EXPECT_EQ(json({"status"}).size(), 1U);
  EXPECT_EQ(json({"queue", "a"}).size(), 4U);
}

TEST_F(Crash, AFullDiskIsSaidAndLeavesNothingBehind) {
  fs::create_directories(home_);
  if (std::system(("mount -t tmpfs -o size=2m tmpfs " + home_.string() + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "mounting a small disk is not permitted here";
  const auto refused = run({"launch", "-c", "a", "head -c 10000000 /dev/zero > ~/big"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err + refused.out,
              testing::AnyOf(HasSubstr("No space left"), HasSubstr("disk is full"), HasSubstr("disk full"), HasSubstr("FAILED")));
  run({"down", "--all", "-y"});
  EXPECT_TRUE(eventually([&] { return node_processes().empty(); }));
  ASSERT_EQ(std::system(("umount -l " + home_.string()).c_str()), 0);
}

}  // namespace
}  // namespace isobar::e2e
