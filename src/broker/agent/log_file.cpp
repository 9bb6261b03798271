#include "log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace isobar::broker {

namespace {

constexpr std::uint64_t kOverlongLine = 1 << 20;  // a line this far past the limit is cut by a rotation
constexpr std::uint64_t kBlock = 64 << 10;
constexpr int kOpenTries = 5;

struct OldFile {
  std::uint64_t start = 0, size = 0;
  fs::path path;
};

/// The rotated files of a log, oldest first.
Result<std::vector<OldFile>> old_files(const fs::path& log) {
  std::vector<OldFile> found;
  std::error_code failure;
  const std::string prefix = log.filename().string() + ".";
  for (auto entry = fs::directory_iterator(log.parent_path(), failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    OldFile file{.path = entry->path()};
    const char* end = name.data() + name.size();
    if (const auto parsed = std::from_chars(name.data() + prefix.size(), end, file.start); parsed.ec != std::errc() || parsed.ptr != end)
      continue;
    struct stat info {};
    if (::stat(file.path.c_str(), &info) != 0) continue;  // Rotated away meanwhile.
    file.size = static_cast<std::uint64_t>(info.st_size);
    found.push_back(std::move(file));
  }
  if (failure && failure != std::errc::no_such_file_or_directory)
    return errno_error("list logs in " + log.parent_path().string(), failure.value());
  std::sort(found.begin(), found.end(), [](const OldFile& a, const OldFile& b) { return a.start < b.start; });
  return found;
}

std::uint64_t start_of_current(const std::vector<OldFile>& old) { return old.empty() ? 0 : old.back().start + old.back().size; }

fs::path old_path(const fs::path& log, std::uint64_t start) { return fmt::format("{}.{}", log.string(), start); }

}  // namespace

Result<LogWriter> LogWriter::open(const fs::path& path, LogLimits limits) {
  LogWriter writer(path, limits);
  TRY_ASSIGN(const auto old, old_files(path));
  writer.start_ = start_of_current(old);
  TRY(writer.open_current());
  struct stat info {};
  if (::fstat(writer.file_.get(), &info) != 0) return errno_error("open log " + path.string());
  writer.end_ = writer.start_ + static_cast<std::uint64_t>(info.st_size);
  return writer;
}

Status LogWriter::open_current() {
  file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file_) return errno_error("open log " + path_.string());
  return {};
}

void LogWriter::append(std::string_view bytes) {
  if (bytes.empty()) return;
  make_room();
  if (lost_ > 0) {
    const auto note = fmt::format("{}[isobar: {} bytes of output were lost: the disk was full]\n", line_open_ ? "\n" : "", lost_);
    if (write_what_fits(note) == note.size()) lost_ = 0;
  }
  lost_ += bytes.size() - (lost_ > 0 ? 0 : write_what_fits(bytes));
}

std::size_t LogWriter::write_what_fits(std::string_view bytes) {
  std::size_t done = 0;
  while (file_ && done < bytes.size()) {
    const auto wrote = ::write(file_.get(), bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  end_ += done;
  if (done > 0) line_open_ = bytes[done - 1] != '\n';
  return done;
}

void LogWriter::make_room() {
  // Without a file (its disk refused one) there is nothing to rotate, but a new one may now be had.
  if (!file_) (void)open_current().ok();
  if (file_ && end_ - start_ >= limits_.file_bytes_max + (line_open_ ? kOverlongLine : 0)) (void)rotate().ok();
}

Status LogWriter::rotate() {
  const auto old = old_path(path_, start_);
  if (::rename(path_.c_str(), old.c_str()) != 0) return errno_error("rotate log " + path_.string());
  start_ = end_;
  file_.reset();
  TRY_ASSIGN(const auto kept, old_files(path_));
  for (std::size_t i = 0; i + limits_.old_files < kept.size(); ++i) ::unlink(kept[i].path.c_str());
  TRY(open_current());
  write_what_fits(fmt::format("{}[isobar: this log goes on from {}]\n", line_open_ ? "\n" : "", old.filename().string()));
  return {};
}

Result<std::vector<LogReader::Segment>> LogReader::segments() const {
  TRY_ASSIGN(const auto old, old_files(path_));
  std::vector<Segment> all;
  for (const auto& file : old) all.push_back({file.start, file.path});
  all.push_back({start_of_current(old), path_});
  return all;
}

Status LogReader::open_at(std::uint64_t offset) {
  file_.reset();
  // A rotation between listing and opening would give one file the place of another; then the listing has changed.
  for (int attempt = 0; attempt < kOpenTries; ++attempt) {
    TRY_ASSIGN(const auto all, segments());
    auto chosen = std::find_if(all.rbegin(), all.rend(), [&](const Segment& segment) { return segment.start <= offset; });
    const Segment segment = chosen == all.rend() ? all.front() : *chosen;
    Fd file(::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno != ENOENT) return errno_error("read log " + segment.path.string());
    TRY_ASSIGN(const auto again, segments());
    if (again.size() != all.size() || again.back().start != all.back().start || again.front().start != all.front().start) continue;
    file_ = std::move(file);
    start_ = segment.start;
    current_ = segment.path == path_;
    return {};
  }
  return unavailable("read log " + path_.string() + ": it is rotated faster than it can be read");
}

bool LogReader::was_rotated() const {
  struct stat mine {
  }, there{};
  return ::fstat(file_.get(), &mine) != 0 || ::stat(path_.c_str(), &there) != 0 || mine.st_ino != there.st_ino;
}

Result<LogReader::Piece> LogReader::read(std::uint64_t offset, std::size_t bytes_max) {
  for (int hop = 0; hop < kOpenTries; ++hop) {
    if (!file_ || offset < start_) TRY(open_at(offset));
    if (!file_) return Piece{offset, {}};
    offset = std::max(offset, start_);
    // Whatever was written before a rotation is in the old file by the time the rotation is seen: look first, then read.
    const bool complete = !current_ || was_rotated();
    Piece piece{offset, std::string(bytes_max, '\0')};
    const auto got = ::pread(file_.get(), piece.bytes.data(), bytes_max, static_cast<off_t>(offset - start_));
    if (got < 0) return errno_error("read log " + path_.string());
    piece.bytes.resize(static_cast<std::size_t>(got));
    if (got > 0 || !complete) return piece;
    file_.reset();
  }
  return Piece{offset, {}};
}

Result<std::string> LogReader::read_range(std::uint64_t from, std::uint64_t to) {
  std::string out;
  while (from + out.size() < to) {
    TRY_ASSIGN(const auto piece, read(from + out.size(), to - from - out.size()));
    if (piece.bytes.empty()) break;
    out += piece.bytes;
  }
  return out;
}

Result<std::uint64_t> LogReader::tail_start(std::uint64_t lines, const LineTest& counts) {
  TRY_ASSIGN(const auto all, segments());
  struct stat info {};
  const auto begin = all.front().start;
  const auto end = all.back().start + (::stat(path_.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0);
  if (lines == 0) return end;
  std::uint64_t seen = 0;
  for (auto block_end = end; block_end > begin;) {
    const auto block = std::max(begin, block_end - std::min(kBlock, block_end));
    TRY_ASSIGN(const auto bytes, read_range(block, std::min(end, block_end + kLineHead)));
    const std::string_view view = bytes;
    for (auto at = std::min<std::uint64_t>(block_end - block, view.size()); at-- > 0;) {
      // A line begins after each newline; one that ends the log begins nothing.
      if (view[at] != '\n' || block + at + 1 >= end) continue;
      if (counts(view.substr(at + 1, kLineHead)) && ++seen == lines) return block + at + 1;
    }
    block_end = block;
  }
  return begin;
}

}  // namespace isobar::broker
