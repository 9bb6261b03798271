#pragma once

/// A Kubernetes cluster as a market: cloud "kubernetes", a context is the region, and a type of machine is a kind of node. Pure.
///
/// An offer is all that one pod can have of such a node: what is allocatable, without what DaemonSets take on every node. A task then
/// gets what it asks for of it, as pods share nodes. What other pods hold now does not make an offer smaller, only its room.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/gpu_names.h"
#include "cloud/offer.h"
#include "kube_objects.h"
#include "pod_spec.h"

namespace isobar::cloud {

struct KubeInventory {
  bool nodes_known = true;  ///< false: we may not list them, and know nothing of what there is
  bool grows = false;       ///< an autoscaler makes nodes for pods that find no room
  std::vector<KubeNode> nodes;
  std::vector<KubePod> pods;  ///< everybody's, as far as they hold something
};

/// The accelerators of a node.
struct KubeGpu {
  std::string name;      ///< the catalog's
  std::string resource;  ///< "nvidia.com/gpu"
  int count = 0;
  std::optional<WantedLabel> label;  ///< by which nodes with this kind are told from others
};
std::optional<KubeGpu> gpu_of(const KubeNode& node, const GpuNames& names = {});

/// The label of nodes that are taken back at any time, where a cloud's cluster has such; none: it is not one.
std::optional<WantedLabel> spot_label_of(const KubeNode& node);

struct KubeShape {
  double cpus = 0, memory_gib = 0;
  std::string gpu;  ///< the catalog's name; empty: none
  int gpus = 0;
  friend bool operator==(const KubeShape&, const KubeShape&) = default;
};

struct KubeOffer {
  Offer offer;
  KubeShape shape;
};

/// Largest first. Types are named as SkyPilot names them: "4CPU--16GB", "8CPU--60GB--A100:2". Where nodes are not known, one that has
/// room for whatever is asked, without accelerators.
std::vector<KubeOffer> kube_offers(const std::string& context, const KubeInventory& inventory, const GpuNames& names = {});

/// How many pods of a shape fit now, and when nothing but DaemonSets runs.
struct KubeRoom {
  int free = 0, total = 0;
  friend bool operator==(const KubeRoom&, const KubeRoom&) = default;
};
KubeRoom room_for(const KubeShape& shape, bool spot, const KubeInventory& inventory, const GpuNames& names = {});

/// Which nodes a pod of that shape asks for, and which taints it tolerates: those that only keep others away from accelerators.
struct KubePlacement {
  std::string device;
  std::vector<WantedLabel> labels;
  std::vector<KubeTaint> tolerated;
};
KubePlacement placement_for(const KubeShape& shape, bool spot, const KubeInventory& inventory, const GpuNames& names = {});

/// "3 of 4 nodes ready", "A100: 2 of 8 free".
std::vector<std::string> describe(const KubeInventory& inventory, const GpuNames& names = {});

}  // namespace isobar::cloud
