#pragma once

/// RocksDB as the store uses it: five families of columns, one writer, errors that say what to do.

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "expiry.h"
#include "store_folder.h"

namespace isobar::features {

enum class Family { kRow, kHistory, kState, kOffset, kRegistry };

inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

class Rocks {
 public:
  /// expiry   outlives it
  static Result<std::unique_ptr<Rocks>> open(StoreFolder folder, const Expiry& expiry, ByteCount cache);
  /// Flushes and seals, unless a write had failed.
  ~Rocks();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family which) const { return families_[static_cast<std::size_t>(which)]; }

  /// Writes all or nothing, and returns when it is on the disk. One caller at a time. After an error every call gives it again.
  Status write(rocksdb::WriteBatch& batch);
  /// None: nothing has this key. snapshot   none: as of now
  Result<std::optional<std::string>> get(Family family, std::string_view key, const rocksdb::Snapshot* snapshot = nullptr) const;
  /// found[i]: values[i] is what keys[i] has. Cost   one multi-get
  Result<std::vector<bool>> get_many(Family family, std::span<const rocksdb::Slice> keys, std::span<rocksdb::PinnableSlice> values,
                                     const rocksdb::Snapshot* snapshot) const;
  Status put(rocksdb::WriteBatch& batch, Family family, std::string_view key, std::string_view value) const;
  Status erase(rocksdb::WriteBatch& batch, Family family, std::string_view key) const;
  /// Rows, history and states of a view, all at once.
  Status erase_view(rocksdb::WriteBatch& batch, ViewId view) const;
  /// The value of the greatest key. None: the family is empty.
  Result<std::optional<std::string>> last(Family family) const;
  std::uint64_t disk_bytes() const;
  /// Between two writes, which the caller sees to.
  Status checkpoint(const fs::path& folder);
  Status flush();
  Status compact();

  Error error_of(const rocksdb::Status& status) const;

 private:
  Rocks(StoreFolder folder, std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> families)
      : folder_(std::move(folder)), db_(std::move(db)), families_(std::move(families)) {}

  StoreFolder folder_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::optional<Error> failed_;
};

}  // namespace isobar::features
