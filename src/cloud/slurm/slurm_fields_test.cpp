#include "slurm_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SlurmRecord, AValueEndsWhereTheNextKeyBegins) {
  const auto record = SlurmRecord::parse(
      "NodeName=w1 OS=Linux 6.1.0 #1 SMP PREEMPT_DYNAMIC a=b  RealMemory=4000 AllocTRES=cpu=1,mem=100M Socks/Node=* Last=");
  EXPECT_EQ(record.get("NodeName"), "w1");
  EXPECT_EQ(record.get("OS"), "Linux 6.1.0 #1 SMP PREEMPT_DYNAMIC a=b");
  EXPECT_EQ(record.number("RealMemory"), 4000U);
  EXPECT_EQ(record.get("AllocTRES"), "cpu=1,mem=100M");
  EXPECT_EQ(record.get("Socks/Node"), "*");
  EXPECT_TRUE(record.has("Last"));
  EXPECT_FALSE(record.has("a"));
}

TEST(SlurmRecord, AReasonCannotTakeThePlaceOfAFact) {
  const auto record = SlurmRecord::parse("State=DOWN Partitions=a,b Reason=disk died State=IDLE [root@2026-11-26]");
  EXPECT_EQ(record.get("State"), "DOWN");
  EXPECT_THAT(record.list("Partitions"), ElementsAre("a", "b"));
}

TEST(SlurmRecord, WhatSlurmWritesForNothingIsNothing) {
  const auto record = SlurmRecord::parse("Gres=(null) QoS=N/A DefaultTime=NONE Reason=None StartTime=Unknown X=");
  for (const char* key : {"Gres", "QoS", "DefaultTime", "Reason", "StartTime", "X", "Absent"}) EXPECT_EQ(record.get(key), "") << key;
  EXPECT_THAT(record.list("Gres"), IsEmpty());
  EXPECT_EQ(record.number("Gres"), 0U);
}

TEST(SlurmRecords, EmptyLinesAreNone) { EXPECT_EQ(parse_records("\nA=1\n\n  \nB=2\n").size(), 2U); }

TEST(SlurmSpan, EveryFormIsRead) {
  EXPECT_EQ(parse_slurm_span("1-02:03:04"), 24h + 2h + 3min + 4s);
  EXPECT_EQ(parse_slurm_span("365-00:00:00"), 365 * 24h);
  EXPECT_EQ(parse_slurm_span("02:03:04"), 2h + 3min + 4s);
  EXPECT_EQ(parse_slurm_span("10:00"), 10min);
  EXPECT_EQ(parse_slurm_span("15"), 15min);
  EXPECT_EQ(parse_slurm_span("1-12"), 36h);
  EXPECT_EQ(parse_slurm_span("00:01.250"), 1s);
  for (const char* none : {"UNLIMITED", "INFINITE", "NONE", "Partition_Limit", "", "a:b", "1:2:3:4", "-5", "99999999-00:00:00"})
    EXPECT_EQ(parse_slurm_span(none), std::nullopt) << none;
}

TEST(SlurmSpan, IsWrittenAsItIsRead) {
  for (const Duration span :
       {Duration(0s), Duration(59s), Duration(1h), Duration(23h + 59min + 59s), Duration(24h), Duration(100 * 24h + 1s)})
    EXPECT_EQ(parse_slurm_span(format_slurm_span(span)), span);
  EXPECT_EQ(format_slurm_span(1h), "1:00:00");
  EXPECT_EQ(format_slurm_span(1500ms), "0:00:02");
}

TEST(Gres, TypedUntypedAndSeveralAreCounted) {
  EXPECT_THAT(parse_gres("gpu:a100:4(S:0-1),gpu:v100:2", "gpu:a100:2(IDX:0-1),gpu:v100:0(IDX:N/A)"),
              ElementsAre(SlurmGres{"gpu", "a100", 4, 2}, SlurmGres{"gpu", "v100", 2, 0}));
  EXPECT_THAT(parse_gres("gpu:8", "gpu:3(IDX:0,2,5)"), ElementsAre(SlurmGres{"gpu", "", 8, 3}));
  EXPECT_THAT(parse_gres("gpu:a100:2,gpu:a100:2,craynetwork:4K", ""),
              ElementsAre(SlurmGres{"gpu", "a100", 4, 0}, SlurmGres{"craynetwork", "", 4096, 0}));
  EXPECT_THAT(parse_gres("gpu:tesla:no_consume:4", ""), ElementsAre(SlurmGres{"gpu", "tesla", 4, 0}));
  EXPECT_THAT(parse_gres("gpu", ""), ElementsAre(SlurmGres{"gpu", "", 1, 0}));
  EXPECT_THAT(parse_gres("gpu:a100_1g.5gb:7", "gpu:a100_1g.5gb:1(IDX:0)"), ElementsAre(SlurmGres{"gpu", "a100_1g.5gb", 7, 1}));
}

TEST(Gres, WhatIsNoneIsNone) {
  for (const char* none : {"", "(null)", "N/A", "gpu:a100:-4", "::", "gpu:a:b:c:d"})
    EXPECT_THAT(parse_gres(none, "gpu:0"), IsEmpty()) << none;
}

TEST(SlurmInstant, IsInSecondsOrNotKnown) {
  EXPECT_EQ(parse_slurm_instant("1795735326"), Instant::from_unix_seconds(1795735326));
  for (const char* none : {"N/A", "NONE", "Unknown", "", "0", "99999999999999", "2026-11-26T23:22:06"})
    EXPECT_EQ(parse_slurm_instant(none), std::nullopt) << none;
}

}  // namespace
}  // namespace isobar::cloud
