#include "vote_segments.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>

namespace isobar::db {

namespace {

constexpr std::string_view kPrefix = "votes-", kSuffix = ".log";

std::optional<std::uint64_t> number_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string digits = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoull(digits);
}

std::vector<std::uint64_t> numbers_in(const fs::path& folder) {
  std::vector<std::uint64_t> numbers;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none))
    if (const auto number = number_of(entry.path().filename().string())) numbers.push_back(*number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

fs::path VoteSegments::file_of(std::uint64_t number) const { return folder_ / fmt::format("{}{:06}{}", kPrefix, number, kSuffix); }

Result<VoteSegments> VoteSegments::open(const fs::path& folder, Sync sync, std::vector<LogRecord>& records, std::uint64_t segment_bytes) {
  VoteSegments log(folder, sync, segment_bytes);
  const fs::path lock = folder / "votes.lock";
  log.lock_ = Fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!log.lock_) return errno_error("open " + lock.string());
  if (::flock(log.lock_.get(), LOCK_EX | LOCK_NB) != 0)
    return Error(Code::kConflict, fmt::format("{} is in use: this replica runs already", folder.string()));
  // The one file of earlier releases is the first of the row.
  std::error_code error;
  if (fs::exists(folder / "votes.log")) fs::rename(folder / "votes.log", log.file_of(0), error);
  if (error) return Error(Code::kUnavailable, fmt::format("rename {}: {}", (folder / "votes.log").string(), error.message()));
  auto numbers = numbers_in(folder);
  if (numbers.empty()) numbers.push_back(1);
  for (const auto number : numbers) TRY(log.read(number, number == numbers.back(), records));
  return log;
}

/// Only the last may have a torn end: the others were whole before the next was begun.
Status VoteSegments::read(std::uint64_t number, bool last, std::vector<LogRecord>& records) {
  const fs::path file = file_of(number);
  std::error_code none;
  const auto size_before = fs::exists(file) ? fs::file_size(file, none) : 0;
  std::vector<std::string> found;
  TRY_ASSIGN(auto log, VoteLog::open(file, sync_, found));
  if (!last && log.size() != size_before)
    return Error(Code::kDataLoss,
                 fmt::format("{} is cut off at byte {}, and there are later ones: promises of this replica are lost. It must "
                             "not vote again; put a sound copy of the file back, or take the replica out of the cluster",
                             file.string(), log.size()));
  segments_.push_back({number, {}});
  for (const auto& bytes : found) {
    TRY_ASSIGN(auto record, decode<LogRecord>(bytes).context("read " + file.string()));
    note({record.tx, std::holds_alternative<CheckpointRecord>(record.what), bytes});
    records.push_back(std::move(record));
  }
  if (last) current_ = std::move(log);
  return {};
}

void VoteSegments::note(const Record& record) {
  if (record.checkpoint) checkpoint_ = record.bytes;
  else segments_.back().of.insert(record.of);
}

Status VoteSegments::append(std::span<const Record> records) {
  if (current_->size() >= segment_bytes_) TRY(begin_segment());
  std::vector<std::string_view> bytes;
  for (const auto& record : records) {
    bytes.push_back(record.bytes);
    note(record);
  }
  return current_->append(bytes);
}

Status VoteSegments::begin_segment() {
  const std::uint64_t number = segments_.back().number + 1;
  std::vector<std::string> none;
  TRY_ASSIGN(auto next, VoteLog::open(file_of(number), sync_, none));
  if (checkpoint_) TRY(next.append(std::vector<std::string_view>{*checkpoint_}));
  current_ = std::move(next);
  segments_.push_back({number, {}});
  return {};
}

Status VoteSegments::forget(std::span<const TxId> ids) {
  for (auto& segment : segments_)
    for (const auto& id : ids) segment.of.erase(id);
  for (auto segment = segments_.begin(); std::next(segment) != segments_.end();) {
    if (!segment->of.empty()) {
      ++segment;
      continue;
    }
    std::error_code error;
    fs::remove(file_of(segment->number), error);
    if (error) return Error(Code::kUnavailable, fmt::format("remove {}: {}", file_of(segment->number).string(), error.message()));
    segment = segments_.erase(segment);
  }
  return {};
}

}  // namespace isobar::db
