#include "file_source.h"

#include <fmt/format.h>

#include <map>
#include <thread>

#include "features/source_files.h"

namespace isobar::features {

namespace {

constexpr std::size_t kRowsOfBatch = 4096;

/// A position in a file is how many of its rows were read.
class FileSource final : public SourceReader {
 public:
  FileSource(const Source& source, const Engine& engine) : source_(source), engine_(engine) {}

  Result<std::optional<SourceBatch>> next(Duration patience) override {
    if (waiting_) std::this_thread::sleep_for(patience);
    waiting_ = false;
    if (files_.empty()) TRY(look());
    while (!files_.empty()) {
      TRY_ASSIGN(auto batch, read(files_.back()));
      if (batch) return batch;
      files_.pop_back();
      rows_.reset();
    }
    waiting_ = true;
    return std::optional<SourceBatch>();
  }
  bool at_end() const override { return waiting_; }

 private:
  /// Which files there are that are not as they were when they were last read to their end.
  Status look() {
    TRY_ASSIGN(const auto files, source_files(source_));
    for (const auto& file : files) {
      std::error_code failed;
      const Look now{fs::file_size(file.path, failed), fs::last_write_time(file.path, failed)};
      if (failed) continue;  // it went between two looks
      if (const auto known = seen_.find(file.path); known != seen_.end() && known->second == now) continue;
      seen_[file.path] = now;
      files_.push_back(file);
    }
    return {};
  }

  Result<std::optional<SourceBatch>> read(const TableFile& file) {
    const PartitionId partition{source_.name, file.path.filename().string()};
    if (!rows_) TRY(begin(file, partition));
    SourceBatch batch{
        .partition = partition, .after = at_ > 0 ? std::optional(Position{at_}) : std::nullopt, .upto = {}, .rows = {}, .problem = {}};
    Row row;
    while (batch.rows.size() < kRowsOfBatch) {
      TRY_ASSIGN(const bool more, rows_->next(row));
      if (!more) break;
      ++at_;
      batch.rows.push_back({row});
    }
    batch.upto = {at_};
    return batch.rows.empty() ? std::nullopt : std::optional(std::move(batch));
  }

  Status begin(const TableFile& file, const PartitionId& partition) {
    TRY_ASSIGN(const auto stands, engine_.position(partition));
    TRY_ASSIGN(rows_, SourceRows::open(source_, file));
    const std::uint64_t read = stands ? stands->major : 0;
    Row row;
    for (at_ = 0; at_ < read; ++at_) {
      TRY_ASSIGN(const bool more, rows_->next(row));
      if (!more)
        return invalid(fmt::format("{} has {} rows, and {} were read of it before: a file may only grow; put what is new into another",
                                   file.path.string(), at_, read));
    }
    return {};
  }

  struct Look {
    std::uintmax_t bytes;
    fs::file_time_type written;
    friend bool operator==(const Look&, const Look&) = default;
  };
  const Source source_;
  const Engine& engine_;
  std::map<fs::path, Look> seen_;
  std::vector<TableFile> files_;  ///< to be read, the last first
  std::optional<SourceRows> rows_;
  std::uint64_t at_ = 0;  ///< how many rows of it were read
  bool waiting_ = false;
};

}  // namespace

Result<std::unique_ptr<SourceReader>> open_file_source(const Source& source, const Engine& engine) {
  return std::unique_ptr<SourceReader>(std::make_unique<FileSource>(source, engine));
}

}  // namespace isobar::features
