#include "mount_point.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mounts.h"

namespace isobar::transfer {

namespace {

constexpr mode_t kGuarded = 0555, kOpen = 0755;

bool is_bucket(const Mount& mount) { return mount.type == "fuse.rclone" && mount.source.starts_with("isobar:"); }
bool is_ours(const Mount& mount) { return is_bucket(mount) || mount.source == kGuardName; }

Status take_off(const fs::path& point, bool (*which)(const Mount&)) {
  const auto place = path_of_mount(point);
  TRY_ASSIGN(const auto mounts, mounts_below(point));
  for (const auto& mount : mounts)
    if (mount.point == place && which(mount)) TRY(unmount(mount.point));
  return {};
}

}  // namespace

Status take_bucket_off(const fs::path& point) { return take_off(point, is_bucket); }

Status release_mount_point(const fs::path& point) {
  TRY(take_off(point, is_ours));
  if (::chmod(point.c_str(), kOpen) != 0 && errno != ENOENT) return errno_error("give back " + point.string());
  return {};
}

Status guard_mount_point(const fs::path& point) {
  TRY(take_off(point, is_ours));
  TRY_ASSIGN(const auto mounts, mounts_below(point));
  if (!mounts.empty())
    return Error(Code::kAlreadyExists, fmt::format("{} is mounted at {} already", mounts[0].source, mounts[0].point.string()));
  TRY(make_folders(point));
  std::error_code failure;
  const bool empty = fs::is_empty(point, failure);
  if (failure) return errno_error("look into " + point.string(), failure.value());
  if (!empty)
    return Error(Code::kAlreadyExists, point.string() + " holds files, which a mount would hide: mount elsewhere, or move them away first");
  // Modes do not keep root from writing; a file system that is read-only does.
  if (::geteuid() == 0 && ::mount(kGuardName, point.c_str(), "tmpfs", MS_RDONLY | MS_NODEV | MS_NOSUID, "size=4k,mode=0555") == 0)
    return {};
  if (::chmod(point.c_str(), kGuarded) != 0) return errno_error("guard " + point.string());
  return {};
}

}  // namespace isobar::transfer
