#include "rocks_key_values.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

namespace isobar::db {

namespace {

constexpr std::size_t kCacheBytes = 64U << 20, kWriteBufferBytes = 16U << 20;

Error error_of(const rocksdb::Status& status, const fs::path& folder) {
  const Code code = status.IsCorruption() ? Code::kDataLoss : status.IsIOError() ? Code::kUnavailable : Code::kConflict;
  return {code, fmt::format("{}: {}", folder.string(), status.ToString())};
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

class RocksKeyValues : public KeyValues {
 public:
  RocksKeyValues(std::unique_ptr<rocksdb::DB> store, fs::path folder, bool sync)
      : store_(std::move(store)), folder_(std::move(folder)), sync_(sync) {}

  Result<std::optional<std::string>> get(std::string_view key) const override {
    std::string value;
    const auto status = store_->Get({}, slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return error_of(status, folder_);
    return std::optional(std::move(value));
  }

  Status write(std::span<const Change> changes) override {
    rocksdb::WriteBatch batch;
    for (const auto& [key, value] : changes) {
      const auto added = value ? batch.Put(slice(key), slice(*value)) : batch.Delete(slice(key));
      if (!added.ok()) return error_of(added, folder_);
    }
    rocksdb::WriteOptions options;
    options.sync = sync_;
    const auto written = store_->Write(options, &batch);
    if (!written.ok()) return error_of(written, folder_);
    return {};
  }

  Status visit(std::string_view from, std::string_view until, bool backward, const Visitor& visitor) const override {
    rocksdb::ReadOptions options;
    const rocksdb::Slice least = slice(from), most = slice(until);
    options.iterate_lower_bound = &least;
    options.iterate_upper_bound = &most;
    const std::unique_ptr<rocksdb::Iterator> at(store_->NewIterator(options));
    const auto view = [](const rocksdb::Slice& bytes) { return std::string_view(bytes.data(), bytes.size()); };
    if (backward) at->SeekToLast();
    else at->SeekToFirst();
    while (at->Valid() && visitor(view(at->key()), view(at->value()))) backward ? at->Prev() : at->Next();
    if (!at->status().ok()) return error_of(at->status(), folder_);
    return {};
  }

 private:
  std::unique_ptr<rocksdb::DB> store_;
  fs::path folder_;
  bool sync_;
};

rocksdb::Options options_of() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // A record that a crash tore off was never told to be written; damage before the end is.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.write_buffer_size = kWriteBufferBytes;
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  // What is young is soon replaced, and certificates hardly become smaller.
  options.compression = rocksdb::kLZ4Compression;
  options.num_levels = 7;
  options.compression_per_level.assign(7, rocksdb::kLZ4Compression);
  options.compression_per_level[0] = options.compression_per_level[1] = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.checksum = rocksdb::kXXH3;  // Debian's archive computes CRC-32C without the processor's help
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

Result<std::unique_ptr<KeyValues>> open_rocks(const fs::path& folder, bool sync) {
  rocksdb::DB* raw = nullptr;
  const auto status = rocksdb::DB::Open(options_of(), folder.string(), &raw);
  if (!status.ok()) return error_of(status, folder);
  return std::unique_ptr<KeyValues>(std::make_unique<RocksKeyValues>(std::unique_ptr<rocksdb::DB>(raw), folder, sync));
}

}  // namespace isobar::db
