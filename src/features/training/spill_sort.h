#pragma once

/// Sorts more than fits into memory: what does is sorted there, written to a file, and all files are merged in the end.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace isobar::features {

/// Records of bytes, by their first bytes as unsigned ones. One thread at a time.
class SpillSort {
 public:
  /// key_bytes      of each record, at least 1; no two records have the same
  /// memory_bytes   that records may take before they are written out
  SpillSort(std::size_t key_bytes, std::uint64_t memory_bytes, fs::path folder);
  ~SpillSort();

  /// head, tail   together the record. Errors   kUnavailable: the folder cannot be written
  Status add(std::string_view head, std::string_view tail);
  /// No more records come; `next` gives the first.
  Status sort();
  /// In their order; until the next call. Empty: there are no more.
  Result<std::string_view> next();

  std::uint64_t spilled_bytes() const { return spilled_bytes_; }

 private:
  struct Entry {
    std::uint64_t first, second;  ///< the first 16 bytes as numbers, which decides most comparisons
    const char* record;           ///< four bytes of length, then the record
  };
  class Run;
  char* room(std::size_t bytes);
  bool before(const Entry& a, const Entry& b) const;
  Entry entry_of(const char* record) const;
  void sort_entries();
  Status write_run();
  Status merge_runs();
  Status start_merge();

  std::size_t key_bytes_;
  std::uint64_t memory_bytes_;
  fs::path folder_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_ = 0, block_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<Entry> entries_;
  std::size_t given_ = 0;  ///< of the entries, where nothing was spilled
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<Run*> heap_;
  Run* last_ = nullptr;  ///< whose record was given last
  std::uint64_t spilled_bytes_ = 0;
};

}  // namespace isobar::features
