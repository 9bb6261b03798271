#pragma once

/// Whole files, read and written so that a crash leaves the old content or the new one, never a mixture.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace isobar {

namespace fs = std::filesystem;

/// A file descriptor with one owner; closed on destruction.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// Errors   kNotFound, kPermissionDenied; kInvalidArgument: longer than bytes_max, or a folder
Result<std::string> read_file(const fs::path& path, std::uint64_t bytes_max = 64 << 20);

enum class Durability { kCache, kDisk };

/// Writes through a temporary name in the same folder and renames it over `path`; kDisk also flushes file and folder.
/// The temporary is removed when anything fails. mode  permission bits of the new file
Status write_file(const fs::path& path, std::string_view content, Durability durability = Durability::kDisk, unsigned mode = 0644);

Status make_folders(const fs::path& path);

/// Writes every byte, going on after interruptions and short writes.
Status write_all(int fd, std::string_view bytes);

/// The folder of the running program, for finding what is installed beside it.
fs::path program_folder();

}  // namespace isobar
