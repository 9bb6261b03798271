#include "base/mounts.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "base/child.h"
#include "base/text.h"

namespace isobar {

namespace {

constexpr auto kHelperDeadline = std::chrono::seconds(10);

/// The kernel writes blanks, tabs, newlines and backslashes of a path as "\040" and so on.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size();
    out += escape ? static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')) : text[i];
    if (escape) i += 3;
  }
  return out;
}

/// In the order of mounting.
Result<std::vector<Mount>> all_mounts() {
  const auto text = read_file("/proc/self/mountinfo");
  if (!text.ok()) return unavailable("find out what is mounted: " + text.error().message());
  std::vector<Mount> mounts;
  for (const auto line : split(*text, '\n')) {
    const auto dash = line.find(" - ");
    const auto fields = split(line, ' ');
    if (dash == std::string_view::npos || fields.size() <= 4) continue;
    const auto rest = split(line.substr(dash + 3), ' ');
    mounts.push_back({unescaped(fields[4]), std::string(rest[0]), rest.size() > 1 ? unescaped(rest[1]) : ""});
  }
  return mounts;
}

}  // namespace

fs::path path_of_mount(const fs::path& path) {
  const auto normal = fs::absolute(path).lexically_normal();
  const auto plain = normal.has_filename() ? normal : normal.parent_path();
  // The folders above may be links; the last part may belong to a mount that does not answer.
  std::error_code failure;
  const auto parent = fs::canonical(plain.parent_path(), failure);
  return failure ? plain : parent / plain.filename();
}

Result<std::vector<Mount>> mounts_below(const fs::path& folder) {
  const auto top = path_of_mount(folder).string();
  TRY_ASSIGN(auto mounts, all_mounts());
  std::erase_if(mounts, [&](const Mount& mount) { return mount.point != top && !mount.point.string().starts_with(top + "/"); });
  // What lies on another mount was mounted after it.
  std::reverse(mounts.begin(), mounts.end());
  return mounts;
}

Status unmount(const fs::path& point) {
  if (::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) return {};
  const auto refused = errno_error("unmount " + point.string());
  for (const char* helper : {"fusermount3", "fusermount"}) {
    const auto helped = run_child({helper, "-u", "-z", "--", point.string()}, "", kHelperDeadline);
    if (helped.ok() && helped->exit_code == 0) return {};
  }
  return refused;
}

Status unmount_below(const fs::path& folder) {
  TRY_ASSIGN(const auto mounts, mounts_below(folder));
  for (const auto& mount : mounts) TRY(unmount(mount.point));
  return {};
}

}  // namespace isobar
