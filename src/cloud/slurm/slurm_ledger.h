#pragma once

/// Which of isobar's clusters are on which Slurm cluster. It is on disk before anything is done there, so that whatever a crash left is
/// found.
///
///   <folder>/clusters/<cluster>.json   as it was last created
///   <folder>/used/<slurm cluster>      there if anything was ever submitted to it: such are looked through for what nobody knows of

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "slurm_jobs.h"

namespace isobar::cloud {

struct SlurmEntry {
  std::string cluster, token;
  std::string region, partition;          ///< of Slurm
  std::string job;                        ///< its number; empty: not known to be submitted
  std::string ended;                      ///< what became of the job, once it has ended
  std::vector<std::string> agent_tokens;  ///< one for each rank
};

class SlurmLedger {
 public:
  explicit SlurmLedger(fs::path folder) : folder_(std::move(folder)) {}

  /// None: there is no such cluster.
  Result<std::optional<SlurmEntry>> find(const std::string& cluster) const;
  /// On disk when this returns.
  Status put(const SlurmEntry& entry) const;
  Status remove(const std::string& cluster) const;
  std::vector<std::string> clusters() const;
  std::vector<std::string> used() const;

 private:
  fs::path file_of(const std::string& cluster) const { return folder_ / "clusters" / (cluster + ".json"); }
  fs::path folder_;
};

}  // namespace isobar::cloud
