#include "gang_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/random.h"
#include "base/text.h"
#include "log_follower.h"

namespace isobar::broker {
namespace {

class Logs : public ::testing::Test {
 protected:
  Logs() : folder_(fs::temp_directory_path() / ("isobar-logs-" + secure_random_hex(6))) { fs::create_directories(folder_); }
  ~Logs() override { fs::remove_all(folder_); }
  GangLog gang(std::size_t sources, LogLimits limits = {}) {
    return GangLog::open(folder_ / "run.log", folder_ / "journal", sources, limits).value();
  }
  std::string whole() {
    std::string out;
    LogReader reader(folder_ / "run.log");
    for (std::uint64_t at = 0;;) {
      const auto piece = reader.read(at, 7).value();
      if (piece.bytes.empty()) return out;
      out += piece.bytes;
      at = piece.offset + piece.bytes.size();
    }
  }
  fs::path folder_;
};

TEST(FormatLines, PrefixesCompleteLinesAlone) {
  const auto lines = format_lines("> ", "a\nb\r\nbar\rc", false);
  EXPECT_EQ(lines.text, "> a\n> b\r\n> bar\r");
  EXPECT_EQ(lines.consumed, 9U);
  EXPECT_EQ(format_lines("> ", "half", true).text, "> half\n");
  EXPECT_EQ(format_lines("> ", "maybe\r", false).consumed, 0U) << "the newline may follow";
  EXPECT_EQ(format_lines("> ", std::string(kLineMax + 5, 'x'), false).consumed, kLineMax);
}

TEST(FormatLinesProperty, DoesNotDependOnHowTheOutputArrives) {
  rc::check([](const std::string& text, const std::vector<std::uint8_t>& cuts) {
    std::string pieces, pending;
    std::size_t at = 0;
    const auto take = [&](std::string_view bytes, bool at_end) {
      pending += bytes;
      const auto lines = format_lines("> ", pending, at_end);
      pieces += lines.text;
      pending.erase(0, lines.consumed);
    };
    for (const auto cut : cuts) {
      const auto size = std::min<std::size_t>(cut % 5, text.size() - at);
      take(std::string_view(text).substr(at, size), false);
      at += size;
    }
    take(std::string_view(text).substr(at), true);
    RC_ASSERT(pieces == format_lines("> ", text, true).text);
  });
}

TEST_F(Logs, LinesOfSeveralRanksAreNotTorn) {
  auto log = gang(2);
  log.set_prefix(0, "(0) ");
  log.set_prefix(1, "(1) ");
  ASSERT_TRUE(log.append(0, 0, "first ha").ok());
  ASSERT_TRUE(log.append(1, 0, "whole\n").ok());
  ASSERT_TRUE(log.append(0, 8, "lf\nrest").ok());
  ASSERT_TRUE(log.finish(0).ok());
  EXPECT_EQ(whole(), "(1) whole\n(0) first half\n(0) rest\n");
}

// A crash between the journal and the log, at every byte of a batch.
TEST_F(Logs, ACrashAtAnyByteLosesAndDoublesNothing) {
  const std::string batch = "one\ntwo\nthree\n";
  const std::string expected = "> zero\n> one\n> two\n> three\n> four\n";
  for (std::size_t written = 0; written <= 3 * 2 + batch.size(); ++written) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    {
      auto log = gang(1);
      log.set_prefix(0, "> ");
      ASSERT_TRUE(log.append(0, 0, "zero\n").ok());
      ASSERT_TRUE(log.append(0, 5, batch).ok());
    }
    fs::resize_file(folder_ / "run.log", 7 + written);
    auto log = gang(1);
    log.set_prefix(0, "> ");
    const std::string all = "zero\n" + batch + "four\n";
    ASSERT_EQ(log.offset(0), 5 + batch.size());
    ASSERT_TRUE(log.append(0, log.offset(0), all.substr(log.offset(0))).ok());
    ASSERT_EQ(whole(), expected) << written;
  }
}

TEST_F(Logs, RotatesAndKeepsPositions) {
  const LogLimits limits{.file_bytes_max = 100, .old_files = 2};
  auto log = gang(1, limits);
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const auto line = fmt::format("line {}\n", i);
    ASSERT_TRUE(log.append(0, all.size(), line).ok());
    all += line;
  }
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) files += entry.path().filename() != "journal";
  EXPECT_EQ(files, 3U);
  EXPECT_THAT(whole(), ::testing::EndsWith("line 99\n"));
  EXPECT_THAT(whole(), ::testing::HasSubstr("[isobar: this log goes on from run.log."));
  // A log that is opened again goes on where it was.
  auto again = gang(1, limits);
  EXPECT_EQ(again.offset(0), all.size());
}

TEST_F(Logs, AReaderFollowsThroughRotations) {
  auto writer = LogWriter::open(folder_ / "x.log", {.file_bytes_max = 50, .old_files = 100}).value();
  LogReader reader(folder_ / "x.log");
  std::string read, expected;
  std::uint64_t at = 0;
  const auto read_on = [&] {
    for (auto piece = reader.read(at, 1000).value(); !piece.bytes.empty(); piece = reader.read(at, 1000).value()) {
      EXPECT_EQ(piece.offset, at);
      at += piece.bytes.size();
      read += piece.bytes;
    }
  };
  for (int i = 0; i < 200; ++i) {
    writer.append(fmt::format("{}\n", i));
    expected += fmt::format("{}\n", i);
    if (i % 7 == 0) read_on();
  }
  read_on();
  EXPECT_EQ(at, writer.end());
  std::string lines;
  for (const auto line : split(read, '\n'))
    if (!line.empty() && line[0] != '[') lines += std::string(line) + "\n";
  EXPECT_EQ(lines, expected);
}

TEST_F(Logs, TheTailIsFoundFromTheEnd) {
  auto writer = LogWriter::open(folder_ / "x.log").value();
  for (int i = 0; i < 30'000; ++i) writer.append(fmt::format("(w, rank={}, pid=1) {}\n", i % 3, i));
  LogReader reader(folder_ / "x.log");
  const auto tail = [&](std::uint64_t lines, const LogReader::LineTest& counts) {
    return reader.read(reader.tail_start(lines, counts).value(), 1000).value().bytes;
  };
  EXPECT_EQ(tail(1, [](std::string_view) { return true; }), "(w, rank=2, pid=1) 29999\n");
  EXPECT_EQ(tail(0, [](std::string_view) { return true; }), "");
  EXPECT_EQ(tail(2, [](std::string_view head) { return is_of_rank(head, 2); }).substr(0, 24), "(w, rank=2, pid=1) 29996");
  EXPECT_EQ(reader.tail_start(100'000, [](std::string_view) { return true; }).value(), 0U);
}

TEST_F(Logs, AFullDiskCostsLinesButNotTheJob) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  fs::create_symlink("/dev/full", folder_ / "full.log");
  auto writer = LogWriter::open(folder_ / "full.log").value();
  writer.append("lost\n");
  EXPECT_EQ(writer.end(), 0U);
}

}  // namespace
}  // namespace isobar::broker
