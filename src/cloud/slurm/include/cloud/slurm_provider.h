#pragma once

/// Slurm clusters as a cloud: those of ~/.slurm/config. A cluster of isobar is one job that holds its nodes until it is taken down, or
/// until Slurm's time limit; on each node an agent runs in the foreground of that job, as the user. Nothing is installed but one file
/// in the login's ~/.isobar, on the home that all nodes share.
///
/// What Slurm gives it takes back whole, so such a cluster cannot be stopped and started again.

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "cloud/provider.h"
#include "cloud/remote_shell.h"

namespace isobar::cloud {

class SlurmProvider final : public Provider {
 public:
  /// A shell on the login host. this_machine  the cluster is reached from here without ssh
  using ShellOf = std::function<std::unique_ptr<RemoteShell>(const std::string& cluster, bool this_machine)>;
  struct Parts {
    fs::path config_file;   ///< ~/.slurm/config; it need not exist
    fs::path folder;        ///< what is known of Slurm clusters and of isobar's on them
    fs::path cache;         ///< of isobar-node, see NodeProgram
    fs::path node_program;  ///< isobar-node here
    std::string owner;      ///< tells the clusters of this isobar home from others' of the same login
    ShellOf shell_of;
  };
  struct Inner;
  SlurmProvider(Parts parts, Log& log);
  ~SlurmProvider() override;

  std::string name() const override { return "slurm"; }
  bool stops() const override { return false; }
  /// Looks at clusters that were not looked at for a minute.
  Status check() override;
  std::vector<std::string> facts() override;
  /// As last looked at, which `check` and every creation do.
  std::vector<Offer> own_offers() override;
  /// Labels: see slurm_wishes.h.
  CreateOutcome create(const CreateOrder& order, Duration deadline) override;
  /// One whose job has ended is there once more, terminated, with what became of it as its problem.
  Result<std::vector<Instance>> list(const std::string& cluster) override;
  std::map<std::string, Result<std::vector<Instance>>> list_each(const std::vector<std::string>& clusters) override;
  Result<std::vector<std::string>> clusters() override;
  Status stop(const std::string& cluster, Duration deadline) override;
  Result<std::vector<Instance>> start(const std::string& cluster, Duration deadline) override;
  Status terminate(const std::string& cluster, Duration deadline) override;
  Result<std::optional<Fd>> open_agent(const Instance& instance, Duration deadline) override;
  Status forget(const std::string& cluster) override;

 private:
  std::unique_ptr<Inner> inner_;
};

}  // namespace isobar::cloud
