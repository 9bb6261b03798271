#include "db/vote_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>

#include "crypto/crc32c.h"

namespace isobar::db {

namespace {

constexpr std::string_view kMagic = "isobar db log 1\n";
constexpr std::size_t kHeader = 8;  // length and checksum
constexpr std::uint32_t kRecordMost = 64U << 20;

void put_u32(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i));
}

std::uint32_t get_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

/// The length of the record that begins here; none: there is no whole and sound one.
std::optional<std::size_t> sound_record(std::string_view bytes) {
  if (bytes.size() < kHeader) return std::nullopt;
  const std::uint32_t size = get_u32(bytes);
  if (size == 0 || size > kRecordMost || size > bytes.size() - kHeader) return std::nullopt;
  if (crypto::crc32c(bytes.substr(kHeader, size)) != get_u32(bytes.substr(4))) return std::nullopt;
  return kHeader + size;
}

/// Whether a sound record comes after the unsound one: then that one was not torn off by a crash.
bool goes_on_after(std::string_view bytes) {
  for (std::size_t at = 1; at + kHeader < bytes.size(); ++at)
    if (sound_record(bytes.substr(at))) return true;
  return false;
}

}  // namespace

Result<VoteLog> VoteLog::open(const fs::path& file, Sync sync, std::vector<std::string>& records) {
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return errno_error("open " + file.string());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return Error(Code::kConflict, fmt::format("{} is in use: this replica runs already", file.string()));
  TRY_ASSIGN(const std::string content, read_file(file, 64ULL << 30));
  if (content.size() < kMagic.size() && kMagic.substr(0, content.size()) == content) {
    if (::ftruncate(fd.get(), 0) != 0) return errno_error("begin " + file.string());
    VoteLog log(std::move(fd), file, sync, kMagic.size());
    TRY(write_all(log.file_.get(), kMagic).context("begin " + file.string()));
    if (::fsync(log.file_.get()) != 0) return errno_error("begin " + file.string());
    const Fd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) return errno_error("flush " + file.parent_path().string());
    return log;
  }
  if (content.substr(0, kMagic.size()) != kMagic)
    return Error(Code::kDataLoss, fmt::format("{} is no log of votes, or its beginning is damaged", file.string()));
  std::size_t at = kMagic.size();
  while (const auto size = sound_record(std::string_view(content).substr(at))) {
    records.push_back(content.substr(at + kHeader, *size - kHeader));
    at += *size;
  }
  if (at < content.size() && goes_on_after(std::string_view(content).substr(at)))
    return Error(Code::kDataLoss,
                 fmt::format("{} is damaged at byte {}: promises that this replica made are lost. It must not vote again; put a "
                             "sound copy of the file back, or take the replica out of the cluster",
                             file.string(), at));
  if (::ftruncate(fd.get(), static_cast<off_t>(at)) != 0 || ::lseek(fd.get(), 0, SEEK_END) < 0) return errno_error("cut " + file.string());
  return VoteLog(std::move(fd), file, sync, at);
}

Status VoteLog::append(std::span<const std::string_view> records) {
  std::string bytes;
  for (const auto& record : records) {
    put_u32(bytes, static_cast<std::uint32_t>(record.size()));
    put_u32(bytes, crypto::crc32c(record));
    bytes += record;
  }
  TRY(write_all(file_.get(), bytes).context("write " + path_.string()));
  size_ += bytes.size();
  if (sync_ == Sync::kDisk && ::fdatasync(file_.get()) != 0) return errno_error("flush " + path_.string());
  return {};
}

}  // namespace isobar::db
