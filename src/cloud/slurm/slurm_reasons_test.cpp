#include "slurm_reasons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::HasSubstr;

WaitReason wait_of(std::string reason) { return explain_wait({.state = "PENDING", .reason = std::move(reason)}); }

TEST(WaitReason, WhatPassesByItselfIsWorthWaitingFor) {
  for (const char* reason :
       {"Resources", "Priority", "", "BeginTime", "Dependency", "ReqNodeNotAvail", "ReqNodeNotAvail, UnavailableNodes:w3", "Licenses",
        "QOSMaxCpuPerUserLimit", "QOSMaxGRESPerUser", "QOSMaxJobsPerUserLimit", "QOSGrpGRES", "QOSGrpCPURunMinutesLimit", "AssocGrpGRES",
        "AssocGrpCpuLimit", "AssocGrpCPURunMinutesLimit", "AssocMaxJobsLimit", "MaxJobsPerAccount",
        "Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved_for_jobs_in_higher_priority_partitions"}) {
    EXPECT_TRUE(wait_of(reason).waiting_helps) << reason;
    EXPECT_EQ(wait_of(reason).provider_code, "") << reason;
    EXPECT_THAT(wait_of(reason).sentence, HasSubstr("(Slurm: ")) << reason << " has no row";
  }
}

TEST(WaitReason, WhatNeverPassesHasTheCodeOfARefusal) {
  struct Row {
    const char *reason, *code;
  };
  for (const Row& row : {Row{"PartitionTimeLimit", "InvalidTimeLimit"},
                         Row{"PartitionNodeLimit", "NodeConfigurationUnavailable"},
                         Row{"PartitionConfig", "NodeConfigurationUnavailable"},
                         Row{"BadConstraints", "NodeConfigurationUnavailable"},
                         Row{"PartitionDown", "PartitionUnavailable"},
                         Row{"PartitionInactive", "PartitionUnavailable"},
                         Row{"JobHeldUser", "JobHeld"},
                         Row{"JobHeldAdmin", "JobHeld"},
                         Row{"InvalidAccount", "InvalidAccount"},
                         Row{"InvalidQOS", "InvalidQos"},
                         Row{"Job's account not known, so it can't use this partition (theirs allows physics)", "InvalidAccount"},
                         Row{"Job's_account_not_permitted_to_use_this_partition_(p_allows_a_not_b)", "InvalidAccount"},
                         Row{"QOSMaxCpuPerJobLimit", "PolicyViolation"},
                         Row{"QOSMaxWallDurationPerJobLimit", "PolicyViolation"},
                         Row{"QOSMaxGRESPerJob", "PolicyViolation"},
                         Row{"QOSMinGRES", "PolicyViolation"},
                         Row{"QOSMaxGRESPerNode", "PolicyViolation"},
                         Row{"AssocMaxWallDurationPerJobLimit", "PolicyViolation"},
                         Row{"AssocGrpCPUMinutesLimit", "PolicyViolation"},
                         Row{"AssocGrpGRESMinutes", "PolicyViolation"},
                         Row{"DependencyNeverSatisfied", "InvalidOption"}}) {
    EXPECT_FALSE(wait_of(row.reason).waiting_helps) << row.reason;
    EXPECT_EQ(wait_of(row.reason).provider_code, row.code) << row.reason;
  }
}

TEST(WaitReason, AWordThatIsNotKnownIsToldAsItIsWithHope) {
  const auto why = wait_of("MoonInTheSeventhHouse");
  EXPECT_TRUE(why.waiting_helps);
  EXPECT_EQ(why.sentence, "Slurm says \"MoonInTheSeventhHouse\"");
}

TEST(EndReason, EveryEndIsASentence) {
  EXPECT_EQ(explain_end({.state = "COMPLETED"}), "it ended by itself");
  EXPECT_EQ(explain_end({.state = "TIMEOUT", .time_limit = 1h}), "the time limit of 1:00:00 was reached");
  EXPECT_EQ(explain_end({.state = "TIMEOUT"}), "its time limit was reached");
  EXPECT_EQ(explain_end({.state = "PREEMPTED"}), "a job of higher priority took its nodes");
  EXPECT_EQ(explain_end({.state = "NODE_FAIL"}), "one of its nodes went down");
  EXPECT_EQ(explain_end({.state = "OUT_OF_MEMORY"}), "it used more memory than it had asked for");
  EXPECT_EQ(explain_end({.state = "CANCELLED", .cancelled_by = "1000"}), "it was cancelled by user 1000");
  EXPECT_EQ(explain_end({.state = "CANCELLED"}), "it was cancelled");
  EXPECT_EQ(explain_end({.state = "BOOT_FAIL"}), "one of its nodes did not boot");
  EXPECT_EQ(explain_end({.state = "DEADLINE"}), "it could not have ended before its deadline");
  EXPECT_EQ(explain_end({.state = "FAILED", .nodes = {"w1"}, .exit_code = 3}), "its script failed with exit code 3");
  EXPECT_EQ(explain_end({.state = "FAILED", .nodes = {"w1"}, .signal = 9}), "its script failed with signal 9");
  EXPECT_THAT(explain_end({.state = "FAILED", .reason = "BadConstraints"}), HasSubstr("Slurm refused it: no node of the partition"));
  EXPECT_EQ(explain_end({.state = "LAUNCH_FAILED"}), "it ended as LAUNCH_FAILED");
}

// The words as sbatch of 22.05 to 24.05 prints them.
TEST(Refusal, FollowsTheTable) {
  struct Row {
    const char *words, *provider_code;
    Code code;
  };
  for (const Row& row : {
           Row{"sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified", "InvalidAccount",
               Code::kPermissionDenied},
           Row{"sbatch: error: Batch job submission failed: Requested node configuration is not available", "NodeConfigurationUnavailable",
               Code::kExhausted},
           Row{"sbatch: error: Memory specification can not be satisfied\nsbatch: error: Batch job submission failed: Requested node "
               "configuration is not available",
               "NodeConfigurationUnavailable", Code::kExhausted},
           Row{"sbatch: error: CPU count per node can not be satisfied", "NodeConfigurationUnavailable", Code::kExhausted},
           Row{"sbatch: error: Batch job submission failed: Node count specification invalid", "NodeConfigurationUnavailable",
               Code::kExhausted},
           Row{"sbatch: error: Batch job submission failed: Invalid qos specification", "InvalidQos", Code::kPermissionDenied},
           Row{"sbatch: error: invalid partition specified: nope", "InvalidPartition", Code::kInvalidArgument},
           Row{"sbatch: error: Batch job submission failed: Invalid partition name specified", "InvalidPartition", Code::kInvalidArgument},
           Row{"sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy "
               "(job submit limit, user's "
               "size and/or time limits)",
               "PolicyViolation", Code::kExhausted},
           Row{"sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
               "InvalidTimeLimit", Code::kInvalidArgument},
           Row{"sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)", "PartitionUnavailable",
               Code::kUnavailable},
           Row{"sbatch: error: Batch job submission failed: User's group not permitted to use this partition", "InvalidAccount",
               Code::kPermissionDenied},
           Row{"sbatch: error: Invalid generic resource (gres) specification", "InvalidGres", Code::kInvalidArgument},
           Row{"sbatch: error: Batch job submission failed: Invalid feature specification", "InvalidOption", Code::kInvalidArgument},
           Row{"sbatch: unrecognized option '--bad-option'\nTry \"sbatch --help\" for more information", "InvalidOption",
               Code::kInvalidArgument},
           Row{"sbatch: error: Batch job submission failed: Access/permission denied", "AccessDenied", Code::kPermissionDenied},
           Row{"sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", "ControllerUnreachable",
               Code::kUnavailable},
           Row{"sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", "ControllerUnreachable",
               Code::kUnavailable},
           Row{"sbatch: fatal: Could not establish a configuration source", "ControllerUnreachable", Code::kUnavailable},
           Row{"another submission is still running", "SubmissionRunning", Code::kUnavailable},
           Row{"sh: 1: squeue: not found", "SlurmNotInstalled", Code::kInvalidArgument},
           Row{"bash: line 1: squeue: command not found", "SlurmNotInstalled", Code::kInvalidArgument},
       }) {
    const auto refusal = explain_refusal("alps", 1, row.words);
    EXPECT_EQ(refusal.provider_code, row.provider_code) << row.words;
    EXPECT_EQ(refusal.error.code(), row.code) << row.words;
    EXPECT_THAT(refusal.error.message(), HasSubstr("Slurm cluster alps: ")) << row.words;
  }
}

TEST(Refusal, WhatIsNotKnownIsToldInSlurmsOwnWords) {
  const auto refusal = explain_refusal("alps", 3, "sbatch: something new\n");
  EXPECT_EQ(refusal.provider_code, "Refused");
  EXPECT_EQ(refusal.error.message(), "Slurm cluster alps: refused with exit code 3 (it says: sbatch: something new)");
  EXPECT_EQ(explain_refusal("alps", 1, "").error.message(), "Slurm cluster alps: refused with exit code 1 (it says nothing)");
}

}  // namespace
}  // namespace isobar::cloud
