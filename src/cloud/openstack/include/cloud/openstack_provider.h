#pragma once

/// A private cloud of OpenStack as a provider: see machine_provider.h for what it promises.

#include <map>
#include <string>

#include "cloud/machine_provider.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

/// What a private cloud's own user knows of it, as `openstack` in config.yaml says.
struct OpenStackSettings {
  std::string image;                     ///< a name, or an id; empty: the newest Ubuntu 22.04
  std::string login;                     ///< the user of the image; empty: as the image says, else by its distribution
  std::string network;                   ///< a name, or an id; empty: the only one of the project
  std::string floating_network;          ///< the same, of an external one; "none": no floating addresses; empty: the only one
  std::map<std::string, double> prices;  ///< $ an hour, by flavor; one that is not named costs nothing
};

class OpenStackProvider final : public MachineProvider {
 public:
  /// surroundings  where it is looked for how to sign in, when that is first needed: OS_CLOUD, clouds.yaml, OS_AUTH_URL …
  /// transport     must outlive the provider, and trust `openstack_authority`
  OpenStackProvider(const MachineParts& parts, OpenStackSettings settings, storage::Surroundings surroundings,
                    net::HttpTransport& transport);
};

/// The file of certificates that the cloud which is meant now wants trusted; empty: the system's.
std::string openstack_authority(const storage::Surroundings& surroundings);

}  // namespace isobar::cloud
