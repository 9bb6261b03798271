#include "cloud/gcp_provider.h"

#include "gcp_cloud.h"

namespace isobar::cloud {

GcpProvider::GcpProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport)
    : MachineProvider(
          std::make_unique<gcp::GcpCloud>(gcp::GcpCloud::Parts{parts.owner, std::move(surroundings), transport, pace_of(parts)}), parts) {}

}  // namespace isobar::cloud
