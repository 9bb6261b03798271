#pragma once

/// A program as a child, to which a line is said and which says a line, again and again.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/time.h"

namespace isobar::features {

/// One thread at a time. It has a session of its own, which is ended with it: whatever it started is ended, too.
class ChildProgram {
 public:
  using Said = std::function<void(std::string_view line)>;

  /// words    a path, and arguments. said   is told each line of standard error, while `converse` runs
  /// Errors   kUnavailable: it cannot be started
  static Result<std::unique_ptr<ChildProgram>> start(const std::vector<std::string>& words, Said said);
  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  /// Says a line and waits for one. After an error there is nothing more to be said to it.
  /// Errors   kDeadlineExceeded: it took too long, or was stopped; kUnavailable: it ended, or said more than a line
  Result<std::string> converse(std::string_view line, Duration timeout, const std::stop_token& stop);
  /// Of its process, its threads among it, since it began. None: that cannot be told.
  std::optional<double> cpu_seconds() const;

 private:
  ChildProgram(pid_t pid, Fd to, Fd out, Fd err, Said said);
  Status turn(std::string_view& left, Duration wait);
  void hear();
  std::string how_it_ended();

  pid_t pid_;
  Fd to_, out_, err_;
  Said said_;
  std::string heard_, errors_;
  bool ended_ = false;
};

}  // namespace isobar::features
