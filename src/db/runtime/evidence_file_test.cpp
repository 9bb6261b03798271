#include "db/evidence_file.h"

#include <gtest/gtest.h>

namespace isobar::db {
namespace {

class EvidenceFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("isobar-evidence-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    file_ = folder_ / "evidence.log";
  }
  void TearDown() override { fs::remove_all(folder_); }
  static Evidence votes(std::uint32_t replica, std::uint8_t tx) {
    TxId id;
    id.hash.fill(tx);
    return TwoVotes{{{ShardId(0), replica}, {id, Outcome::kCommit}, {}}, {{ShardId(0), replica}, {id, Outcome::kAbort}, {}}};
  }
  std::size_t kept() { return read_evidence(file_).value().size(); }

  fs::path folder_, file_;
};

TEST_F(EvidenceFileTest, KeepsEachOnceAcrossRestarts) {
  for (int run = 0; run < 2; ++run) {
    auto file = EvidenceFile::open(file_).value();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(file.add(votes(1, 7), Instant::from_unix_seconds(1000)).ok());
    ASSERT_TRUE(file.add(votes(2, 7), Instant::from_unix_seconds(1001)).ok());
  }
  const auto read = read_evidence(file_).value();
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].seen, Instant::from_unix_seconds(1000));
  EXPECT_EQ(encode(read[1].evidence), encode(votes(2, 7)));
}

TEST_F(EvidenceFileTest, ALiarDoesNotFillTheDisk) {
  auto file = EvidenceFile::open(file_).value();
  for (int tx = 0; tx < 100; ++tx) ASSERT_TRUE(file.add(votes(1, static_cast<std::uint8_t>(tx)), Instant()).ok());
  ASSERT_TRUE(file.add(votes(2, 1), Instant()).ok());
  EXPECT_EQ(kept(), 17U);
}

TEST_F(EvidenceFileTest, ALineThatWasCutOffIsLeftOutAndWrittenOver) {
  auto file = EvidenceFile::open(file_).value();
  ASSERT_TRUE(file.add(votes(1, 1), Instant()).ok());
  const std::string whole = read_file(file_).value();
  ASSERT_TRUE(file.add(votes(1, 2), Instant()).ok());
  const std::string both = read_file(file_).value();
  for (std::size_t cut = whole.size() + 1; cut < both.size(); ++cut) {
    ASSERT_TRUE(write_file(file_, both.substr(0, cut)).ok());
    EXPECT_EQ(kept(), 1U);
    auto again = EvidenceFile::open(file_).value();
    ASSERT_TRUE(again.add(votes(1, 3), Instant()).ok());
    EXPECT_EQ(kept(), 2U);
  }
}

TEST_F(EvidenceFileTest, WhatCouldNotBeWrittenIsStillWanted) {
  auto file = EvidenceFile::open(folder_ / "later" / "evidence.log").value();
  EXPECT_FALSE(file.add(votes(1, 1), Instant()).ok());
  fs::create_directories(folder_ / "later");
  ASSERT_TRUE(file.add(votes(1, 1), Instant()).ok());
  EXPECT_EQ(read_evidence(folder_ / "later" / "evidence.log").value().size(), 1U);
}

TEST_F(EvidenceFileTest, ALineThatIsNoneIsNamed) {
  ASSERT_TRUE(write_file(file_, "1000 bm9uZQ==\n").ok());
  const auto read = read_evidence(file_);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message().find("evidence.log:1"), std::string::npos) << read.error().message();
}

}  // namespace
}  // namespace isobar::db
