// What a cluster of this machine does for its user, end to end: the real provider, the real agents, real jobs.

#include "local_cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <thread>

#include "base/process.h"
#include "base/text.h"

namespace isobar::testing {

using broker::JobSpec;
using broker::JobStatus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

namespace {

/// The lines of a log without their prefixes.
std::vector<std::string> bare_lines(std::string_view log) {
  std::vector<std::string> lines;
  for (const auto line : split(log, '\n')) {
    if (line.empty()) continue;
    const auto end = line.find(") ");
    lines.emplace_back(line.starts_with('(') && end != std::string_view::npos ? line.substr(end + 2) : line);
  }
  return lines;
}

bool process_runs_with(const std::string& entry) {
  for (const auto pid : descendants(1)) {
    const auto environment = read_file(fmt::format("/proc/{}/environ", pid));
    if (environment.ok() && start_ticks(pid) && environment->find(entry) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

// ---- jobs -----------------------------------------------------------------------------------------------------------

TEST(LocalJob, RunsAndShowsItsOutput) {
  const LocalCluster cluster;
  const auto outcome = cluster.run("echo hello; echo oops >&2");
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded);
  EXPECT_EQ(outcome.job.exit_code, 0);
  EXPECT_THAT(outcome.log, MatchesRegex("\\(job, pid=[0-9]+\\) hello\n\\(job, pid=[0-9]+\\) oops\n"));
}

TEST(LocalJob, RunsInItsHomeAndThenInTheWorkdir) {
  const LocalCluster cluster;
  EXPECT_THAT(bare_lines(cluster.run("pwd; echo $HOME").log), ElementsAre(cluster.home().string(), cluster.home().string()));
  fs::create_directories(cluster.home() / "sky_workdir");
  EXPECT_THAT(bare_lines(cluster.run("pwd").log), ElementsAre((cluster.home() / "sky_workdir").string()));
}

TEST(LocalJob, SetupRunsFirstAndItsServicesStay) {
  const LocalCluster cluster;
  JobSpec job{.name = "web",
              .setup = "sleep 1000 >/dev/null 2>&1 & echo $! > ~/service; echo ready",
              .run = "kill -0 $(cat ~/service) && echo alive"};
  const auto outcome = cluster.wait(cluster.submit(job));
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded) << outcome.job.reason << outcome.log;
  EXPECT_THAT(outcome.log, MatchesRegex("\\(setup pid=[0-9]+\\) ready\n\\(web, pid=[0-9]+\\) alive\n"));
}

TEST(LocalJob, WhatItLeavesInTheBackgroundEndsWithIt) {
  const LocalCluster cluster;
  const auto outcome = cluster.run("sleep 1000 >/dev/null 2>&1 & echo $! > ~/left; echo done");
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded);
  EXPECT_EQ(cluster.run("kill -0 $(cat ~/left)").job.status, JobStatus::kFailed);
}

TEST(LocalJob, OutputOfAProcessSubstitutionIsNotLost) {
  const LocalCluster cluster;
  const auto outcome = cluster.run("exec > >(sleep 0.1; cat); echo late");
  EXPECT_THAT(bare_lines(outcome.log), ElementsAre("late"));
}

TEST(LocalJob, FailedSetupEndsTheJobBeforeItRuns) {
  const LocalCluster cluster;
  const auto outcome = cluster.wait(cluster.submit(JobSpec{.name = "job", .setup = "exit 3", .run = "echo never"}));
  EXPECT_EQ(outcome.job.status, JobStatus::kFailedSetup);
  EXPECT_EQ(outcome.job.exit_code, 3);
  EXPECT_THAT(outcome.log, Not(HasSubstr("never")));
}

TEST(LocalJob, KeepsExitCodesAndSignals) {
  const LocalCluster cluster;
  EXPECT_EQ(cluster.run("exit 42").job.exit_code, 42);
  const auto killed = cluster.run("kill -9 $$");
  EXPECT_EQ(killed.job.status, JobStatus::kFailed);
  EXPECT_EQ(killed.job.exit_code, 128 + 9);
}

// Issues 3320 and 3322: values with '=' or spaces were cut.
TEST(LocalJob, EnvironmentArrivesByteForByte) {
  const LocalCluster cluster;
  const std::string value = "a=b  c\t'single' \"double\" \\back\\ $HOME `id` \n second line\r\n üñí ★ \x01\xff";
  JobSpec job{.name = "env", .run = "printf %s \"$TRICKY\" > ~/env; printf %s \"$HIDDEN\" > ~/secret"};
  job.envs["TRICKY"] = value;
  job.secrets["HIDDEN"] = value + "!";
  EXPECT_EQ(cluster.wait(cluster.submit(job)).job.status, JobStatus::kSucceeded);
  EXPECT_EQ(read_file(cluster.home() / "env").value(), value);
  EXPECT_EQ(read_file(cluster.home() / "secret").value(), value + "!");
}

// Issues 10741 and 8902: secrets were stored in clear.
TEST(LocalJob, SecretsLeaveNoTraceOnTheDisk) {
  const LocalCluster cluster;
  JobSpec job{.name = "secret", .run = "test ${#TOKEN} = 15"};
  job.secrets["TOKEN"] = "hunter2-hunter2";
  const auto waiting = cluster.submit(JobSpec{.name = "first", .cpus = 4, .run = "sleep 0.3"});
  const auto id = cluster.submit(job);
  const auto hidden = cluster.home() / ".isobar" / "jobs" / fmt::format("secrets-{}", id);
  struct stat info {};
  ASSERT_EQ(::stat(hidden.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  cluster.wait(waiting);
  EXPECT_EQ(cluster.wait(id).job.status, JobStatus::kSucceeded);
  for (const auto& entry : fs::recursive_directory_iterator(cluster.home())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(read_file(entry.path()).value(), Not(HasSubstr("hunter2"))) << entry.path();
  }
}

TEST(LocalJob, DescribesItselfInTheEnvironment) {
  const LocalCluster cluster(1, "me");
  JobSpec job{.name = "env", .user = "ada", .run = "env | grep -E '^(SKYPILOT|ISOBAR)_' | sort"};
  const auto log = cluster.wait(cluster.submit(job)).log;
  for (const std::string name : {"SKYPILOT_", "ISOBAR_"}) {
    EXPECT_THAT(log, HasSubstr(name + "NODE_RANK=0\n"));
    EXPECT_THAT(log, HasSubstr(name + "NUM_NODES=1\n"));
    EXPECT_THAT(log, HasSubstr(name + "NUM_GPUS_PER_NODE=0\n"));
    EXPECT_THAT(log, HasSubstr(name + "USER=ada\n"));
    EXPECT_THAT(log, HasSubstr(name + "TASK_ID=sky-20"));
    EXPECT_THAT(log, HasSubstr(name + R"(CLUSTER_INFO={"cluster_name":"me","cloud":"local","region":"local","zone":""})"));
    EXPECT_THAT(log, HasSubstr(name + "NODE_IPS=127.77."));
  }
}

TEST(LocalJob, TheBrokersTaskIdStands) {
  const LocalCluster cluster;
  EXPECT_THAT(
      bare_lines(cluster.wait(cluster.submit(JobSpec{.name = "job", .run = "echo $SKYPILOT_TASK_ID", .task_id = "sky-managed-7"})).log),
      ElementsAre("sky-managed-7"));
}

TEST(LocalJob, SeesOnlyItsDevices) {
  const LocalCluster cluster(1, "gpus", 4, 2);
  auto half = JobSpec{.name = "half", .gpus = 0.5, .run = "echo gpu $CUDA_VISIBLE_DEVICES; sleep 0.3"};
  const auto first = cluster.submit(half), second = cluster.submit(half);
  const auto whole = cluster.submit(JobSpec{.name = "whole", .gpus = 1, .run = "echo gpu $CUDA_VISIBLE_DEVICES"});
  const auto both = cluster.submit(JobSpec{.name = "both", .gpus = 2, .run = "echo gpu $CUDA_VISIBLE_DEVICES"});
  EXPECT_THAT(bare_lines(cluster.wait(first).log), ElementsAre("gpu 0"));
  EXPECT_THAT(bare_lines(cluster.wait(second).log), ElementsAre("gpu 0"));
  EXPECT_THAT(bare_lines(cluster.wait(whole).log), ElementsAre("gpu 1"));
  EXPECT_THAT(bare_lines(cluster.wait(both).log), ElementsAre("gpu 0,1"));
}

TEST(LocalJob, LongLinesAndBinaryOutputPassThrough) {
  const LocalCluster cluster;
  const auto outcome = cluster.run("head -c 3000000 /dev/zero | tr '\\0' x; echo; head -c 200000 /dev/urandom; echo; echo end");
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded);
  EXPECT_EQ(static_cast<std::size_t>(std::count(outcome.log.begin(), outcome.log.end(), 'x')) >= 3000000U, true);
  EXPECT_THAT(outcome.log, HasSubstr(") end\n"));
}

TEST(LocalJob, RefusesWhatTheClusterCannotGive) {
  const LocalCluster cluster;
  const auto refused = cluster.client().submit(JobSpec{.name = "big", .num_nodes = 2, .run = "true"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("2 nodes, the cluster has 1"));
}

TEST(LocalJob, ARepeatedTokenIsTheSameJob) {
  const LocalCluster cluster;
  const JobSpec job{.name = "once", .run = "true", .token = "abc"};
  EXPECT_EQ(cluster.submit(job), cluster.submit(job));
}

// ---- gangs ----------------------------------------------------------------------------------------------------------

// Issues 1206 and 9841: ranks follow the identity of nodes, never an address that someone observed.
TEST(LocalGang, RanksFollowTheNodes) {
  const LocalCluster cluster(3, "gang");
  const auto outcome = cluster.wait(
      cluster.submit(JobSpec{.name = "gang",
                             .num_nodes = 3,
                             .run = "echo \"$SKYPILOT_NODE_RANK of $SKYPILOT_NUM_NODES on $(hostname): $(echo $SKYPILOT_NODE_IPS)\""}));
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded) << outcome.job.reason;
  const auto list = cluster.instances();
  const auto ips = list[0].address + " " + list[1].address + " " + list[2].address;
  EXPECT_THAT(outcome.log, MatchesRegex("(.|\n)*\\(head, rank=0, pid=[0-9]+\\) 0 of 3 on [a-z0-9-]+: " + ips + "\n(.|\n)*"));
  EXPECT_THAT(outcome.log, MatchesRegex("(.|\n)*\\(worker1, rank=1, pid=[0-9]+, ip=" + list[1].address +
                                        "\\) 1 of 3 on [a-z0-9-]+: " + ips + "\n(.|\n)*"));
  EXPECT_THAT(outcome.log, MatchesRegex("(.|\n)*\\(worker2, rank=2, pid=[0-9]+, ip=" + list[2].address +
                                        "\\) 2 of 3 on [a-z0-9-]+: " + ips + "\n(.|\n)*"));
}

TEST(LocalGang, SetupRunsOnEveryNode) {
  const LocalCluster cluster(2, "gang");
  const auto outcome =
      cluster.wait(cluster.submit(JobSpec{.name = "job", .num_nodes = 1, .setup = "echo $ISOBAR_SETUP_NODE_RANK > ~/mine", .run = "true"}));
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded) << outcome.job.reason;
  EXPECT_EQ(read_file(cluster.home(0) / "mine").value(), "0\n");
  EXPECT_EQ(read_file(cluster.home(1) / "mine").value(), "1\n");
}

TEST(LocalGang, TheFirstFailingRankEndsIt) {
  const LocalCluster cluster(2, "gang");
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = cluster.wait(
      cluster.submit(JobSpec{.name = "job", .num_nodes = 2, .run = "if [ $SKYPILOT_NODE_RANK = 1 ]; then exit 7; fi; sleep 1000"}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_EQ(outcome.job.status, JobStatus::kFailed);
  EXPECT_EQ(outcome.job.exit_code, 7);
  EXPECT_EQ(outcome.job.failed_rank, 1);
}

TEST(LocalGang, OneRanksLinesCanBeHadAlone) {
  const LocalCluster cluster(2, "gang");
  const auto id = cluster.submit(JobSpec{.name = "job", .num_nodes = 2, .run = "echo I am $SKYPILOT_NODE_RANK"});
  cluster.wait(id);
  std::string log;
  ASSERT_TRUE(cluster.client().tail_logs({.job = id, .rank = 1}, [&](std::string_view bytes) { log += bytes; }).ok());
  EXPECT_THAT(bare_lines(log), ElementsAre("I am 1"));
  EXPECT_EQ(cluster.client().tail_logs({.job = id, .rank = 2}, [](std::string_view) {}).error().code(), Code::kNotFound);
}

TEST(LocalGang, AWorkersAgentMayDieWithoutHarm) {
  const LocalCluster cluster(2, "gang");
  const auto id = cluster.submit(JobSpec{.name = "job", .num_nodes = 2, .run = "for i in $(seq 20); do echo line $i; sleep 0.05; done"});
  ASSERT_TRUE(cluster.reaches(id, JobStatus::kRunning));
  std::this_thread::sleep_for(200ms);
  kill_hard(cluster.agent_pid(1));
  const auto outcome = cluster.wait(id);
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded) << outcome.job.reason;
  for (const std::string rank : {"(head", "(worker1"}) {
    std::vector<std::string> lines;
    for (const auto line : split(outcome.log, '\n'))
      if (line.starts_with(rank)) lines.push_back(bare_lines(line).front());
    ASSERT_EQ(lines.size(), 20U) << outcome.log;
    for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i], fmt::format("line {}", i + 1));
  }
}

// Issues 1410 and 825: a worker that was lost went unnoticed.
TEST(LocalGang, ALostWorkerEndsItWithAReason) {
  const LocalCluster cluster(2, "gang");
  const auto id = cluster.submit(JobSpec{.name = "job", .num_nodes = 2, .run = "sleep 1000"});
  ASSERT_TRUE(cluster.reaches(id, JobStatus::kRunning));
  kill_hard(cluster.first_pid(1));
  const auto outcome = cluster.wait(id);
  EXPECT_EQ(outcome.job.status, JobStatus::kFailedDriver);
  EXPECT_THAT(outcome.job.reason, HasSubstr("node 1 (127.77."));
}

// ---- cancelling -----------------------------------------------------------------------------------------------------

// Issue 4318: cancelling one job killed its neighbours.
TEST(LocalCancel, EndsEverythingOfTheJobAndNothingElse) {
  const LocalCluster cluster;
  const auto neighbour = cluster.submit("echo up; exec sleep 1000");
  JobSpec stubborn{
      .name = "stubborn",
      .run =
          R"(trap '' TERM; (setsid bash -c 'trap "" TERM; (sleep 1000; :) & sleep 1000' &) ; (setsid sleep 1000 &); echo up; sleep 1000)"};
  stubborn.envs["MARK_OF_STUBBORN"] = "yes";
  const auto id = cluster.submit(stubborn);
  ASSERT_TRUE(eventually([&] { return process_runs_with("MARK_OF_STUBBORN=yes"); }));
  const auto start = std::chrono::steady_clock::now();
  const std::vector ids{id};
  EXPECT_THAT(cluster.client().cancel(ids).value(), ElementsAre(id));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_FALSE(process_runs_with("MARK_OF_STUBBORN=yes"));
  EXPECT_EQ(cluster.client().job(id).value().status, JobStatus::kCancelled);
  EXPECT_EQ(cluster.client().job(neighbour).value().status, JobStatus::kRunning);
}

TEST(LocalCancel, ReachesAllNodesAndWaitingJobs) {
  const LocalCluster cluster(2, "gang", 1);
  const auto running = cluster.submit(JobSpec{.name = "a", .num_nodes = 2, .cpus = 1, .run = "sleep 1000"});
  const auto waiting = cluster.submit(JobSpec{.name = "b", .cpus = 1, .run = "echo never"});
  ASSERT_TRUE(cluster.reaches(running, JobStatus::kRunning));
  EXPECT_EQ(cluster.client().cancel_all().value().size(), 2U);
  EXPECT_EQ(cluster.client().job(running).value().status, JobStatus::kCancelled);
  EXPECT_EQ(cluster.client().job(waiting).value().status, JobStatus::kCancelled);
}

TEST(LocalCancel, OfAnUnknownJobCancelsNothing) {
  const LocalCluster cluster;
  const auto running = cluster.submit("sleep 1000");
  const std::vector ids{running, broker::JobId(99)};
  EXPECT_EQ(cluster.client().cancel(ids).error().code(), Code::kNotFound);
  EXPECT_FALSE(is_terminal(cluster.client().job(running).value().status));
}

// ---- crashes --------------------------------------------------------------------------------------------------------

// Issue 6840: a user's process took the platform down. Here the platform dies, and the job does not notice.
TEST(LocalCrash, TheJobOutlivesItsAgentAndItsLogIsWhole) {
  const LocalCluster cluster;
  const auto id = cluster.submit("for i in $(seq 200); do echo line $i; sleep 0.01; done; exit 5");
  ASSERT_TRUE(cluster.reaches(id, JobStatus::kRunning));
  for (int crash = 0; crash < 4; ++crash) {
    std::this_thread::sleep_for(300ms);
    const auto agent = cluster.agent_pid();
    ASSERT_GT(agent, 1);
    kill_hard(agent);
    ASSERT_TRUE(eventually([&] { return cluster.agent_pid() != 0 && cluster.agent_pid() != agent; }));
  }
  const auto outcome = cluster.wait(id);
  EXPECT_EQ(outcome.job.status, JobStatus::kFailed);
  EXPECT_EQ(outcome.job.exit_code, 5);
  const auto lines = bare_lines(outcome.log);
  ASSERT_EQ(lines.size(), 200U);
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i], fmt::format("line {}", i + 1));
}

TEST(LocalCrash, ALostSupervisorTakesItsJobAlong) {
  const LocalCluster cluster;
  JobSpec job{.name = "job", .run = "setsid sleep 1000 & sleep 1000"};
  job.envs["MARK_OF_ORPHAN"] = "yes";
  const auto id = cluster.submit(job);
  ASSERT_TRUE(eventually([&] { return process_runs_with("MARK_OF_ORPHAN=yes"); }));
  for (const auto pid : descendants(cluster.first_pid()))
    if (const auto line = read_file(fmt::format("/proc/{}/cmdline", pid)); line.ok() && line->find("run-rank") != std::string::npos)
      kill_hard(pid);
  EXPECT_EQ(cluster.wait(id).job.status, JobStatus::kFailedDriver);
  EXPECT_TRUE(eventually([] { return !process_runs_with("MARK_OF_ORPHAN=yes"); }));
}

TEST(LocalCrash, ADeadInstanceIsSeenAndStartsWithItsJobTable) {
  LocalCluster cluster;
  const auto done = cluster.run("echo kept > ~/kept").job.id;
  const auto running = cluster.submit("touch ~/started; sleep 1000");
  // A rank that never started would simply start after the boot.
  ASSERT_TRUE(eventually([&] { return fs::exists(cluster.home() / "started"); }));
  kill_hard(cluster.first_pid());
  ASSERT_TRUE(eventually([&] { return cluster.provider().list("test").value()[0].state == cloud::InstanceState::kStopped; }));
  const auto started = cluster.provider().start("test", 10s);
  ASSERT_TRUE(started.ok()) << started.error().message();
  EXPECT_EQ((*started)[0].state, cloud::InstanceState::kRunning);
  EXPECT_EQ(cluster.client().job(done).value().status, JobStatus::kSucceeded);
  EXPECT_EQ(cluster.wait(running).job.status, JobStatus::kFailedDriver);
  EXPECT_EQ(read_file(cluster.home() / "kept").value(), "kept\n");
}

TEST(LocalCrash, AnAgentWaitsForOneThatIsStillDying) {
  LocalCluster cluster;
  ASSERT_TRUE(cluster.provider().stop("test", 10s).ok());
  const Fd dying(::open((cluster.home() / ".isobar" / "agent.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(dying.get(), LOCK_EX | LOCK_NB), 0);
  std::jthread death([&] {
    std::this_thread::sleep_for(400ms);
    ::flock(dying.get(), LOCK_UN);
  });
  const auto started = cluster.provider().start("test", 10s);
  ASSERT_TRUE(started.ok()) << started.error().message();
}

// ---- logs -----------------------------------------------------------------------------------------------------------

// Issues 4222 and 1606: the whole log was replayed.
TEST(LocalLogs, TheLastLinesOfABigLogComeAtOnce) {
  const LocalCluster cluster;
  const auto id = cluster.submit("seq 2000000");
  ASSERT_TRUE(cluster.reaches(id, JobStatus::kSucceeded, 60s));
  std::string log;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(cluster.client().tail_logs({.job = id, .tail_lines = 3}, [&](std::string_view bytes) { log += bytes; }).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 100ms);
  EXPECT_THAT(bare_lines(log), ElementsAre("1999998", "1999999", "2000000"));
}

TEST(LocalLogs, FollowingCanBeBrokenOff) {
  const LocalCluster cluster;
  const auto id = cluster.submit("echo first; sleep 1000");
  std::stop_source stop;
  const auto job = cluster.client().tail_logs(
      {.job = id}, [&](std::string_view) { stop.request_stop(); }, stop.get_token());
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->status, JobStatus::kRunning);
}

TEST(LocalLogs, TheNewestJobIsTheDefault) {
  const LocalCluster cluster;
  cluster.run("echo one");
  cluster.run("echo two");
  EXPECT_THAT(bare_lines(cluster.wait(broker::JobId(0)).log), ElementsAre("two"));
}

// ---- the queue ------------------------------------------------------------------------------------------------------

TEST(LocalQueue, AThousandQuickJobsAllFinish) {
  const LocalCluster cluster;
  const std::vector<JobSpec> jobs(1000, JobSpec{.name = "quick", .run = "true"});
  const auto ids = cluster.client().submit(jobs, 30s).value();
  ASSERT_EQ(ids.size(), 1000U);
  auto client = cluster.client();
  ASSERT_TRUE(eventually([&] { return client.queue(true).value().empty(); }, 100s));
  const auto all = client.queue().value();
  ASSERT_EQ(all.size(), 1000U);
  for (const auto& job : all) EXPECT_EQ(job.status, JobStatus::kSucceeded);
  EXPECT_EQ(all.front().id, ids.back());
  EXPECT_EQ(client.queue(false, 10).value().size(), 10U);
}

// Issue 4873: a job's status was refused while the cluster was in between. A terminal status stays readable.
TEST(LocalQueue, SurvivesStopAndStart) {
  LocalCluster cluster;
  const auto done = cluster.run("exit 9").job.id;
  const auto blocker = cluster.submit(JobSpec{.name = "blocker", .cpus = 4, .run = "touch ~/started; sleep 1000"});
  const auto waiting = cluster.submit(JobSpec{.name = "waiting", .run = "echo at last"});
  ASSERT_TRUE(eventually([&] { return fs::exists(cluster.home() / "started"); }));
  ASSERT_TRUE(cluster.provider().stop("test", 10s).ok());
  EXPECT_EQ(cluster.provider().list("test").value()[0].state, cloud::InstanceState::kStopped);
  ASSERT_TRUE(cluster.provider().start("test", 10s).ok());
  EXPECT_EQ(cluster.client().job(done).value().exit_code, 9);
  EXPECT_EQ(cluster.wait(blocker).job.status, JobStatus::kFailedDriver);
  EXPECT_THAT(bare_lines(cluster.wait(waiting).log), ElementsAre("at last"));
}

}  // namespace isobar::testing
