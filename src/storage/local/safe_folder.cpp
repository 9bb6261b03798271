#include "safe_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

namespace isobar::storage {

namespace {

Fd open_beneath(int folder, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH;
  long fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  if (fd < 0 && errno == ENOSYS) fd = ::openat(folder, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  return Fd(static_cast<int>(fd));
}

Error way_error(const fs::path& root, std::string_view path, int error_number) {
  const std::string place = (root / path).string();
  if (error_number == ENOTDIR)
    return invalid(
        fmt::format("{}: a file is where a folder is needed: the source has an object and, below its name and a '/', others; "
                    "a file system cannot hold both",
                    place));
  if (error_number == EXDEV || error_number == ELOOP)
    return Error(Code::kPermissionDenied,
                 fmt::format("{}: a symbolic link leads out of {}; nothing is written through it", place, root.string()));
  return errno_error("open folder " + place, error_number);
}

}  // namespace

Result<Fd> SafeFolder::open_root(bool make) const {
  if (make) TRY(make_folders(root_));
  Fd fd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno_error("open folder " + root_.string());
  return fd;
}

Result<Fd> SafeFolder::open_parent(std::string_view path, bool make) const {
  TRY_ASSIGN(Fd root, open_root(make));
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return root;
  const std::string folder(path.substr(0, slash));
  // Mostly the folder is there: one call finds it.
  Fd found = open_beneath(root.get(), folder);
  if (found) return found;
  if (errno != ENOENT || !make) return way_error(root_, folder, errno);
  Fd at = std::move(root);
  std::string so_far;
  for (const std::string_view component : split(folder, '/')) {
    so_far += (so_far.empty() ? "" : "/") + std::string(component);
    const std::string name(component);
    if (::mkdirat(at.get(), name.c_str(), 0777) != 0 && errno != EEXIST) return way_error(root_, so_far, errno);
    // From the root again: a link on the way may lead up and down within it.
    TRY_ASSIGN(const Fd base, open_root(false));
    Fd next = open_beneath(base.get(), so_far);
    if (!next) return way_error(root_, so_far, errno);
    at = std::move(next);
  }
  return at;
}

}  // namespace isobar::storage
