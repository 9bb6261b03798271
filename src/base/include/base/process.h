#pragma once

/// Finding and ending processes, whatever they did to get out of sight: forked twice, began sessions, ignored SIGTERM.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace isobar {

/// When a process began, in clock ticks since the machine booted; with the pid it names a process for ever. None: no such
/// process, or it is a zombie.
std::optional<std::uint64_t> start_ticks(pid_t pid);

/// All processes below `root`, parents before children. Complete for a child-subreaper, whose orphans stay its own.
std::vector<pid_t> descendants(pid_t root);

/// Ends every process whose environment holds `entry` ("NAME=value"), looking again until none is left (bounded). For
/// what escaped its supervisor. Returns how many were ended.
std::size_t kill_by_environment(std::string_view entry);

/// The same for every process in a network namespace, told by its file ("/run/netns/a", "/proc/7/ns/net"); the calling process
/// is spared.
std::size_t kill_by_network(const fs::path& network_namespace);

/// A process that does not have to be a child, held so that its pid cannot come to mean another one.
class ProcessHandle {
 public:
  /// Errors  kNotFound: it is gone
  static Result<ProcessHandle> open(pid_t pid, std::uint64_t started);
  /// Becomes readable when the process ends.
  int fd() const { return fd_.get(); }
  void signal(int number) const;
  /// Lets go of its entry in the process table if it is a child of ours that has ended.
  void reap() const;

 private:
  explicit ProcessHandle(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace isobar
