#include "cluster_service.h"

#include <gtest/gtest.h>

#include "kube_json.h"

namespace isobar::cloud {
namespace {

const KubeEntry kTrain{.cluster = "train", .token = "t", .place = {"lab", "research"}, .nodes = 2, .ended = {}};

TEST(ClusterService, LeadsToTheHeadAloneAtEachPort) {
  const boost::json::value service = make_service("0123456789abcdef", kTrain, {{80, 80}, {8000, 8001}});
  EXPECT_EQ(text_in(service, {"metadata", "name"}), "train-01234567-0");
  EXPECT_EQ(text_in(service, {"metadata", "namespace"}), "research");
  EXPECT_EQ(text_in(service, {"spec", "type"}), "LoadBalancer");
  EXPECT_EQ(text_in(service, {"spec", "selector", "isobar.dev/rank"}), "0");
  EXPECT_EQ(text_in(service, {"spec", "selector", "isobar.dev/owner"}), "0123456789abcdef");
  const auto& ports = list_in(service, {"spec", "ports"});
  ASSERT_EQ(ports.size(), 3U);
  EXPECT_EQ(text_in(ports[2], {"name"}), "p8001");
}

TEST(ClusterService, KeepsWhatTheServerAddedWhenItsPortsChange) {
  const auto there =
      parse_kube_json(R"({"metadata":{"resourceVersion":"7"},"spec":{"clusterIP":"10.0.0.9","ports":[{"port":80}]}})").value();
  const auto changed = with_ports(there, {{80, 81}});
  EXPECT_EQ(text_in(changed, {"metadata", "resourceVersion"}), "7");
  EXPECT_EQ(text_in(changed, {"spec", "clusterIP"}), "10.0.0.9");
  EXPECT_EQ(list_in(changed, {"spec", "ports"}).size(), 2U);
}

TEST(ClusterService, ItsAddressIsThatOfTheLoadBalancer) {
  EXPECT_EQ(balancer_host(parse_kube_json(R"({"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"}]}}})").value()), "203.0.113.7");
  EXPECT_EQ(balancer_host(parse_kube_json(R"({"status":{"loadBalancer":{"ingress":[{"hostname":"a.elb.example"}]}}})").value()),
            "a.elb.example");
  EXPECT_EQ(balancer_host(parse_kube_json(R"({"status":{"loadBalancer":{}}})").value()), "");
}

}  // namespace
}  // namespace isobar::cloud
