#pragma once

/// A log that grows for as long as its job runs, in files of bounded size and number.
///
/// `run.log` is what is being written. When it is full it is renamed to `run.log.<n>`, n being the position of its
/// first byte in the whole log, and only the newest few such files are kept. A position therefore means the same for
/// ever, whatever was rotated in between, and a reader needs nothing but the last position it saw to go on.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace isobar::broker {

struct LogLimits {
  std::uint64_t file_bytes_max = 64 << 20;  ///< a file may exceed it by the line it ends with, up to 1 MiB
  std::size_t old_files = 4;
};

/// One writer for each log, ever at a time.
class LogWriter {
 public:
  /// Goes on after what is there.
  static Result<LogWriter> open(const fs::path& path, LogLimits limits = {});

  /// A full disk must not end a job, so this cannot fail: what cannot be written is counted, and a line says how much was
  /// lost as soon as the disk takes it.
  void append(std::string_view bytes);
  /// Begins a new file if the current one is full; `append` does so by itself, before it writes.
  void make_room();
  /// The position after the last byte.
  std::uint64_t end() const { return end_; }

 private:
  LogWriter(fs::path path, LogLimits limits) : path_(std::move(path)), limits_(limits) {}
  Status open_current();
  Status rotate();
  /// Returns how many bytes were written.
  std::size_t write_what_fits(std::string_view bytes);

  fs::path path_;
  LogLimits limits_;
  Fd file_;
  std::uint64_t start_ = 0, end_ = 0;
  std::uint64_t lost_ = 0;  // bytes that the disk did not take since the last note
  bool line_open_ = false;
};

class LogReader {
 public:
  explicit LogReader(fs::path path) : path_(std::move(path)) {}

  struct Piece {
    std::uint64_t offset = 0;  ///< beyond the one asked for when older bytes were rotated away
    std::string bytes;         ///< empty: no more for now
  };
  /// At most `bytes_max` bytes at `offset`. A log that does not exist yet is empty.
  Result<Piece> read(std::uint64_t offset, std::size_t bytes_max);

  /// Where the last `lines` of the lines that `counts` accepts begin. Reads backwards from the end, no more than those
  /// lines take. counts  sees the first kLineHead bytes of a line
  using LineTest = std::function<bool(std::string_view head)>;
  static constexpr std::size_t kLineHead = 512;
  Result<std::uint64_t> tail_start(std::uint64_t lines, const LineTest& counts);

 private:
  struct Segment {
    std::uint64_t start = 0;
    fs::path path;
  };
  /// Oldest first; the one being written comes last, whether it exists or not.
  Result<std::vector<Segment>> segments() const;
  Status open_at(std::uint64_t offset);
  bool was_rotated() const;
  /// All of [from, to), or as much as there is.
  Result<std::string> read_range(std::uint64_t from, std::uint64_t to);

  fs::path path_;
  Fd file_;  // holds `offset`s from start_ on
  std::uint64_t start_ = 0;
  bool current_ = false;  // file_ was the one being written when it was opened
};

}  // namespace isobar::broker
