#include <gtest/gtest.h>
#include <sys/mount.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/knob.h"
#include "base/log.h"
#include "base/mounts.h"
#include "base/ports.h"
#include "base/random.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"

namespace isobar {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return invalid("odd");
  return n / 2;
}

Result<int> quarter(int n) {
  TRY_ASSIGN(const int once, half(n).context("first half"));
  TRY_ASSIGN(const int twice, half(once).context("second half"));
  return twice;
}

TEST(Result, GathersContextOnTheWayOut) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message(), "second half: odd");
  EXPECT_EQ(quarter(7).error().code(), Code::kInvalidArgument);
}

TEST(ResultDeathTest, ReadingTheValueOfAFailureEndsTheProcessAndSaysWhy) { EXPECT_DEATH((void)half(3).value(), "odd"); }

TEST(CheckDeathTest, PrintsTheOperands) {
  const int committed = 3, prepared = 2;
  EXPECT_DEATH(CHECK(committed <= prepared, committed, prepared), "committed, prepared = 3, 2");
}

TEST(Duration, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*parse_duration("90s"), 90s);
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("2d"), 48h);
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("1.5h"), 90min);
  EXPECT_EQ(*parse_duration("10", 1min), 10min);
  for (const char* wrong : {"", "h", "1x", "-5s", "1h30", "5 m", "1.s.", "9999999999999999d"})
    EXPECT_FALSE(parse_duration(wrong).ok()) << wrong;
}

TEST(Duration, IsShownInTwoUnitsAtMost) {
  EXPECT_EQ(format_duration(45s), "45s");
  EXPECT_EQ(format_duration(125s), "2m 5s");
  EXPECT_EQ(format_duration(3725s), "1h 2m");
  EXPECT_EQ(format_duration(120ms), "0.12s");
  EXPECT_EQ(format_ago(130s), "2 mins ago");
}

TEST(ByteCount, CountsInPowersOf1024WhateverTheSpelling) {
  EXPECT_EQ(parse_bytes("64GB")->value, 64 * kGiB);
  EXPECT_EQ(parse_bytes("64Gi")->value, 64 * kGiB);
  EXPECT_EQ(parse_bytes("1.5TB")->value, kTiB + kTiB / 2);
  EXPECT_EQ(parse_bytes("16", kGiB)->value, 16 * kGiB);
  for (const char* wrong : {"", "GB", "1XB", "-1", "1GBB", "99999999PB"}) EXPECT_FALSE(parse_bytes(wrong).ok()) << wrong;
}

TEST(Random, TheSameSeedGivesTheSameDraws) {
  Random a(7), b(7), c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto draw = a.next();
    EXPECT_EQ(draw, b.next());
    differs |= draw != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowCoversItsRangeAndStaysInIt) {
  Random random(1);
  std::vector<int> seen(10);
  for (int i = 0; i < 2000; ++i) ++seen[random.below(10)];
  for (const int count : seen) EXPECT_GT(count, 100);
}

TEST(Text, SuggestsTheNearestWordButNothingFar) {
  const std::vector<std::string> names = {"num_nodes", "resources", "run", "setup"};
  EXPECT_EQ(closest("num_node", names), "num_nodes");
  EXPECT_EQ(closest("Resuorces", names), "resources");
  EXPECT_EQ(closest("banana", names), std::nullopt);
}

TEST(Text, QuotesForTheShellOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quote("a/b.c"), "a/b.c");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote(""), "''");
}

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("na\xc3\xafve \xe2\x9c\x94"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_EQ(display_width("\xe2\x9c\x94 ok\x1b[32m!\x1b[0m"), 5U);
}

class FileTest : public testing::Test {
 protected:
  fs::path folder_ = fs::temp_directory_path() / ("isobar-base-" + secure_random_hex(6));
  void SetUp() override { ASSERT_TRUE(make_folders(folder_).ok()); }
  void TearDown() override { fs::remove_all(folder_); }
};

TEST_F(FileTest, WritesWholeFilesAndLeavesNoTemporaryBehind) {
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(write_file(folder_ / "f", content).ok());
  EXPECT_EQ(*read_file(folder_ / "f"), content);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, AFailedWriteKeepsTheOldContent) {
  fs::create_directory(folder_ / "taken");
  EXPECT_FALSE(write_file(folder_ / "taken", "x").ok());
  EXPECT_TRUE(fs::is_directory(folder_ / "taken"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FileTest, ReadingRefusesWhatIsTooLongAndWhatIsAFolder) {
  ASSERT_TRUE(write_file(folder_ / "f", "12345").ok());
  EXPECT_EQ(read_file(folder_ / "f", 4).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(read_file(folder_).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(read_file(folder_ / "none").error().code(), Code::kNotFound);
}

TEST_F(FileTest, LogWritesOneJsonLineAnEventAndRedactsSecrets) {
  auto log = Log::to_file(folder_ / "log");
  ASSERT_TRUE(log.ok());
  log->redact("hunter2hunter2");
  log->warn("login_failed", {{"user", "al\"ice"}, {"with", "pw=hunter2hunter2!"}});
  log->debug("unseen");
  const auto text = *read_file(folder_ / "log");
  EXPECT_NE(text.find("\"event\":\"login_failed\",\"user\":\"al\\\"ice\",\"with\":\"pw=<redacted>!\"}"), std::string::npos) << text;
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("unseen"), std::string::npos);
}

TEST(PortRanges, OverlapsAndNeighboursBecomeOneRange) {
  const Ports ports = merged({{8000, 8010}, {80, 80}, {8011, 8020}, {8005, 8006}, {65535, 65535}});
  EXPECT_EQ(ports, (Ports{{80, 80}, {8000, 8020}, {65535, 65535}}));
  EXPECT_EQ(describe(ports), "80, 8000-8020, 65535");
  EXPECT_EQ(parse_ports(describe(ports)).value(), ports);
  EXPECT_EQ(count_of(ports), 23U);
  EXPECT_EQ(each_of({{65534, 65535}}).size(), 2U);
  EXPECT_TRUE(covers(ports, {{8015, 8015}, {80, 80}}));
  EXPECT_FALSE(covers(ports, {{8015, 8021}}));
}

TEST(PortRanges, WhatIsNoPortIsRefused) {
  for (const char* text : {"0", "65536", "9-8", "a", "80-", "-80", "80,,81", "8 0"}) EXPECT_FALSE(parse_ports(text).ok()) << text;
  EXPECT_TRUE(parse_ports("").value().empty());
}

TEST(Knob, RefusesWhatIsOutOfBoundsAndKeepsTheOldValue) {
  Knob<Duration> knob{.value = 90s, .least = 5s, .most = 1h};
  EXPECT_TRUE(set_knob(knob, "failover_deadline", "2m").ok());
  EXPECT_EQ(knob.value, 2min);
  const auto refused = set_knob(knob, "failover_deadline", "2h");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "failover_deadline: 2h 0m is outside 5s to 1h 0m");
  EXPECT_EQ(knob.value, 2min);
}

TEST(Mounts, AreSeenAndTakenOffByTheirPlace) {
  const fs::path folder = fs::temp_directory_path() / ("isobar mounts-" + secure_random_hex(6));
  ASSERT_TRUE(make_folders(folder / "a b").ok());
  const std::string outer = folder / "a b", inner = folder / "a b/in";
  if (::mount("ours", outer.c_str(), "tmpfs", 0, "size=64k") != 0) {
    fs::remove_all(folder);
    GTEST_SKIP() << "mounting takes root";
  }
  ASSERT_TRUE(make_folders(inner).ok());
  ASSERT_EQ(::mount("theirs", inner.c_str(), "tmpfs", 0, "size=64k"), 0);
  const auto mounts = mounts_below(folder).value();
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].point, inner);
  EXPECT_EQ(mounts[1].point, outer);
  EXPECT_EQ(mounts[1].source, "ours");
  EXPECT_EQ(mounts[1].type, "tmpfs");
  EXPECT_TRUE(mounts_below(folder.string() + "x").value().empty());
  EXPECT_TRUE(unmount_below(folder).ok());
  EXPECT_TRUE(mounts_below(folder).value().empty());
  EXPECT_TRUE(unmount(outer).ok()) << "what is not mounted is taken off already";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace isobar
