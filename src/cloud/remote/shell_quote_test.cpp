#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>

#include "cloud/remote_shell.h"

namespace isobar::cloud {
namespace {

/// What a real shell makes of a line.
std::string output_of(const std::string& line) {
  FILE* pipe = ::popen(line.c_str(), "r");
  std::string output;
  for (int c; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0);
  return output;
}

TEST(ShellQuote, EveryWordComesBackFromARealShellAsItWas) {
  std::string all_bytes;
  for (int byte = 1; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  for (const std::string& word :
       {std::string("plain"), std::string(), std::string("it's"), std::string("$(touch /tmp/x); `id` \"$HOME\" \\"), std::string("~"),
        std::string("a\nb\n"), std::string("* ? [a-z]"), std::string("#no comment"), all_bytes})
    EXPECT_EQ(output_of("printf '%s.' " + shell_quote(word)), word + ".");
}

TEST(ShellQuote, ReadsAsAPersonWouldWriteIt) {
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote("/opt/slurm/bin"), "/opt/slurm/bin");
}

}  // namespace
}  // namespace isobar::cloud
