#pragma once

/// What is mounted below a folder, and taking it off. A folder that is removed with a bucket mounted in it would take the bucket's objects
/// along, so whoever removes one that is not his own asks here first.

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace isobar {

struct Mount {
  fs::path point;
  std::string type;    ///< "tmpfs", "fuse.rclone"
  std::string source;  ///< what whoever mounted it says that it is
};

/// What is mounted at or below `folder` as this process sees it, in the order in which it can be taken off. A mount that does not answer
/// any more is among them. Nothing of `folder` itself is looked at, so that none of them can hold this up.
/// Errors   kUnavailable: the kernel does not tell
Result<std::vector<Mount>> mounts_below(const fs::path& folder);

/// The path by which the kernel's table names it.
fs::path path_of_mount(const fs::path& path);

/// Takes one mount off, whoever still uses it: they keep what they have open. As root by the kernel, else by FUSE's own helper.
/// Errors   kPermissionDenied: the mount is not this user's
Status unmount(const fs::path& point);

/// All that is mounted at or below `folder`.
/// Errors   the first that could not be taken off; then nothing below `folder` may be removed
Status unmount_below(const fs::path& folder);

}  // namespace isobar
