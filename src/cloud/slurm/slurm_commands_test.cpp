#include "slurm_commands.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>

#include "base/text.h"
#include "shell_for_tests.h"

namespace isobar::cloud {
namespace {

using testing::HasSubstr;
using testing::Not;

SlurmJob a_job() { return {.tag = {"ada", "x", "t1"}, .script = "#!/bin/sh\ntrue\n"}; }
std::string refusal(const SlurmJob& job) { return check_job(job).error().message(); }

TEST(SubmitCommand, AsksForWhatTheJobTakes) {
  auto job = a_job();
  job.nodes = 2, job.cpus = 16, job.memory_mib = 65536, job.gpu_type = "a100", job.gpus = 4;
  job.time_limit = 90s, job.partition = "gpu", job.account = "phys", job.qos = "high", job.output = "/home/ada/out";
  job.options = {"--constraint=nvlink"};
  EXPECT_THAT(
      submit_command(job, ""),
      HasSubstr(
          "sbatch --parsable --no-requeue --job-name=isobar-x --comment=isobar:ada:x:t1 --nodes=2 --ntasks-per-node=1 --cpus-per-task=16 "
          "--mem=65536M --gpus-per-node=a100:4 --time=2 --partition=gpu --account=phys --qos=high --output=/home/ada/out "
          "--constraint=nvlink"));
}

TEST(SubmitCommand, LeavesOutWhatTheClusterDecides) {
  const std::string command = submit_command(a_job(), "");
  for (const char* option : {"--mem", "--gpus", "--time", "--partition", "--account", "--qos"})
    EXPECT_THAT(command, Not(HasSubstr(option)));
  auto job = a_job();
  job.gpus = 2;
  EXPECT_THAT(submit_command(job, ""), HasSubstr("--gpus-per-node=2 "));
}

TEST(JobCheck, WhatCannotBeASoundJobIsNamed) {
  EXPECT_TRUE(check_job(a_job()).ok());
  auto job = a_job();
  job.script = "sleep 1";
  EXPECT_THAT(refusal(job), HasSubstr("has to begin with \"#!\""));
  job = a_job();
  job.nodes = 0;
  EXPECT_THAT(refusal(job), HasSubstr("0 nodes with 1 processors"));
  job = a_job();
  job.time_limit = 0s;
  EXPECT_THAT(refusal(job), HasSubstr("a time limit"));
  job = a_job();
  job.partition = "a\nb";
  EXPECT_THAT(refusal(job), HasSubstr("the partition holds a line break"));
  job = a_job();
  job.tag.token = "$(id)";
  EXPECT_THAT(refusal(job), HasSubstr("the token \"$(id)\" cannot mark"));
}

TEST(JobCheck, AnOptionThatWouldLoseTheJobIsRefusedHoweverItIsWritten) {
  for (const char* option : {"--comment=x",  "--comm=x", "--job-name=x", "--job=x",  "-Jx",        "--array=1-3", "-a1-3",
                             "--wait",       "-W",       "-HW",          "--wrap=x", "--parsable", "--test-only", "--requeue",
                             "--clusters=a", "-Ma",      "--output=x",   "-ox",      "--",         "--help",      "-sQo/x"}) {
    auto job = a_job();
    job.options = {option};
    EXPECT_THAT(refusal(job), HasSubstr("is isobar's to set")) << option;
  }
  for (const char* option :
       {"--constraint=nvlink", "-Cwao", "--exclusive", "--wait-all-nodes=1", "--nodelist=w1", "-wJ", "--reservation=x", "-H"}) {
    auto job = a_job();
    job.options = {option};
    EXPECT_TRUE(check_job(job).ok()) << option;
  }
  auto job = a_job();
  job.options = {"--constraint", "nvlink"};
  EXPECT_THAT(refusal(job), HasSubstr("\"nvlink\" is not an option of sbatch; write each as one word"));
}

/// A folder of programs that are not Slurm's.
class FakePrograms : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/isobar-fake-slurm-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    program("sbatch", "cat >$HOME/script; printf '%s\\n' \"$@\" >$HOME/asked; echo '77;lab'");
    program("squeue", "[ -e $HOME/queue ] && cat $HOME/queue; exit ${QUEUE_FAILS:-0}");
    program("sacct", "[ -e $HOME/accounting ] || { echo 'Slurm accounting storage is disabled' >&2; exit 1; }; cat $HOME/accounting");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void program(const std::string& name, const std::string& body) {
    ASSERT_TRUE(write_file(folder_ + "/" + name, "#!/bin/sh\n" + body + "\n", Durability::kCache, 0755).ok());
  }
  void answer(const std::string& file, std::vector<std::string> fields, const std::string& before) {
    ASSERT_TRUE(write_file(folder_ + "/" + file, before + join(fields, std::string(1, kFieldMark)) + "\n", Durability::kCache).ok());
  }
  CommandOutput submit(const std::map<std::string, std::string>& more = {}) {
    std::map<std::string, std::string> environment{{"HOME", folder_}};
    environment.insert(more.begin(), more.end());
    return ShellForTests(environment).run(submit_command(a_job(), folder_), a_job().script, 30s).value();
  }
  bool was_submitted() const { return fs::exists(folder_ + "/asked"); }
  std::string folder_;
};

TEST_F(FakePrograms, ANewJobGetsTheScriptAsItsInput) {
  EXPECT_EQ(submit().out, "NEW 77;lab\n");
  EXPECT_EQ(read_file(folder_ + "/script").value(), a_job().script);
}

TEST_F(FakePrograms, AJobThatTheQueueKnowsIsNotSubmittedAgain) {
  answer("queue", {"12", "PENDING", "1", "1", "", "p", "", "", "5", "1", "N/A", "N/A", "isobar-x", "isobar:ada:x:t1", "Resources"},
         std::string(1, kRecordMark));
  EXPECT_EQ(submit().out, "EXISTS 12\n");
  EXPECT_FALSE(was_submitted());
}

TEST_F(FakePrograms, AJobOfAnotherTokenIsAnother) {
  answer("queue", {"12", "RUNNING", "1", "1", "w1", "p", "", "", "5", "1", "1", "1", "isobar-x", "isobar:ada:x:t11", "None"},
         std::string(1, kRecordMark));
  EXPECT_EQ(submit().out, "NEW 77;lab\n");
}

TEST_F(FakePrograms, WhatWasRefusedOnceIsNoJob) {
  answer("queue", {"12", "FAILED", "1", "1", "", "p", "", "", "5", "1", "1", "1", "isobar-x", "isobar:ada:x:t1", "BadConstraints"},
         std::string(1, kRecordMark));
  answer("accounting",
         {"12", "FAILED", "0:1", "1", "0", "None assigned", "p", "a", "q", "5", "1", "1", "1", "isobar-x", "isobar:ada:x:t1",
          "BadConstraints"},
         "");
  EXPECT_EQ(submit().out, "NEW 77;lab\n");
}

TEST_F(FakePrograms, AJobThatOnlyTheAccountingKnowsIsNotSubmittedAgain) {
  answer("accounting", {"13", "COMPLETED", "0:0", "1", "1", "w1", "p", "a", "q", "5", "1", "1", "1", "isobar-x", "isobar:ada:x:t1", "None"},
         "");
  EXPECT_EQ(submit().out, "EXISTS 13\n");
  EXPECT_FALSE(was_submitted());
}

TEST_F(FakePrograms, AQueueThatCannotBeReadSubmitsNothing) {
  EXPECT_EQ(submit({{"QUEUE_FAILS", "3"}}).exit_code, 3);
  EXPECT_FALSE(was_submitted());
}

TEST_F(FakePrograms, AHomeThatCannotBeWrittenStillSubmits) {
  fs::create_directory(folder_ + "/.isobar-slurm.lock");
  EXPECT_EQ(submit().out, "NEW 77;lab\n");
}

TEST_F(FakePrograms, DefaultsOfTheUsersEnvironmentDoNotHideJobs) {
  program("squeue", "echo \"${SQUEUE_STATES-none} ${SQUEUE_PARTITION-none} $SLURM_TIME_FORMAT $LC_ALL\" >&2; exit 9");
  EXPECT_EQ(submit({{"SQUEUE_STATES", "RUNNING"}, {"SQUEUE_PARTITION", "p"}}).err, "none none %s C\n");
}

TEST(Sections, EachHasItsTextAndItsExitCode) {
  static constexpr std::array<std::string_view, 2> kNames{"a", "b"};
  const auto sections = split_sections(
                            "one\ntwo\n\n\x1d"
                            "a 0\nthree\n\x1d"
                            "b 3\n",
                            kNames)
                            .value();
  EXPECT_EQ(sections.at("a").text, "one\ntwo\n");
  EXPECT_EQ(sections.at("a").exit_code, 0);
  EXPECT_EQ(sections.at("b").text, "three");
  EXPECT_EQ(sections.at("b").exit_code, 3);
  EXPECT_THAT(split_sections("one\n\n\x1d"
                             "a 0\nthr",
                             kNames)
                  .error()
                  .message(),
              HasSubstr("nothing of \"b\" came"));
}

}  // namespace
}  // namespace isobar::cloud
