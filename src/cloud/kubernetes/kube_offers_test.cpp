#include "kube_offers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube_json.h"

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

KubeNode a_node(const std::string& name, double cpus, double memory_gib) {
  KubeNode node{.name = name, .architecture = "amd64", .ready = true};
  node.has = {cpus, memory_gib, {}};
  return node;
}

KubeNode a_gpu_node(const std::string& name, const std::string& label, const std::string& value) {
  auto node = a_node(name, 32, 256);
  node.has.devices["nvidia.com/gpu"] = 8;
  node.labels[label] = value;
  node.taints = {{"nvidia.com/gpu", "present", "NoSchedule"}};
  return node;
}

KubePod a_pod_on(const std::string& node, double cpus, double memory_gib, double gpus = 0) {
  KubePod pod;
  pod.node = node;
  pod.phase = "Running";
  pod.requests = {cpus, memory_gib, {}};
  if (gpus > 0) pod.requests.devices["nvidia.com/gpu"] = gpus;
  return pod;
}

std::vector<std::string> types(const KubeInventory& inventory) {
  std::vector<std::string> names;
  for (const auto& each : kube_offers("lab", inventory)) names.push_back(each.offer.instance_type);
  return names;
}

TEST(KubeOffers, AreKindsOfNodesWithoutWhatDaemonSetsTake) {
  KubeInventory inventory{.nodes = {a_node("a", 4, 16), a_node("b", 4, 16), a_node("c", 8, 16)}};
  EXPECT_THAT(types(inventory), ElementsAre("8CPU--16GB", "4CPU--16GB"));
  inventory.pods = {a_pod_on("a", 3, 12)};
  EXPECT_THAT(types(inventory), ElementsAre("8CPU--16GB", "4CPU--16GB")) << "what others hold now comes back";
  auto daemon = a_pod_on("c", 0.3, 0.5);
  daemon.of_daemon_set = true;
  inventory.pods = {daemon};
  EXPECT_THAT(types(inventory), ElementsAre("7.5CPU--15GB", "4CPU--16GB"));
}

TEST(KubeOffers, NodesThatTakeNoPodsAreNone) {
  auto away = a_node("a", 4, 16), closed = a_node("b", 4, 16), tainted = a_node("c", 4, 16), soft = a_node("d", 2, 4);
  away.ready = false;
  closed.cordoned = true;
  tainted.taints = {{"node-role.kubernetes.io/control-plane", "", "NoSchedule"}};
  soft.taints = {{"busy", "", "PreferNoSchedule"}};
  EXPECT_THAT(types({.nodes = {away, closed, tainted}}), IsEmpty());
  EXPECT_THAT(types({.nodes = {away, closed, tainted, soft}}), ElementsAre("2CPU--4GB"));
}

TEST(KubeOffers, AcceleratorsAreCalledWhatTheCatalogCallsThemWhoeverNamesThem) {
  for (const auto& [label, value, name] : std::initializer_list<std::tuple<const char*, const char*, const char*>>{
           {"skypilot.co/accelerator", "a100-80gb", "A100-80GB"},
           {"cloud.google.com/gke-accelerator", "nvidia-h100-80gb", "H100"},
           {"nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB", "A100-80GB"},
           {"karpenter.k8s.aws/instance-gpu-name", "l40s", "L40S"},
           {"gpu.nvidia.com/class", "H200", "H200"},
           {"nothing.known/here", "x", "GPU"}}) {
    const auto gpu = gpu_of(a_gpu_node("g", label, value));
    ASSERT_TRUE(gpu);
    EXPECT_EQ(gpu->name, name) << value;
    EXPECT_EQ(gpu->count, 8);
    EXPECT_EQ(gpu->label.has_value(), std::string(name) != "GPU");
  }
  EXPECT_THAT(types({.nodes = {a_gpu_node("g", "gpu.nvidia.com/class", "H200")}}), ElementsAre("32CPU--256GB--H200:8"));
}

TEST(KubeRoom, CountsWhatFitsNowAndWhenNothingElseRuns) {
  KubeInventory inventory{.nodes = {a_node("a", 4, 16), a_node("b", 4, 16), a_gpu_node("g", "gpu.nvidia.com/class", "H200")},
                          .pods = {a_pod_on("a", 3, 1), a_pod_on("g", 1, 1, 6)}};
  EXPECT_EQ(room_for({2, 4, "", 0}, false, inventory), (KubeRoom{2, 4})) << "not on the node with accelerators, whose taint says no";
  EXPECT_EQ(room_for({1, 1, "H200", 1}, false, inventory), (KubeRoom{2, 8}));
  EXPECT_EQ(room_for({1, 1, "A100", 1}, false, inventory), (KubeRoom{0, 0}));
  inventory.nodes[1].pods = 1;
  EXPECT_EQ(room_for({1, 1, "", 0}, false, inventory), (KubeRoom{2, 5})) << "as many pods as a node may have";
}

TEST(KubePlacement, AsksForTheLabelsAndToleratesTheTaintsOfTheNodesThatWillDo) {
  auto spot = a_node("s", 4, 16);
  spot.labels["cloud.google.com/gke-spot"] = "true";
  spot.taints = {{"cloud.google.com/gke-spot", "true", "NoSchedule"}};
  const KubeInventory inventory{.nodes = {a_gpu_node("g", "nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB"),
                                          a_gpu_node("h", "nvidia.com/gpu.product", "NVIDIA-A100-80GB-PCIe"), spot}};
  const auto gpus = placement_for({1, 1, "A100-80GB", 1}, false, inventory);
  EXPECT_EQ(gpus.device, "nvidia.com/gpu");
  EXPECT_THAT(gpus.labels, ElementsAre(WantedLabel{"nvidia.com/gpu.product", {"NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe"}}));
  EXPECT_EQ(gpus.tolerated.size(), 1U);
  const auto cheap = placement_for({1, 1, "", 0}, true, inventory);
  EXPECT_THAT(cheap.labels, ElementsAre(WantedLabel{"cloud.google.com/gke-spot", {"true"}}));
  const auto offers = kube_offers("lab", {.nodes = {spot}});
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_FALSE(offers[0].offer.hourly_price) << "not to be had but as spot";
  EXPECT_TRUE(offers[0].offer.hourly_spot_price);
}

TEST(KubeOffers, WhereNodesMayNotBeListedAnythingIsTried) {
  const KubeInventory blind{.nodes_known = false};
  EXPECT_EQ(kube_offers("lab", blind).size(), 1U);
  EXPECT_EQ(kube_offers("lab", {.grows = true}).size(), 1U) << "an autoscaler that has scaled to nothing";
  EXPECT_THAT(kube_offers("lab", {}), IsEmpty());
  EXPECT_THAT(describe(blind), ElementsAre(testing::HasSubstr("may not be listed")));
}

TEST(KubeObjects, ANodeIsReadAsTheServerWritesIt) {
  const auto node =
      node_of(parse_kube_json(
                  R"({"metadata":{"name":"n","labels":{"a":"b"}},"spec":{"unschedulable":true,"taints":[{"key":"k","effect":"NoExecute"}]},
              "status":{"allocatable":{"cpu":"3920m","memory":"15Gi","pods":"58","nvidia.com/gpu":"8","hugepages-2Mi":"0"},
              "conditions":[{"type":"Ready","status":"True"}],"nodeInfo":{"architecture":"arm64"}}})")
                  .value());
  EXPECT_DOUBLE_EQ(node.has.cpus, 3.92);
  EXPECT_DOUBLE_EQ(node.has.memory_gib, 15);
  EXPECT_EQ(node.has.devices, (std::map<std::string, double>{{"nvidia.com/gpu", 8}}));
  EXPECT_TRUE(node.ready && node.cordoned);
  EXPECT_EQ(node.pods, 58);
  EXPECT_EQ(node.architecture, "arm64");
}

TEST(KubeObjects, APodsRequestsAreCountedAsTheSchedulerCountsThem) {
  const auto pod = pod_of(parse_kube_json(R"({"spec":{
    "containers":[{"resources":{"requests":{"cpu":"1","memory":"1Gi"}}},{"resources":{"requests":{"cpu":"500m"}}}],
    "initContainers":[{"resources":{"requests":{"cpu":"4"}}},{"restartPolicy":"Always","resources":{"requests":{"memory":"1Gi"}}}],
    "overhead":{"cpu":"250m"}}})")
                              .value());
  EXPECT_DOUBLE_EQ(pod.requests.cpus, 4.25);
  EXPECT_DOUBLE_EQ(pod.requests.memory_gib, 2);
}

}  // namespace
}  // namespace isobar::cloud
