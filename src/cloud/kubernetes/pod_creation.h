#pragma once

/// One creation of a cluster in a context: its pods made once each by their names, waited for together, then made nodes of.

#include <atomic>
#include <chrono>
#include <string>

#include "provider_inner.h"

namespace isobar::cloud {

class PodCreation {
 public:
  PodCreation(KubernetesProvider::Inner& inner, const CreateOrder& order, Duration deadline)
      : inner_(inner), order_(order), end_(std::chrono::steady_clock::now() + deadline) {}

  /// All nodes run and their agents have answered, or why not.
  Status run();
  /// After a failure: as Kubernetes or this driver names it.
  const std::string& provider_code() const { return provider_code_; }
  /// Whether some of it may be there.
  bool began() const { return began_; }

 private:
  Status plan();
  Status make_pods();
  Status make_pod_of(int rank);
  Status adopt(const std::string& name);
  Status wait();
  /// Of one look: true once all pods run. unplaced  how long some pod has found no node
  Result<bool> all_run(const std::vector<KubePod>& pods, Duration unplaced);
  Status boot(const std::vector<KubePod>& pods);
  Result<std::map<std::string, std::string>> variables(const std::string& pod);
  Status refuse(std::string provider_code, Error error);
  Status refuse(const KubeRefusal& refusal) { return refuse(refusal.provider_code, refusal.error); }
  Duration left() const { return end_ - std::chrono::steady_clock::now(); }

  KubernetesProvider::Inner& inner_;
  const CreateOrder& order_;
  std::chrono::steady_clock::time_point end_;
  KubeClient* client_ = nullptr;
  KubeEntry entry_;
  PodOrder pod_;
  bool grows_ = false;
  std::atomic<bool> began_ = false;
  Mutex mutex_;
  std::string provider_code_;
};

}  // namespace isobar::cloud
