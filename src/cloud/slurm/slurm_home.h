#pragma once

/// The folders of isobar's clusters on the shared home of a Slurm cluster (cloud/slurm_order.h says what is in one), and what is asked
/// of them together with the jobs. Each call is one round trip.
///
/// The order file is what lets a cluster come to be: a submission looks for it under the lock that submissions take, and the script of
/// the job looks again. So once `revoke` has removed it, under the same lock, no job of that cluster appears any more that its answer
/// does not hold, whatever a command that was cut short has left running on the login host.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/remote_shell.h"
#include "cloud/slurm_order.h"
#include "slurm_jobs.h"

namespace isobar::cloud {

/// "OWNER/CLUSTER/HASH", of parts that `check_tag` has seen. The hash is of the token.
std::string slurm_folder_of(const JobTag& tag);
/// ".isobar/slurm/OWNER/CLUSTER/HASH/order.json"
std::string order_path_of(const JobTag& tag);

/// The script of the job: it starts isobar-node on each node and ends when all of them have ended.
/// program  the name of isobar-node in ~/.isobar/bin
std::string carry_script(const JobTag& tag, std::string_view program);

/// One Slurm cluster as isobar sees it.
struct SlurmSight {
  std::vector<SlurmJobState> jobs;                              ///< of the owner, those that ended a moment ago among them
  std::map<std::string, std::vector<PublishedRank>> published;  ///< by token, in rank order
  std::vector<std::string> clusters;                            ///< of which there are folders; each once

  const SlurmJobState* job_of(std::string_view token) const;
};

class SlurmHome {
 public:
  static constexpr Duration kCallDeadline = std::chrono::seconds(30);

  /// cluster  of Slurm, for messages
  /// owner    whose clusters these are
  SlurmHome(std::string cluster, std::string owner, RemoteShell& shell)
      : cluster_(std::move(cluster)), owner_(std::move(owner)), shell_(shell) {}

  /// Errors of all calls: those of the shell; as `explain_refusal` says; kDataLoss: an answer that cannot be read.
  Status put_order(const JobTag& tag, const SlurmOrder& order);
  Result<SlurmSight> look(Duration deadline = kCallDeadline);
  /// From here on no job of the cluster begins. Returns those that have not ended.
  Result<std::vector<SlurmJobState>> revoke(const std::string& cluster);
  Status remove_folders(const std::string& cluster);
  /// The end of what the nodes of a cluster have said when they had no log yet.
  Result<std::string> console(const JobTag& tag);

 private:
  Result<std::map<std::string, std::string>> ask(const std::string& command, std::vector<std::string_view> sections, Duration deadline);
  Result<std::vector<SlurmJobState>> own_jobs(const std::string& squeue) const;
  std::string cluster_, owner_;
  RemoteShell& shell_;
};

}  // namespace isobar::cloud
