#pragma once

#include <cstdio>
#include <memory>

#include "base/file.h"
#include "transfer/copy_core.h"

namespace isobar::transfer {

/// One JSON line for each object: {"source","target","bytes","crc32c","source_version","target_version"} or {"source","error"}.
/// Keys that are not UTF-8 are written as {"base64": …}.
class Manifest {
 public:
  /// An empty path: no manifest is kept.
  static Result<Manifest> open(const fs::path& path);
  void add(const ObjectEnded& ended, const std::vector<storage::Location>& targets);
  Status flush();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace isobar::transfer
