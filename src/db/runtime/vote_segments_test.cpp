#include "vote_segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rocks_key_values.h"

namespace isobar::db {
namespace {

using testing::HasSubstr;

class VoteSegmentsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "isobar-vote-segments-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  static TxId id_of(int n) {
    TxId id;
    id.hash[0] = static_cast<std::uint8_t>(n);
    return id;
  }
  static VoteSegments::Record vote(int n) { return {id_of(n), false, encode(LogRecord{id_of(n), std::nullopt, VotedRecord{}})}; }
  static VoteSegments::Record checkpoint(std::uint64_t closed) {
    return {TxId{}, true, encode(LogRecord{TxId{}, std::nullopt, CheckpointRecord{closed, 0, {}, {}}})};
  }
  /// Every record fills a file.
  Result<VoteSegments> open(std::uint64_t segment_bytes = 1) {
    records_.clear();
    return VoteSegments::open(folder_, Sync::kDisk, records_, segment_bytes);
  }
  std::vector<int> votes() const {
    std::vector<int> found;
    for (const auto& record : records_)
      if (std::holds_alternative<VotedRecord>(record.what)) found.push_back(record.tx.hash[0]);
    return found;
  }
  std::uint64_t closed() const {
    std::uint64_t latest = 0;
    for (const auto& record : records_)
      if (const auto* found = std::get_if<CheckpointRecord>(&record.what)) latest = found->closed;
    return latest;
  }
  void append(VoteSegments& log, const std::vector<VoteSegments::Record>& records) { ASSERT_TRUE(log.append(records).ok()); }

  fs::path folder_;
  std::vector<LogRecord> records_;
};

TEST_F(VoteSegmentsTest, GivesBackEverythingInOrderOverManyFiles) {
  {
    auto log = open();
    for (int i = 1; i <= 5; ++i) append(*log, {vote(i)});
    EXPECT_EQ(log->files(), 6U);
  }
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(votes(), (std::vector<int>{1, 2, 3, 4, 5}));
}

TEST_F(VoteSegmentsTest, AFileGoesWhenAllInItIsForgottenAndNotBefore) {
  {
    auto log = open(100);
    append(*log, {vote(1), vote(2)});
    append(*log, {vote(2), vote(3)});
    append(*log, {vote(4)});
    const auto before = log->files();
    ASSERT_TRUE(log->forget(std::vector<TxId>{id_of(1)}).ok());
    EXPECT_EQ(log->files(), before);
    ASSERT_TRUE(log->forget(std::vector<TxId>{id_of(2)}).ok());
    EXPECT_LT(log->files(), before);
  }
  ASSERT_TRUE(open().ok());
  EXPECT_THAT(votes(), testing::IsSupersetOf({3, 4}));
  EXPECT_THAT(votes(), testing::Not(testing::Contains(1)));
}

TEST_F(VoteSegmentsTest, TheLatestCheckpointOutlivesItsFile) {
  {
    auto log = open();
    append(*log, {vote(1), checkpoint(7)});
    append(*log, {vote(2)});
    append(*log, {vote(3)});
    ASSERT_TRUE(log->forget(std::vector<TxId>{id_of(1), id_of(2)}).ok());
    EXPECT_EQ(log->files(), 1U);
  }
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(closed(), 7U);
}

TEST_F(VoteSegmentsTest, TheOneFileOfEarlierReleasesIsTheFirst) {
  {
    std::vector<std::string> none;
    auto old = VoteLog::open(folder_ / "votes.log", Sync::kDisk, none);
    const std::string bytes = vote(9).bytes;
    ASSERT_TRUE(old->append(std::vector<std::string_view>{bytes}).ok());
  }
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(votes(), std::vector<int>{9});
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(votes(), std::vector<int>{9});
}

TEST_F(VoteSegmentsTest, OnlyTheLastFileMayHaveATornEnd) {
  {
    auto log = open();
    for (int i = 1; i <= 3; ++i) append(*log, {vote(i)});
  }
  const auto cut = [&](int number) {
    const fs::path file = folder_ / ("votes-00000" + std::to_string(number) + ".log");
    fs::resize_file(file, fs::file_size(file) - 1);
  };
  cut(4);
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(votes(), (std::vector<int>{1, 2}));
  cut(3);
  const auto refused = open();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_THAT(refused.error().message(), HasSubstr("votes-000003.log is cut off at byte"));
}

TEST_F(VoteSegmentsTest, TwoProcessesDoNotWriteOneLog) {
  const auto first = open();
  const auto second = open();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kConflict);
}

std::unique_ptr<Settled> rocks(const fs::path& folder) {
  auto values = open_rocks(folder, true);
  EXPECT_TRUE(values.ok()) << (values.ok() ? "" : values.error().message());
  auto settled = Settled::open(std::move(*values), 8);
  EXPECT_TRUE(settled.ok());
  return std::move(*settled);
}

TEST_F(VoteSegmentsTest, WhatIsAtRestOutlivesTheProcess) {
  SettleBatch batch{10, {}, {}};
  for (int i = 0; i < 500; ++i)
    batch.versions.emplace_back("key" + std::to_string(i), SettledVersion{{5, ClientId(1)}, id_of(1), std::string(2000, 'v')});
  batch.writers.push_back({});
  batch.writers.back().certificate.tx = id_of(1);
  std::vector<Hash> leaves;
  {
    const auto settled = rocks(folder_);
    leaves = settled->apply(batch)->leaves;
  }
  const auto settled = rocks(folder_);
  EXPECT_EQ(settled->state().until, 10U);
  EXPECT_EQ(settled->state().leaves, leaves);
  EXPECT_EQ(settled->find("key7")->value, std::string(2000, 'v'));
  EXPECT_TRUE(settled->decided(id_of(1)));
  std::size_t keys = 0;
  for (std::uint32_t bucket = 0; bucket < 8; ++bucket)
    for (auto part = settled->bucket(bucket, "", 10'000); part.next; part = settled->bucket(bucket, *part.next, 10'000))
      keys += part.versions.size();
  EXPECT_EQ(keys, 500U);
}

// Wherever a bit flips in its files: either all that is read is what was written, or it is told.
TEST_F(VoteSegmentsTest, AFlippedBitIsToldOrHarmless) {
  {
    const auto settled = rocks(folder_);
    for (std::uint64_t until = 1; until <= 30; ++until) {
      SettleBatch batch{until, {}, {}};
      for (int i = 0; i < 100; ++i)
        batch.versions.emplace_back("key" + std::to_string(i), SettledVersion{{until, ClientId(1)}, id_of(1), std::string(300, 'v')});
      ASSERT_TRUE(settled->apply(batch).ok());
    }
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.is_regular_file() && (entry.path().extension() == ".sst" || entry.path().extension() == ".log"))
      files.push_back(entry.path());
  ASSERT_FALSE(files.empty());
  int told = 0;
  for (const auto& file : files) {
    const std::string good = read_file(file).value();
    for (std::size_t part = 1; part < 4 && good.size() > 100; ++part) {
      std::string bad = good;
      bad[good.size() * part / 4] = static_cast<char>(bad[good.size() * part / 4] ^ 1);
      const fs::path copy = folder_ / "copy";
      fs::remove_all(copy);
      fs::create_directory(copy);
      for (const auto& entry : fs::directory_iterator(folder_))
        if (entry.is_regular_file()) fs::copy(entry.path(), copy / entry.path().filename());
      ASSERT_TRUE(write_file(copy / file.filename(), bad).ok());
      auto values = open_rocks(copy, false);
      auto settled = values.ok() ? Settled::open(std::move(*values), 8) : Result<std::unique_ptr<Settled>>(values.error());
      if (!settled.ok()) {
        EXPECT_EQ(settled.error().code(), Code::kDataLoss) << settled.error().message();
        ++told;
        continue;
      }
      for (int i = 0; i < 100; ++i) {
        const auto found = (*settled)->find("key" + std::to_string(i));
        if ((*settled)->failure()) break;
        EXPECT_TRUE(found && found->value == std::string(300, 'v') && found->version.time == (*settled)->state().until);
      }
      if ((*settled)->failure()) ++told;
    }
  }
  EXPECT_GT(told, 0);
}

}  // namespace
}  // namespace isobar::db
