#pragma once

/// Jobs as squeue, sacct and scontrol tell of them.
///
/// What these programs print is asked for with separators that no shell, name or comment of ours holds (ASCII 30 before each record, 31
/// between its fields), since names, comments and reasons hold blanks, commas, bars and, of other people's jobs, even line breaks.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace isobar::cloud {

inline constexpr char kRecordMark = '\x1e';
inline constexpr char kFieldMark = '\x1f';
inline constexpr std::string_view kJobNamePrefix = "isobar-";

/// What a job's comment says of it: whose it is, which cluster of isobar it carries, and which attempt.
struct JobTag {
  std::string owner, cluster, token;
  friend bool operator==(const JobTag&, const JobTag&) = default;
};
/// "isobar:OWNER:CLUSTER:TOKEN". Each part holds letters, digits, dots, dashes and underscores alone.
std::string format_tag(const JobTag& tag);
std::optional<JobTag> parse_tag(std::string_view comment);
/// Errors   kInvalidArgument: a part is empty, longer than 128 bytes or holds anything else
Status check_tag(const JobTag& tag);

struct SlurmJobState {
  std::string id;  ///< a number
  std::string name;
  std::string state;   ///< "PENDING", "RUNNING", "TIMEOUT" …, without the "by 1000" of CANCELLED
  std::string reason;  ///< Slurm's word for why it waits or ended: "Resources"; empty: none
  std::string partition, account, qos;
  std::vector<std::string> nodes;  ///< in rank order; empty while it waits
  int nodes_wanted = 0, cpus = 0;
  std::optional<Duration> time_limit;
  std::optional<Instant> submitted, started, ends;  ///< of one that waits, when Slurm expects it to; none: not known
  int exit_code = 0, signal = 0;                    ///< of its script, once it has ended
  std::string cancelled_by;                         ///< the user id of who cancelled it, where Slurm says
  JobTag tag;                                       ///< empty where the comment is not ours

  bool waits() const;
  bool runs() const;
  bool ended() const;
  /// Slurm keeps a record of a job that it refused: failed, and never on any node.
  bool was_refused() const { return state == "FAILED" && nodes.empty(); }
};

/// The format for `squeue -o` whose answer `parse_squeue` reads.
std::string squeue_format();
/// Errors   kDataLoss: a record that does not have all its fields; a job must not be taken for gone because it could not be read
Result<std::vector<SlurmJobState>> parse_squeue(std::string_view text);

/// The fields for `sacct -n -P -X --delimiter=(ASCII 31) -o` whose answer `parse_sacct` reads.
std::string_view sacct_fields();
Result<std::vector<SlurmJobState>> parse_sacct(std::string_view text);

/// `scontrol show job -o`.
Result<std::vector<SlurmJobState>> parse_scontrol_jobs(std::string_view text);

}  // namespace isobar::cloud
