#include "cloud/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr int kKillRounds = 100;

struct Hierarchy {
  int version = 2;
  fs::path own;  // this process's group in it
};

/// The fields of one line of /proc/self/mountinfo that matter: mount point, file system, options.
struct Mount {
  std::string point, type, options;
};

std::vector<Mount> mounts() {
  std::vector<Mount> found;
  const auto text = read_file("/proc/self/mountinfo");
  if (!text.ok()) return found;
  for (const auto line : split(*text, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() > 4 && right.size() > 2) found.push_back({std::string(left[4]), std::string(right[0]), std::string(right[2])});
  }
  return found;
}

/// This process's group by /proc/self/cgroup: "0::/a" for version 2, "5:pids:/a" for version 1.
std::optional<std::string> own_group(std::string_view controllers) {
  const auto text = read_file("/proc/self/cgroup");
  if (!text.ok()) return std::nullopt;
  for (const auto line : split(*text, '\n')) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto names = line.substr(first + 1, second - first - 1);
    const auto all = split(names, ',');
    if (names == controllers || std::find(all.begin(), all.end(), controllers) != all.end()) return std::string(line.substr(second + 2));
  }
  return std::nullopt;
}

Result<Hierarchy> hierarchy() {
  for (const auto& mount : mounts())
    if (mount.type == "cgroup2")
      if (const auto own = own_group("")) return Hierarchy{2, fs::path(mount.point) / *own};
  for (const auto& mount : mounts())
    if (mount.type == "cgroup" && (',' + mount.options + ',').find(",pids,") != std::string::npos)
      if (const auto own = own_group("pids")) return Hierarchy{1, fs::path(mount.point) / *own};
  return not_found("no cgroup hierarchy is mounted");
}

/// Control files take one write in place.
Status put(const fs::path& path, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno_error("open " + path.string());
  return write_all(file.get(), text).context(path.string());
}

}  // namespace

Result<Cgroup> Cgroup::enter(const std::string& name) {
  TRY_ASSIGN(const auto found, hierarchy());
  const auto folder = found.own / name;
  TRY(make_folders(folder));
  TRY(put(folder / "cgroup.procs", "0"));
  return Cgroup(folder);
}

void Cgroup::kill() const {
  if (put(folder_ / "cgroup.kill", "1").ok()) return;
  for (int round = 0; round < kKillRounds; ++round) {
    const auto pids = read_file(folder_ / "cgroup.procs");
    if (!pids.ok() || pids->empty()) return;
    for (const auto line : split(*pids, '\n'))
      if (const auto pid = std::atoi(std::string(line).c_str()); pid > 1) ::kill(pid, SIGKILL);
    ::usleep(1000);
  }
}

void Cgroup::remove() const {
  // A group empties a moment after its last process has died.
  for (int round = 0; round < kKillRounds && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++round) ::usleep(1000);
}

std::string Cgroup::facts() {
  const auto found = hierarchy();
  if (!found.ok()) return "no cgroups: " + found.error().message();
  if (::access(found->own.c_str(), W_OK) != 0) return fmt::format("no cgroups: {} is not writable for this user", found->own.string());
  return fmt::format("instances are held in cgroups (version {}) below {}", found->version, found->own.string());
}

}  // namespace isobar::cloud
