#pragma once

/// Google Compute Engine as a provider: see machine_provider.h for what it promises.

#include "cloud/machine_provider.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

class GcpProvider final : public MachineProvider {
 public:
  /// surroundings  where credentials, the project and the endpoint are looked for when they are first needed, as gcloud has them
  /// transport     must outlive the provider
  GcpProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport);
};

}  // namespace isobar::cloud
