#pragma once

/// What Compute Engine answers, as values. Pure. The Errors of all parsers are kDataLoss: what arrived is not what Google sends.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/cloud_machine.h"
#include "cloud/rest_client.h"
#include "launch_rules.h"

namespace isobar::cloud::gcp {

/// "us-central1-a.isobar-train-1a2b3c4d5e6f-0": a machine by its zone and name, which both hold no dot.
struct MachineId {
  std::string zone, name;
  std::string text() const { return zone + "." + name; }
};
/// Errors   kInvalidArgument: not of this form
Result<MachineId> parse_id(std::string_view text);

struct MachinePage {
  std::vector<CloudMachine> machines;
  std::string next;  ///< the token of the next page; empty: this is the last one
};
/// instances.aggregatedList
Result<MachinePage> parse_machines(std::string_view json);
/// instances.get
Result<CloudMachine> parse_machine(std::string_view json);

struct Operation {
  std::string name, zone;  ///< zone: empty for one of the whole project
  bool done = false;
  std::optional<RestRefusal> failure;  ///< why it is done without having done anything
};
Result<Operation> parse_operation(std::string_view json);
/// zoneOperations.list: the names of the machines that Google took away.
Result<std::set<std::string>> parse_preempted(std::string_view json);

/// firewalls.list: the clusters of which one lets ports in, by the descriptions that `ports_rule_mark` begins.
struct RulePage {
  std::set<std::string> clusters;
  std::string next;
};
Result<RulePage> parse_ports_rules(std::string_view json, const std::string& mark);

struct Image {
  std::string self;          ///< "projects/…/global/images/ubuntu-2204-jammy-v20260101"
  std::string architecture;  ///< "x86_64", "arm64"; empty: not told
  std::uint64_t disk_gb = 0;
};
Result<Image> parse_image(std::string_view json);
/// regions.get, projects.get
Result<std::vector<Quota>> parse_quotas(std::string_view json);

/// The code is what the failover table knows: that of an operation, or made from the reason that a refused request gives.
RestRefusal parse_refusal(int status, std::string_view body);

}  // namespace isobar::cloud::gcp
