#pragma once

// A folder and what lies in it, reached so that no link leads out of it (openat2 with RESOLVE_BENEATH; Linux 5.6).

#include <string>
#include <string_view>

#include "base/file.h"

namespace isobar::storage {

class SafeFolder {
 public:
  explicit SafeFolder(fs::path root) : root_(std::move(root)) {}
  const fs::path& root() const { return root_; }
  /// Opens the root, making it first when `make` is set.
  Result<Fd> open_root(bool make) const;
  /// Opens the folder that a relative path lies in, making what is missing of it when `make` is set.
  /// Errors   kInvalidArgument: on the way lies a file, or a link that leads out of the root
  Result<Fd> open_parent(std::string_view path, bool make) const;

  static std::string_view name_in(std::string_view path) { return path.substr(path.rfind('/') + 1); }

 private:
  fs::path root_;
};

}  // namespace isobar::storage
