#pragma once

/// A cgroup for one instance, below the cgroup of whoever makes it: one more hold on every process of the tree, for
/// killing and for seeing what it uses. Version 2 where it is mounted, also beside version 1; else version 1's `pids`.

#include <string>

#include "base/file.h"

namespace isobar::cloud {

class Cgroup {
 public:
  /// Makes the group and moves the calling process into it.
  /// Errors  kNotFound: no hierarchy is mounted; kPermissionDenied: it is not ours to write
  static Result<Cgroup> enter(const std::string& name);
  explicit Cgroup(fs::path folder) : folder_(std::move(folder)) {}

  const fs::path& folder() const { return folder_; }
  /// Ends every process in it. Those that are dying when this returns are gone soon after.
  void kill() const;
  /// Removes it if it is empty.
  void remove() const;
  /// "cgroup v2 at /sys/fs/cgroup", or why there is none.
  static std::string facts();

 private:
  fs::path folder_;
};

}  // namespace isobar::cloud
