#pragma once

/// RunPod as a provider: see machine_provider.h for what it promises.

#include "cloud/machine_provider.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

/// A machine is a pod: a container with GPUs and an SSH server. Pods do not reach one another, so a cluster is one node.
class RunPodProvider final : public MachineProvider {
 public:
  /// surroundings  where the API key is looked for when it is first needed: RUNPOD_API_KEY, ~/.runpod/config.toml
  /// transport     must outlive the provider
  RunPodProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport);
};

}  // namespace isobar::cloud
