#pragma once

/// What the services of OpenStack answer, as values. Pure. The Errors of all parsers are kDataLoss: what arrived is not what they send.
/// Source   the API references of Keystone v3, Nova v2.1, Neutron v2.0 and Glance v2

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/cloud_machine.h"
#include "cloud/rest_client.h"

namespace isobar::cloud::openstack {

/// A version of Nova's API: {2, 61}.
struct Microversion {
  int major = 0, minor = 0;
  friend auto operator<=>(const Microversion&, const Microversion&) = default;
  std::string text() const;
};

/// What a token was given for.
struct Token {
  std::string project_id;
  Instant expires;
  /// Region → type of service → its address at the wanted interface.
  std::map<std::string, std::map<std::string, std::string>> endpoints;
};
Result<Token> parse_token(std::string_view json, const std::string& interface);

/// The newest version that Nova speaks, from the document at its address.
Result<Microversion> parse_microversion(std::string_view json);

struct Flavor {
  std::string id, name;
  double vcpus = 0, memory_gib = 0;
  std::uint64_t disk_gb = 0;  ///< 0: it boots from a volume
  std::string accelerator;    ///< in the catalog's words; empty: none
  double accelerator_count = 0;
};
struct Image {
  std::string id, name, created, login;  ///< the user that the image says it has; empty: it does not
  std::string distribution;              ///< "ubuntu"
  std::uint64_t disk_gb_least = 0;
};
struct Network {
  std::string id, name;
  bool external = false;
};
struct SecurityGroup {
  std::string id, name, description;
  bool lets_ssh_in = false, open_within = false;
};
struct NetworkPort {
  std::string id, name, description, device;  ///< the machine that has it; empty: none
  std::vector<std::string> groups;            ///< its security groups
};
struct FloatingAddress {
  std::string id, address, port, description;
};
/// What a project may have, and has. −1: as much as there is.
struct Limits {
  double cores = -1, cores_used = 0, machines = -1, machines_used = 0, memory_mib = -1, memory_mib_used = 0;
};

/// A page of a list, and where the next one is; empty: nowhere.
template <class T>
struct Page {
  std::vector<T> items;
  std::string next;
};

Result<Page<CloudMachine>> parse_servers(std::string_view json);
Result<std::string> parse_created_server(std::string_view json);
Result<Page<Flavor>> parse_flavors(std::string_view json);
/// The names of those that can be used.
Result<std::vector<std::string>> parse_zones(std::string_view json);
Result<Limits> parse_limits(std::string_view json);
Result<std::vector<std::string>> parse_key_pairs(std::string_view json);
Result<Page<Image>> parse_images(std::string_view json);
Result<std::vector<Network>> parse_networks(std::string_view json);
Result<std::vector<SecurityGroup>> parse_security_groups(std::string_view json);
Result<std::vector<NetworkPort>> parse_ports_of_network(std::string_view json);
Result<std::vector<FloatingAddress>> parse_floating(std::string_view json);
/// The id of what was made: {"port": {"id": …}}.
Result<std::string> parse_made(std::string_view json, std::string_view kind);

/// As each of the services says no. A quota is "QuotaExceeded", whichever says so.
RestRefusal parse_refusal(int status, std::string_view body);

}  // namespace isobar::cloud::openstack
