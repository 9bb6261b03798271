#include "cluster_service.h"

#include <fmt/format.h>

#include "kube_objects.h"
#include "pod_spec.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

json::array ports_in_service(const Ports& ports) {
  json::array list;
  for (const auto port : each_of(ports))
    list.push_back(json::object{{"name", fmt::format("p{}", port)}, {"port", port}, {"targetPort", port}, {"protocol", "TCP"}});
  return list;
}

std::string services_in(const KubePlace& place) { return fmt::format("/api/v1/namespaces/{}/services", place.name_space); }

}  // namespace

json::object make_service(const std::string& owner, const KubeEntry& entry, const Ports& ports) {
  const json::object labels{{kOwnerLabel, owner}, {kClusterLabel, safe_cluster_name(entry.cluster)}};
  json::object selector = labels;
  selector[std::string(kRankLabel)] = "0";
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", json::object{{"name", pod_name(owner, entry.cluster, 0)},
                                    {"namespace", entry.place.name_space},
                                    {"labels", labels},
                                    {"annotations", json::object{{kNameNote, entry.cluster}}}}},
          {"spec", json::object{{"type", "LoadBalancer"}, {"selector", std::move(selector)}, {"ports", ports_in_service(ports)}}}};
}

json::value with_ports(json::value there, const Ports& ports) {
  if (!there.is_object()) there = json::object();
  auto& spec = there.as_object()["spec"];
  if (!spec.is_object()) spec = json::object();
  spec.as_object()["ports"] = ports_in_service(ports);
  return there;
}

std::string balancer_host(const json::value& service) {
  for (const auto& way : list_in(service, {"status", "loadBalancer", "ingress"}))
    for (const char* field : {"ip", "hostname"})
      if (const auto host = text_in(way, {field}); !host.empty()) return std::string(host);
  return "";
}

Status put_service(KubernetesProvider::Inner& inner, const KubeEntry& entry, const Ports& ports, Duration deadline) {
  TRY_ASSIGN(auto* client, inner.client(entry.place.context));
  const auto name = pod_name(inner.parts.owner, entry.cluster, 0), path = services_in(entry.place), doing = "create service " + name;
  const auto made = client->call(
      {.method = "POST", .path = path, .query = {}, .body = json::serialize(make_service(inner.parts.owner, entry, ports)), .doing = doing},
      deadline);
  if (made.ok() || made.error().code() != Code::kAlreadyExists) return made.ok() ? Status() : Status(made.error());
  TRY_ASSIGN(auto there, client->call({.method = "GET", .path = path + "/" + name, .query = {}, .body = {}, .doing = doing}, deadline));
  TRY(client->call({.method = "PUT",
                    .path = path + "/" + name,
                    .query = {},
                    .body = json::serialize(with_ports(std::move(there), ports)),
                    .doing = "change service " + name},
                   deadline));
  return {};
}

Result<std::string> service_host(KubernetesProvider::Inner& inner, const KubeEntry& entry, Duration deadline) {
  TRY_ASSIGN(auto* client, inner.client(entry.place.context));
  const auto name = pod_name(inner.parts.owner, entry.cluster, 0);
  TRY_ASSIGN(const auto service,
             client->call(
                 {.method = "GET", .path = services_in(entry.place) + "/" + name, .query = {}, .body = {}, .doing = "read service " + name},
                 deadline));
  auto host = balancer_host(service);
  if (!host.empty()) return host;
  return unavailable(
      fmt::format("context {} has given service {} no address yet; where nothing makes load balancers, write `ports: podip` below "
                  "config.kubernetes and launch anew",
                  entry.place.context, name));
}

Status delete_service(KubernetesProvider::Inner& inner, const KubePlace& place, const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(auto* client, inner.client(place.context));
  const auto name = pod_name(inner.parts.owner, cluster, 0);
  const auto gone = client->call(
      {.method = "DELETE", .path = services_in(place) + "/" + name, .query = {}, .body = {}, .doing = "delete service " + name}, deadline);
  if (gone.ok() || gone.error().code() == Code::kNotFound || gone.error().code() == Code::kPermissionDenied) return {};
  return gone.error();
}

Result<std::set<std::string>> clusters_with_service(KubernetesProvider::Inner& inner, const KubePlace& place, Duration deadline) {
  TRY_ASSIGN(auto* client, inner.client(place.context));
  const auto listed = client->list({.method = "GET",
                                    .path = services_in(place),
                                    .query = {{"labelSelector", fmt::format("{}={}", kOwnerLabel, inner.parts.owner)}},
                                    .body = {},
                                    .doing = "list our services"},
                                   deadline);
  std::set<std::string> clusters;
  if (!listed.ok() && listed.error().code() == Code::kPermissionDenied) return clusters;
  if (!listed.ok()) return listed.error();
  for (const auto& service : *listed)
    if (const auto cluster = text_in(service, {"metadata", "annotations", kNameNote}); !cluster.empty()) clusters.emplace(cluster);
  return clusters;
}

}  // namespace isobar::cloud
