#pragma once

/// Ports of a cluster that are open to the world: a Service of type LoadBalancer that leads to its head, named as the head's pod is. Where
/// a task says `kubernetes.ports: podip`, there is none, and the head is reached at the address of its pod.

#include <boost/json.hpp>
#include <set>
#include <string>

#include "base/ports.h"
#include "kube_ledger.h"
#include "provider_inner.h"

namespace isobar::cloud {

/// A Service names each of its ports.
inline constexpr std::size_t kServicePortsMost = 250;

/// The Service that leads to the head. Pure.
boost::json::object make_service(const std::string& owner, const KubeEntry& entry, const Ports& ports);
/// `there` with these ports in place of its own. Pure.
boost::json::value with_ports(boost::json::value there, const Ports& ports);
/// Where the load balancer is: a name or an address; empty while there is none. Pure.
std::string balancer_host(const boost::json::value& service);

/// Makes the Service, or has it lead to these ports.
Status put_service(KubernetesProvider::Inner& inner, const KubeEntry& entry, const Ports& ports, Duration deadline);
/// Errors   kUnavailable: it has no address yet
Result<std::string> service_host(KubernetesProvider::Inner& inner, const KubeEntry& entry, Duration deadline);
/// One that is not there, or that we may not look at and have therefore not made, is a success.
Status delete_service(KubernetesProvider::Inner& inner, const KubePlace& place, const std::string& cluster, Duration deadline);
/// The clusters of this home that have one there; none where we may not list Services.
Result<std::set<std::string>> clusters_with_service(KubernetesProvider::Inner& inner, const KubePlace& place, Duration deadline);

}  // namespace isobar::cloud
