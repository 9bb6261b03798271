#pragma once

/// A folder as a store. Objects appear whole or not at all: they are written under a temporary name beside their place and
/// renamed. Nothing is ever written outside the folder, whatever a key says and whatever links lie in it.

#include <memory>

#include "base/file.h"
#include "storage/store.h"

namespace isobar::storage {

enum class SymlinkRule {
  kSkip,    ///< left out, and told
  kFollow,  ///< what it points to stands in its place; loops are told
  kStore,   ///< becomes a small object that holds its target, marked so that it comes back as a link
};

struct LocalOptions {
  SymlinkRule symlinks = SymlinkRule::kSkip;
  bool keep_mode = false;  ///< permissions travel in metadata and are set again
  int workers = 4;         ///< threads that wait for the disk
};

/// What a listing left out, for the report at the end.
struct Skipped {
  std::string key, why;
};

/// root     an existing folder, or one that is made when something is first written to it
/// Metadata that only files have: "mtime" (unix seconds with nanoseconds), "mode" (octal), "symlink" (the content is a link's target).
class LocalStore : public Store {
 public:
  static std::unique_ptr<LocalStore> open(const fs::path& root, LocalOptions options);
  /// What listings left out since the last call: special files, links that are skipped, broken or loop, folders that may not be
  /// read. `failed` ones make the listing incomplete.
  struct Omissions {
    std::vector<Skipped> skipped, failed;
  };
  virtual Omissions take_omissions() = 0;
};

}  // namespace isobar::storage
