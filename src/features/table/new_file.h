#pragma once

/// A file that is written under another name beside its own, and has its own when it is complete.

#include <string>
#include <string_view>

#include "base/file.h"

namespace isobar::features {

class NewFile {
 public:
  /// Errors   kNotFound: no such folder; kPermissionDenied
  static Result<NewFile> create(const fs::path& path);
  NewFile(NewFile&&) = default;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  /// Under which it is written: for a library that does so by itself.
  const fs::path& temporary() const { return temporary_; }
  Status write(std::string_view bytes);
  /// Flushes it to the disk and renames it.
  Status finish();

 private:
  NewFile(fs::path path, fs::path temporary, Fd fd) : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}
  Status flush();

  fs::path path_, temporary_;
  Fd fd_;  ///< none once it has its name, or was moved from
  std::string waiting_;
};

}  // namespace isobar::features
