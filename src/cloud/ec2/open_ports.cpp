#include "open_ports.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "tags.h"

namespace isobar::cloud::ec2 {

namespace {

constexpr int kLooksMost = 10;
constexpr Duration kBetweenLooks = 1s;

/// Of two owners in one account each has its own.
std::string group_name(const Mark& mark) {
  return fmt::format("isobar-{}-{}", mark.cluster, crypto::to_hex(crypto::sha256(mark.owner)).substr(0, 8));
}

Answer<std::vector<SecurityGroup>> groups_of(RegionApi& api, const std::string& owner, const std::string& cluster) {
  return api.security_groups(all_that_is({.owner = owner, .cluster = cluster, .token = {}}));
}

/// Made here, or by another process at the same time, in which case it may take a moment until it is listed.
Answer<SecurityGroup> have_group(RegionApi& api, const Mark& mark, const std::string& vpc) {
  std::optional<Refused> refused;
  for (int look = 0; look < kLooksMost; ++look) {
    TRY_ASSIGN(auto groups, groups_of(api, mark.owner, mark.cluster));
    if (!groups.empty()) return std::move(groups.front());
    if (!refused) {
      const auto made = api.create_security_group(group_name(mark), "Ports that a cluster of isobar's opens", vpc,
                                                  {{kOwnerTag, mark.owner}, {kClusterTag, mark.cluster}, {"Name", group_name(mark)}});
      if (made.ok()) return SecurityGroup{.id = *made};
      if (!made.refused_with("InvalidGroup.Duplicate")) return made.error();
      refused = made.error();
    }
    api.pause(kBetweenLooks);
  }
  return *refused;
}

Answer<Nothing> put_in(RegionApi& api, const Machine& machine, const std::string& group) {
  auto groups = machine.group_ids;
  // Told of none, we would take it out of all that it is in.
  if (groups.empty()) return Error(Code::kDataLoss, fmt::format("EC2 tells no security group of machine {}", machine.id));
  if (std::find(groups.begin(), groups.end(), group) != groups.end()) return Nothing{};
  groups.push_back(group);
  return api.set_groups(machine.id, groups);
}

/// A machine is always in one group at least; one that ends lets go by itself.
Answer<Nothing> take_out(RegionApi& api, Machine machine, const std::string& group) {
  std::erase(machine.group_ids, group);
  if (machine.is_gone() || machine.group_ids.empty()) return Nothing{};
  return api.set_groups(machine.id, machine.group_ids);
}

}  // namespace

Answer<Nothing> open_ports(RegionApi& api, const std::vector<CloudMachine>& machines, const Ports& ports) {
  if (machines.empty()) return Nothing{};
  TRY_ASSIGN(const auto told, api.machines({{"instance-id", ids_of(machines)}}));
  if (told.empty()) return Refused(not_found("none of the machines is there any more"), "InvalidInstanceID.NotFound");
  TRY_ASSIGN(const auto group, have_group(api, machines.front().mark, told.front().vpc_id));
  for (const PortRange& range : ports)
    if (!covers(group.open, {range})) TRY(api.authorize(group.id, range));
  for (const Machine& machine : told)
    if (!machine.is_gone()) TRY(put_in(api, machine, group.id));
  return Nothing{};
}

Answer<Nothing> close_ports(RegionApi& api, const std::string& owner, const std::string& cluster) {
  TRY_ASSIGN(const auto groups, groups_of(api, owner, cluster));
  for (const SecurityGroup& group : groups) {
    TRY_ASSIGN(const auto members, api.machines({{"instance.group-id", {group.id}}}));
    for (const Machine& machine : members) {
      // One that has begun to end takes no orders any more, and is no reason to keep the others.
      const auto out = take_out(api, machine, group.id);
      if (!out.ok() && !out.refused_with("IncorrectInstanceState") && !out.refused_with("InvalidInstanceID.NotFound")) return out.error();
    }
    const auto gone = api.delete_security_group(group.id);
    if (!gone.ok() && !gone.refused_with("DependencyViolation")) return gone.error();
  }
  return Nothing{};
}

Answer<std::set<std::string>> clusters_with_groups(RegionApi& api, const std::string& owner) {
  TRY_ASSIGN(const auto groups, api.security_groups(all_that_is({.owner = owner, .cluster = {}, .token = {}})));
  std::set<std::string> clusters;
  for (const SecurityGroup& group : groups)
    if (const auto tag = group.tags.find(kClusterTag); tag != group.tags.end() && !tag->second.empty()) clusters.insert(tag->second);
  return clusters;
}

}  // namespace isobar::cloud::ec2
