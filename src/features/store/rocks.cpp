#include "rocks.h"

#include <fmt/format.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <cerrno>
#include <cstring>

#include "store_keys.h"

namespace isobar::features {

namespace {

constexpr std::size_t kBufferBytes = 32U << 20, kBuffersBytes = 128U << 20;
constexpr std::uint64_t kRewriteSeconds = 7 * 24 * 3600;  // within which what expired leaves the disk, wherever it lies

bool is_full(const rocksdb::Status& status) {
  return status.IsNoSpace() || (status.IsIOError() && status.ToString().find(std::strerror(EFBIG)) != std::string::npos);
}

/// What is neither the disk's nor the machine's fault is in the bytes: RocksDB has many names for that.
bool is_damage(const rocksdb::Status& status) {
  if (status.IsPathNotFound()) return true;
  return !status.IsIOError() && !status.IsBusy() && !status.IsTimedOut() && !status.IsAborted() && !status.IsMemoryLimit() &&
         !status.IsShutdownInProgress() && !status.IsIncomplete();
}

Error error_at(const fs::path& folder, const rocksdb::Status& status) {
  const std::string said = status.ToString();
  if (is_damage(status))
    return {Code::kDataLoss, fmt::format("{}: damaged: {}: restore the store from a checkpoint", folder.string(), said)};
  return {is_full(status) ? Code::kExhausted : Code::kUnavailable, fmt::format("{}: {}", folder.string(), said)};
}

rocksdb::DBOptions db_options(bool may_make) {
  rocksdb::DBOptions options;
  options.create_if_missing = options.create_missing_column_families = may_make;
  options.paranoid_checks = true;
  // A record that a crash tore off was never acknowledged; damage before the end is told.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_bgerror_resume_count = 0;  // after a failed write nothing is tried again: see store.h
  options.db_write_buffer_size = kBuffersBytes;
  options.max_background_jobs = 2;
  options.max_open_files = 1024;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache,
                                            std::shared_ptr<rocksdb::CompactionFilterFactory> filter) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kBufferBytes;
  options.compression = rocksdb::kLZ4Compression;
  options.num_levels = 7;
  options.compression_per_level.assign(7, rocksdb::kLZ4Compression);
  options.compression_per_level[0] = options.compression_per_level[1] = rocksdb::kNoCompression;  // soon rewritten
  options.compaction_filter_factory = std::move(filter);
  options.periodic_compaction_seconds = kRewriteSeconds;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.checksum = rocksdb::kXXH3;  // Debian's archive computes CRC-32C without the processor's help
  table.block_cache = cache;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

/// In the order of `Family`, and last the one that RocksDB insists on.
std::vector<rocksdb::ColumnFamilyDescriptor> families_of(const Expiry& expiry, ByteCount cache_bytes) {
  const auto cache = rocksdb::NewLRUCache(cache_bytes.value);
  return {{"row", family_options(cache, filter_latest_rows(expiry))},
          {"hist", family_options(cache, filter_history(expiry))},
          {"state", family_options(cache, filter_states(expiry))},
          {"offset", family_options(cache, filter_pushes(expiry))},
          {"registry", family_options(cache, nullptr)},
          {rocksdb::kDefaultColumnFamilyName, family_options(cache, nullptr)}};
}

}  // namespace

Result<std::unique_ptr<Rocks>> Rocks::open(StoreFolder folder, const Expiry& expiry, ByteCount cache) {
  rocksdb::DB* raw = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  const auto opened =
      rocksdb::DB::Open(db_options(folder.being_made()), folder.tables().string(), families_of(expiry, cache), &families, &raw);
  if (!opened.ok()) return error_at(folder.path(), opened);
  std::unique_ptr<Rocks> rocks(new Rocks(std::move(folder), std::unique_ptr<rocksdb::DB>(raw), std::move(families)));
  const auto ready = [&]() -> Status {
    TRY(rocks->folder_.check_seal(raw->GetLatestSequenceNumber()));
    TRY(rocks->folder_.made());
    return rocks->folder_.break_seal();
  }();
  if (ready.ok()) return rocks;
  rocks->failed_ = ready.error();  // so that it is not sealed as if it were whole
  return ready.error();
}

Rocks::~Rocks() {
  const bool flushed = !failed_ && flush().ok();
  const std::uint64_t sequence = db_->GetLatestSequenceNumber();
  for (auto* family : families_) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  const bool closed = db_->Close().ok();
  // Without a seal the next opening recovers from the log, as after a crash: nothing is lost by that.
  if (flushed && closed) (void)folder_.seal(sequence);
}

Status Rocks::write(rocksdb::WriteBatch& batch) {
  if (failed_) return *failed_;
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto written = db_->Write(options, &batch);
  if (written.ok()) return {};
  const Error error = error_of(written);
  failed_ = Error(error.code(), fmt::format("{}: nothing more is written until the store is opened again", error.message()));
  return *failed_;
}

Result<std::optional<std::string>> Rocks::get(Family which, std::string_view key, const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const auto status = db_->Get(options, family(which), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error_of(status);
  return std::optional(std::move(value));
}

Result<std::vector<bool>> Rocks::get_many(Family which, std::span<const rocksdb::Slice> keys, std::span<rocksdb::PinnableSlice> values,
                                          const rocksdb::Snapshot* snapshot) const {
  CHECK(keys.size() == values.size(), keys.size(), values.size());
  std::vector<bool> found(keys.size());
  if (keys.empty()) return found;
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(options, family(which), keys.size(), keys.data(), values.data(), statuses.data());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!statuses[i].ok() && !statuses[i].IsNotFound()) return error_of(statuses[i]);
    found[i] = statuses[i].ok();
  }
  return found;
}

Status Rocks::put(rocksdb::WriteBatch& batch, Family which, std::string_view key, std::string_view value) const {
  const auto added = batch.Put(family(which), slice(key), slice(value));
  return added.ok() ? Status() : error_of(added);
}

Status Rocks::erase(rocksdb::WriteBatch& batch, Family which, std::string_view key) const {
  const auto added = batch.Delete(family(which), slice(key));
  return added.ok() ? Status() : error_of(added);
}

Status Rocks::erase_view(rocksdb::WriteBatch& batch, ViewId view) const {
  const std::string first = view_prefix(view), end = view_prefix(ViewId{static_cast<std::uint32_t>(view) + 1});
  for (const Family which : {Family::kRow, Family::kHistory, Family::kState}) {
    const auto added = batch.DeleteRange(family(which), slice(first), slice(end));
    if (!added.ok()) return error_of(added);
  }
  return {};
}

Result<std::optional<std::string>> Rocks::last(Family which) const {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, family(which)));
  at->SeekToLast();
  if (at->Valid()) return std::optional(at->value().ToString());
  if (!at->status().ok()) return error_of(at->status());
  return std::optional<std::string>();
}

std::uint64_t Rocks::disk_bytes() const {
  std::uint64_t total = 0;
  for (auto* family : families_) {
    std::uint64_t bytes = 0;
    if (db_->GetIntProperty(family, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes)) total += bytes;
  }
  return total;
}

Status Rocks::flush() {
  const auto flushed = db_->Flush(rocksdb::FlushOptions(), families_);
  return flushed.ok() ? Status() : error_of(flushed);
}

Status Rocks::compact() {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (auto* family : families_) {
    const auto compacted = db_->CompactRange(options, family, nullptr, nullptr);
    if (!compacted.ok()) return error_of(compacted);
  }
  return {};
}

Status Rocks::checkpoint(const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder, ignored)) return Error(Code::kAlreadyExists, fmt::format("{}: is there: name a new folder", folder.string()));
  if (failed_) return *failed_;
  TRY(make_folders(folder));
  rocksdb::Checkpoint* raw = nullptr;
  auto made = rocksdb::Checkpoint::Create(db_.get(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  if (made.ok()) made = checkpoint->CreateCheckpoint((folder / "tables").string());
  if (!made.ok()) return error_at(folder, made);
  return StoreFolder::finish_copy(folder, db_->GetLatestSequenceNumber());
}

Error Rocks::error_of(const rocksdb::Status& status) const { return error_at(folder_.path(), status); }

}  // namespace isobar::features
