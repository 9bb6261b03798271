#pragma once

/// One command at a time on one cluster. The lock is the kernel's (flock), so that it dies with its holder, however that
/// ends; the file's content names the holder for those who wait.

#include <functional>
#include <string>

#include "base/file.h"
#include "base/time.h"

namespace isobar::broker {

/// kShared: with other shared holders, which change nothing of the cluster itself (they give it jobs).
enum class Hold { kExclusive, kShared };

class ClusterLock {
 public:
  /// command   what the holder is doing, for those who wait: "isobar launch -c train"
  /// on_wait   called once, with a sentence naming the holder, when the lock is not free at once
  /// Errors    kDeadlineExceeded: still held after `deadline`; the message names the holder
  static Result<ClusterLock> acquire(const fs::path& folder, const std::string& cluster, const std::string& command, Duration deadline,
                                     const std::function<void(const std::string&)>& on_wait, Hold hold = Hold::kExclusive);
  /// The lock if it is free now, without waiting. Errors   kConflict: it is held
  static Result<ClusterLock> try_acquire(const fs::path& folder, const std::string& cluster, const std::string& command);

 private:
  explicit ClusterLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace isobar::broker
