#include "slurm_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string record(const std::vector<std::string>& fields) { return kRecordMark + join(fields, std::string(1, kFieldMark)) + "\n"; }
std::string line(const std::vector<std::string>& fields) { return join(fields, std::string(1, kFieldMark)) + "\n"; }

TEST(Squeue, ARunningJobIsReadWithItsNodesAndItsTag) {
  const auto jobs = parse_squeue(record({"17", "RUNNING", "2", "8", "w[1-2]", "debug", "(null)", "normal", "1-00:00:00", "1795735326",
                                         "1795735327", "1795821727", "isobar-x", "isobar:ada:x:t1", "None"}))
                        .value();
  ASSERT_THAT(jobs, SizeIs(1));
  EXPECT_EQ(jobs[0].id, "17");
  EXPECT_TRUE(jobs[0].runs());
  EXPECT_THAT(jobs[0].nodes, ElementsAre("w1", "w2"));
  EXPECT_EQ(jobs[0].account, "");
  EXPECT_EQ(jobs[0].qos, "normal");
  EXPECT_EQ(jobs[0].time_limit, 24h);
  EXPECT_EQ(jobs[0].started, Instant::from_unix_seconds(1795735327));
  EXPECT_EQ(jobs[0].tag, (JobTag{"ada", "x", "t1"}));
  EXPECT_EQ(jobs[0].reason, "");
}

TEST(Squeue, NamesCommentsAndReasonsMayHoldAnything) {
  const auto jobs =
      parse_squeue(record({"4", "PENDING", "1", "1", "", "theirs", "nope", "(null)", "UNLIMITED", "1795735326", "N/A", "N/A", "a|b c\nd",
                           "x, \"y\"", "Job's account not known, so it can't use this partition (theirs allows physics)"}) +
                   record({"5", "CANCELLED", "1", "1", "", "debug", "", "", "5", "1", "N/A", "N/A", "isobar-y", "(null)", ""}))
          .value();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_TRUE(jobs[0].waits());
  EXPECT_EQ(jobs[0].name, "a|b c\nd");
  EXPECT_THAT(jobs[0].reason, HasSubstr("(theirs allows physics)"));
  EXPECT_EQ(jobs[0].tag, JobTag());
  EXPECT_EQ(jobs[0].time_limit, std::nullopt);
  EXPECT_TRUE(jobs[1].ended());
}

TEST(Squeue, NothingIsNoJobsAndHalfARecordIsAnError) {
  EXPECT_THAT(parse_squeue("").value(), IsEmpty());
  EXPECT_THAT(parse_squeue("\n").value(), IsEmpty());
  const auto half = parse_squeue(record({"17", "RUNNING", "2"}));
  EXPECT_EQ(half.error().code(), Code::kDataLoss);
  EXPECT_THAT(half.error().message(), HasSubstr("does not have 15 fields"));
  EXPECT_EQ(parse_squeue("slurm_load_jobs error").error().code(), Code::kDataLoss);
}

TEST(Squeue, TheFormatAsksForAsManyFieldsAsAreRead) {
  const std::string format = squeue_format();
  EXPECT_EQ(format[0], kRecordMark);
  EXPECT_EQ(std::count(format.begin(), format.end(), kFieldMark), 14);
  EXPECT_EQ(std::count(sacct_fields().begin(), sacct_fields().end(), ','), 15);
}

TEST(Sacct, TheEndsOfJobsAreRead) {
  const auto jobs = parse_sacct(line({"17", "TIMEOUT", "0:15", "2", "8", "w[1-2]", "debug", "phys", "normal", "01:00:00", "1795735326",
                                      "1795735327", "1795738927", "isobar-x", "isobar:ada:x:t1", "TimeLimit"}) +
                                line({"18", "CANCELLED by 1000", "0:0", "1", "0", "None assigned", "debug", "phys", "normal",
                                      "Partition_Limit", "1795735326", "None", "1795738927", "isobar-x", "", "None"}))
                        .value();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].state, "TIMEOUT");
  EXPECT_EQ(jobs[0].signal, 15);
  EXPECT_EQ(jobs[0].time_limit, 1h);
  EXPECT_THAT(jobs[0].nodes, ElementsAre("w1", "w2"));
  EXPECT_EQ(jobs[1].state, "CANCELLED");
  EXPECT_EQ(jobs[1].cancelled_by, "1000");
  EXPECT_THAT(jobs[1].nodes, IsEmpty());
}

TEST(ScontrolJob, TheFormsOfOldAndNewReleasesAreRead) {
  const auto jobs = parse_scontrol_jobs(
                        "JobId=1 JobName=isobar-x UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901759 Nice=0 Account=(null) "
                        "QOS=(null) JobState=NODE_FAIL "
                        "Reason=NodeDown Dependency=(null) Requeue=0 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:15 RunTime=00:00:24 "
                        "TimeLimit=00:01:00 TimeMin=N/A "
                        "SubmitTime=1795735326 StartTime=1795735326 EndTime=1795735350 Partition=debug NodeList=w[1-2] BatchHost=w1 "
                        "NumNodes=2 NumCPUs=2 NumTasks=2 "
                        "CPUs/Task=1 TRES=cpu=2,mem=200M,node=2,billing=2 WorkDir=/tmp Comment=isobar:o:x:t1  StdErr=/tmp/o "
                        "StdIn=/dev/null StdOut=/tmp/o Power= \n"
                        "JobId=2 JobName=isobar-x UserId=ada(1000) Account=a QOS=normal JobState=PENDING "
                        "Reason=Job's_account_not_known,_so_it_can't_use_this_partition "
                        "ExitCode=0:0 RunTime=00:00:00 TimeLimit=UNLIMITED SubmitTime=1795735326 StartTime=Unknown EndTime=Unknown "
                        "Partition=p NodeList= NumNodes=3-3 "
                        "NumCPUs=3 ReqTRES=cpu=3 AllocTRES=(null) Comment=isobar:o:x:t2 TresPerNode=gres/gpu:a100:2\n")
                        .value();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].state, "NODE_FAIL");
  EXPECT_EQ(jobs[0].tag.token, "t1");
  EXPECT_EQ(jobs[0].ends, Instant::from_unix_seconds(1795735350));
  EXPECT_EQ(jobs[1].nodes_wanted, 3);
  EXPECT_EQ(jobs[1].started, std::nullopt);
  EXPECT_TRUE(jobs[1].waits());
  EXPECT_EQ(parse_scontrol_jobs("No jobs in the system\n").error().code(), Code::kDataLoss);
}

TEST(JobState, EveryStateIsWaitingRunningOrOver) {
  for (const char* state : {"PENDING", "CONFIGURING", "REQUEUE_HOLD"}) EXPECT_TRUE((SlurmJobState{.state = state}.waits())) << state;
  for (const char* state : {"RUNNING", "COMPLETING", "SUSPENDED"}) EXPECT_TRUE((SlurmJobState{.state = state}.runs())) << state;
  for (const char* state :
       {"COMPLETED", "FAILED", "TIMEOUT", "PREEMPTED", "NODE_FAIL", "OUT_OF_MEMORY", "CANCELLED", "BOOT_FAIL", "DEADLINE"})
    EXPECT_TRUE((SlurmJobState{.state = state}.ended())) << state;
}

TEST(JobTag, ComesBackFromAComment) {
  const JobTag tag{"ada", "my-cluster.2", "0f3a"};
  EXPECT_EQ(format_tag(tag), "isobar:ada:my-cluster.2:0f3a");
  EXPECT_EQ(parse_tag(format_tag(tag)), tag);
  for (const char* other : {"", "(null)", "isobar:a:b", "isobar:a:b:c:d", "mine:a:b:c", "isobar::b:c", "isobar:a:b:c d"})
    EXPECT_FALSE(parse_tag(other)) << other;
  EXPECT_TRUE(check_tag(tag).ok());
  EXPECT_THAT(check_tag({"ada", "a:b", "t"}).error().message(), HasSubstr("the cluster \"a:b\" cannot mark a Slurm job"));
  EXPECT_FALSE(check_tag({"ada", "x", ""}).ok());
  EXPECT_FALSE(check_tag({std::string(129, 'a'), "x", "t"}).ok());
}

}  // namespace
}  // namespace isobar::cloud
