#include "record_blocks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace isobar::features {

namespace {
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kRecordBytesMost = std::size_t{64} << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
}  // namespace

Result<RecordBlocks> RecordBlocks::open(const fs::path& path, Quoting quoting) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error(path.string());
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return invalid(fmt::format("{}: this is a folder; name a file", path.string()));
  return RecordBlocks(std::move(fd), quoting);
}

Result<bool> RecordBlocks::read_more() {
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kBlockBytes);
  ssize_t got = 0;
  do got = ::read(fd_.get(), buffer_.data() + before, kBlockBytes);
  while (got < 0 && errno == EINTR);
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) return errno_error("read");
  if (first_ && buffer_.starts_with(kByteOrderMark)) buffer_.erase(0, kByteOrderMark.size());
  first_ = false;
  return got > 0;
}

/// A quote opens only where a cell begins, as CsvReader has it.
void RecordBlocks::scan() {
  if (quoting_ == Quoting::kNone) {
    const std::size_t end = std::string_view(buffer_).substr(scanned_).rfind('\n');
    if (end != std::string_view::npos) whole_ = scanned_ + end + 1;
    scanned_ = buffer_.size();
    return;
  }
  for (; scanned_ < buffer_.size(); ++scanned_) {
    const char c = buffer_[scanned_];
    if (at_ == At::kQuoted) {
      if (c == '"') at_ = At::kQuoteSeen;
      continue;
    }
    if (c == '\n') whole_ = scanned_ + 1;
    if (c == ',' || c == '\n') at_ = At::kCellStart;
    else if (c == '"' && at_ != At::kPlain) at_ = At::kQuoted;
    else at_ = At::kPlain;
  }
}

Result<std::string_view> RecordBlocks::next() {
  buffer_.erase(0, given_);
  scanned_ -= given_;
  given_ = whole_ = 0;
  while (whole_ == 0 && !ended_) {
    if (buffer_.size() > kRecordBytesMost) return invalid("a record of more than 64 MiB; is a quote not closed?");
    TRY_ASSIGN(const bool more, read_more());
    ended_ = !more;
    scan();
  }
  given_ = whole_ == 0 ? buffer_.size() : whole_;
  return std::string_view(buffer_).substr(0, given_);
}

}  // namespace isobar::features
