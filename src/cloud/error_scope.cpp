// How much of the market an error rules out. Each cloud names its refusals in its own words; what failover needs to
// know is only how far one reaches: this type in this zone, in this region, everywhere, or the whole cloud; or, where a
// place as such refuses, every type in this zone or region. The table is data, read from the top; the first row whose
// cloud and pattern match decides.

#include <array>
#include <string_view>

#include "cloud/provider.h"

namespace isobar::cloud {

namespace {

enum class Reach { kZone, kWholeZone, kRegion, kWholeRegion, kEverywhere, kCloud };

struct Row {
  std::string_view cloud;    // empty: every cloud
  std::string_view pattern;  // the error contains this
  Reach reach;
};

constexpr std::array kRows = {
    // Our own drivers, of every cloud: its API could not be reached at all.
    Row{"", "ApiUnreachable", Reach::kCloud},
    // And of machines that run: they take none of our keys, or cannot be reached or made a node.
    Row{"", "LoginRefused", Reach::kCloud},
    Row{"", "NodeSetupFailed", Reach::kWholeRegion},
    Row{"", "CredentialsNotFound", Reach::kCloud},
    // GCP: stock-outs are zonal, most quotas regional, a few global.
    Row{"gcp", "ZONE_RESOURCE_POOL_EXHAUSTED", Reach::kZone},
    Row{"gcp", "UNSUPPORTED_OPERATION", Reach::kZone},
    Row{"gcp", "insufficientCapacity", Reach::kZone},
    Row{"gcp", "RESOURCE_NOT_READY", Reach::kZone},
    Row{"gcp", "RESOURCE_NOT_FOUND", Reach::kZone},
    Row{"gcp", "RESOURCE_OPERATION_RATE_EXCEEDED", Reach::kZone},
    Row{"gcp", "UNAUTHENTICATED", Reach::kCloud},
    Row{"gcp", "SERVICE_DISABLED", Reach::kCloud},
    Row{"gcp", "BILLING_DISABLED", Reach::kCloud},
    Row{"gcp", "RATE_LIMIT_EXCEEDED", Reach::kCloud},
    Row{"gcp", "GPUS_ALL_REGIONS", Reach::kEverywhere},
    Row{"gcp", "CPUS_ALL_REGIONS", Reach::kEverywhere},
    Row{"gcp", "IMAGE_NOT_FOUND", Reach::kEverywhere},
    Row{"gcp", "QUOTA_EXCEEDED", Reach::kRegion},
    Row{"gcp", "SUBNET_NOT_FOUND_FOR_VPC", Reach::kRegion},
    Row{"gcp", "VPC_NOT_FOUND", Reach::kEverywhere},
    Row{"gcp", "IAM_PERMISSION_DENIED", Reach::kEverywhere},
    Row{"gcp", "DISK_SMALLER_THAN_IMAGE", Reach::kEverywhere},
    Row{"gcp", "TPU_QUOTA_FAILURE_REGION", Reach::kRegion},
    // AWS: the role of spot machines is missing, which on demand nobody notices.
    Row{"aws", "ServiceLinkedRoleCreationNotPermitted", Reach::kEverywhere},
    // Without valid credentials, or of a blocked account, nothing is to be had anywhere.
    Row{"aws", "ExpiredToken", Reach::kCloud},
    Row{"aws", "RequestExpired", Reach::kCloud},
    Row{"aws", "AuthFailure", Reach::kCloud},
    Row{"aws", "InvalidClientTokenId", Reach::kCloud},
    Row{"aws", "SignatureDoesNotMatch", Reach::kCloud},
    Row{"aws", "MissingAuthenticationToken", Reach::kCloud},
    Row{"aws", "UnrecognizedClientException", Reach::kCloud},
    Row{"aws", "Blocked", Reach::kCloud},
    // What the account's policy forbids, or no image can boot with, it is so for this type in every region.
    Row{"aws", "UnauthorizedOperation", Reach::kEverywhere},
    Row{"aws", "AccessDenied", Reach::kEverywhere},
    Row{"aws", "InvalidBlockDeviceMapping", Reach::kEverywhere},
    // Capacity, subnets and what is offered at all are a zone's.
    Row{"aws", "InsufficientInstanceCapacity", Reach::kZone},
    Row{"aws", "InsufficientHostCapacity", Reach::kZone},
    Row{"aws", "InsufficientReservedInstanceCapacity", Reach::kZone},
    Row{"aws", "InsufficientCapacity", Reach::kZone},
    Row{"aws", "UnfulfillableCapacity", Reach::kZone},
    Row{"aws", "Unsupported", Reach::kZone},
    Row{"aws", "SpotMaxPriceTooLow", Reach::kZone},
    Row{"aws", "InvalidAvailabilityZone", Reach::kZone},
    Row{"aws", "InvalidSubnetID.NotFound", Reach::kZone},
    Row{"aws", "InsufficientFreeAddressesInSubnet", Reach::kZone},
    // Quotas, images, networks and the API itself are a region's.
    Row{"aws", "VcpuLimitExceeded", Reach::kRegion},
    Row{"aws", "InstanceLimitExceeded", Reach::kRegion},
    Row{"aws", "HostLimitExceeded", Reach::kRegion},
    Row{"aws", "MaxSpotInstanceCountExceeded", Reach::kRegion},
    Row{"aws", "VolumeLimitExceeded", Reach::kRegion},
    Row{"aws", "MaxIOPSLimitExceeded", Reach::kRegion},
    Row{"aws", "SecurityGroupLimitExceeded", Reach::kRegion},
    Row{"aws", "AddressLimitExceeded", Reach::kRegion},
    Row{"aws", "InsufficientAddressCapacity", Reach::kRegion},
    Row{"aws", "OptInRequired", Reach::kRegion},
    Row{"aws", "PendingVerification", Reach::kRegion},
    Row{"aws", "InvalidAMIID", Reach::kRegion},
    Row{"aws", "InvalidInstanceType", Reach::kRegion},
    Row{"aws", "InvalidKeyPair", Reach::kRegion},
    Row{"aws", "InvalidGroup", Reach::kRegion},
    Row{"aws", "VPCIdNotSpecified", Reach::kRegion},
    Row{"aws", "RequestLimitExceeded", Reach::kRegion},
    Row{"aws", "Throttling", Reach::kRegion},
    Row{"aws", "InternalError", Reach::kRegion},
    Row{"aws", "InternalFailure", Reach::kRegion},
    Row{"aws", "Unavailable", Reach::kRegion},
    Row{"scp", "ExpiredToken", Reach::kCloud},
    // Azure: no zones in its offers, so its ordinary refusals reach a region.
    Row{"azure", "ReadOnlyDisabledSubscription", Reach::kCloud},
    Row{"azure", "AuthenticationFailed", Reach::kCloud},
    Row{"azure", "InvalidAuthenticationToken", Reach::kCloud},
    Row{"azure", "ExpiredAuthenticationToken", Reach::kCloud},
    Row{"azure", "SubscriptionNotFound", Reach::kCloud},
    Row{"azure", "MissingSubscriptionRegistration", Reach::kCloud},
    Row{"azure", "AuthorizationFailed", Reach::kEverywhere},
    Row{"azure", "SkuNotAvailable", Reach::kRegion},
    Row{"azure", "", Reach::kRegion},
    // Slurm: a region is a cluster, a zone a partition. Most of what a partition refuses it refuses for every type; a
    // login host or controller that cannot be reached rules out its cluster and no other.
    Row{"slurm", "LoginHostUnreachable", Reach::kWholeRegion},
    Row{"slurm", "ControllerUnreachable", Reach::kWholeRegion},
    Row{"slurm", "SubmissionRunning", Reach::kWholeRegion},
    Row{"slurm", "SlurmNotInstalled", Reach::kWholeRegion},
    Row{"slurm", "AccessDenied", Reach::kWholeRegion},
    Row{"slurm", "InvalidOption", Reach::kWholeRegion},
    Row{"slurm", "InvalidPartition", Reach::kWholeZone},
    Row{"slurm", "PartitionUnavailable", Reach::kWholeZone},
    Row{"slurm", "InvalidAccount", Reach::kWholeZone},
    Row{"slurm", "InvalidQos", Reach::kWholeZone},
    Row{"slurm", "InvalidTimeLimit", Reach::kWholeZone},
    Row{"slurm", "JobHeld", Reach::kWholeZone},
    Row{"slurm", "InvalidGres", Reach::kRegion},
    Row{"slurm", "PolicyViolation", Reach::kZone},
    Row{"slurm", "NodeConfigurationUnavailable", Reach::kZone},
    // Kubernetes: a region is a context. What is wrong with the task's own words is so in every one; what a cluster refuses, it refuses
    // for every type, but for room and quotas.
    Row{"kubernetes", "InvalidOption", Reach::kCloud},
    Row{"kubernetes", "InsufficientCapacity", Reach::kRegion},
    Row{"kubernetes", "Unschedulable", Reach::kRegion},
    Row{"kubernetes", "QuotaExceeded", Reach::kRegion},
    Row{"kubernetes", "StillWaiting", Reach::kRegion},
    Row{"kubernetes", "PodFailed", Reach::kRegion},
    Row{"kubernetes", "", Reach::kWholeRegion},
    // Lambda and the other GPU clouds sell by region.
    Row{"lambda", "invalid-api-key", Reach::kCloud},
    Row{"lambda", "account-inactive", Reach::kCloud},
    Row{"lambda", "invalid-address", Reach::kCloud},
    Row{"lambda", "insufficient-capacity", Reach::kRegion},
    Row{"lambda", "no-capacity-anywhere", Reach::kEverywhere},
    Row{"lambda", "unknown-instance-type", Reach::kEverywhere},
    Row{"lambda", "quota-exceeded", Reach::kEverywhere},
    // OpenStack: flavors, images, networks and quotas are a region's; hosts are a zone's.
    Row{"openstack", "Unauthorized", Reach::kCloud},
    Row{"openstack", "forbidden", Reach::kWholeRegion},
    Row{"openstack", "RegionNotFound", Reach::kWholeRegion},
    Row{"openstack", "ImageNotFound", Reach::kWholeRegion},
    Row{"openstack", "NetworkNotFound", Reach::kWholeRegion},
    Row{"openstack", "IpAddress", Reach::kWholeRegion},
    Row{"openstack", "FlavorNotFound", Reach::kRegion},
    Row{"openstack", "QuotaExceeded", Reach::kRegion},
    Row{"openstack", "NoValidHost", Reach::kZone},
    // RunPod: an order that it does not take (several nodes) it takes nowhere.
    Row{"runpod", "UNAUTHORIZED", Reach::kCloud},
    Row{"runpod", "INSUFFICIENT_BALANCE", Reach::kCloud},
    Row{"runpod", "SPEND_LIMIT_EXCEEDED", Reach::kCloud},
    Row{"runpod", "invalid_argument", Reach::kCloud},
    Row{"runpod", "NO_CAPACITY", Reach::kZone},
};

Reach reach_of(std::string_view cloud, std::string_view code) {
  for (const Row& row : kRows)
    if ((row.cloud.empty() || row.cloud == cloud) && code.find(row.pattern) != std::string_view::npos) return row.reach;
  return Reach::kZone;
}

}  // namespace

Scope scope_of_error(const std::string& cloud, std::string_view code, const Offer& offer) {
  Scope scope;
  scope.cloud = cloud;
  const Reach reach = reach_of(cloud, code);
  if (reach == Reach::kCloud) return scope;
  if (reach != Reach::kWholeZone && reach != Reach::kWholeRegion) scope.instance_type = offer.instance_type;
  if (reach == Reach::kEverywhere) return scope;
  scope.region = offer.region;
  if ((reach == Reach::kZone || reach == Reach::kWholeZone) && !offer.zone.empty()) scope.zone = offer.zone;
  return scope;
}

}  // namespace isobar::cloud
