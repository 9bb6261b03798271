#pragma once

/// Lambda Cloud as a provider: see machine_provider.h for what it promises.

#include "cloud/machine_provider.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

/// Machines of Lambda cannot be stopped: they are there, or gone with their disks.
class LambdaProvider final : public MachineProvider {
 public:
  /// surroundings  where the API key is looked for when it is first needed: LAMBDA_API_KEY, ~/.lambda_cloud/lambda_keys
  /// transport     must outlive the provider
  LambdaProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport);
};

}  // namespace isobar::cloud
