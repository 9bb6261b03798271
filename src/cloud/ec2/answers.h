#pragma once

/// What EC2 answers, as values. Pure. The Errors of all parsers are kDataLoss: what arrived is not what EC2 sends.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "requests.h"

namespace isobar::cloud::ec2 {

/// One page of a list, and where the next one begins; empty: nowhere.
template <class T>
struct Page {
  std::vector<T> items;
  std::string next;
};

/// An instance as EC2 tells it.
struct Machine {
  std::string id;
  std::string state;  ///< pending, running, stopping, stopped, shutting-down, terminated
  std::string zone;   ///< its name in this account, "us-east-1a"
  std::string private_address, public_address;
  std::string image_id, vpc_id;
  std::vector<std::string> group_ids;  ///< of the security groups that it is in
  bool spot = false;
  std::string reason_code, reason;  ///< why it is in this state: "Server.InsufficientInstanceCapacity"; empty: as it was told to
  Tags tags;

  bool is_gone() const { return state == "shutting-down" || state == "terminated"; }
  std::string tag(const std::string& name) const {
    const auto found = tags.find(name);
    return found == tags.end() ? std::string() : found->second;
  }
};

struct Zone {
  std::string id, name;  ///< "use1-az1", "us-east-1c": the name differs from account to account
};

struct Subnet {
  std::string id, zone;
  bool is_default = false, gives_public_addresses = false;
  std::uint64_t free_addresses = 0;
};

struct SecurityGroup {
  std::string id = {};
  bool lets_ssh_in = false, open_within = false;
  Ports open = {};  ///< TCP that everyone is let in to, merged
  Tags tags = {};
};

struct Image {
  std::string id, name, description, created;  ///< created: ISO 8601, so that later ones sort behind
  std::string architecture;                    ///< "x86_64", "arm64"
  std::string root_device;                     ///< "/dev/sda1"
  std::uint64_t root_gb = 0;                   ///< what its root volume takes at least; 0: not told
};

Result<Page<Machine>> parse_machines(std::string_view xml);
/// The answer to RunInstances: the one machine.
Result<Machine> parse_run(std::string_view xml);
Result<Page<Zone>> parse_zones(std::string_view xml);
/// The ids of VPCs.
Result<Page<std::string>> parse_vpcs(std::string_view xml);
Result<Page<Subnet>> parse_subnets(std::string_view xml);
Result<Page<SecurityGroup>> parse_security_groups(std::string_view xml);
Result<std::string> parse_group_id(std::string_view xml);
Result<Page<Image>> parse_images(std::string_view xml);
/// The ids of spot requests.
Result<Page<std::string>> parse_spot_requests(std::string_view xml);
/// The answers to StopInstances and TerminateInstances: id → state now.
Result<std::map<std::string, std::string>> parse_state_changes(std::string_view xml);
/// STS's answer to GetCallerIdentity: the ARN.
Result<std::string> parse_identity(std::string_view xml);
/// SSM's answer to GetParameter, in JSON: the value.
Result<std::string> parse_parameter(std::string_view json);
/// Service Quotas' answer to GetServiceQuota, in JSON: the value.
Result<double> parse_quota(std::string_view json);

}  // namespace isobar::cloud::ec2
