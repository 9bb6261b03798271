#include "answers.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cloud/json_fields.h"

namespace isobar::cloud::azure {

namespace json = boost::json;

namespace {

constexpr std::string_view kWhose = "Azure";

Error strange(const char* what) { return {Code::kDataLoss, std::string("Azure sent ") + what}; }

std::string key_of(const json::object& resource) { return to_lower(text_in(resource, "id")); }

/// What comes behind a part of an id: its resource group.
std::string part_behind(const std::string& id, std::string_view name) {
  const auto parts = split(id, '/');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    if (to_lower(parts[i]) == name) return std::string(parts[i + 1]);
  return "";
}

template <class T, class Read>
Result<Page<T>> parse_page(std::string_view text, const Read& read) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  if (!answer.contains("value")) return strange("a list without entries");
  Page<T> page{.items = {}, .next = text_in(answer, "nextLink")};
  for (const auto& entry : array_in(answer, "value")) {
    TRY_ASSIGN(auto item, read(as_object(entry)));
    page.items.push_back(std::move(item));
  }
  return page;
}

/// {"statuses": [{"code": "ProvisioningState/failed/AllocationFailed", "message"}, {"code": "PowerState/running"}]}
MachineStatus status_in(const json::object& machine) {
  MachineStatus status{.key = key_of(machine)};
  for (const auto& entry : array_in(object_in(object_in(machine, "properties"), "instanceView"), "statuses")) {
    const std::string code = text_in(as_object(entry), "code");
    constexpr std::string_view kFailed = "ProvisioningState/failed";
    if (code.starts_with(kFailed)) {
      status.failure_code = code.size() > kFailed.size() + 1 ? code.substr(kFailed.size() + 1) : "ProvisioningFailed";
      status.failure = text_in(as_object(entry), "message");
    }
    if (code == "ProvisioningState/deleting") status.state = InstanceState::kTerminated;
    if (status.state == InstanceState::kTerminated) continue;
    if (code == "PowerState/running") status.state = InstanceState::kRunning;
    if (code == "PowerState/stopping" || code == "PowerState/deallocating") status.state = InstanceState::kStopping;
    if (code == "PowerState/stopped" || code == "PowerState/deallocated") status.state = InstanceState::kStopped;
  }
  return status;
}

}  // namespace

Result<MachineId> parse_id(std::string_view text) {
  const auto dot = text.find('.');
  const MachineId id{std::string(text.substr(0, dot)), dot == text.npos ? "" : std::string(text.substr(dot + 1))};
  if (!is_plain_name(id.group) || !is_plain_name(id.name) || id.name.find('.') != id.name.npos)
    return invalid(fmt::format("'{}' is no machine of azure", text.substr(0, 200)));
  return id;
}

Result<Page<Group>> parse_groups(std::string_view text) {
  return parse_page<Group>(text, [](const json::object& entry) -> Result<Group> {
    Group group{.name = text_in(entry, "name")};
    if (!is_plain_name(group.name)) return strange("a resource group without a name");
    group.ends = text_in(object_in(entry, "properties"), "provisioningState") == "Deleting";
    group.mark = read_mark(texts_in(entry, "tags"));
    return group;
  });
}

Result<Page<Usage>> parse_usages(std::string_view text) {
  return parse_page<Usage>(text, [](const json::object& entry) -> Result<Usage> {
    return Usage{text_in(object_in(entry, "name"), "value"), static_cast<double>(count_in(entry, "limit")),
                 static_cast<double>(count_in(entry, "currentValue"))};
  });
}

Result<Page<ListedMachine>> parse_machines(std::string_view text) {
  return parse_page<ListedMachine>(text, [](const json::object& entry) -> Result<ListedMachine> {
    ListedMachine listed{.key = key_of(entry)};
    const MachineId id{to_lower(part_behind(text_in(entry, "id"), "resourcegroups")), to_lower(text_in(entry, "name"))};
    listed.machine.id = id.text();
    listed.machine.mark = read_mark(texts_in(entry, "tags"));
    // Others' machines may have names that ours never have; they are passed over by their marks.
    if (!listed.machine.mark.owner.empty() && !parse_id(listed.machine.id).ok()) return strange("a machine without group or name");
    listed.machine.region = text_in(entry, "location");
    const auto& properties = object_in(entry, "properties");
    listed.machine.spot = text_in(properties, "priority") == "Spot";
    if (text_in(properties, "provisioningState") == "Deleting") listed.machine.state = InstanceState::kTerminated;
    for (const auto& interface : array_in(object_in(properties, "networkProfile"), "networkInterfaces"))
      if (listed.interface_key.empty()) listed.interface_key = key_of(as_object(interface));
    return listed;
  });
}

Result<Page<MachineStatus>> parse_statuses(std::string_view text) {
  return parse_page<MachineStatus>(text, [](const json::object& entry) -> Result<MachineStatus> { return status_in(entry); });
}

Result<Page<Interface>> parse_interfaces(std::string_view text) {
  return parse_page<Interface>(text, [](const json::object& entry) -> Result<Interface> {
    Interface interface { .key = key_of(entry) };
    for (const auto& configuration : array_in(object_in(entry, "properties"), "ipConfigurations")) {
      const auto& properties = object_in(as_object(configuration), "properties");
      interface.private_address = text_in(properties, "privateIPAddress");
      interface.address_key = key_of(object_in(properties, "publicIPAddress"));
    }
    return interface;
  });
}

Result<Page<std::pair<std::string, std::string>>> parse_addresses(std::string_view text) {
  using Address = std::pair<std::string, std::string>;
  return parse_page<Address>(text, [](const json::object& entry) -> Result<Address> {
    return Address{key_of(entry), text_in(object_in(entry, "properties"), "ipAddress")};
  });
}

Result<Provisioning> parse_provisioning(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  Provisioning provisioning{.state = text_in(object_in(answer, "properties"), "provisioningState"), .status = status_in(answer)};
  if (provisioning.state.empty()) return strange("a resource without a state");
  return provisioning;
}

Result<std::string> parse_subscription(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  if (text_in(answer, "subscriptionId").empty()) return strange("no subscription");
  return text_in(answer, "displayName");
}

RestRefusal parse_refusal(int status, std::string_view body) {
  RestRefusal refusal{.status = status};
  const auto answer = parse_object(body, kWhose);
  if (!answer.ok()) return refusal;
  const auto& error = object_in(*answer, "error");
  refusal.code = text_in(error, "code");
  refusal.message = text_in(error, "message");
  // Quotas are refused as operations that are not allowed.
  if (refusal.code == "OperationNotAllowed" && to_lower(refusal.message).find("quota") != std::string::npos) refusal.code = "QuotaExceeded";
  return refusal;
}

}  // namespace isobar::cloud::azure
