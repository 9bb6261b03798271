#pragma once

/// The folder around the tables: who has it open, which format it is in, and how far the tables went when it was last closed.
///
/// RocksDB's logs take a record whose length runs past their end for one that a crash tore off, and so damage at a log's end can pass for
/// it. A store that is closed in order therefore leaves a seal, the number of its last write, which has to be found again.

#include <cstdint>
#include <optional>

#include "base/file.h"

namespace isobar::features {

class StoreFolder {
 public:
  /// Takes the folder for this process, until the object is gone; makes it if it is not there.
  /// Errors   kUnavailable: it is in use; kInvalidArgument: not a store, or of a newer format; kDataLoss: what says so is damaged
  static Result<StoreFolder> take(const fs::path& folder);

  const fs::path& path() const { return folder_; }
  /// Where RocksDB's files are.
  fs::path tables() const { return folder_ / "tables"; }
  /// Nothing was ever acknowledged here: the tables may be missing.
  bool being_made() const { return being_made_; }
  /// The tables were made: from now on they have to be there.
  Status made();

  /// Errors   kDataLoss: the seal is there, and says another number
  Status check_seal(std::uint64_t sequence) const;
  /// Before the first write.
  Status break_seal() const;
  Status seal(std::uint64_t sequence) const;

  /// What makes a folder with tables in it a store. The last step of a copy.
  static Status finish_copy(const fs::path& folder, std::uint64_t sequence);

 private:
  StoreFolder(fs::path folder, Fd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}

  fs::path folder_;
  Fd lock_;
  bool being_made_ = false;
};

}  // namespace isobar::features
