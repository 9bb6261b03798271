#pragma once

/// What the parts of the provider stand on: the contexts of the kubeconfig, a client for each, what is known of them.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cloud/host_client.h"
#include "cloud/kubernetes_provider.h"
#include "kube_client.h"
#include "kube_ledger.h"
#include "kube_offers.h"
#include "kube_picture.h"
#include "pod_shell.h"

namespace isobar::cloud {

/// Contexts, and pods of one, that are spoken to at the same time.
inline constexpr std::size_t kContextsAtOnce = 16, kPodsAtOnce = 16;
inline constexpr Duration kKubeCallDeadline = std::chrono::seconds(30);

struct KubernetesProvider::Inner {
  Inner(Parts given, Log& log_given) : parts(std::move(given)), log(log_given), ledger(parts.folder), pictures(parts.folder / "seen") {}

  Parts parts;
  Log& log;
  KubeLedger ledger;
  KubePictures pictures;
  std::set<std::string> named;  ///< contexts that the task names

  Result<Kubeconfig> config() const;
  /// Those that are offered.
  Result<std::vector<std::string>> contexts() const;
  /// Errors   kNotFound: the kubeconfig has no such context; kInvalidArgument
  Result<KubeClient*> client(const std::string& context);
  /// A shell in a pod, and isobar-node there.
  Result<RemoteShell*> shell(const KubePlace& place, const std::string& pod);
  Result<HostClient> host(const KubePlace& place, const std::string& pod);

  /// What there is in a context. refusal  set with every error
  Result<KubeInventory> inventory(KubeClient& client, Duration deadline, KubeRefusal* refusal = nullptr);
  /// The same, with what we may do there; kept in mind.
  void look(const std::string& context, Duration deadline);

 private:
  struct Reached {
    std::unique_ptr<KubeClient> client;
    std::unique_ptr<PodExecutor> executor;
  };
  Result<Reached*> reach(const std::string& context);

  Mutex mutex_;
  std::optional<NodeProgram> program_ GUARDED_BY(mutex_);
  std::map<std::string, Reached> reached_ GUARDED_BY(mutex_);
  std::map<std::pair<KubePlace, std::string>, std::unique_ptr<RemoteShell>> shells_ GUARDED_BY(mutex_);  // stand on what is above
};

/// Pods of ours in one place.
/// cluster   empty: of all clusters
Result<std::vector<KubePod>> own_pods(KubernetesProvider::Inner& inner, const KubePlace& place, const std::string& cluster,
                                      Duration deadline, KubeRefusal* refusal = nullptr);

/// Deletes the pods of a cluster and waits until they are gone. Nothing there is a success. Pods on nodes that do not answer are given up
/// when the others are gone.
/// token   empty: whoever made them
Status delete_pods(KubernetesProvider::Inner& inner, const KubePlace& place, const std::string& cluster, const std::string& token,
                   Duration deadline);

}  // namespace isobar::cloud
