#include "spill_sort.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace isobar::features {

namespace {

constexpr std::uint64_t kMemoryBlockBytesLeast = std::uint64_t{4} << 10;
constexpr std::uint64_t kMemoryBlockBytesMost = std::uint64_t{1} << 20;
constexpr std::size_t kRunsMost = 64;
constexpr std::size_t kWriteBytes = std::size_t{256} << 10;
constexpr std::uint64_t kReadBytesLeast = std::uint64_t{32} << 10;
constexpr std::uint64_t kReadBytesMost = std::uint64_t{1} << 20;

std::uint32_t length_of(const char* record) {
  std::uint32_t length = 0;
  std::memcpy(&length, record, sizeof length);
  return length;
}
std::string_view text_of(const char* record) { return {record + sizeof(std::uint32_t), length_of(record)}; }

std::uint64_t number_at(std::string_view text, std::size_t at) {
  std::uint64_t number = 0;
  if (at < text.size()) std::memcpy(&number, text.data() + at, std::min(text.size() - at, sizeof number));
  return __builtin_bswap64(number);
}
static_assert(std::endian::native == std::endian::little);

Error cannot_spill(const fs::path& folder) {
  return Error(Code::kUnavailable, errno_error("a temporary file in " + folder.string()).message() +
                                       "; name another folder for temporary files, or allow more memory");
}

/// A file without a name, which is gone when it is closed.
Result<Fd> temporary_file(const fs::path& folder) {
  Fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  std::string name = (folder / ".isobar.XXXXXX").string();
  fd.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return cannot_spill(folder);
  ::unlink(name.c_str());
  return fd;
}

}  // namespace

/// A file of sorted records, each after its length.
class SpillSort::Run {
 public:
  Run(Fd fd, const fs::path& folder) : fd_(std::move(fd)), folder_(&folder) {}

  Status append(const char* record) {
    buffer_.append(record, sizeof(std::uint32_t) + length_of(record));
    return buffer_.size() < kWriteBytes ? Status() : flush();
  }
  Result<std::uint64_t> written() {
    TRY(flush());
    buffer_.shrink_to_fit();
    return bytes_;
  }
  /// Reads from the beginning, so many bytes at once.
  Result<bool> start(std::uint64_t read_bytes) {
    read_bytes_ = read_bytes;
    buffer_.clear();
    at_ = offset_ = 0;
    return advance();
  }
  /// The next record becomes `record`; false: there is none.
  Result<bool> advance() {
    if (record_ != nullptr) at_ += sizeof(std::uint32_t) + length_of(record_);
    record_ = nullptr;
    if (at_ == buffer_.size() && offset_ == bytes_) return false;
    TRY(have(sizeof(std::uint32_t)));
    TRY(have(sizeof(std::uint32_t) + length_of(buffer_.data() + at_)));
    record_ = buffer_.data() + at_;
    return true;
  }
  const char* record() const { return record_; }

 private:
  Status flush() {
    if (!write_all(fd_.get(), buffer_).ok()) return cannot_spill(*folder_);
    bytes_ += buffer_.size();
    buffer_.clear();
    return {};
  }
  /// So many bytes from `at_` on are in the buffer.
  Status have(std::size_t bytes) {
    if (buffer_.size() - at_ >= bytes) return {};
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t before = buffer_.size();
    const std::uint64_t wanted = std::min(std::max<std::uint64_t>(read_bytes_, bytes - before), bytes_ - offset_);
    buffer_.resize(before + wanted);
    for (std::size_t got = before; got < buffer_.size();) {
      const ssize_t read = ::pread(fd_.get(), buffer_.data() + got, buffer_.size() - got, static_cast<off_t>(offset_));
      if (read < 0 && errno == EINTR) continue;
      if (read <= 0) return Error(Code::kDataLoss, "a temporary file in " + folder_->string() + " cannot be read again");
      got += static_cast<std::size_t>(read);
      offset_ += static_cast<std::uint64_t>(read);
    }
    return {};
  }

  Fd fd_;
  const fs::path* folder_;
  std::string buffer_;
  std::uint64_t bytes_ = 0, offset_ = 0, read_bytes_ = 0;
  std::size_t at_ = 0;
  const char* record_ = nullptr;
};

SpillSort::SpillSort(std::size_t key_bytes, std::uint64_t memory_bytes, fs::path folder)
    : key_bytes_(key_bytes), memory_bytes_(memory_bytes), folder_(std::move(folder)) {}
SpillSort::~SpillSort() = default;

SpillSort::Entry SpillSort::entry_of(const char* record) const {
  const std::string_view key = text_of(record).substr(0, key_bytes_);
  return {number_at(key, 0), number_at(key, 8), record};
}

bool SpillSort::before(const Entry& a, const Entry& b) const {
  if (a.first != b.first) return a.first < b.first;
  if (a.second != b.second) return a.second < b.second;
  return text_of(a.record).substr(0, key_bytes_) < text_of(b.record).substr(0, key_bytes_);
}

char* SpillSort::room(std::size_t bytes) {
  if (block_bytes_ - block_used_ < bytes) {
    block_bytes_ = std::max<std::size_t>(std::clamp(memory_bytes_ / 16, kMemoryBlockBytesLeast, kMemoryBlockBytesMost), bytes);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_bytes_));
    block_used_ = 0;
    bytes_ += block_bytes_;
  }
  char* at = blocks_.back().get() + block_used_;
  block_used_ += bytes;
  return at;
}

Status SpillSort::add(std::string_view head, std::string_view tail) {
  if (bytes_ + entries_.capacity() * sizeof(Entry) >= memory_bytes_ && !entries_.empty()) TRY(write_run());
  const auto length = static_cast<std::uint32_t>(head.size() + tail.size());
  CHECK(length >= key_bytes_, length, key_bytes_);
  char* record = room(sizeof length + length);
  std::memcpy(record, &length, sizeof length);
  std::memcpy(record + sizeof length, head.data(), head.size());
  if (!tail.empty()) std::memcpy(record + sizeof length + head.size(), tail.data(), tail.size());
  entries_.push_back(entry_of(record));
  return {};
}

void SpillSort::sort_entries() {
  const auto less = [this](const Entry& a, const Entry& b) { return before(a, b); };
  if (!std::ranges::is_sorted(entries_, less)) std::ranges::sort(entries_, less);
}

Status SpillSort::write_run() {
  sort_entries();
  TRY_ASSIGN(Fd fd, temporary_file(folder_));
  auto run = std::make_unique<Run>(std::move(fd), folder_);
  for (const Entry& entry : entries_) TRY(run->append(entry.record));
  TRY_ASSIGN(const std::uint64_t bytes, run->written());
  spilled_bytes_ += bytes;
  runs_.push_back(std::move(run));
  entries_.clear();
  blocks_.clear();
  block_used_ = block_bytes_ = bytes_ = 0;
  return runs_.size() < kRunsMost ? Status() : merge_runs();
}

Status SpillSort::start_merge() {
  const std::uint64_t share = std::clamp(memory_bytes_ / (runs_.size() + 1), kReadBytesLeast, kReadBytesMost);
  heap_.clear();
  last_ = nullptr;
  for (const auto& run : runs_) {
    TRY_ASSIGN(const bool some, run->start(share));
    if (some) heap_.push_back(run.get());
  }
  std::ranges::make_heap(heap_, [this](Run* a, Run* b) { return before(entry_of(b->record()), entry_of(a->record())); });
  return {};
}

/// All runs become one.
Status SpillSort::merge_runs() {
  TRY(start_merge());
  TRY_ASSIGN(Fd fd, temporary_file(folder_));
  auto merged = std::make_unique<Run>(std::move(fd), folder_);
  while (true) {
    TRY_ASSIGN(const std::string_view record, next());
    if (record.empty()) break;
    TRY(merged->append(record.data() - sizeof(std::uint32_t)));
  }
  TRY_ASSIGN(const std::uint64_t bytes, merged->written());
  spilled_bytes_ += bytes;
  runs_.clear();
  runs_.push_back(std::move(merged));
  heap_.clear();
  last_ = nullptr;
  return {};
}

Status SpillSort::sort() {
  if (runs_.empty()) {
    sort_entries();
    return {};
  }
  if (!entries_.empty()) TRY(write_run());
  entries_.shrink_to_fit();
  return start_merge();
}

Result<std::string_view> SpillSort::next() {
  if (runs_.empty()) {
    constexpr std::size_t kAhead = 16;
    if (given_ + kAhead < entries_.size()) __builtin_prefetch(entries_[given_ + kAhead].record);
    return given_ == entries_.size() ? std::string_view() : text_of(entries_[given_++].record);
  }
  const auto later = [this](Run* a, Run* b) { return before(entry_of(b->record()), entry_of(a->record())); };
  if (last_ != nullptr) {
    TRY_ASSIGN(const bool more, last_->advance());
    if (more) {
      heap_.push_back(last_);
      std::ranges::push_heap(heap_, later);
    }
    last_ = nullptr;
  }
  if (heap_.empty()) return std::string_view();
  std::ranges::pop_heap(heap_, later);
  last_ = heap_.back();
  heap_.pop_back();
  return text_of(last_->record());
}

}  // namespace isobar::features
