#pragma once

/// The process of a target: started with nothing of the fuzzer's but what it is meant to have, and never left behind.

#include <sys/types.h>

#include <utility>

#include "fuzz/executor.h"

namespace isobar::fuzz {

class TargetProcess {
 public:
  /// environment   NAME=value, besides ours and the options'
  /// inherited     descriptors that the target keeps, under their numbers
  /// placed        descriptors that the target has under other numbers: (ours, its)
  /// Errors        kInvalidArgument: no such program; kExhausted: no more processes
  static Result<TargetProcess> start(const ExecutorOptions& options, const std::vector<std::string>& environment,
                                     std::vector<int> inherited, std::vector<std::pair<int, int>> placed = {});
  TargetProcess(TargetProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  TargetProcess& operator=(TargetProcess&& other) noexcept;
  ~TargetProcess() { end(); }

  pid_t pid() const { return pid_; }
  /// How it ended, if it has.
  std::optional<int> ended();
  /// Kills it and all of its session.
  void end();

 private:
  explicit TargetProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

/// What the sanitizers are asked for, so that their reports end a run like any crash.
std::vector<std::string> sanitizer_environment();
/// "signal 11 (Segmentation fault)", "exit code 3": of waitpid's status.
std::string describe_end(int status);
/// Resident bytes; 0: no such process.
std::uint64_t resident_bytes(pid_t pid);

}  // namespace isobar::fuzz
