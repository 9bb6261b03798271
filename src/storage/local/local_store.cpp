#include "storage/local_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <charconv>
#include <map>

#include "base/mutex.h"
#include "base/random.h"
#include "base/text.h"
#include "content_type.h"
#include "crypto/crc32c.h"
#include "disk_workers.h"
#include "safe_folder.h"
#include "storage/local_names.h"
#include "walk.h"

namespace isobar::storage {

namespace {

std::int64_t nanos(const timespec& at) { return at.tv_sec * 1'000'000'000LL + at.tv_nsec; }

// Any write changes the change time, which nobody can set back.
std::string version_of(const struct stat& status) {
  return fmt::format("{:x}-{:x}-{:x}-{:x}", status.st_size, nanos(status.st_mtim), nanos(status.st_ctim), status.st_ino);
}

Error file_error(const std::string& doing, const fs::path& path) {
  const int number = errno;
  const Error plain = errno_error(doing + " " + path.string(), number);
  if (number == ENOSPC || number == EDQUOT) return Error(Code::kPermissionDenied, plain.message());  // no use in trying again
  if (number == ENOTDIR) return Error(Code::kNotFound, plain.message());
  if (number == ENAMETOOLONG) return invalid(plain.message());
  return plain;
}

Status read_exactly(int fd, std::span<char> into, std::uint64_t offset, std::uint64_t& read) {
  read = 0;
  while (read < into.size()) {
    const ssize_t got = ::pread(fd, into.data() + read, into.size() - read, static_cast<off_t>(offset + read));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read");
    if (got == 0) break;
    read += static_cast<std::uint64_t>(got);
  }
  return {};
}

Status write_exactly(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return file_error("write", "the disk");
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

std::string format_nanos(std::int64_t at) { return fmt::format("{}.{:09}", at / 1'000'000'000, at % 1'000'000'000); }

std::optional<timespec> parse_nanos(const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find("mtime");
  if (found == metadata.end()) return std::nullopt;
  const std::string_view text = found->second;
  timespec at{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), at.tv_sec);
  if (failure != std::errc()) return std::nullopt;
  std::string fraction(end, text.data() + text.size());
  if (fraction.starts_with('.')) {
    fraction = fraction.substr(1);
    fraction.resize(9, '0');
    std::from_chars(fraction.data(), fraction.data() + 9, at.tv_nsec);
  }
  return at;
}

class LocalStoreImpl final : public LocalStore {
 public:
  LocalStoreImpl(fs::path root, LocalOptions options) : folder_(std::move(root)), options_(options), workers_(options.workers) {}

  Location location() const override {
    Location location;
    location.key = folder_.root().string();
    return location;
  }

  Limits limits() const override {
    Limits limits;
    limits.put_bytes_most = limits.part_bytes_most = limits.object_bytes_most = limits.copy_bytes_most = 1ULL << 62;
    limits.part_bytes_least = 1;
    limits.parts_most = 1 << 30;
    limits.key_bytes_most = 3000;
    limits.tags = false;
    limits.parts_in_place = true;
    return limits;
  }

  Omissions take_omissions() override {
    const MutexLock lock(mutex_);
    return std::exchange(omissions_, {});
  }

  void list(ListRequest request, Done<ListPage> done) override {
    workers_.give([this, request = std::move(request), done = std::move(done)] { done(list_now(request)); });
  }
  void head(std::string key, bool, Done<ObjectHead> done) override {
    workers_.give([this, key = std::move(key), done = std::move(done)] { done(head_now(key)); });
  }
  void get(GetRequest request, Done<Got> done) override {
    workers_.give([this, request = std::move(request), done = std::move(done)] { done(get_now(request)); });
  }
  void put(PutRequest request, Done<PutReceipt> done) override {
    workers_.give([this, request = std::move(request), done = std::move(done)] { done(put_now(request)); });
  }
  void start_upload(std::string key, Properties, Done<Upload> done) override {
    workers_.give([this, key = std::move(key), done = std::move(done)] { done(start_upload_now(key)); });
  }
  void put_part(Upload upload, int number, std::uint64_t offset, std::string_view body, Checksums checksums, Done<Part> done) override {
    workers_.give([this, upload = std::move(upload), number, offset, body, checksums, done = std::move(done)] {
      done(put_part_now(upload, number, offset, body, checksums));
    });
  }
  void list_parts(Upload upload, int, Done<PartPage> done) override {
    // A file does not know its parts; that it is still there is what can be told.
    workers_.give([this, upload = std::move(upload), done = std::move(done)] {
      const auto partial = open_partial(upload);
      done(partial.ok() ? Result<PartPage>(PartPage{}) : Result<PartPage>(partial.error()));
    });
  }
  void complete_upload(Upload upload, std::vector<Part>, std::uint64_t bytes, Properties properties, Checksums,
                       Done<PutReceipt> done) override {
    workers_.give([this, upload = std::move(upload), bytes, properties = std::move(properties), done = std::move(done)] {
      done(complete_now(upload, bytes, properties));
    });
  }
  void abort_upload(Upload upload, Done<void> done) override {
    workers_.give([this, upload = std::move(upload), done = std::move(done)] { done(abort_now(upload)); });
  }
  void list_uploads(std::string prefix, std::string, Done<UploadPage> done) override {
    workers_.give([this, prefix = std::move(prefix), done = std::move(done)] { done(list_uploads_now(prefix)); });
  }
  bool can_copy_from(const Store& source) const override { return dynamic_cast<const LocalStoreImpl*>(&source) != nullptr; }
  void copy(const Store& source, std::string source_key, std::string source_version, std::string key, std::optional<Properties> properties,
            Done<PutReceipt> done) override {
    const auto* from = dynamic_cast<const LocalStoreImpl*>(&source);
    CHECK(from != nullptr);
    workers_.give([this, from, source_key = std::move(source_key), source_version = std::move(source_version), key = std::move(key),
                   properties = std::move(properties),
                   done = std::move(done)] { done(copy_now(*from, source_key, source_version, key, properties)); });
  }
  void copy_part(const Store&, std::string, std::string, std::uint64_t, std::uint64_t, Upload, int, Done<Part> done) override {
    done(invalid("files are copied whole"));
  }
  void remove(std::vector<std::string> keys, Done<std::vector<RemoveFailure>> done) override {
    workers_.give([this, keys = std::move(keys), done = std::move(done)] { done(remove_now(keys)); });
  }
  void set_tags(std::string, std::map<std::string, std::string>, Done<void> done) override { done(invalid("files have no tags")); }
  void make_bucket(Done<void> done) override {
    workers_.give([this, done = std::move(done)] {
      std::error_code failure;
      if (fs::exists(folder_.root(), failure)) return done(Error(Code::kAlreadyExists, folder_.root().string() + " exists already"));
      done(make_folders(folder_.root()));
    });
  }
  void remove_bucket(Done<void> done) override {
    workers_.give([this, done = std::move(done)] {
      done(::rmdir(folder_.root().c_str()) == 0 ? Status() : Status(errno_error("remove folder " + folder_.root().string())));
    });
  }
  void list_buckets(Done<std::vector<BucketInfo>> done) override { done(std::vector<BucketInfo>{}); }
  void flush(const Done<void>& done) override {
    workers_.give([this, done] {
      auto root = folder_.open_root(false);
      if (!root.ok()) return done(root.error().code() == Code::kNotFound ? Status() : Status(root.error()));
      done(::syncfs(root->get()) == 0 ? Status() : Status(errno_error("sync " + folder_.root().string())));
    });
  }

 private:
  // Listings ----------------------------------------------------------------------------------------------------------

  Result<ListPage> list_now(const ListRequest& request) {
    const MutexLock lock(mutex_);
    std::unique_ptr<Walk> walk;
    if (request.page.empty()) {
      walk = std::make_unique<Walk>(folder_.root(), request.prefix, request.recursive, request.start_after, options_, omissions_);
    } else {
      const auto found = walks_.find(request.page);
      if (found == walks_.end()) return invalid("a page of a listing that is over");
      walk = std::move(found->second);
      walks_.erase(found);
    }
    ListPage page;
    for (int i = 0; i < request.keys_max; ++i) {
      auto entry = walk->next();
      if (!entry) return page;
      if (entry->is_prefix) {
        page.prefixes.push_back(std::move(entry->key));
        continue;
      }
      struct stat status {};
      const int flags = entry->is_link ? AT_SYMLINK_NOFOLLOW : 0;
      if (::fstatat(AT_FDCWD, (folder_.root() / entry->path).c_str(), &status, flags) != 0) {
        if (errno != ENOENT) omissions_.failed.push_back({entry->key, errno_error("read").message()});
        continue;  // removed since its folder was read
      }
      page.objects.push_back(info_of(entry->key, status));
    }
    page.next = std::to_string(++last_page_);
    walks_[page.next] = std::move(walk);
    return page;
  }

  static ObjectInfo info_of(const std::string& key, const struct stat& status) {
    ObjectInfo info;
    info.key = key;
    info.bytes = static_cast<std::uint64_t>(status.st_size);
    info.modified = Instant::from_unix_nanos(nanos(status.st_mtim));
    info.version = version_of(status);
    return info;
  }

  ObjectHead head_of(const std::string& key, const struct stat& status) const {
    ObjectHead head;
    head.info = info_of(key, status);
    head.properties.content_type = content_type_of(key);
    head.properties.metadata["mtime"] = format_nanos(nanos(status.st_mtim));
    if (options_.keep_mode) head.properties.metadata["mode"] = fmt::format("{:o}", status.st_mode & 07777);
    if (S_ISLNK(status.st_mode)) {
      head.properties.metadata["symlink"] = "1";
      head.properties.content_type = "inode/symlink";
    }
    return head;
  }

  // Reading -----------------------------------------------------------------------------------------------------------

  fs::path full(const std::string& key) const { return folder_.root() / path_of_key(key); }
  bool stores_link(const fs::path& path, struct stat& status) const {
    return options_.symlinks == SymlinkRule::kStore && ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  }

  Result<ObjectHead> head_now(const std::string& key) const {
    const fs::path path = full(key);
    struct stat status {};
    if (!stores_link(path, status) && ::stat(path.c_str(), &status) != 0) return file_error("read", path);
    if (S_ISDIR(status.st_mode)) return not_found(path.string() + " is a folder");
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) return invalid(path.string() + " is neither a file nor a folder");
    return head_of(key, status);
  }

  Result<Got> get_now(const GetRequest& request) const {
    const fs::path path = full(request.key);
    struct stat before {};
    if (stores_link(path, before)) return get_link(request, path, before);
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd || ::fstat(fd.get(), &before) != 0) return file_error("open", path);
    if (S_ISDIR(before.st_mode)) return not_found(path.string() + " is a folder");
    if (!S_ISREG(before.st_mode)) return invalid(path.string() + " is neither a file nor a folder");
    if (!request.version.empty() && version_of(before) != request.version) return changed(path);
    Got got;
    TRY(read_exactly(fd.get(), request.into, request.offset, got.bytes).context(path.string()));
    struct stat after {};
    if (::fstat(fd.get(), &after) != 0 || version_of(after) != version_of(before)) return changed(path);
    got.head = head_of(request.key, before);
    return got;
  }

  Result<Got> get_link(const GetRequest& request, const fs::path& path, const struct stat& status) const {
    Got got;
    std::string target(static_cast<std::size_t>(status.st_size) + 1, '\0');
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return file_error("read link", path);
    target.resize(static_cast<std::size_t>(size));
    const std::string_view wanted =
        std::string_view(target).substr(std::min<std::size_t>(request.offset, target.size()), request.into.size());
    std::copy(wanted.begin(), wanted.end(), request.into.begin());
    got.bytes = wanted.size();
    got.head = head_of(request.key, status);
    return got;
  }

  static Error changed(const fs::path& path) { return Error(Code::kConflict, fmt::format("{} changed while it was read", path.string())); }

  // Writing -----------------------------------------------------------------------------------------------------------

  // The name tells whose it is to those who look for what a crash left: by a hash, as the name itself may be of any length.
  static std::string partial_name(const std::string& path) {
    return fmt::format("{}{:08x}-{}", kPartialPrefix, crypto::crc32c(path), secure_random_hex(6));
  }

  Result<Fd> make_partial(const std::string& path, std::string& name, Fd& parent) {
    TRY_ASSIGN(parent, folder_.open_parent(path, true));
    name = partial_name(path);
    Fd fd(::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!fd) return file_error("create a file beside", folder_.root() / path);
    return fd;
  }

  // A file without a name, which vanishes if we die; it gets `name` when it is whole. Where the file system has no such files it is
  // a partial one from the start.
  Result<Fd> make_nameless(const std::string& path, std::string& name, Fd& parent, bool& nameless) {
    TRY_ASSIGN(parent, folder_.open_parent(path, true));
    Fd fd(::openat(parent.get(), ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666));
    nameless = static_cast<bool>(fd);
    if (!fd) return make_partial(path, name, parent);
    name = partial_name(path);
    return fd;
  }

  Result<PutReceipt> put_now(const PutRequest& request) {
    if (request.checksums.crc32c && crypto::crc32c(request.body) != *request.checksums.crc32c)
      return Error(Code::kDataLoss, fmt::format("{}: the bytes changed on their way here", request.key));
    const std::string path = path_of_key(request.key);
    Fd parent;
    std::string partial;
    if (options_.symlinks == SymlinkRule::kStore && request.properties.metadata.count("symlink") != 0) return put_link(request, path);
    bool nameless = false;
    TRY_ASSIGN(const Fd fd, make_nameless(path, partial, parent, nameless));
    Status written = write_exactly(fd.get(), request.body, 0);
    if (written.ok() && nameless &&
        ::linkat(AT_FDCWD, fmt::format("/proc/self/fd/{}", fd.get()).c_str(), parent.get(), partial.c_str(), AT_SYMLINK_FOLLOW) != 0)
      written = file_error("name", partial);
    if (written.ok()) written = finish(parent.get(), fd.get(), partial, path, request.properties, request.only_if_absent);
    if (!written.ok()) {
      ::unlinkat(parent.get(), partial.c_str(), 0);
      return written.error().context((folder_.root() / path).string());
    }
    return receipt(fd.get(), request.checksums);
  }

  Result<PutReceipt> put_link(const PutRequest& request, const std::string& path) {
    TRY_ASSIGN(const Fd parent, folder_.open_parent(path, true));
    const std::string partial = partial_name(path), name(SafeFolder::name_in(path));
    if (::symlinkat(std::string(request.body).c_str(), parent.get(), partial.c_str()) != 0)
      return file_error("make link", folder_.root() / path);
    if (::renameat(parent.get(), partial.c_str(), parent.get(), name.c_str()) != 0) {
      const Error error = file_error("make link", folder_.root() / path);
      ::unlinkat(parent.get(), partial.c_str(), 0);
      return error;
    }
    return PutReceipt{};
  }

  // Gives a complete partial file its times, permissions and name.
  Status finish(int parent, int fd, const std::string& partial, const std::string& path, const Properties& properties,
                bool only_if_absent) {
    if (const auto mtime = parse_nanos(properties.metadata)) {
      const timespec times[2] = {{0, UTIME_OMIT}, *mtime};
      ::futimens(fd, times);
    }
    if (const auto mode = properties.metadata.find("mode"); options_.keep_mode && mode != properties.metadata.end()) {
      unsigned bits = 0;
      std::from_chars(mode->second.data(), mode->second.data() + mode->second.size(), bits, 8);
      ::fchmod(fd, bits & 01777);  // never set-uid: the source is not trusted with that
    }
    const std::string name(SafeFolder::name_in(path));
    if (::renameat2(parent, partial.c_str(), parent, name.c_str(), only_if_absent ? RENAME_NOREPLACE : 0) == 0) return {};
    if (errno == EEXIST && only_if_absent) return Error(Code::kAlreadyExists, "it exists already");
    if (errno == EISDIR || errno == EEXIST || errno == ENOTEMPTY)
      return invalid(
          "a folder is where this file belongs: the source has this object and, below its name and a '/', others; a file system cannot "
          "hold both");
    return file_error("rename to", name);
  }

  static PutReceipt receipt(int fd, const Checksums& checksums) {
    PutReceipt receipt;
    struct stat status {};
    if (::fstat(fd, &status) == 0) receipt.version = version_of(status);
    receipt.checksums = checksums;
    return receipt;
  }

  Result<Upload> start_upload_now(const std::string& key) {
    const std::string path = path_of_key(key);
    Fd parent;
    std::string partial;
    TRY_ASSIGN(const Fd fd, make_partial(path, partial, parent));
    const auto slash = path.rfind('/');
    return Upload{key, (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + partial, SystemClock().now()};
  }

  Result<Fd> open_partial(const Upload& upload) const {
    TRY_ASSIGN(const Fd parent, folder_.open_parent(upload.id, false));
    const std::string name(SafeFolder::name_in(upload.id));
    if (!name.starts_with(kPartialPrefix)) return invalid(fmt::format("'{}' is no upload", upload.id));
    Fd fd(::openat(parent.get(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return file_error("open", folder_.root() / upload.id);
    return fd;
  }

  Result<Part> put_part_now(const Upload& upload, int number, std::uint64_t offset, std::string_view body,
                            const Checksums& checksums) const {
    if (checksums.crc32c && crypto::crc32c(body) != *checksums.crc32c)
      return Error(Code::kDataLoss, fmt::format("{}: part {} changed on its way here", upload.key, number));
    TRY_ASSIGN(const Fd fd, open_partial(upload));
    TRY(write_exactly(fd.get(), body, offset).context(upload.key));
    // On its way to the disk while the next parts come: what is flushed at the end is little then.
    ::sync_file_range(fd.get(), static_cast<off_t>(offset), static_cast<off_t>(body.size()), SYNC_FILE_RANGE_WRITE);
    return Part{number, body.size(), "", checksums.crc32c};
  }

  Result<PutReceipt> complete_now(const Upload& upload, std::uint64_t bytes, const Properties& properties) {
    TRY_ASSIGN(const Fd fd, open_partial(upload));
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return file_error("read", folder_.root() / upload.id);
    if (static_cast<std::uint64_t>(status.st_size) != bytes)
      return Error(Code::kDataLoss, fmt::format("{}: {} bytes were written, {} belong there", upload.key, status.st_size, bytes));
    const std::string path = path_of_key(upload.key);
    TRY_ASSIGN(const Fd parent, folder_.open_parent(path, true));
    TRY(finish(parent.get(), fd.get(), std::string(SafeFolder::name_in(upload.id)), path, properties, false)
            .context((folder_.root() / path).string()));
    return receipt(fd.get(), {});
  }

  Status abort_now(const Upload& upload) const {
    auto parent = folder_.open_parent(upload.id, false);
    if (!parent.ok()) return parent.error().code() == Code::kNotFound ? Status() : Status(parent.error());
    const std::string name(SafeFolder::name_in(upload.id));
    if (!name.starts_with(kPartialPrefix)) return invalid(fmt::format("'{}' is no upload", upload.id));
    if (::unlinkat(parent->get(), name.c_str(), 0) != 0 && errno != ENOENT) return file_error("remove", folder_.root() / upload.id);
    prune(upload.id);
    return {};
  }

  // Of the folders that can hold one; a partial file tells its key only to who asks for that very key.
  Result<UploadPage> list_uploads_now(const std::string& prefix) const {
    UploadPage page;
    const std::string wanted = prefix.empty() ? "" : path_of_key(prefix),
                      mark = fmt::format("{}{:08x}-", kPartialPrefix, crypto::crc32c(wanted));
    const fs::path folder = (folder_.root() / wanted).parent_path();
    std::error_code failure;
    for (auto it = fs::recursive_directory_iterator(prefix.empty() ? folder_.root() : folder, fs::directory_options::skip_permission_denied,
                                                    failure);
         !failure && it != fs::recursive_directory_iterator(); it.increment(failure)) {
      const std::string name = it->path().filename().string();
      if (!name.starts_with(kPartialPrefix)) continue;
      const std::string id = it->path().lexically_relative(folder_.root()).string();
      const auto slash = id.rfind('/');
      const bool exact = name.starts_with(mark) && it->path().parent_path() == folder;
      const std::string key = exact ? prefix : key_of_path(slash == std::string::npos ? "" : id.substr(0, slash + 1));
      struct stat status {};
      if (key.starts_with(prefix) && ::lstat(it->path().c_str(), &status) == 0)
        page.uploads.push_back({key, id, Instant::from_unix_nanos(nanos(status.st_ctim))});
    }
    return page;
  }

  Result<PutReceipt> copy_now(const LocalStoreImpl& source, const std::string& source_key, const std::string& source_version,
                              const std::string& key, const std::optional<Properties>& properties) {
    const fs::path from = source.full(source_key);
    struct stat before {};
    const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!in || ::fstat(in.get(), &before) != 0) return file_error("open", from);
    if (!source_version.empty() && version_of(before) != source_version) return changed(from);
    const std::string path = path_of_key(key);
    Fd parent;
    std::string partial;
    TRY_ASSIGN(const Fd out, make_partial(path, partial, parent));
    Status copied = copy_bytes(in.get(), out.get(), static_cast<std::uint64_t>(before.st_size));
    struct stat after {};
    if (copied.ok() && (::fstat(in.get(), &after) != 0 || version_of(after) != version_of(before))) copied = changed(from);
    if (copied.ok())
      copied =
          finish(parent.get(), out.get(), partial, path, properties ? *properties : source.head_of(source_key, before).properties, false);
    if (!copied.ok()) {
      ::unlinkat(parent.get(), partial.c_str(), 0);
      return copied.error();
    }
    return receipt(out.get(), {});
  }

  static Status copy_bytes(int in, int out, std::uint64_t bytes) {
    std::uint64_t done = 0;
    while (done < bytes) {
      const ssize_t moved =
          ::copy_file_range(in, nullptr, out, nullptr, static_cast<std::size_t>(std::min<std::uint64_t>(bytes - done, 1 << 30)), 0);
      if (moved < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) return copy_by_hand(in, out, done);
      if (moved < 0) return file_error("copy to", "the disk");
      if (moved == 0) break;
      done += static_cast<std::uint64_t>(moved);
    }
    return {};
  }

  static Status copy_by_hand(int in, int out, std::uint64_t offset) {
    std::string piece(1 << 20, '\0');
    for (;;) {
      std::uint64_t got = 0;
      TRY(read_exactly(in, piece, offset, got));
      if (got == 0) return {};
      TRY(write_exactly(out, std::string_view(piece).substr(0, got), offset));
      offset += got;
    }
  }

  // Removing ----------------------------------------------------------------------------------------------------------

  Result<std::vector<RemoveFailure>> remove_now(const std::vector<std::string>& keys) const {
    std::vector<RemoveFailure> failures;
    for (const auto& key : keys) {
      const std::string path = path_of_key(key);
      const auto parent = folder_.open_parent(path, false);
      if (!parent.ok()) {
        if (parent.error().code() != Code::kNotFound) failures.push_back({key, parent.error()});
        continue;
      }
      const std::string name(SafeFolder::name_in(path));
      if (::unlinkat(parent->get(), name.c_str(), 0) != 0 && errno != ENOENT)
        failures.push_back({key, file_error("remove", folder_.root() / path)});
      else prune(path);
    }
    return failures;
  }

  // Folders exist for the sake of what is in them; those that have become empty go, up to the root.
  void prune(std::string path) const {
    for (auto slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/')) {
      path.resize(slash);
      const auto parent = folder_.open_parent(path, false);
      if (!parent.ok() || ::unlinkat(parent->get(), std::string(SafeFolder::name_in(path)).c_str(), AT_REMOVEDIR) != 0) return;
    }
  }

  SafeFolder folder_;
  LocalOptions options_;
  Mutex mutex_;
  std::map<std::string, std::unique_ptr<Walk>> walks_ GUARDED_BY(mutex_);
  std::uint64_t last_page_ GUARDED_BY(mutex_) = 0;
  Omissions omissions_ GUARDED_BY(mutex_);
  DiskWorkers workers_;  // last: its threads use all the rest
};

}  // namespace

std::unique_ptr<LocalStore> LocalStore::open(const fs::path& root, LocalOptions options) {
  return std::make_unique<LocalStoreImpl>(root, options);
}

}  // namespace isobar::storage
