#include "arm_api.h"

#include <fmt/format.h>

#include <iterator>

#include "azure_refusals.h"
#include "net/url.h"

namespace isobar::cloud::azure {

namespace {

constexpr const char* kCompute = "2024-07-01";
constexpr const char* kNetwork = "2024-05-01";
constexpr const char* kResources = "2024-03-01";
constexpr int kPagesMost = 1000;
constexpr Duration kBetweenLooks = 2s;

}  // namespace

std::string ArmApi::url(const std::string& path, const char* version, const std::string& query) const {
  return fmt::format("{}{}{}?api-version={}{}", base_, root_, path, version, query);
}

std::string ArmApi::machine_url(const MachineId& id, const std::string& verb, const std::string& query) const {
  return url(fmt::format("/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/{}{}", id.group, id.name, verb), kCompute, query);
}

template <class T>
Answer<std::vector<T>> ArmApi::all(const std::string& doing, std::string url, Result<Page<T>> (*parse)(std::string_view)) const {
  std::vector<T> items;
  for (int page = 0; page < kPagesMost; ++page) {
    TRY_ASSIGN(const auto answer, client_.call({.doing = doing, .url = url}, end_));
    TRY_ASSIGN(auto told, parse(answer).context(doing));
    items.insert(items.end(), std::make_move_iterator(told.items.begin()), std::make_move_iterator(told.items.end()));
    if (told.next.empty()) return items;
    // Our token goes nowhere else.
    if (!told.next.starts_with(base_ + "/")) return Error(Code::kDataLoss, doing + ": Azure's list goes on at another address");
    url = told.next;
  }
  return Error(Code::kDataLoss, doing + ": Azure's list has no end");
}

Answer<std::string> ArmApi::subscription() const {
  TRY_ASSIGN(const auto answer, client_.call({.doing = "look at the subscription", .url = url("", "2022-12-01")}, end_));
  TRY_ASSIGN(auto name, parse_subscription(answer));
  return name;
}

Answer<std::vector<Group>> ArmApi::groups(const std::string& owner) const {
  const std::string filter = fmt::format("tagName eq '{}' and tagValue eq '{}'", kOwnerTag, owner);
  return all<Group>("list resource groups", url("/resourcegroups", kResources, "&$filter=" + net::percent_encode(filter)), parse_groups);
}

Answer<std::vector<CloudMachine>> ArmApi::machines(const std::string& owner) const {
  const std::string machines_path = "/providers/Microsoft.Compute/virtualMachines";
  TRY_ASSIGN(auto listed, all<ListedMachine>("list machines", url(machines_path, kCompute), parse_machines));
  std::erase_if(listed, [&](const ListedMachine& each) { return each.machine.mark.owner != owner; });
  std::vector<CloudMachine> machines;
  if (listed.empty()) return machines;
  TRY_ASSIGN(const auto statuses,
             all<MachineStatus>("list the states of machines", url(machines_path, kCompute, "&statusOnly=true"), parse_statuses));
  TRY_ASSIGN(const auto interfaces,
             all<Interface>("list interfaces", url("/providers/Microsoft.Network/networkInterfaces", kNetwork), parse_interfaces));
  using Address = std::pair<std::string, std::string>;
  TRY_ASSIGN(const auto addresses,
             all<Address>("list addresses", url("/providers/Microsoft.Network/publicIPAddresses", kNetwork), parse_addresses));
  const std::map<std::string, std::string> address_of(addresses.begin(), addresses.end());
  std::map<std::string, MachineStatus> status_of;
  for (const auto& status : statuses) status_of[status.key] = status;
  std::map<std::string, Interface> interface_of;
  for (const auto& interface : interfaces) interface_of[interface.key] = interface;
  for (auto& each : listed) {
    CloudMachine& machine = each.machine;
    if (const auto status = status_of.find(each.key); status != status_of.end() && !machine.is_gone()) machine.state = status->second.state;
    if (const auto interface = interface_of.find(each.interface_key); interface != interface_of.end()) {
      machine.private_address = interface->second.private_address;
      if (const auto address = address_of.find(interface->second.address_key); address != address_of.end())
        machine.public_address = address->second;
    }
    machines.push_back(std::move(machine));
  }
  return machines;
}

Answer<Nothing> ArmApi::put_group(const std::string& name, const std::string& body) const {
  TRY(client_.call(
      {.doing = "make the resource group " + name, .method = "PUT", .url = url("/resourcegroups/" + name, kResources), .body = body},
      end_));
  return Nothing{};
}

Answer<Nothing> ArmApi::delete_group(const std::string& name) const {
  const auto begun = client_.call({.doing = "delete the resource group " + name,
                                   .method = "DELETE",
                                   .url = url("/resourcegroups/" + name, kResources,
                                              "&forceDeletionTypes=" + net::percent_encode("Microsoft.Compute/virtualMachines"))},
                                  end_);
  if (!begun.ok() && begun.error().code() != Code::kNotFound) return begun.error();
  return Nothing{};
}

Answer<std::vector<Usage>> ArmApi::usages(const std::string& region) const {
  return all<Usage>("look at the quotas of " + region,
                    url(fmt::format("/providers/Microsoft.Compute/locations/{}/usages", region), kCompute), parse_usages);
}

std::string ArmApi::resource_id(const std::string& group, const std::string& kind, const std::string& name) const {
  return fmt::format("{}/resourceGroups/{}/providers/{}/{}", root_, group, kind, name);
}

Answer<std::string> ArmApi::put(const std::string& group, const std::string& kind, const std::string& name, const std::string& body) const {
  const std::string path = fmt::format("/resourceGroups/{}/providers/{}/{}", group, kind, name),
                    doing = fmt::format("make {} {}", kind, name);
  TRY_ASSIGN(auto answer, client_.call({.doing = doing, .method = "PUT", .url = url(path, kNetwork), .body = body}, end_));
  for (;;) {
    TRY_ASSIGN(const auto provisioning, parse_provisioning(answer).context(doing));
    if (provisioning.state == "Succeeded") return root_ + path;
    if (provisioning.state == "Failed" || provisioning.state == "Canceled")
      return Refused(unavailable(fmt::format("{}: Azure says it has {}", doing, provisioning.state)), "ProvisioningFailed");
    if (client_.pace().now() >= end_) return Error(Code::kDeadlineExceeded, doing + ": Azure was not done in time");
    client_.pace().pause(kBetweenLooks, end_);
    TRY_ASSIGN(answer, client_.call({.doing = doing, .url = url(path, kNetwork)}, end_));
  }
}

Answer<Nothing> ArmApi::await_machine(const MachineId& id, const std::string& doing, bool running) const {
  for (;;) {
    TRY_ASSIGN(const auto answer, client_.call({.doing = doing, .url = machine_url(id, "", "&$expand=instanceView")}, end_));
    TRY_ASSIGN(const auto provisioning, parse_provisioning(answer).context(doing));
    if (provisioning.state == "Failed" || provisioning.state == "Canceled") {
      const std::string code = provisioning.status.failure_code.empty() ? "ProvisioningFailed" : provisioning.status.failure_code;
      return refused_by({.status = 200, .code = code, .message = provisioning.status.failure, .suggestion = {}}, kShown, kRefusals, doing);
    }
    if (provisioning.state == "Succeeded" && (!running || provisioning.status.state == InstanceState::kRunning)) return Nothing{};
    if (client_.pace().now() >= end_) return Error(Code::kDeadlineExceeded, doing + ": Azure was not done in time");
    client_.pace().pause(kBetweenLooks, end_);
  }
}

Answer<Nothing> ArmApi::put_machine(const MachineId& id, const std::string& body) const {
  const std::string doing = "make machine " + id.name;
  TRY(client_.call({.doing = doing, .method = "PUT", .url = machine_url(id, ""), .body = body}, end_));
  return await_machine(id, doing, false);
}

Answer<Nothing> ArmApi::deallocate(const MachineId& id) const {
  TRY(client_.call({.doing = "deallocate machine " + id.name, .method = "POST", .url = machine_url(id, "/deallocate")}, end_));
  return Nothing{};
}

Answer<Nothing> ArmApi::start(const MachineId& id) const {
  const std::string doing = "start machine " + id.name;
  TRY(client_.call({.doing = doing, .method = "POST", .url = machine_url(id, "/start")}, end_));
  return await_machine(id, doing, true);
}

Answer<Nothing> ArmApi::delete_machine(const MachineId& id) const {
  const auto begun =
      client_.call({.doing = "delete machine " + id.name, .method = "DELETE", .url = machine_url(id, "", "&forceDeletion=true")}, end_);
  if (!begun.ok() && begun.error().code() != Code::kNotFound) return begun.error();
  return Nothing{};
}

}  // namespace isobar::cloud::azure
