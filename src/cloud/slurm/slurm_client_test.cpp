// The client against answers from a script: what a real Slurm of one release does not show.

#include "slurm_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/text.h"
#include "shell_for_tests.h"

namespace isobar::cloud {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr Duration kSoon = 5s;

SlurmJob a_job() { return {.tag = {"ada", "x", "t1"}, .script = "#!/bin/sh\ntrue\n"}; }

ScriptedShell answers(int exit_code, const std::string& out, const std::string& err = "") {
  return ScriptedShell([=](const std::string&, std::string_view) { return CommandOutput{exit_code, out, err}; });
}

std::string section(const std::string& name, const std::string& text, int exit_code = 0) {
  return text + "\n\x1d" + name + " " + std::to_string(exit_code) + "\n";
}

std::string queued(const std::string& id, const std::string& name, const std::string& comment) {
  return kRecordMark +
         join(std::vector<std::string>{id, "RUNNING", "1", "1", "w1", "p", "", "", "5", "1", "1", "1", name, comment, "None"},
              std::string(1, kFieldMark)) +
         "\n";
}

TEST(SlurmClient, OnlyIsobarsOwnJobsAreListed) {
  auto shell = answers(0, section("jobs", queued("1", "isobar-x", "isobar:ada:x:t1") + queued("2", "mine", "(null)") +
                                              queued("3", "isobar-by-hand", "(null)")));
  const auto jobs = SlurmClient("lab", shell).jobs(kSoon).value();
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].id, "1");
}

TEST(SlurmClient, AnAnswerCutShortIsNotAnEmptyQueue) {
  auto shell = answers(0, queued("1", "isobar-x", "isobar:ada:x:t1"));
  EXPECT_EQ(SlurmClient("lab", shell).jobs(kSoon).error().code(), Code::kDataLoss);
  auto failing = answers(0, section("jobs", "", 1), "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n");
  EXPECT_EQ(SlurmClient("lab", failing).jobs(kSoon).error().code(), Code::kUnavailable);
}

TEST(SlurmClient, ALoginHostThatCannotBeReachedRefusesWithACode) {
  ScriptedShell shell([](const std::string&, std::string_view) { return unavailable("alps cannot be reached; is the VPN up?"); });
  const auto submission = SlurmClient("alps", shell).submit(a_job(), kSoon);
  ASSERT_TRUE(submission.refusal);
  EXPECT_EQ(submission.refusal->provider_code, "LoginHostUnreachable");
  EXPECT_EQ(submission.refusal->error.message(), "Slurm cluster alps: alps cannot be reached; is the VPN up?");
  EXPECT_EQ(SlurmClient("alps", shell).inventory(kSoon).error().code(), Code::kUnavailable);
}

TEST(SlurmClient, ALoginHostWithoutSlurmIsToldAsThat) {
  auto bare = answers(127, "", "sh: 1: squeue: not found\n");
  EXPECT_EQ(SlurmClient("lab", bare).submit(a_job(), kSoon).refusal->provider_code, "SlurmNotInstalled");
  auto none =
      answers(0, section("version", "", 127) + section("nodes", "", 127) + section("partitions", "", 127), "sh: 1: sinfo: not found\n");
  EXPECT_THAT(SlurmClient("lab", none).inventory(kSoon).error().message(), HasSubstr("has no Slurm in its PATH"));
}

TEST(SlurmClient, AJobOfAFederationIsKnownByItsNumber) {
  auto shell = answers(0, "Welcome!\nNEW 77;lab\n");
  const auto submission = SlurmClient("lab", shell).submit(a_job(), kSoon);
  EXPECT_EQ(submission.id, "77");
  EXPECT_FALSE(submission.existed);
  auto odd = answers(0, "NEW job\n");
  EXPECT_EQ(SlurmClient("lab", odd).submit(a_job(), kSoon).refusal->error.code(), Code::kDataLoss);
}

TEST(SlurmClient, AJobThatTheControllerForgotIsFoundInTheAccounting) {
  const std::string accounted = join(std::vector<std::string>{"17", "TIMEOUT", "0:0", "1", "1", "w1", "p", "a", "q", "01:00:00", "1", "1",
                                                              "1", "isobar-x", "isobar:ada:x:t1", "None"},
                                     std::string(1, kFieldMark)) +
                                "\n";
  auto shell = answers(0, section("scontrol", "", 1) + section("sacct", accounted), "slurm_load_jobs error: Invalid job id specified\n");
  EXPECT_EQ(explain_end(SlurmClient("lab", shell).find("17", kSoon).value().value()), "the time limit of 1:00:00 was reached");
  auto nowhere = answers(0, section("scontrol", "", 1) + section("sacct", "", 1), "slurm_load_jobs error: Invalid job id specified\n");
  EXPECT_FALSE(SlurmClient("lab", nowhere).find("17", kSoon).value());
}

TEST(SlurmClient, AControllerThatIsAwayDoesNotMakeAJobUnknown) {
  auto shell = answers(0, section("scontrol", "", 1) + section("sacct", ""),
                       "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n");
  EXPECT_EQ(SlurmClient("lab", shell).find("17", kSoon).error().code(), Code::kUnavailable);
}

TEST(SlurmClient, CancellingWhatIsGoneIsASuccessAndOtherFailuresAreNot) {
  const std::array<std::string, 1> ids{"17"};
  auto gone = answers(1, "", "scancel: error: Kill job error on job id 17: Invalid job id specified\n");
  EXPECT_TRUE(SlurmClient("lab", gone).cancel("x", ids, kSoon).ok());
  auto over = answers(1, "", "scancel: error: Kill job error on job id 17: Job/step already completing or completed\n");
  EXPECT_TRUE(SlurmClient("lab", over).cancel("x", ids, kSoon).ok());
  auto denied = answers(1, "", "scancel: error: Kill job error on job id 17: Access/permission denied\n");
  EXPECT_EQ(SlurmClient("lab", denied).cancel("x", ids, kSoon).error().code(), Code::kPermissionDenied);
}

TEST(SlurmClient, OnlyNumbersAreJobs) {
  ScriptedShell shell([](const std::string& command, std::string_view) {
    ADD_FAILURE() << "ran " << command;
    return CommandOutput{};
  });
  EXPECT_EQ(SlurmClient("lab", shell).find("1; rm -r ~", kSoon).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(SlurmClient("lab", shell).cancel("x", std::array{std::string("-u root")}, kSoon).error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(SlurmClient("lab", shell).cancel("x", {}, kSoon).ok());
  auto job = a_job();
  job.options = {"--array=1-3"};
  EXPECT_EQ(SlurmClient("lab", shell).submit(job, kSoon).refusal->provider_code, "InvalidOption");
}

}  // namespace
}  // namespace isobar::cloud
