#pragma once

/// A text file in blocks of whole records, so that what reads records never sees a piece of one.

#include <string>
#include <string_view>

#include "base/file.h"

namespace isobar::features {

/// Whether a line's end inside of quotes is part of a record, as in CSV.
enum class Quoting { kNone, kCsv };

class RecordBlocks {
 public:
  /// A byte order mark is skipped.
  static Result<RecordBlocks> open(const fs::path& path, Quoting quoting);
  /// The next block, until the next call; the last one may lack its line's end. Nothing: the file is at its end.
  /// Errors   kInvalidArgument: a record of over 64 MiB; kUnavailable: it cannot be read
  Result<std::string_view> next();

 private:
  enum class At { kCellStart, kPlain, kQuoted, kQuoteSeen };
  RecordBlocks(Fd fd, Quoting quoting) : fd_(std::move(fd)), quoting_(quoting) {}
  Result<bool> read_more();
  void scan();

  Fd fd_;
  Quoting quoting_;
  std::string buffer_;
  std::size_t given_ = 0;    ///< bytes of the buffer that were handed out
  std::size_t scanned_ = 0;  ///< bytes in which record ends were looked for
  std::size_t whole_ = 0;    ///< bytes up to the last end of a record
  At at_ = At::kCellStart;
  bool first_ = true, ended_ = false;
};

}  // namespace isobar::features
