#pragma once

// The wiring: every part that a command may need, built when it is first asked for, so that `isobar --version` opens no
// database and maps no catalog.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/broker.h"
#include "cloud/catalog.h"
#include "cloud/kubernetes_provider.h"
#include "cloud/slurm_provider.h"
#include "cloud/ssh_pool_provider.h"
#include "console.h"

namespace isobar::net {
class HttpTransport;
}
namespace isobar::cloud {
class NodeSetup;
}

namespace isobar::app {

/// isobar-node, which stands beside this program, or in ../libexec/isobar of an installation.
fs::path node_program();

class Context {
 public:
  Context();
  ~Context();

  const Console& console() const { return console_; }
  const Clock& clock() const { return clock_; }
  /// $ISOBAR_HOME, else ~/.isobar: the state, the imported catalogs, the instances of this machine.
  const fs::path& home() const { return home_; }
  fs::path catalog_folder() const { return home_ / "catalog"; }
  std::string user() const;
  const std::map<std::string, std::string>& environment() const { return environment_; }

  /// The configuration file's values over the defaults. Errors   kInvalidArgument: naming file, key and mend
  Result<broker::Config> config();
  /// Built in, imported, and what the providers know of themselves.
  Result<cloud::Catalog> catalog();
  Result<broker::Broker*> broker();
  /// The clouds with a driver in this version.
  const std::map<std::string, cloud::Provider*>& providers();
  /// The machines of ssh_node_pools.yaml; one of the providers.
  cloud::SshPoolProvider& ssh_pools();
  cloud::KubernetesProvider& kubernetes();
  /// How machines are reached: the user's own OpenSSH. ISOBAR_SSH_CONFIG names a file in place of ~/.ssh/config.
  cloud::SshSettings ssh_settings();
  /// Host keys of machines that were never seen before are taken from here on.
  void accept_new_host_keys() { accept_new_host_keys_ = true; }
  /// Tells what this home made from what others did. Made once.
  std::string owner();
  Log& log();

 private:
  cloud::SshPoolProvider::Parts ssh_pool_parts();
  cloud::SlurmProvider::Parts slurm_parts();
  cloud::KubernetesProvider::Parts kubernetes_parts();
  void add_cloud_providers();
  void keep_ssh_entries(const std::string& cluster, const std::vector<cloud::Instance>& nodes);
  /// Host keys of machines that clouds booted for us.
  fs::path known_machines() const { return home_ / "ssh" / "known_machines"; }

  Console console_;
  SystemClock clock_;
  fs::path home_;
  std::map<std::string, std::string> environment_;
  std::optional<Log> log_;
  std::unique_ptr<net::HttpTransport> cloud_http_, private_cloud_http_;
  std::unique_ptr<cloud::NodeSetup> machine_setup_;
  std::vector<std::unique_ptr<cloud::Provider>> owned_providers_;  // which stand on what is above
  std::map<std::string, cloud::Provider*> providers_;
  cloud::SshPoolProvider* ssh_pools_ = nullptr;
  cloud::KubernetesProvider* kubernetes_ = nullptr;
  bool accept_new_host_keys_ = false;
  std::optional<broker::StateStore> state_;
  std::unique_ptr<broker::Broker> broker_;
};

}  // namespace isobar::app
