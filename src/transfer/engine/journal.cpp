// The format: after a head of eight bytes, records of [length u32][crc32c u32][payload], little-endian; the CRC is of the payload. A
// payload is a kind (one byte) and its fields: numbers as varints, strings as a varint length and their bytes.

#include "transfer/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>

#include "crypto/crc32c.h"

namespace isobar::transfer {

namespace {

constexpr std::string_view kMagic = "isojrn1\n";
constexpr std::uint32_t kRecordMost = 1 << 20;

enum class Kind : char { kIntent = 'i', kStarted = 's', kPart = 'p', kAborted = 'a', kDone = 'd' };

class Writer {
 public:
  explicit Writer(Kind kind) { text_ += static_cast<char>(kind); }
  Writer& number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
    return *this;
  }
  Writer& string(std::string_view value) {
    number(value.size());
    text_ += value;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (text_.empty()) break;
      const auto byte = static_cast<unsigned char>(text_.front());
      text_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    good_ = false;
    return 0;
  }
  std::string string() {
    const std::uint64_t size = number();
    if (size > text_.size()) {
      good_ = false;
      return {};
    }
    std::string value(text_.substr(0, size));
    text_.remove_prefix(size);
    return value;
  }
  bool good() const { return good_; }

 private:
  std::string_view text_;
  bool good_ = true;
};

// What a record's change to the state is; false: it makes no sense.
bool apply(std::string_view payload, JournalState& state) {
  Reader in(payload.substr(1));
  auto& open = state.resume.open;
  switch (static_cast<Kind>(payload[0])) {
    case Kind::kIntent: {
      StartIntent intent;
      intent.target = in.number();
      intent.target_key = in.string();
      intent.since = Instant::from_unix_nanos(static_cast<std::int64_t>(in.number()));
      if (in.good()) state.intents.push_back(std::move(intent));
      break;
    }
    case Kind::kStarted: {
      const std::string key = in.string(), version = in.string();
      const std::uint64_t part_bytes = in.number();
      const std::size_t target = in.number();
      storage::Upload upload;
      upload.key = in.string();
      upload.id = in.string();
      if (!in.good()) break;
      std::erase_if(state.intents, [&](const StartIntent& one) { return one.target == target && one.target_key == upload.key; });
      auto& object = open[key];
      object.version = version;
      object.part_bytes = part_bytes;
      object.uploads[target] = {std::move(upload), {}};
      break;
    }
    case Kind::kPart: {
      const std::string key = in.string();
      const std::size_t target = in.number();
      storage::Part part;
      part.number = static_cast<int>(in.number());
      part.bytes = in.number();
      part.etag = in.string();
      if (const std::uint64_t crc = in.number(); crc != 0) part.crc32c = static_cast<std::uint32_t>(crc - 1);
      const auto object = open.find(key);
      if (!in.good() || object == open.end() || object->second.uploads.count(target) == 0) break;
      object->second.uploads[target].parts[part.number] = std::move(part);
      break;
    }
    case Kind::kAborted: {
      const std::string key = in.string();
      const std::size_t target = in.number();
      if (const auto object = open.find(key); in.good() && object != open.end()) {
        object->second.uploads.erase(target);
        if (object->second.uploads.empty()) open.erase(object);
      }
      break;
    }
    case Kind::kDone: {
      const std::string key = in.string();
      const std::uint64_t mark = in.number();
      if (!in.good()) break;
      state.resume.done.insert(mark);
      open.erase(key);
      ++state.objects_done;
      break;
    }
    default: return false;
  }
  return in.good();
}

std::uint32_t load(std::string_view bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes.data(), 4);
  return value;
}

}  // namespace

std::size_t replay(std::string_view bytes, JournalState& state) {
  std::size_t whole = 0;
  for (;;) {
    const std::string_view rest = bytes.substr(whole);
    if (rest.size() < 8) return whole;
    const std::uint32_t size = load(rest);
    if (size == 0 || size > kRecordMost || rest.size() - 8 < size) return whole;
    const std::string_view payload = rest.substr(8, size);
    if (crypto::crc32c(payload) != load(rest.substr(4)) || !apply(payload, state)) return whole;
    whole += 8 + size;
  }
}

Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;
Journal::~Journal() = default;

Result<std::pair<Journal, JournalState>> Journal::open(const fs::path& path) {
  TRY(make_folders(path.parent_path()));
  Journal journal;
  journal.path_ = path;
  journal.file_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!journal.file_) return errno_error("open journal " + path.string());
  if (::flock(journal.file_.get(), LOCK_EX | LOCK_NB) != 0)
    return Error(Code::kConflict, "this very transfer is under way already, in another process");
  TRY_ASSIGN(const std::string bytes, read_file(path, 1ULL << 40));
  JournalState state;
  std::size_t whole = 0;
  if (bytes.size() >= kMagic.size()) {
    if (!bytes.starts_with(kMagic))
      return Error(Code::kDataLoss, fmt::format("{} is not a transfer's journal; remove it to begin again", path.string()));
    whole = kMagic.size() + replay(std::string_view(bytes).substr(kMagic.size()), state);
  }
  if (::ftruncate(journal.file_.get(), static_cast<off_t>(whole)) != 0 || ::lseek(journal.file_.get(), 0, SEEK_END) < 0)
    return errno_error("open journal " + path.string());
  if (whole == 0) journal.pending_ = kMagic;
  return std::pair(std::move(journal), std::move(state));
}

void Journal::append(std::string_view record) {
  const auto size = static_cast<std::uint32_t>(record.size());
  const std::uint32_t crc = crypto::crc32c(record);
  pending_.append(reinterpret_cast<const char*>(&size), 4);
  pending_.append(reinterpret_cast<const char*>(&crc), 4);
  pending_ += record;
}

void Journal::intend_upload(const CopyItem& item, std::size_t target, Instant now) {
  append(Writer(Kind::kIntent).number(target).string(item.target_keys[target]).number(static_cast<std::uint64_t>(now.unix_nanos())).text());
}

void Journal::started(const CopyItem& item, std::size_t target, std::uint64_t part_bytes, const storage::Upload& upload) {
  append(Writer(Kind::kStarted)
             .string(item.source.key)
             .string(item.source.version)
             .number(part_bytes)
             .number(target)
             .string(upload.key)
             .string(upload.id)
             .text());
}

void Journal::part_done(const CopyItem& item, std::size_t target, const storage::Part& part) {
  append(Writer(Kind::kPart)
             .string(item.source.key)
             .number(target)
             .number(static_cast<std::uint64_t>(part.number))
             .number(part.bytes)
             .string(part.etag)
             .number(part.crc32c ? std::uint64_t{*part.crc32c} + 1 : 0)
             .text());
}

void Journal::aborted(const CopyItem& item, std::size_t target) {
  append(Writer(Kind::kAborted).string(item.source.key).number(target).text());
}

void Journal::object_done(const CopyItem& item) { append(Writer(Kind::kDone).string(item.source.key).number(item_mark(item)).text()); }

Status Journal::sync() {
  if (pending_.empty()) return {};
  TRY(write_all(file_.get(), pending_).context("write journal " + path_.string()));
  pending_.clear();
  return ::fdatasync(file_.get()) == 0 ? Status() : Status(errno_error("write journal " + path_.string()));
}

Status Journal::remove() {
  pending_.clear();
  return ::unlink(path_.c_str()) == 0 || errno == ENOENT ? Status() : Status(errno_error("remove journal " + path_.string()));
}

}  // namespace isobar::transfer
