#pragma once

/// What a task's `config.kubernetes` says of its pods:
///
///   config:
///     kubernetes:
///       pod_config: {spec: {…}}            # laid over the pod, see pod_merge.h
///       custom_metadata: {labels: {…}, annotations: {…}}
///       provision_timeout: 60              # seconds that a pod may find no room; -1: as long as it takes
///       set_pod_resource_limits: true      # or a factor of what is requested
///       remote_identity: trainer           # the service account its pods run as
///       namespace: research                # in place of the context's
///       ports: podip                       # or loadbalancer, which it is otherwise: how open ports are reached

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace isobar::cloud {

struct KubeWishes {
  boost::json::value pod_config, metadata;    ///< null: none
  std::optional<Duration> provision_timeout;  ///< kForever: as long as it takes
  double limits = 0;                          ///< of CPUs and memory, as a factor of what is requested; 0: none
  std::string service_account, name_space;
  bool ports_at_pod = false;
};

/// config   by dotted key, as YAML text; what is not Kubernetes' business is passed over
/// Errors   kInvalidArgument: a value of the wrong kind, with its key
Result<KubeWishes> kube_wishes(const std::map<std::string, std::string>& config);

}  // namespace isobar::cloud
