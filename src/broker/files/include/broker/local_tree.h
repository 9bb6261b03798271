#pragma once

/// What of a local folder goes to a node: a scan that leaves out what the ignore files say, as git reads them, and keeps
/// a list of what was left out and why.

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "broker/agent_messages.h"

namespace isobar::broker {

/// Something that is not sent. path  relative to the root; a skipped folder ends in '/' and stands for all it holds
struct SkippedPath {
  std::string path;
  std::string reason;  ///< "pattern '*.log' of .gitignore:3", "a socket"
  friend bool operator==(const SkippedPath&, const SkippedPath&) = default;
};

enum class IgnoreFiles { kHeed, kPass };

struct LocalTree {
  fs::path source;
  IgnoreFiles which = IgnoreFiles::kHeed;  ///< as it was scanned
  std::vector<MirrorEntry> entries;        ///< folders before what they hold; a single file is one entry with an empty path
  std::vector<SkippedPath> skipped;
  std::uint64_t bytes = 0;
};

/// Scans a folder, or one file. If the root holds a .skyignore (or .isobarignore), it alone decides; else .gitignore of
/// every folder and .git/info/exclude do. `.git` itself is sent. Symlinks are sent as they are, never followed.
/// which    kPass: all of it goes, as of a repository that was just checked out, where files are kept that patterns name
/// Errors   kNotFound, kPermissionDenied: naming the path; kInvalidArgument: a name that is not a regular one
/// Cost     O(entries × patterns)
Result<LocalTree> scan_tree(const fs::path& source, IgnoreFiles which = IgnoreFiles::kHeed);

}  // namespace isobar::broker
