#include "launch_ground.h"

#include <fmt/format.h>

#include <algorithm>

#include "image_alias.h"
#include "quota.h"
#include "tags.h"

namespace isobar::cloud::ec2 {

namespace {

constexpr const char* kGroupName = "isobar";
constexpr int kLooksMost = 10;
constexpr Duration kBetweenLooks = 1s;

/// Offers name zones by id, which is the same place for everyone; what else is asked takes this account's name of it.
Answer<std::string> zone_name(RegionApi& api, const std::string& zone) {
  const bool is_name = zone.starts_with(api.region());
  TRY_ASSIGN(const auto zones, api.zones({{is_name ? "zone-name" : "zone-id", {zone}}}));
  if (zones.empty())
    return Refused(not_found(fmt::format("the account has no zone {} in {}; see `aws ec2 describe-availability-zones --region {}`", zone,
                                         api.region(), api.region())),
                   "InvalidAvailabilityZone");
  return zones.front().name;
}

Answer<std::string> default_vpc(RegionApi& api) {
  TRY_ASSIGN(const auto vpcs, api.default_vpcs());
  if (vpcs.empty())
    return Refused(not_found(fmt::format("the account has no default VPC in {}; make it with `aws ec2 create-default-vpc --region {}`",
                                         api.region(), api.region())),
                   "VPCIdNotSpecified");
  return vpcs.front();
}

/// The zone's default subnet if there is one, else whichever gives public addresses, else the one with the most room.
Answer<std::string> subnet_in(RegionApi& api, const std::string& vpc, const std::string& zone) {
  TRY_ASSIGN(auto subnets, api.subnets({{"vpc-id", {vpc}}, {"availability-zone", {zone}}}));
  const auto best = std::max_element(subnets.begin(), subnets.end(), [](const Subnet& a, const Subnet& b) {
    return std::tuple(a.is_default, a.gives_public_addresses, a.free_addresses) <
           std::tuple(b.is_default, b.gives_public_addresses, b.free_addresses);
  });
  if (best == subnets.end())
    return Refused(not_found(fmt::format("the default VPC {} has no subnet in {}; make it with `aws ec2 create-default-subnet --region {} "
                                         "--availability-zone {}`",
                                         vpc, zone, api.region(), zone)),
                   "InvalidSubnetID.NotFound");
  return best->id;
}

Answer<std::optional<SecurityGroup>> find_group(RegionApi& api, const std::string& vpc) {
  TRY_ASSIGN(auto groups, api.security_groups({{"group-name", {kGroupName}}, {"vpc-id", {vpc}}}));
  if (groups.empty()) return std::optional<SecurityGroup>();
  return std::optional(std::move(groups.front()));
}

Answer<Nothing> let_in(RegionApi& api, const std::string& group_id, Ingress ingress) {
  auto done = api.authorize(group_id, ingress);
  if (done.refused_with("InvalidPermission.Duplicate")) return Nothing{};  // Another process did so meanwhile.
  return done;
}

/// Made here, or by another process at the same time, in which case it may take a moment until it is listed.
Answer<SecurityGroup> make_group(RegionApi& api, const std::string& vpc, const std::string& owner) {
  const auto made = api.create_security_group(kGroupName, "Machines that isobar makes: ssh from anywhere, everything among themselves", vpc,
                                              {{kOwnerTag, owner}, {"Name", kGroupName}});
  if (made.ok()) return SecurityGroup{.id = *made};
  if (!made.refused_with("InvalidGroup.Duplicate")) return made.error();
  for (int look = 0; look < kLooksMost; ++look) {
    TRY_ASSIGN(const auto group, find_group(api, vpc));
    if (group) return *group;
    api.pause(kBetweenLooks);
  }
  return made.error();
}

/// What a user has narrowed (ssh from one office alone) stays as it is: a rule is added only where nothing at all plays its part.
Answer<std::string> security_group(RegionApi& api, const std::string& vpc, const std::string& owner) {
  TRY_ASSIGN(auto group, find_group(api, vpc));
  if (!group) {
    TRY_ASSIGN(group, make_group(api, vpc, owner));
  }
  if (!group->open_within) TRY(let_in(api, group->id, Ingress::kWithinGroup));
  if (!group->lets_ssh_in) TRY(let_in(api, group->id, Ingress::kSshFromAnywhere));
  return group->id;
}

/// By the publisher's parameter, which is one look; accounts that may not read parameters search the publisher's images.
Answer<std::string> image_id_of(RegionApi& api, const ImageSource& source, const std::string& architecture) {
  auto value = api.parameter(source.parameter);
  if (value.ok()) return value;
  const bool may_search = value.refused_with("ParameterNotFound") || value.error().code() == Code::kPermissionDenied;
  if (!may_search) return value.error();
  TRY_ASSIGN(const auto images,
             api.images({{"name", {source.name_pattern}}, {"architecture", {architecture}}, {"state", {"available"}}}, source.owner));
  const auto newest = std::max_element(images.begin(), images.end(), [](const Image& a, const Image& b) { return a.created < b.created; });
  if (newest == images.end())
    return Refused(not_found(fmt::format("{} has no image {} of {} for {}; name another one", api.region(), source.name_pattern,
                                         source.owner, architecture)),
                   "InvalidAMIID.NotFound");
  return newest->id;
}

Answer<Nothing> find_image(RegionApi& api, const LaunchOrder& launch, LaunchGround& ground) {
  const Offer& offer = launch.order.offer;
  std::string id = launch.image;
  if (!is_image_id(launch.image)) {
    TRY_ASSIGN(const auto source, find_image_source(launch.image, offer.architecture, offer.instance_type));
    TRY_ASSIGN(id, image_id_of(api, source, offer.architecture));
    ground.login_user = source.login_user;
  }
  TRY_ASSIGN(const auto images, api.images({{"image-id", {id}}}));
  if (images.empty())
    return Refused(not_found(fmt::format("there is no image {} in {}, or it is not shared with this account; images belong to one region",
                                         id, api.region())),
                   "InvalidAMIID.NotFound");
  ground.image = images.front();
  if (!ground.image.architecture.empty() && ground.image.architecture != offer.architecture)
    return Refused(
        invalid(fmt::format("the image {} is for {}, {} has {}", id, ground.image.architecture, offer.instance_type, offer.architecture)),
        "InvalidAMIID.Architecture");
  if (ground.login_user.empty()) ground.login_user = guess_login_user(ground.image);
  ground.disk_gb = std::max<std::uint64_t>({launch.order.disk_gb, ground.image.root_gb, 1});
  return Nothing{};
}

Answer<Nothing> import_key(RegionApi& api, const OwnKey& key, const std::string& owner) {
  auto imported = api.import_key_pair(key.name, key.public_line, {{kOwnerTag, owner}});
  // The name is made from the key, so what has it is the same key.
  if (imported.refused_with("InvalidKeyPair.Duplicate")) return Nothing{};
  return imported;
}

}  // namespace

Answer<Nothing> check_quota(RegionApi& api, const CreateOrder& order) {
  const auto quota = find_quota(order.offer.instance_type, order.use_spot);
  if (!quota) return Nothing{};
  const auto allowed = api.quota(std::string(quota->code));
  // Of a replacement one machine is missing at the least; the others are counted already, where the quota is of what runs.
  const int machines = order.generation == 0 ? order.count : 1;
  const double wanted = order.offer.vcpus * machines;
  if (!allowed.ok() || (*allowed > 0 && *allowed >= wanted)) return Nothing{};
  return Refused(
      Error(Code::kExhausted,
            fmt::format("the account's quota \"{}\" ({}) in {} is {:g} vCPUs, {} × {} takes {:g}; ask for more with `aws service-quotas "
                        "request-service-quota-increase --region {} --service-code ec2 --quota-code {} --desired-value {:g}`",
                        quota->name, quota->code, api.region(), *allowed, machines, order.offer.instance_type, wanted, api.region(),
                        quota->code, std::max(wanted, 1.0))),
      order.use_spot ? "MaxSpotInstanceCountExceeded" : "VcpuLimitExceeded");
}

Answer<LaunchGround> prepare_ground(RegionApi& api, const LaunchOrder& launch, const OwnKey& key) {
  LaunchGround ground;
  const std::string& zone = launch.order.offer.zone;
  TRY(find_image(api, launch, ground));
  TRY_ASSIGN(const std::string vpc, default_vpc(api));
  if (!zone.empty()) {
    TRY_ASSIGN(const std::string name, zone_name(api, zone));
    TRY_ASSIGN(ground.subnet_id, subnet_in(api, vpc, name));
  }
  TRY_ASSIGN(ground.security_group_id, security_group(api, vpc, launch.owner));
  TRY(import_key(api, key, launch.owner));
  return ground;
}

}  // namespace isobar::cloud::ec2
