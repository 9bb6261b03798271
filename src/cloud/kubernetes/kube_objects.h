#pragma once

/// Pods and nodes, as far as this driver looks at them. Pure.

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/provider.h"

namespace isobar::cloud {

/// What a pod takes of a node, or what a node has.
struct KubeShare {
  double cpus = 0, memory_gib = 0;
  std::map<std::string, double> devices;  ///< by resource: "nvidia.com/gpu"
  friend bool operator==(const KubeShare&, const KubeShare&) = default;
};

/// Labels and annotations of our own pods.
inline constexpr std::string_view kOwnerLabel = "isobar.dev/owner", kClusterLabel = "isobar.dev/cluster", kRankLabel = "isobar.dev/rank",
                                  kTokenNote = "isobar.dev/token", kNameNote = "isobar.dev/cluster-name", kNodesNote = "isobar.dev/nodes";
/// The container that is the node; others may be added by pod_config.
inline constexpr std::string_view kNodeContainer = "node";

struct KubePod {
  std::string name, name_space;
  std::string owner, cluster, token;  ///< ours; the cluster by its own name
  int rank = 0, nodes = 1;
  std::string phase;  ///< "Pending", "Running", "Succeeded", "Failed", "Unknown"
  std::string node, ip;
  bool deleting = false;
  bool runs = false;         ///< our container does
  bool node_answers = true;  ///< no: the kubelet has not been heard of for a while
  bool of_daemon_set = false;
  std::string unschedulable;         ///< what the scheduler says; empty: nothing
  std::string waits, waits_message;  ///< why our container does not run yet: "ImagePullBackOff"
  std::string reason, message;       ///< why the pod ended: "Evicted"
  std::string disruption;            ///< who ends it: "PreemptionByScheduler", "EvictionByEvictionAPI"
  std::optional<int> exit_code;      ///< of our container, once it has ended
  std::string ended_reason;          ///< of the same: "OOMKilled"
  KubeShare requests;

  /// Holds nothing of its node any more.
  bool ended() const { return phase == "Succeeded" || phase == "Failed"; }
  /// Of our own: the same, or only what was added to it still runs.
  bool node_ended() const { return ended() || exit_code.has_value(); }
  bool ended_in_order() const { return phase == "Succeeded" || (phase == "Running" && exit_code == 0); }
};
KubePod pod_of(const boost::json::value& pod);

struct KubeTaint {
  std::string key, value, effect;
  friend bool operator==(const KubeTaint&, const KubeTaint&) = default;
};

struct KubeNode {
  std::string name, architecture;
  bool ready = false, cordoned = false;
  std::vector<KubeTaint> taints;
  std::map<std::string, std::string> labels;
  KubeShare has;      ///< allocatable
  double pods = 110;  ///< at most
};
KubeNode node_of(const boost::json::value& node);

}  // namespace isobar::cloud
