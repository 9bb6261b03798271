#pragma once

// A folder's files in the order of their keys, a few at a time.

#include <memory>
#include <optional>
#include <vector>

#include "storage/local_store.h"

namespace isobar::storage {

struct WalkEntry {
  std::string key;
  std::string path;        // relative to the root
  bool is_prefix = false;  // of a listing that is not recursive
  bool is_link = false;    // to be stored as a link
};

class Walk {
 public:
  /// prefix   keys that begin with it; folders that cannot hold one are not read
  Walk(fs::path root, std::string prefix, bool recursive, std::string start_after, LocalOptions options, LocalStore::Omissions& omissions);
  ~Walk();
  /// None: the end. Cost: the names of the folders on the way to the entry are in memory, no others.
  std::optional<WalkEntry> next();

 private:
  struct Name {
    std::string key;   // of this entry, whole; folders with their slash
    std::string path;  // relative
    enum class Kind { kFile, kFolder, kLink } kind;
  };
  struct Folder {
    std::vector<Name> names;
    std::size_t at = 0;
    std::vector<std::pair<dev_t, ino_t>> above;  // itself and those it lies in, for finding loops of links
  };
  void enter(const std::string& path, const std::string& key, const std::vector<std::pair<dev_t, ino_t>>& above);
  std::optional<Name> classify(const std::string& path, const std::string& key, unsigned char type);
  bool can_hold_wanted(const std::string& key_prefix) const;

  fs::path root_;
  std::string prefix_, start_after_;
  bool recursive_;
  LocalOptions options_;
  LocalStore::Omissions& omissions_;
  std::vector<Folder> stack_;
};

/// Names that isobar's own unfinished writes have; listings pass over them.
inline constexpr std::string_view kPartialPrefix = ".isobar-partial-";

}  // namespace isobar::storage
