#include "mirror_receiver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "broker/content_hash.h"

namespace isobar::broker {

namespace {

constexpr std::uint64_t kRecordBytesMax = 1ULL << 30;
constexpr std::uint64_t kPieceBytesMax = 16 << 20;
constexpr int kLockTries = 100;
constexpr unsigned kLockPauseMicros = 20'000;

/// Where a destination is. The destination is the user's own word, so symlinks on the way to it are followed.
fs::path resolve(const std::string& destination, const fs::path& home) {
  fs::path path = destination;
  if (destination == "~") path = home;
  else if (destination.starts_with("~/")) path = home / destination.substr(2);
  else if (path.is_relative()) path = home / "sky_workdir" / path;
  path = path.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  std::error_code failure;
  if (fs::is_directory(path, failure)) return fs::canonical(path, failure);
  return fs::weakly_canonical(path.parent_path(), failure) / path.filename();
}

Status check_path(const std::string& path) {
  for (const auto part : split(path, '/'))
    if (part.empty() || part == "." || part == ".." || part.size() > NAME_MAX)
      return invalid("\"" + path + "\" is not a path below the destination");
  return {};
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string name_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// FNV-1a: names that only have to differ from one another.
std::string short_name(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

/// The name under which a file is received. It follows from the file's name, so that the next mirror finds the leavings
/// of one that was interrupted.
std::string part_name(const std::string& name) { return ".isobar-part-" + short_name(name); }

std::optional<EntryKind> kind_at(int folder, const std::string& name) {
  struct stat info {};
  if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return S_ISDIR(info.st_mode) ? EntryKind::kFolder : S_ISLNK(info.st_mode) ? EntryKind::kSymlink : EntryKind::kFile;
}

timespec to_timespec(Instant at) { return {at.unix_nanos() / 1'000'000'000, at.unix_nanos() % 1'000'000'000}; }

/// One mirror of a destination at a time. One that was broken off may take a moment to notice.
Result<Fd> lock_record(const fs::path& record) {
  Fd lock(::open((record.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return errno_error("lock " + record.string());
  for (int attempt = 0; attempt < kLockTries; ++attempt) {
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
    ::usleep(kLockPauseMicros);
  }
  return unavailable("another mirror to this destination is under way");
}

}  // namespace

Result<MirrorReceiver> MirrorReceiver::open(MirrorManifest manifest, const fs::path& home, const fs::path& records) {
  const auto destination = resolve(manifest.destination, home);
  if (!destination.has_filename()) return invalid("\"" + manifest.destination + "\" cannot be a mirror's destination");
  TRY(make_folders(records));
  TRY(make_folders(destination.parent_path()));
  const auto record = records / short_name(destination.string());
  MirrorReceiver receiver(destination.parent_path(), record, manifest.compare);
  receiver.base_.reset(::open(receiver.base_path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!receiver.base_) return errno_error("open " + receiver.base_path_.string());
  TRY_ASSIGN(receiver.lock_, lock_record(record));
  TRY(receiver.add(destination.filename(), std::move(manifest.entries)));
  TRY(receiver.load_record());
  return receiver;
}

/// Takes the entries in, below the destination's own name, with the folders that their paths imply.
Status MirrorReceiver::add(const std::string& top, std::vector<MirrorEntry> entries) {
  by_index_.resize(entries.size());
  for (std::uint64_t index = 0; index < entries.size(); ++index) {
    auto entry = std::move(entries[index]);
    if (!entry.path.empty()) TRY(check_path(entry.path));
    entry.path = entry.path.empty() ? top : top + "/" + entry.path;
    const auto path = entry.path;
    const auto [at, is_new] = items_.emplace(path, Item{std::move(entry), index});
    if (!is_new) return invalid("\"" + path + "\" stands in the manifest twice");
    by_index_[index] = &at->second;
  }
  if (items_.empty()) items_.emplace(top, Item{{.path = top, .kind = EntryKind::kFolder}, {}});
  std::vector<std::string> paths;
  for (const auto& [path, item] : items_) paths.push_back(path);
  for (const auto& path : paths) {
    for (auto above = parent_of(path); !above.empty(); above = parent_of(above)) {
      const auto& item = items_.emplace(above, Item{{.path = above, .kind = EntryKind::kFolder}, {}}).first->second;
      if (item.entry.kind != EntryKind::kFolder) return invalid("\"" + path + "\" lies below \"" + above + "\", which is not a folder");
    }
  }
  return {};
}

// ---- the record ---------------------------------------------------------------------------------------------------

Status MirrorReceiver::load_record() {
  const auto bytes = read_file(record_path_, kRecordBytesMax);
  if (!bytes.ok() && bytes.error().code() == Code::kNotFound) return {};
  if (!bytes.ok()) return bytes.error();
  TRY_ASSIGN(const auto frame, decode_request(*bytes).context("read " + record_path_.string()));
  if (const auto* manifest = std::get_if<MirrorManifest>(&frame.body))
    for (const auto& entry : manifest->entries) old_[entry.path] = entry.kind;
  return {};
}

Status MirrorReceiver::save_record(bool with_old) const {
  MirrorManifest record;
  for (const auto& [path, item] : items_) record.entries.push_back({.path = path, .kind = item.entry.kind});
  if (with_old)
    for (const auto& [path, kind] : old_)
      if (!items_.contains(path)) record.entries.push_back({.path = path, .kind = kind});
  return write_file(record_path_, encode(RequestFrame{0, std::move(record)}), Durability::kCache, 0600);
}

// ---- folders and symlinks -----------------------------------------------------------------------------------------

/// The folder that holds `path`, reached without following any symlink.
Result<Fd> MirrorReceiver::open_folder_of(const std::string& path) const {
  Fd folder(::openat(base_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto above = parent_of(path);
  if (above.empty()) return folder;
  for (const auto part : split(above, '/')) {
    folder = Fd(::openat(folder.get(), std::string(part).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) return errno_error("open the folder of " + (base_path_ / path).string());
  }
  return folder;
}

Result<std::vector<std::uint64_t>> MirrorReceiver::prepare() {
  TRY(save_record(true));
  std::vector<std::uint64_t> wanted;
  for (const auto& [path, item] : items_) {
    TRY(clear_way(item));
    if (item.entry.kind == EntryKind::kFolder) TRY(make_folder(item));
    if (item.entry.kind == EntryKind::kSymlink) TRY(make_symlink(item));
    if (item.entry.kind != EntryKind::kFile) continue;
    TRY_ASSIGN(const bool had, has_file(item));
    if (had) ++report_.files_kept;
    else wanted.push_back(*item.index);
  }
  return wanted;
}

/// Removes what stands where the item goes and is of another kind. A folder goes only as far as a mirror made it.
Status MirrorReceiver::clear_way(const Item& item) {
  const auto& path = item.entry.path;
  TRY_ASSIGN(const auto folder, open_folder_of(path));
  const auto there = kind_at(folder.get(), name_in(path));
  if (!there || *there == item.entry.kind) return {};
  if (*there != EntryKind::kFolder) {
    // A rename replaces a file by a symlink and the other way round in one step; only a folder needs the place empty.
    if (item.entry.kind == EntryKind::kFolder && ::unlinkat(folder.get(), name_in(path).c_str(), 0) != 0)
      return errno_error("remove " + (base_path_ / path).string());
    return {};
  }
  const auto below = path + "/";
  for (auto old = old_.rbegin(); old != old_.rend(); ++old)
    if (old->first.starts_with(below)) remove_old(old->first, old->second);
  if (::unlinkat(folder.get(), name_in(path).c_str(), AT_REMOVEDIR) == 0) return {};
  if (errno == ENOTEMPTY || errno == EEXIST)
    return invalid(fmt::format("{} is not a folder in the source, but holds files on the node that were not mirrored: move them away",
                               (base_path_ / path).string()));
  return errno_error("remove folder " + (base_path_ / path).string());
}

Status MirrorReceiver::make_folder(const Item& item) {
  TRY_ASSIGN(const auto parent, open_folder_of(item.entry.path));
  const auto name = name_in(item.entry.path);
  const auto full = (base_path_ / item.entry.path).string();
  if (::mkdirat(parent.get(), name.c_str(), 0755) != 0 && errno != EEXIST) return errno_error("make folder " + full);
  if (!item.index) return {};
  // Its final mode may forbid writing; until the end the owner may.
  const Fd folder(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder || ::fchmod(folder.get(), item.entry.mode | 0700) != 0) return errno_error("set the mode of " + full);
  return {};
}

Status MirrorReceiver::make_symlink(const Item& item) {
  const auto& [path, kind, mode, size, modified, target, hash] = item.entry;
  TRY_ASSIGN(const auto folder, open_folder_of(path));
  const auto name = name_in(path);
  std::string there(target.size() + 1, '\0');
  const auto length = ::readlinkat(folder.get(), name.c_str(), there.data(), there.size());
  if (length == static_cast<ssize_t>(target.size()) && there.compare(0, target.size(), target) == 0) return {};
  const auto part = part_name(name);
  ::unlinkat(folder.get(), part.c_str(), 0);
  if (::symlinkat(target.c_str(), folder.get(), part.c_str()) != 0 ||
      ::renameat(folder.get(), part.c_str(), folder.get(), name.c_str()) != 0)
    return errno_error("make symlink " + (base_path_ / path).string());
  return {};
}

// ---- files --------------------------------------------------------------------------------------------------------

/// Whether the file is there with the right content. If so, its mode and time are made right as well.
Result<bool> MirrorReceiver::has_file(const Item& item) const {
  TRY_ASSIGN(const auto folder, open_folder_of(item.entry.path));
  const auto name = name_in(item.entry.path);
  TRY_ASSIGN(const bool same, has_content(folder.get(), name, item.entry));
  if (!same) return false;
  const timespec times[2] = {{0, UTIME_OMIT}, to_timespec(item.entry.modified)};
  ::utimensat(folder.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  const Fd file(::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file) ::fchmod(file.get(), item.entry.mode);
  return true;
}

Result<bool> MirrorReceiver::has_content(int folder, const std::string& name, const MirrorEntry& entry) const {
  struct stat info {};
  if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) return false;
  if (static_cast<std::uint64_t>(info.st_size) != entry.size) return false;
  const auto wanted = to_timespec(entry.modified);
  if (compare_ == MirrorCompare::kSizeAndTime) return info.st_mtim.tv_sec == wanted.tv_sec && info.st_mtim.tv_nsec == wanted.tv_nsec;
  const Fd file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return false;
  TRY_ASSIGN(const auto hash, content_hash(file.get()));
  return hash == entry.hash;
}

Status MirrorReceiver::receive(const MirrorData& piece) {
  if (!part_) TRY(begin_part(piece.entry));
  if (part_->index != piece.entry) return invalid("content of one file within that of another");
  TRY_ASSIGN(const auto content, content_of(piece));
  part_->written += content.size();
  const auto& entry = part_->item->entry;
  const auto full = (base_path_ / entry.path).string();
  if (part_->written > entry.size) return invalid(full + ": more content than announced");
  TRY(write_all(part_->file.get(), content).context(full));
  if (!piece.end_of_file) return {};
  if (part_->written != entry.size) return invalid(full + ": less content than announced");
  return end_part();
}

/// As it was read; valid until the next piece.
Result<std::string_view> MirrorReceiver::content_of(const MirrorData& piece) {
  if (piece.unpacked_bytes == 0) return std::string_view(piece.bytes);
  if (piece.unpacked_bytes > kPieceBytesMax) return invalid(fmt::format("a piece of {} bytes", piece.unpacked_bytes));
  unpacked_.resize(piece.unpacked_bytes);
  TRY(compressor_.unpack(compression::Codec::kZstd, piece.bytes, unpacked_));
  return std::string_view(unpacked_);
}

Status MirrorReceiver::begin_part(std::uint64_t index) {
  if (index >= by_index_.size() || by_index_[index]->entry.kind != EntryKind::kFile)
    return invalid("content for what is not a file of the manifest");
  Part part{.index = index, .item = by_index_[index]};
  const auto& path = part.item->entry.path;
  TRY_ASSIGN(part.folder, open_folder_of(path));
  const auto name = part_name(name_in(path));
  ::unlinkat(part.folder.get(), name.c_str(), 0);
  part.file.reset(::openat(part.folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!part.file) return errno_error("write " + (base_path_ / path).string());
  part_ = std::move(part);
  return {};
}

Status MirrorReceiver::end_part() {
  const auto part = std::exchange(part_, std::nullopt);
  const auto& entry = part->item->entry;
  const auto name = name_in(entry.path);
  const timespec times[2] = {{0, UTIME_OMIT}, to_timespec(entry.modified)};
  if (::fchmod(part->file.get(), entry.mode) != 0 || ::futimens(part->file.get(), times) != 0 ||
      ::renameat(part->folder.get(), part_name(name).c_str(), part->folder.get(), name.c_str()) != 0)
    return errno_error("write " + (base_path_ / entry.path).string());
  ++report_.files_received;
  report_.bytes_received += entry.size;
  return {};
}

// ---- the end ------------------------------------------------------------------------------------------------------

/// Removes one entry of an earlier mirror, if it is still what it was then. A folder with other files in it stays.
bool MirrorReceiver::remove_old(const std::string& path, EntryKind kind) const {
  const auto folder = open_folder_of(path);
  if (!folder.ok()) return false;
  const auto name = name_in(path);
  const auto there = kind_at(folder->get(), name);
  ::unlinkat(folder->get(), part_name(name).c_str(), 0);
  if (!there || (*there == EntryKind::kFolder) != (kind == EntryKind::kFolder)) return false;
  return ::unlinkat(folder->get(), name.c_str(), kind == EntryKind::kFolder ? AT_REMOVEDIR : 0) == 0;
}

Result<MirrorReport> MirrorReceiver::finish() {
  if (part_) return invalid("the mirror ended within a file");
  for (auto old = old_.rbegin(); old != old_.rend(); ++old)
    if (!items_.contains(old->first)) report_.removed += remove_old(old->first, old->second);
  for (auto at = items_.rbegin(); at != items_.rend(); ++at) {
    const auto& [path, item] = *at;
    if (item.entry.kind != EntryKind::kFolder || !item.index) continue;
    TRY_ASSIGN(const auto parent, open_folder_of(path));
    const Fd folder(::openat(parent.get(), name_in(path).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder || ::fchmod(folder.get(), item.entry.mode) != 0) return errno_error("set the mode of " + (base_path_ / path).string());
  }
  TRY(save_record(false));
  return report_;
}

}  // namespace isobar::broker
