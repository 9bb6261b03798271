#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/random.h"

namespace isobar {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t bytes_max) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno_error("read " + path.string());
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return errno_error("read " + path.string());
  if (S_ISDIR(info.st_mode)) return invalid("read " + path.string() + ": it is a folder");
  std::string content;
  content.resize(static_cast<std::size_t>(info.st_size) + 1);
  std::size_t filled = 0;
  // The size is a hint only: files of /proc say 0, and a file may grow while it is read.
  for (;;) {
    if (filled == content.size()) content.resize(content.size() * 2);
    const auto got = ::read(file.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read " + path.string());
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > bytes_max) return invalid(fmt::format("read {}: it is longer than {} bytes", path.string(), bytes_max));
  }
  content.resize(filled);
  return content;
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_error("write");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

namespace {

Status flush_folder(const fs::path& folder) {
  const Fd handle(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || ::fsync(handle.get()) != 0) return errno_error("flush folder " + folder.string());
  return {};
}

Status fill(const fs::path& path, std::string_view content, Durability durability, unsigned mode) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) return errno_error("create " + path.string());
  TRY(write_all(file.get(), content).context(path.string()));
  if (durability == Durability::kDisk && ::fsync(file.get()) != 0) return errno_error("flush " + path.string());
  return {};
}

}  // namespace

Status write_file(const fs::path& path, std::string_view content, Durability durability, unsigned mode) {
  const fs::path temporary = path.string() + "." + secure_random_hex(4) + ".tmp";
  auto written = fill(temporary, content, durability, mode);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) written = errno_error("rename to " + path.string());
  if (!written.ok()) {
    ::unlink(temporary.c_str());
    return written;
  }
  return durability == Durability::kDisk ? flush_folder(path.parent_path()) : Status();
}

Status make_folders(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure) return errno_error("make folder " + path.string(), failure.value());
  return {};
}

fs::path program_folder() {
  std::error_code failure;
  return fs::read_symlink("/proc/self/exe", failure).parent_path();
}

}  // namespace isobar
