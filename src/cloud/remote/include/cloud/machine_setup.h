#pragma once

/// Machines that a cloud booted, made into nodes over SSH: the same way as hosts of a pool, but each is wholly its cluster's, and is
/// known by what the cloud calls it instead of by an address that changes.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/mutex.h"
#include "cloud/host_client.h"
#include "cloud/node_setup.h"

namespace isobar::cloud {

class MachineSetup final : public NodeSetup {
 public:
  /// machine   what the cloud calls it, by which its host key is remembered
  using ShellOf = std::function<std::unique_ptr<RemoteShell>(const SshTarget& target, const std::string& machine)>;
  struct Parts {
    fs::path folder;        ///< what is known of each cluster's agents
    fs::path cache;         ///< of isobar-node, see NodeProgram
    fs::path node_program;  ///< isobar-node here
    std::string owner;      ///< of the nodes
    std::string user;       ///< SKYPILOT_USER of their jobs
    ShellOf shell_of;
  };
  MachineSetup(Parts parts, Log& log) : parts_(std::move(parts)), log_(log) {}

  Status bring_up(const NodeSetupOrder& order, Duration deadline) override;
  Result<Fd> open_agent(const std::string& cluster, int rank) override;

 private:
  struct Known;
  Result<HostClient> client(const SshTarget& target, const std::string& machine);
  Result<HostReport> await_machine(const HostClient& host, Duration deadline) const;
  Result<Known> read(const std::string& cluster) const;
  Status write(const std::string& cluster, const Known& known) const;

  Parts parts_;
  Log& log_;
  Mutex mutex_;
  std::optional<NodeProgram> program_ GUARDED_BY(mutex_);
  std::map<std::pair<SshTarget, std::string>, std::unique_ptr<RemoteShell>> shells_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud
