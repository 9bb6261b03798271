#pragma once

/// What of one mount is on the node's disk, in a folder named by its destination. None of it is secret but `control`, which lets one ask
/// this one rclone and is of mode 0600.
///
///   lock      held by the keeper as long as it lives; within, "pid start_ticks"
///   place     what is mounted (JSON)
///   control   "URL USER PASSWORD" of the rclone that runs now
///   log       what rclone said
///   cache/    of a cached mount; holds what is not uploaded yet

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "base/result.h"
#include "base/time.h"
#include "transfer/mount_order.h"

namespace isobar::transfer {

/// What is mounted, as far as others need to know.
struct MountPlace {
  std::string location, destination;  ///< as the task has them
  fs::path point;                     ///< where that is on this node
  bool cached = false, read_only = false;
  std::map<std::string, std::string> settings;
  std::optional<Instant> expires;  ///< of the credentials
  bool same_mount(const MountPlace& other) const {
    return location == other.location && cached == other.cached && read_only == other.read_only && settings == other.settings;
  }
};
MountPlace place_of(const MountOrder& order);

struct RcloneControl {
  std::string url, user, password;
};

class MountFolder {
 public:
  explicit MountFolder(fs::path path) : path_(std::move(path)) {}
  /// For a place where a bucket is mounted.
  static MountFolder of_point(const fs::path& point);
  /// All of this node.
  static std::vector<MountFolder> all();

  const fs::path& path() const { return path_; }
  fs::path cache() const { return path_ / "cache"; }
  fs::path log() const { return path_ / "log"; }

  /// Makes the folder and holds its lock for this process; the lock ends with the descriptor.
  /// Errors   kAlreadyExists: a keeper holds it
  Result<Fd> hold() const;
  /// The keeper's own claim, under the lock.
  Status claim(int held) const;
  bool is_kept() const;
  Result<ProcessHandle> keeper() const;

  Status write_place(const MountPlace& place) const;
  /// Errors   kNotFound: nothing was ever mounted; kDataLoss
  Result<MountPlace> place() const;
  Status write_control(const RcloneControl& control) const;
  Result<RcloneControl> control() const;
  void remove_control() const;
  /// The last line that rclone said; empty: none.
  std::string last_words() const;

 private:
  fs::path path_;
};

/// The folder of a destination as a task names it.
fs::path mount_point_of(const std::string& destination);

/// Whether a file system of FUSE's is mounted at exactly this place.
bool is_mounted(const fs::path& point);

}  // namespace isobar::transfer
