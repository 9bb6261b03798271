#pragma once

/// The small forms that Slurm's programs write: records of Key=value, spans of time, generic resources.
///
/// Releases before 23.02 have no JSON for nodes and partitions, and each later one changed its own, so the text forms are read: they
/// have stood for fifteen years. Unknown keys are passed over.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace isobar::cloud {

/// One line of `scontrol show … -o`. Values may hold blanks ("OS=Linux 6.1 #1 SMP"): a value ends where the next key begins. Of a key
/// that comes twice the first counts, so that a free text further on (a reason, a comment) cannot take its place.
class SlurmRecord {
 public:
  static SlurmRecord parse(std::string_view line);
  /// "" where the key is not there or holds what Slurm writes for nothing: (null), N/A, n/a, NONE, None, Unknown.
  std::string_view get(std::string_view key) const;
  bool has(std::string_view key) const { return values_.find(key) != values_.end(); }
  /// The number that the value begins with; 0 without one.
  std::uint64_t number(std::string_view key) const;
  /// Parts between commas; none when empty.
  std::vector<std::string> list(std::string_view key) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// Lines that hold something, as records.
std::vector<SlurmRecord> parse_records(std::string_view text);

/// "1-02:03:04", "02:03:04", "03:04" (minutes and seconds), "15" (minutes). None: UNLIMITED, INFINITE, NONE, Partition_Limit, "" or
/// anything that is no span.
std::optional<Duration> parse_slurm_span(std::string_view text);
/// "1-02:03:04" or "1:00:00": as sbatch --time takes it and people write it. Parts of a second are rounded up.
std::string format_slurm_span(Duration span);

/// A generic resource of a node: "gpu:a100:4(S:0-1)" is four gpu of type a100.
struct SlurmGres {
  std::string kind, type;  ///< "gpu" and "a100"; the type may be empty
  int count = 0, used = 0;
  friend bool operator==(const SlurmGres&, const SlurmGres&) = default;
};
/// What a node has and uses: "gpu:a100:4(S:0-1),gpu:v100:2" and "gpu:a100:2(IDX:0-1),gpu:v100:0(IDX:N/A)".
std::vector<SlurmGres> parse_gres(std::string_view has, std::string_view uses);

/// The wall clock as SLURM_TIME_FORMAT=%s prints it; none for N/A and the like.
std::optional<Instant> parse_slurm_instant(std::string_view text);

}  // namespace isobar::cloud
