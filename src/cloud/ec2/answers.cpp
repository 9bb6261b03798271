#include "answers.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "storage/refusal.h"
#include "storage/xml.h"

namespace isobar::cloud::ec2 {

using storage::XmlDocument;
using storage::XmlElement;

namespace {

// A thousand machines with fifty tags each take some 10 MB.
constexpr std::size_t kBytesMost = 32 << 20;

Error not_ec2(std::string_view what) { return {Code::kDataLoss, fmt::format("the answer holds no {}", what)}; }

/// The items of the list named `list`, each read by `read`, and the page's successor.
template <class T, class Read>
Result<Page<T>> parse_page(std::string_view xml, const char* list, const Read& read) {
  TRY_ASSIGN(const auto document, XmlDocument::parse(xml, kBytesMost));
  const XmlElement root = document.root();
  if (!root.child(list)) return not_ec2(list);
  Page<T> page;
  for (const XmlElement& item : root.child(list).children("item")) {
    TRY_ASSIGN(auto value, read(item));
    page.items.push_back(std::move(value));
  }
  page.next = root.text_of("nextToken");
  return page;
}

std::string text(const XmlElement& element, const char* name) { return std::string(element.text_of(name)); }

Result<std::string> need(const XmlElement& element, const char* name) {
  if (element.text_of(name).empty()) return not_ec2(name);
  return text(element, name);
}

std::vector<std::string> groups_in(const XmlElement& element) {
  std::vector<std::string> ids;
  for (const XmlElement& group : element.child("groupSet").children("item")) ids.push_back(text(group, "groupId"));
  return ids;
}

Result<Machine> read_machine(const XmlElement& item) {
  Machine machine;
  TRY_ASSIGN(machine.id, need(item, "instanceId"));
  TRY_ASSIGN(machine.state, need(item.child("instanceState"), "name"));
  machine.zone = text(item.child("placement"), "availabilityZone");
  machine.private_address = text(item, "privateIpAddress");
  machine.public_address = text(item, "ipAddress");
  machine.image_id = text(item, "imageId");
  machine.vpc_id = text(item, "vpcId");
  machine.group_ids = groups_in(item);
  // Asked for with an interface of its own, a machine may be told to have its groups there alone.
  for (const XmlElement& interface : item.child("networkInterfaceSet").children("item"))
    if (machine.group_ids.empty()) machine.group_ids = groups_in(interface);
  machine.spot = item.text_of("instanceLifecycle") == "spot";
  machine.reason_code = text(item.child("stateReason"), "code");
  machine.reason = text(item.child("stateReason"), "message");
  for (const XmlElement& tag : item.child("tagSet").children("item")) machine.tags[text(tag, "key")] = text(tag, "value");
  return machine;
}

bool lets_everyone_in(const XmlElement& permission) {
  for (const XmlElement& range : permission.child("ipRanges").children("item"))
    if (range.text_of("cidrIp") == "0.0.0.0/0") return true;
  return false;
}

// Who is let in by a permission: addresses of either family, or members of the group itself.
void read_permission(const XmlElement& permission, SecurityGroup& group) {
  const auto protocol = permission.text_of("ipProtocol");
  const auto from = storage::parse_count(permission.text_of("fromPort")), to = storage::parse_count(permission.text_of("toPort"));
  const bool everything = protocol == "-1";
  const bool from_addresses =
      !permission.child("ipRanges").children("item").empty() || !permission.child("ipv6Ranges").children("item").empty();
  const bool reaches_ssh = everything || (protocol == "tcp" && from.ok() && to.ok() && *from <= 22 && *to >= 22);
  if (reaches_ssh && from_addresses) group.lets_ssh_in = true;
  if (protocol == "tcp" && from.ok() && to.ok() && *from > 0 && *from <= *to && *to < 65536 && lets_everyone_in(permission))
    group.open.push_back({static_cast<std::uint16_t>(*from), static_cast<std::uint16_t>(*to)});
  for (const XmlElement& member : permission.child("groups").children("item"))
    if (everything && member.text_of("groupId") == group.id) group.open_within = true;
}

Result<SecurityGroup> read_group(const XmlElement& item) {
  SecurityGroup group;
  TRY_ASSIGN(group.id, need(item, "groupId"));
  for (const XmlElement& permission : item.child("ipPermissions").children("item")) read_permission(permission, group);
  group.open = merged(std::move(group.open));
  for (const XmlElement& tag : item.child("tagSet").children("item")) group.tags[text(tag, "key")] = text(tag, "value");
  return group;
}

Result<Image> read_image(const XmlElement& item) {
  Image image;
  TRY_ASSIGN(image.id, need(item, "imageId"));
  image.name = text(item, "name");
  image.description = text(item, "description");
  image.created = text(item, "creationDate");
  image.architecture = text(item, "architecture");
  image.root_device = text(item, "rootDeviceName");
  for (const XmlElement& device : item.child("blockDeviceMapping").children("item"))
    if (device.text_of("deviceName") == image.root_device)
      if (const auto size = storage::parse_count(device.child("ebs").text_of("volumeSize")); size.ok()) image.root_gb = *size;
  return image;
}

Result<boost::json::value> parse_json(std::string_view text) {
  if (text.size() > (1 << 20)) return not_ec2("JSON of a bounded size");
  boost::system::error_code failure;
  auto value = boost::json::parse(text, failure);
  if (failure) return not_ec2("JSON");
  return value;
}

/// The field `inner` of the object in the field `outer`.
Result<boost::json::value> parse_field(std::string_view text, std::string_view outer, std::string_view inner) {
  TRY_ASSIGN(const auto value, parse_json(text));
  const auto* root = value.if_object();
  const auto* holder = root != nullptr ? root->if_contains(outer) : nullptr;
  const auto* object = holder != nullptr ? holder->if_object() : nullptr;
  const auto* field = object != nullptr ? object->if_contains(inner) : nullptr;
  if (field == nullptr) return not_ec2(outer);
  return *field;
}

}  // namespace

Result<Page<Machine>> parse_machines(std::string_view xml) {
  struct Reservation {
    std::vector<Machine> machines;
  };
  TRY_ASSIGN(auto reservations, parse_page<Reservation>(xml, "reservationSet", [](const XmlElement& item) -> Result<Reservation> {
               Reservation reservation;
               for (const XmlElement& instance : item.child("instancesSet").children("item")) {
                 TRY_ASSIGN(auto machine, read_machine(instance));
                 reservation.machines.push_back(std::move(machine));
               }
               return reservation;
             }));
  Page<Machine> page{{}, reservations.next};
  for (auto& reservation : reservations.items)
    for (auto& machine : reservation.machines) page.items.push_back(std::move(machine));
  return page;
}

Result<Machine> parse_run(std::string_view xml) {
  TRY_ASSIGN(auto page, parse_page<Machine>(xml, "instancesSet", read_machine));
  if (page.items.size() != 1) return not_ec2("one machine, as was asked for");
  return std::move(page.items.front());
}

Result<Page<Zone>> parse_zones(std::string_view xml) {
  return parse_page<Zone>(xml, "availabilityZoneInfo", [](const XmlElement& item) -> Result<Zone> {
    Zone zone{.id = text(item, "zoneId")};
    TRY_ASSIGN(zone.name, need(item, "zoneName"));
    return zone;
  });
}

Result<Page<std::string>> parse_vpcs(std::string_view xml) {
  return parse_page<std::string>(xml, "vpcSet", [](const XmlElement& item) { return need(item, "vpcId"); });
}

Result<Page<Subnet>> parse_subnets(std::string_view xml) {
  return parse_page<Subnet>(xml, "subnetSet", [](const XmlElement& item) -> Result<Subnet> {
    Subnet subnet;
    TRY_ASSIGN(subnet.id, need(item, "subnetId"));
    subnet.zone = text(item, "availabilityZone");
    subnet.is_default = item.text_of("defaultForAz") == "true";
    subnet.gives_public_addresses = item.text_of("mapPublicIpOnLaunch") == "true";
    subnet.free_addresses = storage::parse_count(item.text_of("availableIpAddressCount")).value_or(0);
    return subnet;
  });
}

Result<Page<SecurityGroup>> parse_security_groups(std::string_view xml) {
  return parse_page<SecurityGroup>(xml, "securityGroupInfo", read_group);
}

Result<std::string> parse_group_id(std::string_view xml) {
  TRY_ASSIGN(const auto document, XmlDocument::parse(xml, kBytesMost));
  return need(document.root(), "groupId");
}

Result<Page<Image>> parse_images(std::string_view xml) { return parse_page<Image>(xml, "imagesSet", read_image); }

Result<Page<std::string>> parse_spot_requests(std::string_view xml) {
  return parse_page<std::string>(xml, "spotInstanceRequestSet", [](const XmlElement& item) { return need(item, "spotInstanceRequestId"); });
}

Result<std::map<std::string, std::string>> parse_state_changes(std::string_view xml) {
  using Change = std::pair<std::string, std::string>;
  TRY_ASSIGN(const auto page, parse_page<Change>(xml, "instancesSet", [](const XmlElement& item) -> Result<Change> {
               TRY_ASSIGN(auto id, need(item, "instanceId"));
               TRY_ASSIGN(auto state, need(item.child("currentState"), "name"));
               return Change(std::move(id), std::move(state));
             }));
  return std::map<std::string, std::string>(page.items.begin(), page.items.end());
}

Result<std::string> parse_identity(std::string_view xml) {
  TRY_ASSIGN(const auto document, XmlDocument::parse(xml, kBytesMost));
  return need(document.root().child("GetCallerIdentityResult"), "Arn");
}

Result<std::string> parse_parameter(std::string_view json) {
  TRY_ASSIGN(const auto field, parse_field(json, "Parameter", "Value"));
  if (!field.is_string()) return not_ec2("value of the parameter");
  return std::string(field.get_string().data(), field.get_string().size());
}

Result<double> parse_quota(std::string_view json) {
  TRY_ASSIGN(const auto field, parse_field(json, "Quota", "Value"));
  boost::system::error_code failure;
  const auto number = field.to_number<double>(failure);
  if (failure) return not_ec2("value of the quota");
  return number;
}

}  // namespace isobar::cloud::ec2
