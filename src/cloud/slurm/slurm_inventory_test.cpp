#include "slurm_inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// As 22.05.8 prints it.
constexpr std::string_view kNode2205 =
    "NodeName=gpu01 Arch=x86_64 CoresPerSocket=1  CPUAlloc=1 CPUEfctv=8 CPUTot=8 CPULoad=1.17 AvailableFeatures=a100,nvlink "
    "ActiveFeatures=a100,nvlink Gres=gpu:a100:4 GresDrain=N/A GresUsed=gpu:a100:2(IDX:0-1) NodeAddr=10.0.0.7 NodeHostName=ctl Port=6823 "
    "Version=22.05.8 OS=Linux 6.18.44 #1 SMP PREEMPT_DYNAMIC @0  RealMemory=16000 AllocMem=100 FreeMem=23293 Sockets=8 Boards=1 "
    "State=MIXED "
    "ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A Partitions=gpu,short  BootTime=2026-11-26T23:07:37 "
    "SlurmdStartTime=2026-11-26T23:21:43 LastBusyTime=2026-11-26T23:21:44 CfgTRES=cpu=8,mem=16000M,billing=8 AllocTRES=cpu=1,mem=100M "
    "CapWatts=n/a CurrentWatts=0 AveWatts=0 ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s\n";

// The form of 23.11 and 24.05: processors and memory set aside, sockets behind the gres, a comment and a reason at the end.
constexpr std::string_view kNode2405 =
    "NodeName=c-12 Arch=x86_64 CoresPerSocket=32  CPUAlloc=0 CPUEfctv=126 CPUTot=128 CPULoad=0.04 AvailableFeatures=zen4 "
    "ActiveFeatures=zen4 "
    "Gres=gpu:h100:8(S:0-1) GresDrain=N/A GresUsed=gpu:h100:0(IDX:N/A) NodeAddr=c-12 NodeHostName=c-12 Version=24.05.4 OS=Linux 5.14.0 #1 "
    "SMP "
    "RealMemory=1031000 AllocMem=0 FreeMem=990000 Sockets=2 Boards=1 CoreSpecCount=1 CPUSpecList=63,127 MemSpecLimit=7000 "
    "State=IDLE+DRAIN+DYNAMIC_NORM ThreadsPerCore=2 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A Partitions=h100 "
    "BootTime=2026-11-01T00:00:00 "
    "SlurmdStartTime=2026-11-01T00:00:10 LastBusyTime=2026-11-20T00:00:00 ResumeAfterTime=None "
    "CfgTRES=cpu=126,mem=1031000M,billing=126,gres/gpu=8 "
    "AllocTRES= CurrentWatts=0 AveWatts=0 Comment=rack 4 Reason=Kill task failed [root@2026-11-20T00:00:00]\n";

TEST(SlurmNodes, AreReadAs2205PrintsThem) {
  const auto nodes = parse_nodes(kNode2205);
  ASSERT_THAT(nodes, SizeIs(1));
  const SlurmNode& node = nodes[0];
  EXPECT_EQ(node.name, "gpu01");
  EXPECT_EQ(node.address, "10.0.0.7");
  EXPECT_EQ(node.state, "MIXED");
  EXPECT_EQ(node.cpus, 8);
  EXPECT_EQ(node.cpus_allocated, 1);
  EXPECT_EQ(node.memory_mib, 16000U);
  EXPECT_EQ(node.memory_mib_allocated, 100U);
  EXPECT_THAT(node.gres, ElementsAre(SlurmGres{"gpu", "a100", 4, 2}));
  EXPECT_THAT(node.features, ElementsAre("a100", "nvlink"));
  EXPECT_THAT(node.partitions, ElementsAre("gpu", "short"));
  EXPECT_TRUE(node.takes_jobs());
  EXPECT_EQ(node.reason, "");
}

TEST(SlurmNodes, AreReadAs2405PrintsThemWithoutWhatIsSetAside) {
  const auto nodes = parse_nodes(kNode2405);
  ASSERT_THAT(nodes, SizeIs(1));
  EXPECT_EQ(nodes[0].cpus, 126);
  EXPECT_EQ(nodes[0].memory_mib, 1024000U);
  EXPECT_THAT(nodes[0].gres, ElementsAre(SlurmGres{"gpu", "h100", 8, 0}));
  EXPECT_EQ(nodes[0].reason, "Kill task failed [root@2026-11-20T00:00:00]");
  EXPECT_FALSE(nodes[0].takes_jobs());
  EXPECT_TRUE(nodes[0].exists());
}

TEST(SlurmNodes, OnlyThoseThatTakeJobsAreFree) {
  const auto takes = [](std::string state) { return SlurmNode{.state = std::move(state)}.takes_jobs(); };
  for (const char* yes :
       {"IDLE", "MIXED", "ALLOCATED", "IDLE+CLOUD+POWERED_DOWN", "MIXED+PLANNED", "IDLE+DYNAMIC_NORM", "ALLOCATED+COMPLETING"})
    EXPECT_TRUE(takes(yes)) << yes;
  for (const char* no : {"DOWN", "DOWN*", "IDLE*", "IDLE+DRAIN", "MIXED+DRAIN", "IDLE+RESERVED", "IDLE+MAINTENANCE", "DOWN+NOT_RESPONDING",
                         "UNKNOWN", "IDLE+FAIL", "FUTURE", "IDLE+INVALID_REG", "DOWN*+CLOUD", ""})
    EXPECT_FALSE(takes(no)) << no;
  EXPECT_TRUE((SlurmNode{.state = "DOWN*"}.exists()));
  EXPECT_FALSE((SlurmNode{.state = "FUTURE"}.exists()));
  EXPECT_FALSE((SlurmNode{.state = "IDLE+INVALID_REG"}.exists()));
}

TEST(SlurmPartitions, AreReadWithTheirLimits) {
  const auto partitions =
      parse_partitions(
          "PartitionName=gpu AllowGroups=ALL AllowAccounts=physics,chem AllowQos=ALL AllocNodes=ALL Default=NO QoS=N/A "
          "DefaultTime=01:00:00 "
          "DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO MaxNodes=2 MaxTime=1-00:00:00 MinNodes=0 LLN=NO "
          "MaxCPUsPerNode=UNLIMITED "
          "Nodes=gpu01,w[1-2] PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=EXCLUSIVE OverTimeLimit=NONE "
          "PreemptMode=OFF "
          "State=UP TotalCPUs=8 TotalNodes=1 SelectTypeParameters=NONE JobDefaults=(null) DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED\n"
          // 24.05 has more keys, and a partition without nodes.
          "PartitionName=empty AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=YES QoS=N/A DefaultTime=NONE "
          "ExclusiveTopo=NO MaxNodes=UNLIMITED MaxTime=UNLIMITED MaxCPUsPerSocket=UNLIMITED Nodes=(null) OverSubscribe=NO State=INACTIVE\n")
          .value();
  ASSERT_THAT(partitions, SizeIs(2));
  EXPECT_THAT(partitions[0].nodes, ElementsAre("gpu01", "w1", "w2"));
  EXPECT_EQ(partitions[0].time_limit, 24h);
  EXPECT_EQ(partitions[0].default_time, 1h);
  EXPECT_EQ(partitions[0].nodes_max, 2);
  EXPECT_EQ(partitions[0].allowed_accounts, "physics,chem");
  EXPECT_EQ(partitions[0].allowed_qos, "");
  EXPECT_TRUE(partitions[0].whole_nodes);
  EXPECT_TRUE(partitions[0].up());
  EXPECT_TRUE(partitions[1].is_default);
  EXPECT_EQ(partitions[1].time_limit, std::nullopt);
  EXPECT_EQ(partitions[1].nodes_max, std::nullopt);
  EXPECT_THAT(partitions[1].nodes, IsEmpty());
  EXPECT_FALSE(partitions[1].up());
}

TEST(SlurmPartitions, ANodeListThatIsNoneIsAnError) {
  EXPECT_THAT(parse_partitions("PartitionName=p Nodes=w[1-\n").error().message(),
              HasSubstr("partition p: hostlist \"w[1-\": a bracket is not closed"));
}

TEST(SlurmVersion, IsTheNumberBehindTheName) {
  EXPECT_EQ(parse_slurm_version("slurm-wlm 22.05.8\n").value(), "22.05.8");
  EXPECT_EQ(parse_slurm_version("Welcome to alps!\nslurm 24.05.4\n").value(), "24.05.4");
  EXPECT_THAT(parse_slurm_version("bash: sinfo\n").error().message(), HasSubstr("\"bash: sinfo\" is not what sinfo --version says"));
}

}  // namespace
}  // namespace isobar::cloud
