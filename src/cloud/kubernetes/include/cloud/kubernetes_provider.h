#pragma once

/// Kubernetes clusters as a cloud: the contexts of the user's kubeconfig. A cluster of isobar is one pod for each node; on each an agent
/// runs as the user of the image. Nothing is asked of the cluster but to make, read and delete pods and to run commands in them, and
/// nothing of the image but /bin/sh.
///
/// What a pod held is gone with it, so such a cluster cannot be stopped and started again.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "cloud/provider.h"

namespace isobar::cloud {

class KubernetesProvider final : public Provider {
 public:
  struct Parts {
    std::function<std::optional<std::string>(const std::string& name)> variable;  ///< of the environment
    fs::path user_home;                                                           ///< below which ~/.kube/config is
    fs::path folder;                                                              ///< what is known of contexts and of clusters in them
    fs::path cache;                                                               ///< of isobar-node, see NodeProgram
    fs::path node_program;                                                        ///< isobar-node here
    std::string owner;                          ///< tells the pods of this isobar home from others' in the same namespace
    std::vector<std::string> allowed_contexts;  ///< that tasks may run in which name none; none: the current one
    const Clock& clock;
  };
  struct Inner;
  KubernetesProvider(Parts parts, Log& log);
  ~KubernetesProvider() override;

  std::string name() const override { return "kubernetes"; }
  bool stops() const override { return false; }
  /// A task names this context: it is offered from here on beside the allowed ones.
  void also_offer(const std::string& context);
  /// Looks at contexts that were not looked at for a minute: whether they answer, what we may do there, what is free.
  Status check() override;
  std::vector<std::string> facts() override;
  /// As last looked at, which `check` and every creation do.
  std::vector<Offer> own_offers() override;
  /// Config: see kube_wishes.h.
  CreateOutcome create(const CreateOrder& order, Duration deadline) override;
  /// One whose pods have ended is there, terminated, with what became of it as its problem. One that ended itself (autostop) is not there
  /// any more, and its pods are deleted.
  Result<std::vector<Instance>> list(const std::string& cluster) override;
  std::map<std::string, Result<std::vector<Instance>>> list_each(const std::vector<std::string>& clusters) override;
  Result<std::vector<std::string>> clusters() override;
  Status stop(const std::string& cluster, Duration deadline) override;
  Result<std::vector<Instance>> start(const std::string& cluster, Duration deadline) override;
  Status terminate(const std::string& cluster, Duration deadline) override;
  Status check_ports(const Ports& ports) override;
  Status open_ports(const std::string& cluster, const Ports& ports, Duration deadline) override;
  Result<std::vector<Endpoint>> endpoints(const std::string& cluster, const Ports& ports, Duration deadline) override;
  Result<std::optional<Fd>> open_agent(const Instance& instance, Duration deadline) override;
  Status forget(const std::string& cluster) override;
  /// A claim each.
  VolumeDriver* volumes() override { return volumes_.get(); }

 private:
  std::unique_ptr<Inner> inner_;
  std::unique_ptr<VolumeDriver> volumes_;  // stands on it
};

}  // namespace isobar::cloud
