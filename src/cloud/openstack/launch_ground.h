#pragma once

/// What a machine stands on: its image, network, security group and key, found or made before the first one.

#include "cloud/machine_cloud.h"
#include "region_api.h"

namespace isobar::cloud::openstack {

struct LaunchGround {
  Flavor flavor;
  Image image;
  std::string login, network;
  std::string floating_network;  ///< empty: machines get no floating address
  std::string group;             ///< id of the security group that all machines of an owner are in
};

/// Errors   "FlavorNotFound", "ImageNotFound", "NetworkNotFound", "QuotaExceeded", with what there is and how to name it
Answer<LaunchGround> prepare_ground(const RegionApi& api, const CreateOrder& order, const Settings& settings, const std::string& owner);

}  // namespace isobar::cloud::openstack
