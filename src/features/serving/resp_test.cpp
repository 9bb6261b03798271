// The Redis protocol: commands out of bytes cut anywhere, replies, patterns.

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "glob.h"
#include "resp_reader.h"
#include "resp_writer.h"

namespace isobar::features {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Words = std::vector<std::string>;

std::string command_of(const Words& words) {
  std::string bytes = fmt::format("*{}\r\n", words.size());
  for (const auto& word : words) bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return bytes;
}

/// All commands of the bytes, which come so many at a time.
Result<std::vector<Words>> read_all(std::string_view bytes, std::size_t piece, std::size_t most = 1 << 20) {
  RespReader reader(most);
  std::vector<Words> commands;
  std::string buffer;
  while (!bytes.empty()) {
    buffer += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (true) {
      TRY_ASSIGN(const auto length, reader.next(buffer));
      if (!length) break;
      commands.emplace_back(reader.words().begin(), reader.words().end());
      buffer.erase(0, *length);
    }
  }
  if (!buffer.empty()) return not_found("cut off");
  return commands;
}

RC_GTEST_PROP(RespReader, CommandsAreTheSameHoweverTheyAreCut, (const std::vector<Words>& commands)) {
  std::string bytes;
  for (const auto& words : commands) bytes += command_of(words);
  const auto read = read_all(bytes, *rc::gen::inRange<std::size_t>(1, 40));
  RC_ASSERT(read.ok());
  RC_ASSERT(*read == commands);
}

TEST(RespReader, LinesOfWordsAreForPeople) {
  const auto read = read_all("PING\r\n\r\n  HGET  a\tb \nQUIT\r\n", 3);
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(*read, ElementsAre(Words{"PING"}, Words{}, Words{"HGET", "a", "b"}, Words{"QUIT"}));
}

std::string problem(std::string_view bytes, std::size_t most = 1000) {
  const auto read = read_all(bytes, 7, most);
  return read.ok() ? "" : read.error().message();
}

TEST(RespReader, WhatIsNoCommandIsAnErrorAndBounded) {
  EXPECT_THAT(problem("*x\r\n"), HasSubstr("invalid multibulk length"));
  EXPECT_THAT(problem("*1048577\r\n"), HasSubstr("invalid multibulk length"));
  EXPECT_THAT(problem("*1\r\n:1\r\n"), HasSubstr("expected '$', got ':'"));
  EXPECT_THAT(problem("*1\r\n$-1\r\n"), HasSubstr("invalid bulk length"));
  EXPECT_THAT(problem("*1\r\n$1001\r\n"), HasSubstr("1000 bytes at most")) << "before any of it is there";
  EXPECT_THAT(problem("*3\r\n" + command_of({std::string(400, 'x'), std::string(400, 'x'), std::string(400, 'x')}).substr(4)),
              HasSubstr("1000 bytes at most"))
      << "all of them together";
  EXPECT_THAT(problem("*1\r\n$1\r\nabc"), HasSubstr("longer than it says"));
  EXPECT_THAT(problem(std::string(70'000, 'x')), HasSubstr("a line of"));
  EXPECT_THAT(problem("*11111111111111111111111111111111111"), HasSubstr("a line of"));
  EXPECT_EQ(problem("*-1\r\n*0\r\n"), "") << "these are empty";
}

TEST(RespWriter, VersionsDifferInNullsAndMaps) {
  const auto written = [](int protocol) {
    std::string out;
    RespWriter writer(out, protocol);
    writer.null();
    writer.map(1);
    writer.bulk("a");
    writer.integer(-7);
    writer.simple("OK");
    writer.array(0);
    return out;
  };
  EXPECT_EQ(written(2), "$-1\r\n*2\r\n$1\r\na\r\n:-7\r\n+OK\r\n*0\r\n");
  EXPECT_EQ(written(3), "_\r\n%1\r\n$1\r\na\r\n:-7\r\n+OK\r\n*0\r\n");
}

TEST(RespWriter, AnErrorIsOneLine) {
  std::string out;
  RespWriter(out, 2).error("ERR a\r\n+OK");
  EXPECT_EQ(out, "-ERR a  +OK\r\n");
}

TEST(Glob, MatchesAsRedisDoes) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("h?llo", "hello"));
  EXPECT_TRUE(glob_matches("h[ae]llo", "hallo"));
  EXPECT_FALSE(glob_matches("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_matches("h[a-c]llo", "hbllo"));
  EXPECT_TRUE(glob_matches("h\\*llo", "h*llo"));
  EXPECT_FALSE(glob_matches("h\\*llo", "hello"));
  EXPECT_TRUE(glob_matches(std::string_view("a\0*z", 4), std::string_view("a\0\xff\nz", 5)));
  EXPECT_FALSE(glob_matches("a*b*c", "aXbX"));
  EXPECT_TRUE(glob_matches("[]", "") || !glob_matches("[", "x")) << "what is not closed ends there";
}

bool slow_glob(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') return slow_glob(pattern.substr(1), text) || (!text.empty() && slow_glob(pattern, text.substr(1)));
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) && slow_glob(pattern.substr(1), text.substr(1));
}

RC_GTEST_PROP(Glob, MatchesAsTheObviousWayDoes, ()) {
  const auto pattern = *rc::gen::resize(10, rc::gen::container<std::string>(rc::gen::element('a', 'b', '*', '?')));
  const auto text = *rc::gen::resize(12, rc::gen::container<std::string>(rc::gen::element('a', 'b')));
  RC_ASSERT(glob_matches(pattern, text) == slow_glob(pattern, text));
}

TEST(Glob, AnUnfriendlyPatternTakesItsLengthTimesTheTexts) {
  std::string pattern;
  for (int i = 0; i < 5000; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace isobar::features
