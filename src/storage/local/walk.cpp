#include "walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "storage/local_names.h"

namespace isobar::storage {

Walk::Walk(fs::path root, std::string prefix, bool recursive, std::string start_after, LocalOptions options,
           LocalStore::Omissions& omissions)
    : root_(std::move(root)),
      prefix_(std::move(prefix)),
      start_after_(std::move(start_after)),
      recursive_(recursive),
      options_(options),
      omissions_(omissions) {
  enter("", "", {});
}

Walk::~Walk() = default;

// Whether keys that begin with `key_prefix` may begin with the prefix asked for, and come after the key to start after.
bool Walk::can_hold_wanted(const std::string& key_prefix) const {
  const std::size_t common = std::min(key_prefix.size(), prefix_.size());
  if (key_prefix.compare(0, common, prefix_, 0, common) != 0) return false;
  return start_after_.empty() || key_prefix > start_after_ || start_after_.starts_with(key_prefix);
}

void Walk::enter(const std::string& path, const std::string& key, const std::vector<std::pair<dev_t, ino_t>>& above) {
  const fs::path folder = path.empty() ? root_ : root_ / path;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  if (!open) {
    if (errno == ENOENT && path.empty()) return;
    omissions_.failed.push_back({key, errno_error("read folder " + folder.string()).message()});
    return;
  }
  Folder entered;
  entered.above = above;
  struct stat status {};
  if (::fstat(::dirfd(open.get()), &status) == 0) {
    const std::pair self(status.st_dev, status.st_ino);
    if (std::find(above.begin(), above.end(), self) != above.end()) {
      omissions_.skipped.push_back({key, "a symbolic link leads back to a folder it lies in"});
      return;
    }
    entered.above.push_back(self);
  }
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name.starts_with(kPartialPrefix)) continue;
    const std::string entry_path = path.empty() ? std::string(name) : path + "/" + std::string(name);
    if (auto kept = classify(entry_path, key + key_of_path(name), entry->d_type)) entered.names.push_back(std::move(*kept));
    errno = 0;
  }
  if (errno != 0) omissions_.failed.push_back({key, errno_error("read folder " + folder.string()).message()});
  std::sort(entered.names.begin(), entered.names.end(), [](const Name& a, const Name& b) { return a.key < b.key; });
  stack_.push_back(std::move(entered));
}

std::optional<Walk::Name> Walk::classify(const std::string& path, const std::string& key, unsigned char type) {
  if (type == DT_UNKNOWN || (type == DT_LNK && options_.symlinks == SymlinkRule::kFollow)) {
    struct stat status {};
    const bool follow = options_.symlinks == SymlinkRule::kFollow;
    if (::fstatat(AT_FDCWD, (root_ / path).c_str(), &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
      auto& where = errno == ENOENT && type == DT_UNKNOWN ? omissions_.skipped : omissions_.failed;
      where.push_back({key, errno == ENOENT ? "a symbolic link that leads nowhere" : errno_error("read " + path).message()});
      return std::nullopt;
    }
    type = IFTODT(status.st_mode);
  }
  switch (type) {
    case DT_REG: return Name{key, path, Name::Kind::kFile};
    case DT_DIR: return Name{path.ends_with("%~+") ? key : key + "/", path, Name::Kind::kFolder};
    case DT_LNK:
      if (options_.symlinks == SymlinkRule::kStore) return Name{key, path, Name::Kind::kLink};
      omissions_.skipped.push_back({key, "a symbolic link (--symlinks follow or store takes it along)"});
      return std::nullopt;
    default: omissions_.skipped.push_back({key, "neither a file nor a folder"}); return std::nullopt;
  }
}

std::optional<WalkEntry> Walk::next() {
  while (!stack_.empty()) {
    if (stack_.back().at == stack_.back().names.size()) {
      stack_.pop_back();
      continue;
    }
    const Name name = std::move(stack_.back().names[stack_.back().at++]);
    if (name.kind == Name::Kind::kFolder) {
      if (!can_hold_wanted(name.key)) continue;
      const bool below_prefix = name.key.size() > prefix_.size();
      if (!recursive_ && below_prefix && name.key.ends_with('/')) return WalkEntry{name.key, name.path, true, false};
      const auto above = stack_.back().above;
      enter(name.path, name.key, above);
      continue;
    }
    if (!name.key.starts_with(prefix_) || (!start_after_.empty() && name.key <= start_after_)) continue;
    return WalkEntry{name.key, name.path, false, name.kind == Name::Kind::kLink};
  }
  return std::nullopt;
}

}  // namespace isobar::storage
