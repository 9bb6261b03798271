#pragma once

/// What the parts of the provider stand on: the clusters of the config, a shell for each, what is known of them.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cloud/host_client.h"
#include "cloud/slurm_provider.h"
#include "slurm_client.h"
#include "slurm_config.h"
#include "slurm_home.h"
#include "slurm_ledger.h"
#include "slurm_picture.h"

namespace isobar::cloud {

/// Slurm clusters that are spoken to at the same time.
inline constexpr std::size_t kSlurmClustersAtOnce = 16;

struct SlurmProvider::Inner {
  Inner(Parts given, Log& log_given) : parts(std::move(given)), log(log_given), ledger(parts.folder), pictures(parts.folder / "seen") {}

  Parts parts;
  Log& log;
  SlurmLedger ledger;
  SlurmPictures pictures;

  Result<std::vector<SlurmCluster>> read_config() const { return read_slurm_config(parts.config_file); }
  /// Errors   kNotFound: the config has no such cluster
  Result<RemoteShell*> shell(const std::string& region);
  Result<SlurmClient> client(const std::string& region);
  Result<SlurmHome> home(const std::string& region);
  /// Errors   kNotFound: there is no isobar-node here
  Result<HostClient> host(const std::string& region);
  Result<std::string> program_name();

  /// Asks a cluster what it has, and keeps it in mind.
  Result<SlurmInventory> look(const std::string& region, Duration deadline);

 private:
  Result<NodeProgram*> program();
  std::mutex mutex_;
  std::optional<NodeProgram> program_;
  std::map<std::string, std::unique_ptr<RemoteShell>> shells_;
};

/// What is known of a cluster's job, from the queue or else asked for by its number. None: Slurm knows nothing of it.
Result<std::optional<SlurmJobState>> job_of(SlurmProvider::Inner& inner, const SlurmEntry& entry, const SlurmSight& sight);

/// Ends the job of a cluster, waits until its nodes are given back, and removes its folder. Nothing there is a success.
Status end_on_slurm(SlurmProvider::Inner& inner, const std::string& region, const std::string& cluster, Duration deadline);

}  // namespace isobar::cloud
