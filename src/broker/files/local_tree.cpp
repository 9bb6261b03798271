#include "broker/local_tree.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "ignore_rules.h"

namespace isobar::broker {

namespace {

// The ignore files in force, outermost first; an inner one overrides the outer ones.
struct IgnoreFile {
  std::string folder;  // relative to the root, "" or "a/b/"
  std::vector<IgnorePattern> patterns;
};

class Scanner {
 public:
  Scanner(const fs::path& root, IgnoreFiles which) : nested_files_(which == IgnoreFiles::kHeed) {
    tree_.source = root;
    tree_.which = which;
  }

  Result<LocalTree> run() {
    struct stat info {};
    if (::stat(tree_.source.c_str(), &info) != 0) return errno_error(tree_.source.string());
    if (!S_ISDIR(info.st_mode)) {
      TRY(add("", info));
      return std::move(tree_);
    }
    for (const char* name : {".isobarignore", ".skyignore"}) {
      if (nested_files_ && fs::is_regular_file(tree_.source / name)) {
        TRY(read_ignore_file(name, ""));
        nested_files_ = false;
      }
    }
    if (nested_files_ && fs::is_regular_file(tree_.source / ".git/info/exclude")) TRY(read_ignore_file(".git/info/exclude", ""));
    tree_.entries.push_back(entry_of("", EntryKind::kFolder, info));
    TRY(walk(""));
    return std::move(tree_);
  }

 private:
  Status read_ignore_file(const std::string& name, const std::string& folder) {
    TRY_ASSIGN(const auto text, read_file(tree_.source / name, 4 << 20));
    ignore_files_.push_back({folder, parse_ignore_file(text, name)});
    return {};
  }

  // folder  relative, "" or "a/b/"
  Status walk(const std::string& folder) {
    const std::size_t outer_files = ignore_files_.size();
    if (nested_files_ && fs::is_regular_file(tree_.source / (folder + ".gitignore"))) TRY(read_ignore_file(folder + ".gitignore", folder));
    TRY_ASSIGN(const auto names, list(folder));
    for (const auto& name : names) TRY(visit(folder + name));
    ignore_files_.resize(outer_files);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& folder) {
    const fs::path path = tree_.source / folder;
    const std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(path.c_str()), ::closedir);
    if (!handle) return errno_error("read folder " + path.string());
    std::vector<std::string> names;
    while (const dirent* item = ::readdir(handle.get())) {
      const std::string name = item->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Status visit(const std::string& path) {
    struct stat info {};
    if (::lstat((tree_.source / path).c_str(), &info) != 0) {
      // A file that vanishes between listing and looking was never there.
      return errno == ENOENT ? Status() : errno_error((tree_.source / path).string());
    }
    if (const IgnorePattern* pattern = ignored_by(path, S_ISDIR(info.st_mode))) {
      tree_.skipped.push_back({path + (S_ISDIR(info.st_mode) ? "/" : ""), pattern->shown});
      return {};
    }
    return add(path, info);
  }

  const IgnorePattern* ignored_by(const std::string& path, bool is_folder) const {
    // git never applies patterns to its own folder.
    if (path == ".git" || path.starts_with(".git/")) return nullptr;
    for (auto file = ignore_files_.rbegin(); file != ignore_files_.rend(); ++file) {
      const std::string_view relative = std::string_view(path).substr(file->folder.size());
      if (const IgnorePattern* pattern = deciding_pattern(file->patterns, relative, is_folder)) return pattern->negated ? nullptr : pattern;
    }
    return nullptr;
  }

  static MirrorEntry entry_of(const std::string& path, EntryKind kind, const struct stat& info) {
    MirrorEntry entry;
    entry.path = path;
    entry.kind = kind;
    entry.mode = info.st_mode & 07777;
    entry.modified = Instant::from_unix_nanos(static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec);
    return entry;
  }

  Status add(const std::string& path, const struct stat& info) {
    if (S_ISREG(info.st_mode)) {
      auto entry = entry_of(path, EntryKind::kFile, info);
      entry.size = static_cast<std::uint64_t>(info.st_size);
      tree_.bytes += entry.size;
      tree_.entries.push_back(std::move(entry));
    } else if (S_ISDIR(info.st_mode)) {
      tree_.entries.push_back(entry_of(path, EntryKind::kFolder, info));
      return walk(path + "/");
    } else if (S_ISLNK(info.st_mode)) {
      auto entry = entry_of(path, EntryKind::kSymlink, info);
      std::error_code failure;
      entry.target = fs::read_symlink(tree_.source / path, failure).string();
      if (failure) return errno_error("read symlink " + (tree_.source / path).string(), failure.value());
      tree_.entries.push_back(std::move(entry));
    } else {
      tree_.skipped.push_back({path, S_ISSOCK(info.st_mode) ? "a socket" : S_ISFIFO(info.st_mode) ? "a named pipe" : "a device"});
    }
    return {};
  }

  LocalTree tree_;
  std::vector<IgnoreFile> ignore_files_;
  bool nested_files_;
};

}  // namespace

Result<LocalTree> scan_tree(const fs::path& source, IgnoreFiles which) { return Scanner(source, which).run(); }

}  // namespace isobar::broker
