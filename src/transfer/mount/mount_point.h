#pragma once

/// The folder that a bucket is mounted on. Before the bucket comes a guard: an empty folder that cannot be written to, so that whoever
/// writes while nothing is mounted is told so, and nothing is left on the disk for a later mount to hide.

#include "base/file.h"
#include "base/result.h"

namespace isobar::transfer {

/// What the guard is called in the kernel's table; rclone's own mounts are called by their remote, "isobar:…".
inline constexpr const char* kGuardName = "isobar";

/// Takes off what an earlier keeper left there, makes the folder and guards it.
/// Errors   kAlreadyExists: it holds files, or something else is mounted there
Status guard_mount_point(const fs::path& point);

/// Takes the bucket's file system off and leaves the guard.
Status take_bucket_off(const fs::path& point);

/// Takes everything off that was put there; the empty folder stays.
Status release_mount_point(const fs::path& point);

}  // namespace isobar::transfer
