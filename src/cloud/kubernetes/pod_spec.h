#pragma once

/// The pod that is one node of a cluster. Pure.

#include <boost/json.hpp>
#include <map>
#include <string>
#include <vector>

#include "kube_objects.h"
#include "kube_wishes.h"

namespace isobar::cloud {

/// Where isobar's files are in a pod: an empty folder of its own, since a home of the image's may be missing or not writable.
inline constexpr std::string_view kPodHome = "/isobar";

/// A label that one of some values is asked for.
struct WantedLabel {
  std::string key;
  std::vector<std::string> values;
  friend bool operator==(const WantedLabel&, const WantedLabel&) = default;
};

struct PodOrder {
  std::string owner, cluster, token;
  int rank = 0, nodes = 1;
  std::string name_space, image;
  double cpus = 0, memory_gib = 0;
  std::string device;  ///< "nvidia.com/gpu"; empty: none
  int devices = 0;
  std::vector<WantedLabel> node_labels;
  std::vector<KubeTaint> tolerated;
  std::map<std::string, std::string> labels;  ///< of the task; those that Kubernetes takes are put on the pod
  std::vector<VolumeUse> volumes;
  KubeWishes wishes;
};

/// A name within DNS-1123 that no other cluster of this owner has: "train" stays, "My_Train" gets a mark of its own.
std::string safe_cluster_name(const std::string& cluster);
std::string pod_name(const std::string& owner, const std::string& cluster, int rank);

/// What the API server takes.
boost::json::value make_pod(const PodOrder& order);
/// The names of the variables that a pod's container is given by its description: what jobs expect to see.
std::vector<std::string> variables_of(const boost::json::value& pod);

/// "docker:IMAGE", or what serves where none is named.
std::string image_for(const std::string& image_id, const std::string& device);

/// A command line whose HOME is kPodHome.
std::string in_pod_home(const std::string& command);

}  // namespace isobar::cloud
