// The client against a real Slurm of three nodes: w1 and w2 of 4 processors, gpu01 of 8 with 4 accelerators.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "slurm_client.h"
#include "slurm_for_tests.h"
#include "slurm_offers.h"

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr Duration kSoon = 30s;

SlurmJob a_job(std::string token = "t1") {
  return {.tag = {"ada", "x", std::move(token)}, .script = "#!/bin/sh\nexec sleep 300\n", .memory_mib = 100, .partition = "debug"};
}

class RealSlurm : public testing::Test {
 protected:
  void SetUp() override {
    auto started = SlurmForTests::start();
    if (!started.ok()) GTEST_SKIP() << started.error().message();
    slurm_ = std::move(started).value();
    shell_ = std::make_unique<ShellForTests>(slurm_->shell());
    client_ = std::make_unique<SlurmClient>("lab", *shell_);
  }

  std::string submitted(const SlurmJob& job) {
    const auto submission = client_->submit(job, kSoon);
    if (submission.refusal) ADD_FAILURE() << submission.refusal->error.message();
    return submission.id;
  }

  SlurmRefusal refusal_of(const SlurmJob& job) {
    const auto submission = client_->submit(job, kSoon);
    if (!submission.refusal) ADD_FAILURE() << "not refused, but job " << submission.id;
    return submission.refusal.value_or(SlurmRefusal{invalid("none"), ""});
  }

  SlurmJobState found(const std::string& id) {
    const auto job = client_->find(id, kSoon).value();
    return job.value_or(SlurmJobState());
  }

  /// The job once it is as wanted, or as it was last seen.
  template <class Wanted>
  SlurmJobState await(const std::string& id, Wanted wanted) {
    SlurmJobState job;
    for (int attempt = 0; attempt < 600; ++attempt) {
      job = found(id);
      if (wanted(job)) return job;
      std::this_thread::sleep_for(100ms);
    }
    ADD_FAILURE() << "job " << id << " stays " << job.state << " " << job.reason;
    return job;
  }
  SlurmJobState await_running(const std::string& id) {
    return await(id, [](const auto& job) { return job.state == "RUNNING"; });
  }
  SlurmJobState await_end(const std::string& id) {
    return await(id, [](const auto& job) { return job.ended(); });
  }

  std::string shell(const std::string& command) {
    const auto output = shell_->run(command, "", kSoon).value();
    EXPECT_EQ(output.exit_code, 0) << output.err;
    return std::string(trim(output.out));
  }

  std::unique_ptr<SlurmForTests> slurm_;
  std::unique_ptr<ShellForTests> shell_;
  std::unique_ptr<SlurmClient> client_;
};

TEST_F(RealSlurm, IsSeenWithItsPartitionsNodesAndFreeRoomInOneRoundTrip) {
  const auto inventory = client_->inventory(kSoon).value();
  EXPECT_THAT(shell_->commands, SizeIs(1));
  EXPECT_THAT(inventory.version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\..*"));
  ASSERT_THAT(inventory.partitions, SizeIs(5));
  EXPECT_EQ(inventory.default_partition()->name, "debug");
  EXPECT_EQ(inventory.partition("gpu")->time_limit, 24h);
  EXPECT_EQ(inventory.partition("short")->default_time, 5min);
  EXPECT_FALSE(inventory.partition("closed")->up());
  EXPECT_EQ(inventory.partition("theirs")->allowed_accounts, "physics");
  ASSERT_THAT(inventory.nodes, SizeIs(3));
  const SlurmNode& gpu = *inventory.nodes_of(*inventory.partition("gpu")).at(0);
  EXPECT_EQ(gpu.name, "gpu01");
  EXPECT_EQ(gpu.address, "127.0.0.1");
  EXPECT_EQ(gpu.memory_mib, 16000U);
  EXPECT_THAT(gpu.gres, ElementsAre(SlurmGres{"gpu", "a100", 4, 0}));
  EXPECT_THAT(gpu.features, ElementsAre("a100", "nvlink"));
  const auto whole = find_offer(slurm_offers("lab", inventory), "debug", "4cpu-3.9gb");
  ASSERT_TRUE(whole);
  EXPECT_EQ(describe(whole->room), "2 of 2 free");
}

TEST_F(RealSlurm, TheSameTokenIsOneJobHoweverOftenItIsSubmitted) {
  const auto first = client_->submit(a_job("t1"), kSoon);
  const auto again = client_->submit(a_job("t1"), kSoon);
  EXPECT_FALSE(first.existed);
  EXPECT_TRUE(again.existed);
  EXPECT_EQ(first.id, again.id);
  EXPECT_NE(submitted(a_job("t2")), first.id);
  EXPECT_THAT(client_->jobs(kSoon).value(), SizeIs(2));
  ASSERT_TRUE(client_->cancel("x", std::array{first.id}, kSoon).ok());
  await_end(first.id);
  EXPECT_EQ(client_->submit(a_job("t1"), kSoon).id, first.id) << "a job that has ended is still the one of its token";
}

TEST_F(RealSlurm, TwoSubmissionsAtOnceAreOneJob) {
  SlurmSubmission submissions[4];
  {
    std::vector<std::jthread> threads;
    for (SlurmSubmission& submission : submissions)
      threads.emplace_back([&] {
        ShellForTests shell = slurm_->shell();
        submission = SlurmClient("lab", shell).submit(a_job("t1"), kSoon);
      });
  }
  for (const SlurmSubmission& submission : submissions) EXPECT_EQ(submission.id, submissions[0].id);
  EXPECT_EQ(shell("squeue -h -t all -o %A | wc -l"), "1");
}

TEST_F(RealSlurm, ARunningJobHasItsNodesInTheOrderOfTheRanks) {
  auto job = a_job();
  job.nodes = 2;
  job.output = slurm_->folder() + "/ranks of x";
  job.script = "#!/bin/sh\nsrun -l sh -c 'echo $SLURM_NODEID $SLURMD_NODENAME'\nexec sleep 300\n";
  const auto running = await_running(submitted(job));
  EXPECT_THAT(running.nodes, ElementsAre("w1", "w2"));
  EXPECT_EQ(running.tag, (JobTag{"ada", "x", "t1"}));
  EXPECT_TRUE(running.started);
  EXPECT_EQ(running.name, "isobar-x");
  std::string ranks;
  for (int attempt = 0; attempt < 100 && ranks.find("w2") == std::string::npos; ++attempt) {
    std::this_thread::sleep_for(100ms);
    ranks = read_file(job.output).value_or("");
  }
  EXPECT_THAT(ranks, HasSubstr("0: 0 w1\n"));
  EXPECT_THAT(ranks, HasSubstr("1: 1 w2\n"));
  const auto inventory = client_->inventory(kSoon).value();
  const SlurmShape one{1, 100, "", 0};
  EXPECT_EQ(room_for(one, inventory, *inventory.partition("debug")), (SlurmRoom{6, 8}));
}

// Older releases lack `squeue --only-job-state`, and a broker that relied on it took its jobs for gone.
TEST_F(RealSlurm, Row8907NoJobIsLostOnAReleaseWithoutOnlyJobState) {
  const auto id = submitted(a_job());
  await_running(id);
  const auto jobs = client_->jobs(kSoon).value();
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].id, id);
  EXPECT_TRUE(jobs[0].runs());
  for (const std::string& command : shell_->commands) {
    EXPECT_THAT(command, Not(HasSubstr("--only-job-state")));
    EXPECT_THAT(command, Not(HasSubstr("--json")));
  }
}

TEST_F(RealSlurm, ATimeLimitThatWasReachedIsTold) {
  auto job = a_job();
  job.time_limit = 10min;
  const auto id = submitted(job);
  await_running(id);
  // Slurm looks for such jobs twice a minute. The limit itself becomes the least there is, a minute.
  shell("scontrol update JobId=" + id + " EndTime=now");
  const auto ended = await_end(id);
  EXPECT_EQ(ended.state, "TIMEOUT");
  EXPECT_EQ(explain_end(ended), "the time limit of 0:01:00 was reached");
}

TEST_F(RealSlurm, CancellingIsRepeatableAndSparesTheJobsOfOthers) {
  const auto id = submitted(a_job());
  const auto others = shell("printf '#!/bin/sh\\nsleep 300\\n' | sbatch --parsable --mem=100 -o /dev/null -J theirs");
  EXPECT_TRUE(client_->cancel("x", std::array{id, others, std::string("987654")}, kSoon).ok());
  EXPECT_TRUE(client_->cancel("x", std::array{id}, kSoon).ok());
  EXPECT_TRUE(client_->cancel("x", std::array{std::string("987654")}, kSoon).ok());
  const auto ended = await_end(id);
  EXPECT_EQ(ended.state, "CANCELLED");
  EXPECT_THAT(explain_end(ended), HasSubstr("it was cancelled"));
  EXPECT_FALSE(found(others).ended());
  EXPECT_FALSE(client_->find("987654", kSoon).value());
}

TEST_F(RealSlurm, AJobThatCanNeverStartSaysSoAndIsRefusedBeforehandWithTheInventory) {
  auto job = a_job();
  job.nodes = 3;
  const auto id = submitted(job);
  const auto waiting = await(id, [](const auto& j) { return j.waits() && !j.reason.empty() && j.reason != "None"; });
  const auto why = explain_wait(waiting);
  EXPECT_FALSE(why.waiting_helps) << why.sentence;
  EXPECT_EQ(why.provider_code, "NodeConfigurationUnavailable") << why.sentence;
  const auto ever = could_ever_run({1, 100, "", 0}, 3, {}, client_->inventory(kSoon).value(), "debug");
  EXPECT_EQ(ever.error().message(), "partition debug has 2 nodes with 1cpu-0gb each, and 3 are asked for");
}

TEST_F(RealSlurm, AJobThatWaitsForOthersIsWorthWaitingFor) {
  auto whole = a_job("t1");
  whole.nodes = 2, whole.cpus = 4;
  await_running(submitted(whole));
  auto next = a_job("t2");
  next.cpus = 4;
  const auto waiting = await(submitted(next), [](const auto& j) { return j.waits() && j.reason == "Resources"; });
  EXPECT_TRUE(explain_wait(waiting).waiting_helps);
  EXPECT_THAT(explain_wait(waiting).sentence, HasSubstr("other jobs hold the nodes"));
}

TEST_F(RealSlurm, RefusalsHaveACodeAndALineThatSaysWhatToDo) {
  auto job = a_job();
  job.partition = "nope";
  const auto partition = refusal_of(job);
  EXPECT_EQ(partition.provider_code, "InvalidPartition");
  EXPECT_EQ(partition.error.message(),
            "Slurm cluster lab: there is no such partition; `sinfo` lists them (it says: invalid partition specified: nope)");
  job = a_job();
  job.memory_mib = 1'000'000;
  EXPECT_EQ(refusal_of(job).provider_code, "NodeConfigurationUnavailable");
  EXPECT_EQ(refusal_of(job).provider_code, "NodeConfigurationUnavailable") << "the record of what was refused is no job";
  job = a_job();
  job.options = {"--gres=tpu:1"};
  EXPECT_EQ(refusal_of(job).provider_code, "InvalidGres");
  job.options = {"--constraint=moonlight"};
  EXPECT_EQ(refusal_of(job).provider_code, "InvalidOption");
  job.options = {"--no-such-option"};
  EXPECT_EQ(refusal_of(job).provider_code, "InvalidOption");
}

TEST_F(RealSlurm, AnAccountThatMayNotUseThePartitionIsToldOfTheWaitingJob) {
  auto job = a_job();
  job.partition = "theirs", job.account = "chemistry";
  const auto waiting = await(submitted(job), [](const auto& j) { return j.waits() && !j.reason.empty() && j.reason != "None"; });
  EXPECT_EQ(explain_wait(waiting).provider_code, "InvalidAccount") << waiting.reason;
  job = a_job("t2");
  job.partition = "closed";
  const auto closed = await(submitted(job), [](const auto& j) { return j.waits() && j.reason == "PartitionDown"; });
  EXPECT_EQ(explain_wait(closed).provider_code, "PartitionUnavailable");
  EXPECT_EQ(client_->jobs(kSoon).value().size(), 2U);
}

TEST_F(RealSlurm, AnAcceleratorIsFoundOnTheNodeThatHasIt) {
  auto job = a_job();
  job.partition = "short", job.gpu_type = "a100", job.gpus = 2;
  job.output = slurm_->folder() + "/gpus";
  job.script = "#!/bin/sh\necho $CUDA_VISIBLE_DEVICES\nexec sleep 300\n";
  EXPECT_THAT(await_running(submitted(job)).nodes, ElementsAre("gpu01"));
  std::string devices;
  for (int attempt = 0; attempt < 100 && devices.empty(); ++attempt) {
    std::this_thread::sleep_for(50ms);
    devices = read_file(job.output).value_or("");
  }
  EXPECT_EQ(devices, "0,1\n");
  const auto inventory = client_->inventory(kSoon).value();
  const auto quarter = find_offer(slurm_offers("lab", inventory), "gpu", "2cpu-3.9gb-a100x1");
  ASSERT_TRUE(quarter);
  EXPECT_EQ(quarter->offer.accelerator, "A100");
  EXPECT_EQ(describe(quarter->room), "2 of 4 free");
}

TEST_F(RealSlurm, ANodeThatGoesDownEndsTheJobAndIsNoLongerFree) {
  auto job = a_job();
  job.nodes = 2;
  const auto id = submitted(job);
  await_running(id);
  slurm_->kill("w2");
  shell("scontrol update NodeName=w2 State=DOWN Reason='no power = dark'");
  const auto ended = await_end(id);
  EXPECT_EQ(ended.state, "NODE_FAIL");
  EXPECT_EQ(explain_end(ended), "one of its nodes went down");
  const auto inventory = client_->inventory(kSoon).value();
  const SlurmNode& node = *inventory.nodes_of(*inventory.partition("debug")).at(1);
  EXPECT_EQ(node.name, "w2");
  EXPECT_FALSE(node.takes_jobs()) << node.state;
  EXPECT_THAT(node.reason, HasSubstr("no power = dark"));
  EXPECT_TRUE(could_ever_run({4, 4000, "", 0}, 2, {}, inventory, "debug").ok()) << "it may come back";
}

TEST_F(RealSlurm, TheUsersOptionsComeLastAndNothingOfTheUsersIsReadByTheShell) {
  auto job = a_job();
  job.options = {"--nodelist=w2", "--time=7"};
  job.output = slurm_->folder() + "/$(touch pwned);'x' %j";  // %j is Slurm's: the job's number
  job.script = "#!/bin/sh\necho told\n";
  const auto ended = await_end(submitted(job));
  EXPECT_THAT(ended.nodes, ElementsAre("w2"));
  EXPECT_EQ(ended.time_limit, 7min);
  EXPECT_EQ(explain_end(ended), "it ended by itself");
  EXPECT_EQ(read_file(slurm_->folder() + "/$(touch pwned);'x' " + ended.id).value_or(""), "told\n");
  EXPECT_FALSE(fs::exists("pwned"));
}

TEST_F(RealSlurm, AFailedScriptTellsItsExitCode) {
  auto job = a_job();
  job.script = "#!/bin/sh\nexit 7\n";
  const auto ended = await_end(submitted(job));
  EXPECT_EQ(explain_end(ended), "its script failed with exit code 7");
}

TEST_F(RealSlurm, AControllerThatDoesNotAnswerIsToldAsThat) {
  shell("sed 's/^SlurmctldPort=.*/SlurmctldPort=1/' $SLURM_CONF >$HOME/lost.conf");
  auto job = a_job();
  ScriptedShell lost([&](const std::string& command, std::string_view input) {
    return shell_->run("export SLURM_CONF=$HOME/lost.conf; " + command, input, kSoon);
  });
  const auto submission = SlurmClient("lab", lost).submit(job, kSoon);
  ASSERT_TRUE(submission.refusal);
  EXPECT_EQ(submission.refusal->provider_code, "ControllerUnreachable");
  EXPECT_EQ(submission.refusal->error.code(), Code::kUnavailable);
  EXPECT_THAT(submission.refusal->error.message(), HasSubstr("Slurm cluster lab: its controller does not answer"));
}

}  // namespace
}  // namespace isobar::cloud
