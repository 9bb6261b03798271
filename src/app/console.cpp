#include "console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/text.h"

namespace isobar::app {

int exit_code_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists: return kUserError;
    default: return kFailed;
  }
}

Console::Console() {
  terminal_ = ::isatty(STDOUT_FILENO) != 0;
  const char* plain = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  colour_ = terminal_ && !(plain && *plain) && !(term && std::string_view(term) == "dumb");
}

void Console::print(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Console::say(std::string_view line) const {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
}

int Console::fail(const Error& error) const {
  say(fmt::format("{} {}", colour_ ? red("isobar:") : "isobar:", error.message()));
  return exit_code_of(error);
}

namespace {
std::string painted(bool colour, std::string_view code, std::string_view text) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}
}  // namespace

std::string Console::bold(std::string_view text) const { return painted(colour_, "1", text); }
std::string Console::dim(std::string_view text) const { return painted(colour_, "2", text); }
std::string Console::green(std::string_view text) const { return painted(colour_, "32", text); }
std::string Console::red(std::string_view text) const { return painted(colour_, "31", text); }

Result<bool> Console::confirm(const std::string& question) const {
  if (::isatty(STDIN_FILENO) == 0) return invalid(fmt::format("{}: nobody is there to answer; pass --yes", question));
  for (;;) {
    std::fprintf(stderr, "%s [Y/n]: ", question.c_str());
    std::string answer;
    if (!std::getline(std::cin, answer)) return invalid(fmt::format("{}: no answer; pass --yes", question));
    const std::string word = to_lower(trim(answer));
    if (word.empty() || word == "y" || word == "yes") return true;
    if (word == "n" || word == "no") return false;
  }
}

}  // namespace isobar::app
