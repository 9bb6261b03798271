// The first minutes of a user: launch, look, run again, stop, start, take down.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/child.h"
#include "base/text.h"
#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

class Launch : public CliTest {};

TEST_F(Launch, RunsAHelloTaskAndLeavesTheClusterUp) {
  const auto task =
      write("hello.yaml", "name: hello\nsetup: echo set up\nrun: echo \"hi from rank $SKYPILOT_NODE_RANK of $ISOBAR_NUM_NODES\"\n");
  const auto launched = run({"launch", "-c", "a", task});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, HasSubstr("set up"));
  EXPECT_THAT(launched.out, HasSubstr("hi from rank 0 of 1"));
  EXPECT_THAT(launched.out, HasSubstr("CHOSEN"));
  EXPECT_EQ(status_of("a"), "UP");
  const auto jobs = json({"queue", "a"});
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].at("status").as_string(), "SUCCEEDED");
  EXPECT_EQ(jobs[0].at("exit_code").as_int64(), 0);
  ok({"down", "a", "-y"});
  EXPECT_EQ(status_of("a"), "");
}

TEST_F(Launch, SetupRunsOnEveryLaunchButNotOnExec) {
  const auto task = write("t.yaml", "setup: echo set up\nrun: echo ran\n");
  ok({"launch", "-c", "a", task});
  EXPECT_THAT(ok({"launch", "-c", "a", task}), HasSubstr("set up"));
  EXPECT_THAT(ok({"exec", "a", task}), testing::AllOf(HasSubstr("ran"), Not(HasSubstr("set up"))));
}

TEST_F(Launch, AnExistingClusterIsShownAndUsedNotReplaced) {
  ok({"launch", "-c", "a", "echo one"});
  const auto again = run({"launch", "-c", "a", "echo two"});
  EXPECT_THAT(again.err, HasSubstr("Cluster 'a' exists: 1x[CPU:"));
  EXPECT_THAT(again.out, Not(HasSubstr("CHOSEN")));
  EXPECT_EQ(json({"status"}).size(), 1U);
}

TEST_F(Launch, AFailedJobMakesLaunchAndExecExitWith100) {
  EXPECT_EQ(run({"launch", "-c", "a", "exit 7"}).exit_code, 100);
  EXPECT_EQ(run({"exec", "a", "exit 7"}).exit_code, 100);
  EXPECT_EQ(json({"queue", "a"})[0].at("exit_code").as_int64(), 7);
  EXPECT_EQ(run({"logs", "a", "--status"}).exit_code, 1);
  const auto task = write("t.yaml", "setup: exit 3\nrun: echo never\n");
  const auto failed = run({"launch", "-c", "a", task});
  EXPECT_EQ(failed.exit_code, 100);
  EXPECT_THAT(failed.err, HasSubstr("FAILED_SETUP, exit code 3"));
  EXPECT_THAT(failed.out, Not(HasSubstr("never")));
}

TEST_F(Launch, AGangRunsOnAllNodesWithRanksByNodeIdentity) {
  const auto task =
      write("t.yaml", "num_nodes: 3\nrun: |\n  sleep 0.$((3 - SKYPILOT_NODE_RANK))\n  echo \"rank $SKYPILOT_NODE_RANK on $(hostname)\"\n");
  const auto out = ok({"launch", "-c", "g", task});
  EXPECT_THAT(out, HasSubstr("(head, rank=0, pid="));
  EXPECT_THAT(out, HasSubstr("rank 0 on g-head"));
  EXPECT_THAT(out, HasSubstr("rank 2 on g-worker2"));
}

TEST_F(Launch, TheFirstFailingRankEndsTheGang) {
  const auto task = write("t.yaml", "num_nodes: 2\nrun: |\n  if [ $SKYPILOT_NODE_RANK = 1 ]; then exit 9; fi\n  sleep 60\n");
  const Instant before = SystemClock().now();
  const auto outcome = run({"launch", "-c", "g", task});
  EXPECT_EQ(outcome.exit_code, 100);
  EXPECT_THAT(outcome.err, HasSubstr("exit code 9 of rank 1"));
  EXPECT_LT(to_seconds(SystemClock().now() - before), 20);
}

TEST_F(Launch, StopKeepsTheDiskAndStartReturnsOnlyWhenUp) {
  ok({"launch", "-c", "a", "echo kept > ~/file"});
  ok({"stop", "a"});
  EXPECT_EQ(status_of("a"), "STOPPED");
  const auto refused = run({"exec", "a", "true"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("`isobar start a` starts it"));
  ok({"start", "a"});
  EXPECT_THAT(ok({"exec", "a", "cat ~/file"}), HasSubstr("kept"));
  EXPECT_EQ(json({"queue", "a"}).size(), 2U) << "the job table is kept too";
}

TEST_F(Launch, AStoppedClusterIsStartedByLaunchInTheSamePlaceWithItsDisk) {
  ok({"launch", "-c", "a", "echo kept > ~/file"});
  ok({"stop", "a"});
  EXPECT_THAT(ok({"launch", "-c", "a", "cat ~/file"}), HasSubstr("kept"));
}

TEST_F(Launch, OpenPortsAreRememberedAndOnlyGrow) {
  ok({"launch", "-c", "a", "--ports", "8080", "--ports", "9000-9001", "true"});
  const auto head = ok({"status", "a", "--ip"});
  const auto address = head.substr(0, head.find('\n'));
  EXPECT_EQ(ok({"status", "a", "--endpoints"}), "8080: " + address + ":8080\n9000: " + address + ":9000\n9001: " + address + ":9001\n");
  EXPECT_EQ(ok({"status", "a", "--endpoint", "9001"}), address + ":9001\n");
  const auto closed = run({"status", "a", "--endpoint", "9002"});
  EXPECT_EQ(closed.exit_code, 2);
  EXPECT_THAT(closed.err, HasSubstr("--ports 9002"));
  ok({"launch", "-c", "a", "--ports", "9002", "true"});
  ok({"launch", "-c", "a", "true"});
  EXPECT_EQ(json({"status"})[0].at("ports").as_string(), "8080, 9000-9002");
  ok({"launch", "-c", "b", "true"});
  EXPECT_THAT(run({"status", "b", "--endpoints"}).err, HasSubstr("opens no ports"));
  EXPECT_THAT(run({"status", "--endpoints"}).err, HasSubstr("name it"));
}

// The example as it is shipped; in place of PyTorch something that takes the same options and meets the other nodes by them.
TEST_F(Launch, TheRanksOfTheTorchrunExampleFindOneAnother) {
  const fs::path source = ISOBAR_SOURCE_DIR, tools = folder_ / "work" / "bin";
  fs::create_directories(tools);
  fs::copy_file(source / "tests" / "e2e" / "torchrun_stand_in.py", tools / "torchrun");
  fs::permissions(tools / "torchrun", fs::perms::owner_all);
  for (const std::string port : {"29511", "29512"}) {
    const auto launched = run({"launch", "-c", "ddp", "--num-nodes", "3", "--workdir", (folder_ / "work").string(), "--env",
                               "PATH=" + tools.string() + ":/usr/bin:/bin", "--env", "MASTER_PORT=" + port,
                               (source / "examples" / "torchrun.yaml").string()});
    EXPECT_EQ(launched.exit_code, 0) << launched.err;
    for (int rank = 0; rank < 3; ++rank)
      EXPECT_THAT(launched.out, HasSubstr(fmt::format("rank {} of 3 runs train.py with 1 process(es)", rank)));
  }
}

TEST_F(Launch, TheRanksOfTheMpiExampleSpeakToOneAnother) {
  const auto there = run_child({"/bin/sh", "-c", "command -v mpirun && /usr/bin/python3 -c 'import mpi4py'"}, {}, 20s);
  if (!there.ok() || there->exit_code != 0) GTEST_SKIP() << "no MPI here (Debian: openmpi-bin, python3-mpi4py)";
  const auto launched = run({"launch", "-c", "mpi", (fs::path(ISOBAR_SOURCE_DIR) / "examples" / "mpi.yaml").string()});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, HasSubstr("by 6 ranks on mpi-head, mpi-worker1, mpi-worker2"));
}

TEST_F(Launch, AutodownRemovesTheClusterWithItsDiskAndAutostopSurvivesARefresh) {
  ok({"launch", "-c", "a", "true"});
  ok({"autostop", "a", "-i", "30"});
  status_of("a");
  EXPECT_EQ(json({"status"})[0].at("autostop").at("idle_minutes").to_number<double>(), 30);
  ok({"launch", "-c", "b", "-i", "1s", "--down", "true"});
  EXPECT_TRUE(eventually([&] { return status_of("b").empty(); }));
  EXPECT_FALSE(fs::exists(home_ / "local" / "b"));
  EXPECT_EQ(status_of("a"), "UP");
}

TEST_F(Launch, DownAfterTheJobWaitsForTheJob) {
  EXPECT_THAT(ok({"launch", "-c", "a", "--down", "sleep 1; echo done"}), HasSubstr("done"));
  EXPECT_TRUE(eventually([&] { return status_of("a").empty(); }));
}

TEST_F(Launch, AutostopStopsAndTheDiskIsThereAfterwards) {
  ok({"launch", "-c", "a", "-i", "1s", "echo kept > ~/file"});
  EXPECT_TRUE(eventually([&] { return status_of("a") == "STOPPED"; }));
  ok({"start", "a"});
  EXPECT_THAT(ok({"exec", "a", "cat ~/file"}), HasSubstr("kept"));
}

TEST_F(Launch, CancelEndsTheWholeProcessTreeAndSparesTheNeighbour) {
  ok({"launch", "-c", "a", "true"});
  ok({"exec", "a", "-d", "setsid sh -c 'trap \"\" TERM; sleep 341' & sleep 342"});
  ok({"exec", "a", "-d", "sleep 343"});
  const auto sleeping = [](const std::string& seconds) {
    return std::system(("pgrep -f '^sleep " + seconds + "$' >/dev/null").c_str()) == 0;
  };
  EXPECT_TRUE(eventually([&] { return sleeping("341") && sleeping("342") && sleeping("343"); }));
  const Instant before = SystemClock().now();
  EXPECT_THAT(ok({"cancel", "a", "2"}), HasSubstr("Job 2 is cancelled"));
  EXPECT_LT(to_seconds(SystemClock().now() - before), 6);
  EXPECT_FALSE(sleeping("341") || sleeping("342"));
  EXPECT_TRUE(sleeping("343"));
  ok({"cancel", "a", "--all"});
  EXPECT_FALSE(sleeping("343"));
}

TEST_F(Launch, LogsCanBeTailedSavedAndComeBackTo) {
  ok({"launch", "-c", "a", "for i in $(seq 1 100); do echo line $i; done"});
  const auto tail = ok({"logs", "a", "1", "--no-follow", "--tail", "3"});
  EXPECT_THAT(tail, testing::AllOf(HasSubstr("line 98\n"), HasSubstr("line 100\n"), Not(HasSubstr("line 97\n"))));
  const auto saved = std::string(trim(ok({"logs", "a", "--sync-down"})));
  EXPECT_THAT(read_file(folder_ / saved).value_or(""), HasSubstr("line 50\n"));
}

TEST_F(Launch, CtrlCDetachesAndTheJobGoesOn) {
  ok({"launch", "-c", "a", "true"});
  const auto watching = start({"exec", "a", "echo begun; sleep 2; echo over"});
  ASSERT_TRUE(eventually([&] { return watching->out_so_far().find("begun") != std::string::npos; }));
  watching->signal(SIGINT);
  const auto outcome = watching->wait();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("isobar logs a 2"));
  EXPECT_THAT(ok({"logs", "a", "2"}), HasSubstr("over"));
}

TEST_F(Launch, VariablesArriveByteForByteAlsoFromTheCommandLine) {
  const std::string value = "a=b 'q' \"d\" \\ \t$HOME `x` é\nline two";
  const auto task = write("t.yaml", "envs:\n  V:\nrun: printf '%s' \"$V\" > ~/v\n");
  ok({"launch", "-c", "a", "--env", "V=" + value, task});
  EXPECT_EQ(read_file(home_ / "local" / "a" / "0" / "home" / "v").value_or("no file"), value);
}

TEST_F(Launch, AWorkdirIsMirroredWithDeletionsAndWhatTheJobMadeStays) {
  write("w/one", "1");
  write("w/two", "2");
  write("w/.gitignore", "*.log\n");
  write("w/noise.log", "x");
  const auto task = write("t.yaml", "workdir: w\nrun: ls -A; echo made > made_here\n");
  EXPECT_THAT(ok({"launch", "-c", "a", task}), testing::AllOf(HasSubstr("one"), HasSubstr("two"), Not(HasSubstr("noise.log"))));
  fs::remove(folder_ / "w" / "two");
  EXPECT_THAT(ok({"exec", "a", task}), testing::AllOf(HasSubstr("one"), Not(HasSubstr("two")), HasSubstr("made_here")));
}

TEST_F(Launch, AWorkdirMayBeARepositoryAndNeedsNoGitOnTheNode) {
  write("theirs/train.py", "print(1)");
  const auto script = fmt::format(
      "cd {}/theirs && git init -q -b main && git add . && git -c user.name=a -c user.email=a@isobar.invalid commit -q -m one && "
      "git tag v1 && rm train.py && touch eval.py && git add -A && git -c user.name=a -c user.email=a@isobar.invalid commit -q -m two",
      folder_.string());
  ASSERT_EQ(std::system(script.c_str()), 0);
  const auto task = write("t.yaml", fmt::format("workdir: {{url: 'file://{}/theirs', ref: v1}}\nrun: ls\n", folder_.string()));
  EXPECT_THAT(ok({"launch", "-c", "a", task}), testing::AllOf(HasSubstr("train.py"), Not(HasSubstr("eval.py"))));
  EXPECT_THAT(ok({"exec", "a", "--git-ref", "main", task}), testing::AllOf(HasSubstr("eval.py"), Not(HasSubstr("train.py"))));
  EXPECT_THAT(run({"launch", "-c", "a", "--git-ref", "gone", task}).err, HasSubstr("has no branch or tag 'gone'"));
}

TEST_F(Launch, SecretsReachTheJobAndNothingElse) {
  const std::string secret = "s3cret-value-nobody-sees";
  const auto task = write("t.yaml", "secrets:\n  KEY:\nrun: |\n  echo ${#KEY}\n  sleep 1\n");
  const auto launching = start({"launch", "-c", "a", "--secret", "KEY", task}, {{"KEY", secret}});
  ASSERT_TRUE(eventually([&] { return launching->out_so_far().find(std::to_string(secret.size())) != std::string::npos; }));
  for (const auto& entry : fs::directory_iterator("/proc"))
    EXPECT_EQ(read_file(entry.path() / "cmdline").value_or("").find(secret), std::string::npos) << entry.path();
  EXPECT_EQ(launching->wait().exit_code, 0);
  for (const auto& entry : fs::recursive_directory_iterator(home_))
    EXPECT_EQ(read_file(entry.path(), 1 << 30).value_or("").find(secret), std::string::npos) << entry.path();
}

TEST_F(Launch, TwoClustersRunSideBySide) {
  ok({"launch", "-c", "a", "echo A > ~/who"});
  ok({"launch", "-c", "b", "echo B > ~/who"});
  EXPECT_THAT(ok({"exec", "a", "cat ~/who"}), HasSubstr("A"));
  EXPECT_THAT(ok({"exec", "b", "cat ~/who"}), HasSubstr("B"));
}

}  // namespace
}  // namespace isobar::e2e
