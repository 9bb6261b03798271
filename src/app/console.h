#pragma once

// What the user sees: sentences and tables on a terminal, plain text in a pipe.

#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::app {

/// Exit codes of isobar. A user's error is 2, so that scripts tell "you asked wrongly" from "it could not be done".
inline constexpr int kOk = 0, kFailed = 1, kUserError = 2, kJobFailed = 100;

int exit_code_of(const Error& error);

class Console {
 public:
  Console();
  bool is_terminal() const { return terminal_; }
  /// Colour only on a terminal, and not where NO_COLOR is set.
  bool colour() const { return colour_; }

  /// To standard output: the answer.
  void print(std::string_view text) const;
  /// To standard error: how it goes, what to do next. One line.
  void say(std::string_view line) const;
  /// Prints the error and returns the exit code that belongs to it.
  int fail(const Error& error) const;
  int fail(std::string_view what, const Error& error) const { return fail(error.context(what)); }
  /// The exit code that a command came to; of an error, which is printed, its own.
  int end_with(const Result<int>& code) const { return code.ok() ? *code : fail(code.error()); }

  std::string bold(std::string_view text) const;
  std::string dim(std::string_view text) const;
  std::string green(std::string_view text) const;
  std::string red(std::string_view text) const;

  /// Asks until yes or no is answered; the default is yes. Where nobody can answer: an error that names --yes.
  Result<bool> confirm(const std::string& question) const;

 private:
  bool terminal_ = false, colour_ = false;
};

}  // namespace isobar::app
