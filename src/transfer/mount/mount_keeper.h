#pragma once

/// The process that stands over one mount: one rclone after another, as long as the mount is to be there.

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "mount_folder.h"
#include "rclone_remote.h"

namespace isobar::transfer {

/// All that rclone is started with. The words hold no secret.
struct RcloneStart {
  std::vector<std::string> words, environment;
  std::string config;     ///< the text of its configuration, which holds secrets
  RcloneControl control;  ///< its URL comes later
};
RcloneStart rclone_start(const MountFolder& folder, const MountPlace& place, const RcloneRemote& remote, const fs::path& ca_bundle);

/// A line of rclone's as it may be kept: without its time, and without the queries of addresses, which may hold signatures.
std::string line_to_keep(std::string_view line);

/// Starts rclone, again when it ends, until SIGTERM comes; then takes the mount off.
/// lock      of the folder, held as long as this runs
/// verdict   is told "ok" when the mount is there, or why it never was; closed then
/// Returns   the exit code of the process
int keep_mount(const MountFolder& folder, const MountPlace& place, RcloneStart start, const Fd& lock, Fd verdict);

}  // namespace isobar::transfer
