#pragma once

/// What of a mount is not in its bucket yet.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "mount_folder.h"
#include "net/http.h"

namespace isobar::transfer {

struct UploadsLeft {
  std::uint64_t files = 0;
  std::uint64_t bytes_sent = 0;  ///< by the rclone that runs, since it started: whether anything goes forward
  bool kept = true;              ///< somebody is there to upload them
};

/// Asks the mount's rclone; where none answers, reads its cache, which knows as much.
/// Cost   one request on this machine; of a dead rclone, a small file for each file of the cache
UploadsLeft uploads_left(const MountFolder& folder, net::HttpTransport& transport);

/// The same from the cache alone: files that were written and not uploaded.
std::uint64_t files_left_in_cache(const MountFolder& folder);

}  // namespace isobar::transfer
