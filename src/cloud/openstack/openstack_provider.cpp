#include "cloud/openstack_provider.h"

#include "openstack_cloud.h"

namespace isobar::cloud {

OpenStackProvider::OpenStackProvider(const MachineParts& parts, OpenStackSettings settings, storage::Surroundings surroundings,
                                     net::HttpTransport& transport)
    : MachineProvider(std::make_unique<openstack::OpenStackCloud>(openstack::OpenStackCloud::Parts{
                          parts.owner, std::move(settings), std::move(surroundings), transport, pace_of(parts)}),
                      parts) {}

std::string openstack_authority(const storage::Surroundings& surroundings) {
  const auto access = openstack::find_access(surroundings);
  return access.ok() ? access->ca_file : "";
}

}  // namespace isobar::cloud
