#include "db/vote_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

namespace isobar::db {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class VoteLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "isobar-vote-log-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ / "votes.log";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::vector<std::string> written(const std::vector<std::string>& records) {
    std::vector<std::string> before;
    auto log = VoteLog::open(file_, Sync::kDisk, before);
    EXPECT_TRUE(log.ok());
    EXPECT_TRUE(log->append(std::vector<std::string_view>(records.begin(), records.end())).ok());
    return before;
  }
  Result<std::vector<std::string>> read() {
    std::vector<std::string> records;
    auto log = VoteLog::open(file_, Sync::kDisk, records);
    if (!log.ok()) return log.error();
    return records;
  }
  std::string content() const { return read_file(file_).value(); }

  fs::path folder_, file_;
};

TEST_F(VoteLogTest, GivesBackWhatWasAppendedInOrder) {
  written({"one", "two"});
  EXPECT_THAT(written({std::string(100'000, 'x')}), ElementsAre("one", "two"));
  EXPECT_THAT(*read(), ElementsAre("one", "two", std::string(100'000, 'x')));
}

// Wherever a crash tears the last record off, what came before is there, and what comes next is put in its place.
TEST_F(VoteLogTest, CutsAwayATornEndWhereverItIs) {
  written({"one", "two"});
  const std::string whole = content();
  for (std::size_t cut = 1; cut <= 8 + 3; ++cut) {
    ASSERT_TRUE(write_file(file_, whole.substr(0, whole.size() - cut)).ok());
    EXPECT_THAT(written({"three"}), ElementsAre("one")) << cut;
    EXPECT_THAT(*read(), ElementsAre("one", "three")) << cut;
  }
  for (std::size_t cut = 0; cut < 16; ++cut) {
    ASSERT_TRUE(write_file(file_, whole.substr(0, cut)).ok());
    EXPECT_THAT(written({"anew"}), ElementsAre()) << cut;
    EXPECT_THAT(*read(), ElementsAre("anew")) << cut;
  }
}

// A record that is damaged and has sound ones behind it was promised once: each flipped bit is told, whatever it hits.
TEST_F(VoteLogTest, RefusesALogOfWhichAnyBitBeforeTheEndIsFlipped) {
  written({"one", "two", "three"});
  const std::string whole = content();
  for (std::size_t at = 0; at < whole.size() - (8 + 5); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    ASSERT_TRUE(write_file(file_, damaged).ok());
    const auto records = read();
    ASSERT_FALSE(records.ok()) << at;
    EXPECT_EQ(records.error().code(), Code::kDataLoss);
  }
}

TEST_F(VoteLogTest, BelongsToOneProcessAtATime) {
  std::vector<std::string> records;
  const auto log = VoteLog::open(file_, Sync::kDisk, records);
  ASSERT_TRUE(log.ok());
  const auto second = VoteLog::open(file_, Sync::kDisk, records);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kConflict);
  EXPECT_THAT(second.error().message(), HasSubstr("runs already"));
}

// What could not be written whole is an error, and is not there afterwards. (A file may not grow: the disk is full.)
TEST_F(VoteLogTest, AFullDiskIsAnErrorAndLosesNothingThatWasPromised) {
  written({"one"});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit full = before;
  full.rlim_cur = fs::file_size(file_) + 20;
  ::setrlimit(RLIMIT_FSIZE, &full);
  std::vector<std::string> records;
  auto log = VoteLog::open(file_, Sync::kDisk, records);
  const std::string long_record(1000, 'x');
  const Status appended = log->append(std::vector<std::string_view>{long_record});
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(appended.ok());
  log = Error(Code::kUnavailable, "closed");
  EXPECT_THAT(*read(), ElementsAre("one"));
}

}  // namespace
}  // namespace isobar::db
