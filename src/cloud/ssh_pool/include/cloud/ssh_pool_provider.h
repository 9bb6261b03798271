#pragma once

/// Machines that the user has, reached over SSH, as a cloud: pools of `ssh_node_pools.yaml`. A node is a folder and a process tree of
/// the login that SSH gives; several nodes share a host, and each host keeps account of who has what of it. Nothing is installed
/// there but one file in the login's ~/.isobar.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "cloud/host_client.h"
#include "cloud/provider.h"

namespace isobar::cloud {

/// One host of a pool, as `isobar ssh …` shows it.
struct PoolHostStatus {
  std::string pool, host;
  std::optional<HostReport> report;
  std::string problem;  ///< why there is no report
};

class SshPoolProvider final : public Provider {
 public:
  using ShellOf = std::function<std::unique_ptr<RemoteShell>(const SshTarget&)>;
  struct Parts {
    fs::path pools_file;    ///< ssh_node_pools.yaml; it need not exist
    std::string home;       ///< what "~" in it stands for
    fs::path folder;        ///< what is known of hosts and clusters
    fs::path cache;         ///< of isobar-node, see NodeProgram
    fs::path node_program;  ///< isobar-node here
    std::string owner;      ///< tells the nodes of this isobar home from others' on the same hosts
    ShellOf shell_of;
  };
  struct Inner;  // what clusters and pools both stand on
  SshPoolProvider(Parts parts, Log& log);
  ~SshPoolProvider() override;

  std::string name() const override { return "ssh"; }
  Status check() override;
  std::vector<std::string> facts() override;
  std::vector<Offer> own_offers() override;
  CreateOutcome create(const CreateOrder& order, Duration deadline) override;
  Result<std::vector<Instance>> list(const std::string& cluster) override;
  std::map<std::string, Result<std::vector<Instance>>> list_each(const std::vector<std::string>& clusters) override;
  Result<std::vector<std::string>> clusters() override;
  Status stop(const std::string& cluster, Duration deadline) override;
  Result<std::vector<Instance>> start(const std::string& cluster, Duration deadline) override;
  Status terminate(const std::string& cluster, Duration deadline) override;
  Result<std::optional<Fd>> open_agent(const Instance& instance, Duration deadline) override;
  Status forget(const std::string& cluster) override;

  // ---- pools, for `isobar ssh`
  /// Errors   kInvalidArgument: the file is wrong; kNotFound: there is none
  Result<std::vector<std::string>> pools();
  /// Puts isobar-node on every host of a pool, has running agents use it, and notes what the hosts are.
  Result<std::vector<PoolHostStatus>> bring_up(const std::string& pool);
  Result<std::vector<PoolHostStatus>> look_at(const std::string& pool);
  /// Removes what isobar put on the hosts.
  /// Errors   kConflict: clusters of this home are there
  Result<std::vector<PoolHostStatus>> take_down(const std::string& pool);

 private:
  std::unique_ptr<Inner> inner_;
};

}  // namespace isobar::cloud
