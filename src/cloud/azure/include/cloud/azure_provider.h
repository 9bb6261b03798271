#pragma once

/// Azure's virtual machines as a provider: see machine_provider.h for what it promises.

#include "cloud/machine_provider.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

class AzureProvider final : public MachineProvider {
 public:
  /// surroundings  where credentials and the subscription are looked for when they are first needed, as `az` has them
  /// transport     must outlive the provider
  AzureProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport);
};

}  // namespace isobar::cloud
