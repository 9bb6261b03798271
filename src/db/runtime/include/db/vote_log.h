#pragma once

/// The file on which a replica's promises stand. Records are appended, several with one write and one flush; each carries its length and a
/// CRC-32C. What a crash tore off at the end was never promised and is cut away; damage anywhere before that is told, never skipped:
/// a replica that has lost a promise must not go on as if it had not made it.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace isobar::db {

enum class Sync { kDisk, kNone };

/// Owned by one thread at a time.
class VoteLog {
 public:
  /// records  gets what is there, in order
  /// Errors   kDataLoss: damaged, with the place; kConflict: another process has it
  static Result<VoteLog> open(const fs::path& file, Sync sync, std::vector<std::string>& records);

  /// All of them durable afterwards (with Sync::kDisk), or an error, after which nothing may be sent that rests on them.
  Status append(std::span<const std::string_view> records);
  /// Bytes of the file.
  std::uint64_t size() const { return size_; }

 private:
  VoteLog(Fd fd, fs::path path, Sync sync, std::uint64_t size) : file_(std::move(fd)), path_(std::move(path)), sync_(sync), size_(size) {}
  Fd file_;
  fs::path path_;
  Sync sync_;
  std::uint64_t size_;
};

}  // namespace isobar::db
