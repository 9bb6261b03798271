#pragma once

/// What machines stand on in a region: a zone, a subnet, a security group, a key, an image. What is the account's own is found,
/// what is isobar's is made once and shared by all clusters there.

#include <string>

#include "cloud/own_key.h"
#include "cloud/provider.h"
#include "region_api.h"

namespace isobar::cloud::ec2 {

/// A create order with what it does not say.
struct LaunchOrder {
  CreateOrder order;
  std::string image;              ///< an alias, or "ami-…"; empty: what suits the machine
  std::string disk_type = "gp3";  ///< of the root disk
  std::string owner;
};

struct LaunchGround {
  std::string subnet_id;  ///< empty: the offer names no zone, and EC2 chooses
  std::string security_group_id;
  Image image;
  std::string login_user;
  std::uint64_t disk_gb = 0;  ///< what was ordered, or what the image needs if that is more
};

/// Fails fast where the account's quota cannot hold the order: a look takes a fraction of a second, a doomed launch half a minute.
/// Passes when the quota is not known or may not be read.
/// Errors   VcpuLimitExceeded, for spot MaxSpotInstanceCountExceeded
Answer<Nothing> check_quota(RegionApi& api, const CreateOrder& order);

/// Finds or makes all of it. Two that make the same thing at once both get it.
/// Errors   the refusal of the step. Found by ourselves: VPCIdNotSpecified (no default VPC), InvalidSubnetID.NotFound (it has no
///          subnet in the zone), InvalidAvailabilityZone (no such zone in this account), InvalidAMIID.NotFound, all with the mend
Answer<LaunchGround> prepare_ground(RegionApi& api, const LaunchOrder& launch, const OwnKey& key);

}  // namespace isobar::cloud::ec2
