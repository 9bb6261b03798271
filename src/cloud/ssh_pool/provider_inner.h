#pragma once

/// What both halves of the provider stand on: clusters, and pools.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cloud/ssh_pool_provider.h"
#include "cluster_ledger.h"
#include "host_choice.h"
#include "pool_cache.h"
#include "pools_file.h"

namespace isobar::cloud {

/// Hosts that are spoken to at the same time.
inline constexpr std::size_t kHostsAtOnce = 32;

struct SshPoolProvider::Inner {
  Inner(Parts given, Log& log_given) : parts(std::move(given)), log(log_given), cache(parts.folder / "pools"), ledger(parts.folder) {}

  Parts parts;
  Log& log;
  PoolCache cache;
  ClusterLedger ledger;

  /// Of the file. Errors   kNotFound: there is none; kInvalidArgument
  Result<std::vector<Pool>> read_pools() const;
  Result<Pool> pool(const std::string& name) const;
  /// The host as its pool describes it now; a host that left the file is reached as it was.
  PoolHost described(const SshTarget& target) const;

  /// Errors   kNotFound: there is no isobar-node here
  Result<HostClient> client(const SshTarget& target);

  struct Asked {
    SshTarget target;
    Result<HostReport> report = not_found("not asked yet");
  };
  /// All of them at once.
  std::vector<Asked> ask(const std::vector<SshTarget>& targets);

 private:
  std::mutex mutex_;
  std::optional<NodeProgram> program_;
  std::map<SshTarget, std::unique_ptr<RemoteShell>> shells_;
};

}  // namespace isobar::cloud
