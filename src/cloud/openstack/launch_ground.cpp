#include "launch_ground.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace isobar::cloud::openstack {

namespace {

/// What private clouds call the newest Ubuntu 22.04.
const std::vector<std::string> kUsualImages = {"ubuntu-22.04", "Ubuntu-22.04",     "Ubuntu 22.04",
                                               "ubuntu-jammy", "Ubuntu 22.04 LTS", "jammy-server-cloudimg-amd64"};

template <class T>
std::string names_of(const std::vector<T>& items) {
  std::vector<std::string> names;
  for (const T& item : items) names.push_back(item.name);
  return names.empty() ? "none" : join(names, ", ");
}

Answer<Flavor> find_flavor(const RegionApi& api, const std::string& name) {
  TRY_ASSIGN(auto flavors, api.flavors());
  const auto found = std::find_if(flavors.begin(), flavors.end(), [&](const Flavor& flavor) { return flavor.name == name; });
  if (found != flavors.end()) return std::move(*found);
  return Refused(not_found(fmt::format("region {} has no flavor '{}' (any more)", api.region().name, name)), "FlavorNotFound");
}

Answer<Image> find_image(const RegionApi& api, const std::string& wanted) {
  const std::vector<std::string> names = wanted.empty() ? kUsualImages : std::vector<std::string>{wanted};
  for (const auto& name : names) {
    TRY_ASSIGN(auto images, api.images(name));
    if (!images.empty()) return std::move(images.front());
  }
  // It may be an id; all are looked through, since one that is asked for by a wrong id is an error of its own kind.
  if (!wanted.empty()) {
    TRY_ASSIGN(auto images, api.images(""));
    for (auto& image : images)
      if (image.id == wanted) return std::move(image);
  }
  const std::string mend = "name one with `openstack: {image: NAME}` in config.yaml (`openstack image list`)";
  return Refused(
      not_found(wanted.empty() ? fmt::format("region {} has no image called {}; {}", api.region().name, join(kUsualImages, " or "), mend)
                               : fmt::format("region {} has no image '{}'; {}", api.region().name, wanted, mend)),
      "ImageNotFound");
}

Answer<Network> one_network(const RegionApi& api, const std::string& wanted, bool external, const char* setting) {
  TRY_ASSIGN(auto networks, api.networks(external));
  if (wanted.empty() && networks.size() == 1) return std::move(networks.front());
  for (auto& network : networks)
    if (!wanted.empty() && (network.name == wanted || network.id == wanted)) return std::move(network);
  const char* kind = external ? "external network" : "network";
  const auto why = wanted.empty() ? fmt::format("the project sees the {}s {}", kind, names_of(networks))
                                  : fmt::format("there is no {} '{}'; there are {}", kind, wanted, names_of(networks));
  return Refused(not_found(fmt::format("{}; name the one to use with `openstack: {{{}: NAME}}` in config.yaml", why, setting)),
                 "NetworkNotFound");
}

Answer<std::string> floating_network(const RegionApi& api, const Settings& settings) {
  if (settings.floating_network == "none") return std::string();
  if (settings.floating_network.empty()) {
    TRY_ASSIGN(const auto networks, api.networks(true));
    if (networks.empty()) return std::string();
  }
  TRY_ASSIGN(const auto network, one_network(api, settings.floating_network, true, "floating_network"));
  return network.id;
}

/// What a user has narrowed (SSH from one office alone) stays as it is: a rule is added only where nothing at all plays its part.
Answer<std::string> security_group(const RegionApi& api, const std::string& owner) {
  const std::string name = group_name(owner);
  TRY_ASSIGN(auto groups, api.groups(name));
  SecurityGroup group;
  if (groups.empty()) {
    TRY_ASSIGN(group.id, api.make_group(name, "Machines that isobar makes: SSH from anywhere, everything among themselves"));
  } else {
    group = std::move(groups.front());
  }
  if (!group.open_within) TRY(api.make_rule(rule_body(group.id, group.id, {})));
  if (!group.lets_ssh_in) TRY(api.make_rule(rule_body(group.id, "", {22, 22})));
  return group.id;
}

/// Fails fast where the project's limits cannot hold the order. Passes where they may not be read.
Answer<Nothing> check_limits(const RegionApi& api, const CreateOrder& order) {
  const auto limits = api.limits();
  if (!limits.ok()) return Nothing{};
  // Of a replacement one machine is missing at the least; that it is the only one is not known here.
  const auto why = short_of(*limits, order, order.generation == 0 ? order.count : 1);
  if (why.empty()) return Nothing{};
  return Refused(Error(Code::kExhausted, why + "; ask the cloud's operators for a larger quota, or remove what is not needed"),
                 "QuotaExceeded");
}

}  // namespace

Answer<LaunchGround> prepare_ground(const RegionApi& api, const CreateOrder& order, const Settings& settings, const std::string& owner) {
  LaunchGround ground;
  TRY(check_limits(api, order));
  TRY_ASSIGN(ground.flavor, find_flavor(api, order.offer.instance_type));
  TRY_ASSIGN(ground.image, find_image(api, settings.image));
  ground.login = login_of(ground.image, settings);
  TRY_ASSIGN(const auto network, one_network(api, settings.network, false, "network"));
  ground.network = network.id;
  TRY_ASSIGN(ground.floating_network, floating_network(api, settings));
  TRY_ASSIGN(ground.group, security_group(api, owner));
  return ground;
}

}  // namespace isobar::cloud::openstack
