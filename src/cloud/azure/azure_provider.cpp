#include "cloud/azure_provider.h"

#include "azure_cloud.h"

namespace isobar::cloud {

AzureProvider::AzureProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport)
    : MachineProvider(
          std::make_unique<azure::AzureCloud>(azure::AzureCloud::Parts{parts.owner, std::move(surroundings), transport, pace_of(parts)}),
          parts) {}

}  // namespace isobar::cloud
