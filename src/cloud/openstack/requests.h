#pragma once

/// What the services are asked, as JSON; and what they take. Pure.

#include <map>
#include <string>
#include <vector>

#include "answers.h"
#include "cloud/cloud_machine.h"
#include "cloud/openstack_provider.h"

namespace isobar::cloud::openstack {

using Settings = OpenStackSettings;

/// Errors   kInvalidArgument: what OpenStack does not take (the message names it)
Status check_order(const CreateOrder& order);

/// What a machine's port and floating address are found by: "isobar-train-1a2b3c4d5e6f-0".
std::string port_name(const CreateOrder& order, const std::string& owner, int rank);
/// What is written on ports, addresses and groups that belong to a cluster: "isobar OWNER CLUSTER TOKEN GENERATION".
std::string mark_text(const Mark& mark);
Mark read_mark_text(std::string_view text);

struct ServerOrder {
  Mark mark;
  Flavor flavor;
  Image image;
  std::string name, port, key_name;
  bool tagged = false;  ///< Nova takes tags
};
std::string server_body(const CreateOrder& order, const ServerOrder& server);
std::string port_body(const std::string& name, const std::string& network, const std::vector<std::string>& groups, const Mark& mark);
std::string groups_body(const std::vector<std::string>& groups);
std::string floating_body(const std::string& network, const std::string& port, const Mark& mark);
std::string group_body(const std::string& name, const std::string& description);
/// SSH from anywhere (`within` empty), or everything from the group's own members.
std::string rule_body(const std::string& group, const std::string& within, const PortRange& ports);
std::string key_body(const std::string& name, const std::string& public_line);

/// "isobar", which all machines of an owner are in.
std::string group_name(const std::string& owner);
/// Of a cluster's open ports.
std::string ports_group_name(const std::string& owner, const std::string& cluster);

/// The login of an image: as is set, as it says itself, or as its distribution has it; "ubuntu" where nothing tells.
std::string login_of(const Image& image, const Settings& settings);
/// Why there is no room for the order in the project; empty: there is.
std::string short_of(const Limits& limits, const CreateOrder& order, int machines);
/// What a region sells.
std::vector<Offer> offers_of(const std::string& region, const std::vector<std::string>& zones, const std::vector<Flavor>& flavors,
                             const Settings& settings);

}  // namespace isobar::cloud::openstack
