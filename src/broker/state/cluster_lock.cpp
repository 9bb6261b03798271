#include "broker/cluster_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "base/text.h"

namespace isobar::broker {

namespace {

fs::path lock_path(const fs::path& folder, const std::string& cluster) { return folder / (cluster + ".lock"); }

std::string holder_of(const fs::path& path) {
  const auto content = read_file(path, 4096);
  const std::string_view text = content.ok() ? trim(*content) : std::string_view();
  return text.empty() ? "another command" : std::string(text);
}

Result<Fd> take(const fs::path& path, const std::string& command, Hold hold) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return errno_error("open lock " + path.string());
  if (::flock(file.get(), (hold == Hold::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Error(Code::kConflict, "held by " + holder_of(path));
    return errno_error("lock " + path.string());
  }
  // Shared holders leave the file alone: they would overwrite one another's names.
  if (hold == Hold::kShared) return file;
  if (::ftruncate(file.get(), 0) != 0) return errno_error("lock " + path.string());
  TRY(write_all(file.get(), fmt::format("`{}` (process {}, since {})\n", command, ::getpid(), format_instant(SystemClock().now()))));
  return file;
}

}  // namespace

Result<ClusterLock> ClusterLock::try_acquire(const fs::path& folder, const std::string& cluster, const std::string& command) {
  TRY_ASSIGN(Fd file, take(lock_path(folder, cluster), command, Hold::kExclusive));
  return ClusterLock(std::move(file));
}

Result<ClusterLock> ClusterLock::acquire(const fs::path& folder, const std::string& cluster, const std::string& command, Duration deadline,
                                         const std::function<void(const std::string&)>& on_wait, Hold hold) {
  TRY(make_folders(folder));
  const SystemClock clock;
  const Instant until = clock.now() + deadline;
  bool told = false;
  Duration pause = 1ms;
  for (;;) {
    auto file = take(lock_path(folder, cluster), command, hold);
    if (file.ok()) return ClusterLock(std::move(file).value());
    if (file.error().code() != Code::kConflict) return file.error();
    if (clock.now() >= until)
      return Error(Code::kDeadlineExceeded,
                   fmt::format("cluster '{}' is {}; try again when that has ended", cluster, file.error().message()));
    if (!told) on_wait(fmt::format("Waiting for cluster '{}', {} …", cluster, file.error().message()));
    told = true;
    std::this_thread::sleep_for(pause);
    pause = std::min<Duration>(pause * 2, 20ms);
  }
}

}  // namespace isobar::broker
