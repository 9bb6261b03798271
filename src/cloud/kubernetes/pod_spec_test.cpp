#include "pod_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube_json.h"
#include "pod_merge.h"

namespace isobar::cloud {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

PodOrder an_order() {
  PodOrder order{.owner = "0123456789abcdef", .cluster = "train", .token = "train-7", .rank = 1, .nodes = 2};
  order.name_space = "research";
  order.image = "debian:12";
  order.cpus = 1.5;
  order.memory_gib = 4;
  return order;
}

json::value overlay(const std::string& yaml) { return json_of(read_yaml(yaml, "t").value()[0]); }

TEST(PodName, IsWhatKubernetesTakesAndNoTwoClustersShareOne) {
  EXPECT_EQ(pod_name("0123456789abcdef", "train", 3), "train-01234567-3");
  EXPECT_EQ(safe_cluster_name("a-b-2"), "a-b-2");
  for (const std::string& odd : std::vector<std::string>{"My_Train", "my-train-", "_", "über", std::string(100, 'x')}) {
    const auto safe = safe_cluster_name(odd);
    EXPECT_NE(safe, odd);
    EXPECT_LE(safe.size(), 40U);
    EXPECT_THAT(safe, testing::MatchesRegex("[a-z0-9][-a-z0-9]*[a-z0-9]"));
  }
  EXPECT_NE(safe_cluster_name("My_Train"), safe_cluster_name("my-train"));
  EXPECT_NE(safe_cluster_name("My_Train"), safe_cluster_name("my_train"));
}

TEST(Pod, CarriesAllThatIsKnownOfItsCluster) {
  const auto pod = pod_of(make_pod(an_order()));
  EXPECT_EQ(pod.name, "train-01234567-1");
  EXPECT_EQ(pod.name_space, "research");
  EXPECT_EQ(pod.owner, "0123456789abcdef");
  EXPECT_EQ(pod.cluster, "train");
  EXPECT_EQ(pod.token, "train-7");
  EXPECT_EQ(pod.rank, 1);
  EXPECT_EQ(pod.nodes, 2);
  EXPECT_DOUBLE_EQ(pod.requests.cpus, 1.5);
  EXPECT_DOUBLE_EQ(pod.requests.memory_gib, 4);
}

TEST(Pod, AsksForAcceleratorsByResourceAndLabel) {
  auto order = an_order();
  order.device = "nvidia.com/gpu";
  order.devices = 2;
  order.node_labels = {{"nvidia.com/gpu.product", {"A", "B"}}};
  order.tolerated = {{"nvidia.com/gpu", "present", "NoSchedule"}};
  const auto pod = make_pod(order);
  EXPECT_EQ(pod_of(pod).requests.devices.at("nvidia.com/gpu"), 2);
  const auto text = json::serialize(pod);
  EXPECT_THAT(text, HasSubstr("\"limits\":{\"nvidia.com/gpu\":\"2\"}"));
  EXPECT_THAT(text, HasSubstr("{\"key\":\"nvidia.com/gpu.product\",\"operator\":\"In\",\"values\":[\"A\",\"B\"]}"));
  EXPECT_THAT(text, HasSubstr("\"tolerations\":[{\"key\":\"nvidia.com/gpu\",\"operator\":\"Exists\"}]"));
  EXPECT_EQ(image_for("", order.device).substr(0, 7), "nvidia/");
  EXPECT_EQ(image_for("docker:mine:1", order.device), "mine:1");
  EXPECT_EQ(image_for("", ""), "debian:12");
}

TEST(Pod, IsLimitedWhereTheTaskSaysSoAndLabelledByWhatKubernetesTakes) {
  auto order = an_order();
  order.wishes.limits = 2;
  order.labels = {{"team", "vision"}, {"slurm/account", "not a value!"}, {"bad key", "x"}};
  const auto text = json::serialize(make_pod(order));
  EXPECT_THAT(text, HasSubstr("\"limits\":{\"cpu\":\"3000m\",\"memory\":\"8192Mi\"}"));
  EXPECT_THAT(text, HasSubstr("\"team\":\"vision\""));
  EXPECT_THAT(text, testing::Not(HasSubstr("not a value")));
  EXPECT_THAT(text, testing::Not(HasSubstr("bad key")));
}

TEST(PodConfig, IsLaidOverByNamesAndCannotTakeThePodAwayFromUs) {
  auto order = an_order();
  order.wishes.pod_config = overlay(R"(
metadata: {name: other, labels: {isobar.dev/owner: somebody, mine: kept}}
spec:
  imagePullSecrets: [{name: registry}]
  tolerations: [{key: mine, operator: Exists}]
  nodeSelector: {disk: fast}
  containers:
  - env: [{name: A, value: "1"}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    volumeMounts: [{name: data, mountPath: /data}, {name: own, mountPath: /dev/shm}]
    command: [replaced]
  - {name: sidecar, image: helper}
  volumes: [{name: data, persistentVolumeClaim: {claimName: c}}]
)");
  order.tolerated = {{"nvidia.com/gpu", "", "NoSchedule"}};
  const auto pod = make_pod(order);
  EXPECT_EQ(text_in(pod, {"metadata", "name"}), "train-01234567-1");
  EXPECT_EQ(pod_of(pod).owner, "0123456789abcdef");
  EXPECT_EQ(text_in(pod, {"metadata", "labels", "mine"}), "kept");
  EXPECT_EQ(list_in(pod, {"spec", "containers"}).size(), 2U);
  EXPECT_EQ(list_in(pod, {"spec", "volumes"}).size(), 3U);
  EXPECT_EQ(list_in(pod, {"spec", "tolerations"}).size(), 2U);
  const auto& container = list_in(pod, {"spec", "containers"})[0];
  EXPECT_EQ(text_in(container, {"image"}), "debian:12");
  EXPECT_EQ(list_in(container, {"command"}).size(), 1U) << "lists without names are replaced";
  EXPECT_EQ(list_in(container, {"volumeMounts"}).size(), 3U);
  EXPECT_EQ(text_in(list_in(container, {"volumeMounts"})[1], {"name"}), "own");
  EXPECT_THAT(variables_of(pod), ElementsAre("A", "B"));
}

TEST(PodConfig, NothingButMapsAndNumbersIsTakenForThem) {
  EXPECT_EQ(kube_wishes({{"kubernetes.provision_timeout", "-1"}})->provision_timeout, kForever);
  EXPECT_EQ(kube_wishes({{"kubernetes.provision_timeout", "30"}})->provision_timeout, Duration(std::chrono::seconds(30)));
  EXPECT_EQ(kube_wishes({{"kubernetes.set_pod_resource_limits", "true"}})->limits, 1);
  EXPECT_EQ(kube_wishes({{"kubernetes.remote_identity", "trainer"}, {"slurm.quota", "x"}})->service_account, "trainer");
  for (const auto& [key, value] : std::map<std::string, std::string>{{"kubernetes.pod_config", "[1]"},
                                                                     {"kubernetes.provision_timeout", "soon"},
                                                                     {"kubernetes.set_pod_resource_limits", "0.5"},
                                                                     {"kubernetes.namespace", "{}"}})
    EXPECT_THAT(kube_wishes({{key, value}}).error().message(), HasSubstr("config." + key + ": expected")) << key;
}

}  // namespace
}  // namespace isobar::cloud
