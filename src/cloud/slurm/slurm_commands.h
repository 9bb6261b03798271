#pragma once

/// The lines of shell that are sent to a login host. Pure: what they do can be read off, and tried without a cluster.
///
/// Each line is one round trip over ssh, which costs more than what it runs, so a line may hold several commands, each followed by a
/// mark with its name and exit code, which `split_sections` finds again.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "slurm_jobs.h"

namespace isobar::cloud {

/// What to ask Slurm for. Accelerators, memory and processors are of each node.
struct SlurmJob {
  JobTag tag;
  std::string script;  ///< begins with "#!"
  int nodes = 1, cpus = 1;
  std::uint64_t memory_mib = 0;  ///< 0: the partition's own measure
  std::string gpu_type;          ///< as the cluster's gres names it ("a100"); empty: any
  int gpus = 0;
  std::optional<Duration> time_limit;   ///< rounded up to whole minutes; none: the partition's own
  std::string partition, account, qos;  ///< each empty: the cluster's default
  std::string output;                   ///< file for what the script prints; empty: /dev/null. A folder in it must be there
  std::string needs;                    ///< a file below the login's home, without which nothing is submitted any more; empty: none
  std::vector<std::string> options;     ///< the user's own of sbatch, each one word: "--constraint=nvlink". They come last, so they win
};

/// Errors   kInvalidArgument: a tag, script or number that cannot be; an option of the user's that would lose the job
///          (--comment, --job-name, --array, --wait …) or is not one word that begins with a dash
Status check_job(const SlurmJob& job);

/// The user's job with this tag if there is one, waiting, running or ended, else a new one; the script is the command's input. It
/// prints "EXISTS ID" or "NEW ID". One submission of a user runs at a time on a login host, as a lock on a file in the home sees to, so
/// that a second one does not overtake a first that hangs.
/// programs  the folder of Slurm's programs; empty: PATH, and what /etc/profile makes of it
std::string submit_command(const SlurmJob& job, std::string_view programs);

std::string inventory_command(std::string_view programs);
std::string jobs_command(std::string_view programs);
/// What sacct and scontrol know of one job.
std::string ended_command(std::string_view id, std::string_view programs);
/// Only jobs of isobar's cluster by that name: numbers come round again in time.
std::string cancel_command(std::string_view cluster, std::span<const std::string> ids, std::string_view programs);

// ---- what such lines are made of

/// Stands before each: the same answer from every account.
std::string preamble(std::string_view programs);
/// A command with its mark behind it.
std::string section(std::string_view name, std::string_view command);
/// Keeps other submissions of the user out until the line ends, or ends it with exit code 75.
std::string_view under_lock();
/// The user's jobs, those of the last minutes that have ended among them.
std::string squeue_of_user(std::string_view more = {});

struct Section {
  std::string text;
  int exit_code = 0;
};
/// Errors   kDataLoss: a section asked for did not come: the answer was cut short
Result<std::map<std::string, Section>> split_sections(std::string_view output, std::span<const std::string_view> names);

}  // namespace isobar::cloud
