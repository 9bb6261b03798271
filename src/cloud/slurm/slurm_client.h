#pragma once

/// One Slurm cluster, through a shell on its login host. It works with every release since 20.11: it uses the options and text forms that
/// all of them have, and neither squeue --only-job-state nor JSON.
///
/// Safe from any thread, as the shell is. Every call is one round trip.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/remote_shell.h"
#include "slurm_commands.h"
#include "slurm_inventory.h"
#include "slurm_jobs.h"
#include "slurm_reasons.h"

namespace isobar::cloud {

struct SlurmSubmission {
  std::string id;                       ///< empty when refused
  bool existed = false;                 ///< the job was there already, from an earlier call with the same tag; it may have ended
  std::optional<SlurmRefusal> refusal;  ///< with the code for `scope_of_error`; also when the login host could not be reached
};

class SlurmClient {
 public:
  /// cluster   its name in ~/.slurm/config
  /// shell     outlives the client
  /// programs  the folder of Slurm's programs on the login host; empty: they are in its PATH
  SlurmClient(std::string cluster, RemoteShell& shell, std::string programs = {})
      : cluster_(std::move(cluster)), shell_(shell), programs_(std::move(programs)) {}

  /// Errors of all calls but `submit`: those of the shell; as `explain_refusal` says; kDataLoss: an answer that cannot be read.

  /// Its release, partitions and nodes.
  Result<SlurmInventory> inventory(Duration deadline);

  /// Submits a job unless one with its tag is there. After a call that ended with kDeadlineExceeded or kUnavailable, call again with the
  /// same tag: nothing is submitted twice.
  SlurmSubmission submit(const SlurmJob& job, Duration deadline);

  /// The user's jobs that isobar made, and of those that ended the ones Slurm has not forgotten (five minutes, mostly).
  Result<std::vector<SlurmJobState>> jobs(Duration deadline);

  /// What became of a job: from the accounting where the cluster keeps one, else what its controller still knows. None: neither knows it.
  Result<std::optional<SlurmJobState>> find(const std::string& id, Duration deadline);

  /// Cancels jobs of isobar's cluster `cluster`. Ids that are not known, or jobs that have ended, are a success.
  Status cancel(const std::string& cluster, std::span<const std::string> ids, Duration deadline);

 private:
  Error refused(int exit_code, std::string_view words) const;
  std::string cluster_;
  RemoteShell& shell_;
  std::string programs_;
};

}  // namespace isobar::cloud
