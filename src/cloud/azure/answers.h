#pragma once

/// What Azure Resource Manager answers, as values. Pure. The Errors of all parsers are kDataLoss: what arrived is not what Azure sends.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/cloud_machine.h"
#include "cloud/rest_client.h"

namespace isobar::cloud::azure {

/// "isobar-train-1a2b3c4d5e6f.isobar-train-1a2b3c4d5e6f-0": a machine by its group and name, which both hold no dot.
struct MachineId {
  std::string group, name;
  std::string text() const { return group + "." + name; }
};
/// Errors   kInvalidArgument: not of this form
Result<MachineId> parse_id(std::string_view text);

template <class T>
struct Page {
  std::vector<T> items;
  std::string next;  ///< the address of the next page; empty: this is the last one
};

struct Group {
  std::string name;
  bool ends = false;  ///< it is being deleted
  Mark mark;
};
Result<Page<Group>> parse_groups(std::string_view json);

/// A machine as the list of a subscription tells it; its state and addresses are told by other lists. Keys are ids in lower case.
struct ListedMachine {
  std::string key;  ///< of the machine
  CloudMachine machine;
  std::string interface_key;
};
Result<Page<ListedMachine>> parse_machines(std::string_view json);

struct MachineStatus {
  std::string key;
  InstanceState state = InstanceState::kPending;
  std::string failure_code, failure;  ///< why it could not be made or started
};
/// Of the list with statusOnly=true.
Result<Page<MachineStatus>> parse_statuses(std::string_view json);

struct Interface {
  std::string key, private_address, address_key;
};
Result<Page<Interface>> parse_interfaces(std::string_view json);
/// Key of a public address → the address.
Result<Page<std::pair<std::string, std::string>>> parse_addresses(std::string_view json);

/// Of any resource: "Succeeded", "Failed", "Creating"; of a machine with its instance view, whether it runs and why it failed.
struct Provisioning {
  std::string state;
  MachineStatus status;
};
Result<Provisioning> parse_provisioning(std::string_view json);
/// Of a subscription: how its user calls it.
Result<std::string> parse_subscription(std::string_view json);

/// How many vCPUs of a kind a region lets the subscription have, and how many it has.
struct Usage {
  std::string name;  ///< "cores", "lowPriorityCores", "standardDSv5Family"
  double limit = 0, used = 0;
};
Result<Page<Usage>> parse_usages(std::string_view json);

RestRefusal parse_refusal(int status, std::string_view body);

}  // namespace isobar::cloud::azure
