#pragma once

// ~/.isobar/config.yaml: the knobs of every module, a section each, checked once.

#include "base/file.h"
#include "broker/broker.h"
#include "cloud/openstack_provider.h"

namespace isobar::app {

/// A file that does not exist is an empty one.
/// Errors   kInvalidArgument: unknown section or key (with the nearest one), or a value out of its bounds
Result<broker::Config> read_config_file(const fs::path& path);
/// The contexts of the kubeconfig that tasks may run in which name none (`kubernetes.allowed_contexts`); none: the current one.
Result<std::vector<std::string>> read_allowed_contexts(const fs::path& path);

/// What the section `openstack` says of a private cloud.
Result<cloud::OpenStackSettings> read_openstack_settings(const fs::path& path);

}  // namespace isobar::app
