#include <gtest/gtest.h>

#include "cloud/provider.h"

namespace isobar::cloud {
namespace {

Offer a_zonal_offer(std::string cloud) { return {.cloud = std::move(cloud), .region = "r1", .zone = "r1-a", .instance_type = "big"}; }

// "this type in …" for each row that the field has met; one line of the failover table a line here.
struct Row {
  const char* cloud;
  const char* code;
  const char* reach;
};

std::string reach_of(const Scope& scope) {
  if (!scope.instance_type) return !scope.region ? "cloud" : scope.zone ? "whole zone" : "whole region";
  if (!scope.region) return "everywhere";
  return scope.zone ? "zone" : "region";
}

TEST(ErrorScope, FollowsTheTable) {
  for (const Row& row : {
           Row{"gcp", "ZONE_RESOURCE_POOL_EXHAUSTED", "zone"},
           Row{"gcp", "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", "zone"},
           Row{"gcp", "QUOTA_EXCEEDED", "region"},
           Row{"gcp", "QUOTA_EXCEEDED: GPUS_ALL_REGIONS", "everywhere"},
           Row{"gcp", "SUBNET_NOT_FOUND_FOR_VPC", "region"},
           Row{"gcp", "VPC_NOT_FOUND", "everywhere"},
           Row{"gcp", "IAM_PERMISSION_DENIED", "everywhere"},
           Row{"gcp", "IMAGE_NOT_FOUND", "everywhere"},
           Row{"gcp", "DISK_SMALLER_THAN_IMAGE", "everywhere"},
           Row{"gcp", "UNSUPPORTED_OPERATION", "zone"},
           Row{"gcp", "RESOURCE_NOT_FOUND", "zone"},
           Row{"gcp", "UNAUTHENTICATED", "cloud"},
           Row{"gcp", "SERVICE_DISABLED", "cloud"},
           Row{"gcp", "BILLING_DISABLED", "cloud"},
           Row{"gcp", "RATE_LIMIT_EXCEEDED", "cloud"},
           Row{"aws", "LoginRefused", "cloud"},
           Row{"aws", "NodeSetupFailed", "whole region"},
           Row{"aws", "ExpiredToken", "cloud"},
           Row{"aws", "RequestExpired", "cloud"},
           Row{"aws", "AuthFailure", "cloud"},
           Row{"aws", "AuthFailure.ServiceLinkedRoleCreationNotPermitted", "everywhere"},
           Row{"aws", "InvalidClientTokenId", "cloud"},
           Row{"aws", "SignatureDoesNotMatch", "cloud"},
           Row{"aws", "MissingAuthenticationToken", "cloud"},
           Row{"aws", "UnrecognizedClientException", "cloud"},
           Row{"aws", "CredentialsNotFound", "cloud"},
           Row{"aws", "Blocked", "cloud"},
           Row{"aws", "UnauthorizedOperation", "everywhere"},
           Row{"aws", "AccessDenied", "everywhere"},
           Row{"aws", "InvalidBlockDeviceMapping", "everywhere"},
           Row{"aws", "InsufficientInstanceCapacity", "zone"},
           Row{"aws", "InsufficientHostCapacity", "zone"},
           Row{"aws", "InsufficientReservedInstanceCapacity", "zone"},
           Row{"aws", "InsufficientCapacity", "zone"},
           Row{"aws", "UnfulfillableCapacity", "zone"},
           Row{"aws", "Unsupported", "zone"},
           Row{"aws", "SpotMaxPriceTooLow", "zone"},
           Row{"aws", "InvalidAvailabilityZone", "zone"},
           Row{"aws", "InvalidSubnetID.NotFound", "zone"},
           Row{"aws", "InsufficientFreeAddressesInSubnet", "zone"},
           Row{"aws", "VcpuLimitExceeded", "region"},
           Row{"aws", "InstanceLimitExceeded", "region"},
           Row{"aws", "HostLimitExceeded", "region"},
           Row{"aws", "MaxSpotInstanceCountExceeded", "region"},
           Row{"aws", "VolumeLimitExceeded", "region"},
           Row{"aws", "MaxIOPSLimitExceeded", "region"},
           Row{"aws", "SecurityGroupLimitExceeded", "region"},
           Row{"aws", "AddressLimitExceeded", "region"},
           Row{"aws", "InsufficientAddressCapacity", "region"},
           Row{"aws", "OptInRequired", "region"},
           Row{"aws", "PendingVerification", "region"},
           Row{"aws", "InvalidInstanceType", "region"},
           Row{"aws", "VPCIdNotSpecified", "region"},
           Row{"aws", "RequestLimitExceeded", "region"},
           Row{"aws", "InternalError", "region"},
           Row{"aws", "InternalFailure", "region"},
           Row{"aws", "Unavailable", "region"},
           Row{"aws", "InvalidAMIID.NotFound", "region"},
           Row{"aws", "InvalidAMIID.Unavailable", "region"},
           Row{"aws", "InvalidAMIID.Malformed", "region"},
           Row{"aws", "ServiceUnavailable", "region"},
           Row{"aws", "InvalidGroup.NotFound", "region"},
           Row{"aws", "InvalidKeyPair.NotFound", "region"},
           Row{"aws", "UnsupportedOperation", "zone"},
           Row{"aws", "ThrottlingException", "region"},
           Row{"aws", "AccessDeniedException", "everywhere"},
           Row{"azure", "SkuNotAvailable", "region"},
           Row{"azure", "ReadOnlyDisabledSubscription", "cloud"},
           Row{"azure", "AuthenticationFailed", "cloud"},
           Row{"azure", "InvalidAuthenticationToken", "cloud"},
           Row{"azure", "ExpiredAuthenticationToken", "cloud"},
           Row{"azure", "SubscriptionNotFound", "cloud"},
           Row{"azure", "MissingSubscriptionRegistration", "cloud"},
           Row{"azure", "AuthorizationFailed", "everywhere"},
           Row{"azure", "AllocationFailed", "region"},
           Row{"azure", "QuotaExceeded", "region"},
           Row{"lambda", "instance-operations/launch/insufficient-capacity", "region"},
           Row{"lambda", "no-capacity-anywhere", "everywhere"},
           Row{"lambda", "unknown-instance-type", "everywhere"},
           Row{"lambda", "global/quota-exceeded", "everywhere"},
           Row{"lambda", "global/invalid-api-key", "cloud"},
           Row{"lambda", "global/account-inactive", "cloud"},
           Row{"lambda", "global/invalid-address", "cloud"},
           Row{"lambda", "CredentialsNotFound", "cloud"},
           Row{"lambda", "ApiUnreachable", "cloud"},
           Row{"runpod", "UNAUTHORIZED", "cloud"},
           Row{"runpod", "INSUFFICIENT_BALANCE", "cloud"},
           Row{"runpod", "SPEND_LIMIT_EXCEEDED", "cloud"},
           Row{"runpod", "invalid_argument", "cloud"},
           Row{"runpod", "NO_CAPACITY", "zone"},
           Row{"slurm", "LoginHostUnreachable", "whole region"},
           Row{"slurm", "ControllerUnreachable", "whole region"},
           Row{"slurm", "SubmissionRunning", "whole region"},
           Row{"slurm", "SlurmNotInstalled", "whole region"},
           Row{"slurm", "AccessDenied", "whole region"},
           Row{"slurm", "InvalidOption", "whole region"},
           Row{"slurm", "InvalidPartition", "whole zone"},
           Row{"slurm", "PartitionUnavailable", "whole zone"},
           Row{"slurm", "InvalidAccount", "whole zone"},
           Row{"slurm", "InvalidQos", "whole zone"},
           Row{"slurm", "InvalidTimeLimit", "whole zone"},
           Row{"slurm", "JobHeld", "whole zone"},
           Row{"slurm", "InvalidGres", "region"},
           Row{"slurm", "PolicyViolation", "zone"},
           Row{"slurm", "NodeConfigurationUnavailable", "zone"},
           Row{"slurm", "Refused", "zone"},
           Row{"kubernetes", "InvalidOption", "cloud"},
           Row{"kubernetes", "InsufficientCapacity", "region"},
           Row{"kubernetes", "Unschedulable", "region"},
           Row{"kubernetes", "QuotaExceeded", "region"},
           Row{"kubernetes", "Forbidden", "whole region"},
           Row{"kubernetes", "Unauthorized", "whole region"},
           Row{"kubernetes", "ContextUnreachable", "whole region"},
           Row{"kubernetes", "ImagePullFailed", "whole region"},
       })
    EXPECT_EQ(reach_of(scope_of_error(row.cloud, row.code, a_zonal_offer(row.cloud))), row.reach) << row.cloud << " " << row.code;
}

// A user's report: one unlisted capacity code stopped the whole failover.
TEST(ErrorScope, AnUnknownCodeBlocksOneZoneAndGoesOn) {
  EXPECT_EQ(reach_of(scope_of_error("aws", "SomethingNewIn2031", a_zonal_offer("aws"))), "zone");
  auto regional = a_zonal_offer("nebius");
  regional.zone.clear();
  EXPECT_EQ(reach_of(scope_of_error("nebius", "SomethingNewIn2031", regional)), "region");
}

TEST(Scope, AnUnsetFieldIsAWildcard) {
  const auto offer = a_zonal_offer("aws");
  EXPECT_TRUE((Scope{.cloud = "aws"}.covers(offer, false)));
  EXPECT_TRUE((Scope{.cloud = "aws", .region = "r1", .use_spot = true}.covers(offer, true)));
  EXPECT_FALSE((Scope{.cloud = "aws", .use_spot = true}.covers(offer, false)));
  EXPECT_FALSE((Scope{.region = "r2"}.covers(offer, false)));
}

}  // namespace
}  // namespace isobar::cloud
