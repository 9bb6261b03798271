#pragma once

/// What a user adds to a pod (`kubernetes.pod_config`), laid over what this driver makes of it. Pure.

#include <boost/json.hpp>

#include "base/result.h"
#include "yaml/yaml_tree.h"

namespace isobar::cloud {

/// Maps field by field, all the way down; lists of things with names (containers, volumes, env, volumeMounts by mountPath,
/// imagePullSecrets, ports by containerPort) thing by thing, and `tolerations` one after the other; other lists and all else is replaced.
/// In the list of containers, the first without a name, or one called `ray-node` as in files for SkyPilot, is ours.
void merge_pod(boost::json::value& into, const boost::json::value& overlay);

/// YAML as the JSON that Kubernetes takes.
boost::json::value json_of(const YamlNode& node);

}  // namespace isobar::cloud
