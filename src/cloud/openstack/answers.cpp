#include "answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/rfc3339.h"
#include "base/text.h"
#include "cloud/gpu_names.h"
#include "cloud/json_fields.h"

namespace isobar::cloud::openstack {

namespace json = boost::json;

namespace {

constexpr std::string_view kWhose = "OpenStack";
constexpr double kMebibytesInGibibyte = 1024;

Error strange(const std::string& what) { return {Code::kDataLoss, "OpenStack sent " + what}; }

double number_in(const json::object& from, std::string_view name, double otherwise) {
  const auto* value = from.if_contains(name);
  if (value == nullptr || !value->is_number()) return otherwise;
  return value->to_number<double>();
}

Result<int> number(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0 || value > 100'000) return strange("no number");
  return value;
}

InstanceState state_of(const std::string& status, const std::string& task) {
  if (status == "ACTIVE") return task == "powering-off" ? InstanceState::kStopping : InstanceState::kRunning;
  if (status == "SHUTOFF" || status == "SHELVED" || status == "SHELVED_OFFLOADED" || status == "SUSPENDED" || status == "PAUSED")
    return task == "powering-on" ? InstanceState::kPending : InstanceState::kStopped;
  if (status == "DELETED" || status == "SOFT_DELETED") return InstanceState::kTerminated;
  if (status == "ERROR") return InstanceState::kUnreachable;
  if (status == "UNKNOWN") return InstanceState::kUnreachable;
  return InstanceState::kPending;
}

/// IPv4 goes before IPv6: nodes listen on both, and a tenant network without a router to IPv6 is common.
void read_addresses(const json::object& server, CloudMachine& machine) {
  for (const auto& [network, list] : object_in(server, "addresses")) {
    if (!list.is_array()) continue;
    for (const auto& entry : list.get_array()) {
      const auto& address = as_object(entry);
      const bool floats = text_in(address, "OS-EXT-IPS:type") == "floating";
      std::string& into = floats ? machine.public_address : machine.private_address;
      if (into.empty() || number_in(address, "version", 4) == 4) into = text_in(address, "addr");
    }
  }
}

Result<CloudMachine> machine_in(const json::object& server) {
  CloudMachine machine;
  machine.id = text_in(server, "id");
  const std::string status = text_in(server, "status");
  if (machine.id.empty() || status.empty()) return strange("a server without id or status");
  machine.state = state_of(status, text_in(server, "OS-EXT-STS:task_state"));
  machine.zone = text_in(server, "OS-EXT-AZ:availability_zone");
  read_addresses(server, machine);
  machine.mark = read_mark(texts_in(server, "metadata"));
  if (machine.state != InstanceState::kUnreachable) return machine;
  // One that never ran will not run, and is still there.
  if (status == "ERROR" && text_in(server, "OS-SRV-USG:launched_at").empty()) machine.state = InstanceState::kStopped;
  const std::string fault = one_line(text_in(object_in(server, "fault"), "message"));
  machine.reason = fault.empty() ? fmt::format("Nova calls it {}", status) : "Nova: " + fault;
  machine.reason_code = fault.find("No valid host") != fault.npos ? "NoValidHost" : "ServerError";
  return machine;
}

/// "https://…" of the link that is called next.
std::string next_of(const json::object& answer, std::string_view name) {
  for (const auto& link : array_in(answer, name))
    if (text_in(as_object(link), "rel") == "next") return text_in(as_object(link), "href");
  return "";
}

/// The devices that a flavor passes through: "pci_passthrough:alias" = "a100:2", "resources:VGPU" = "1".
void read_accelerators(const json::object& specs, Flavor& flavor) {
  const std::string alias = text_in(specs, "pci_passthrough:alias");
  for (const auto part : split(alias, ',')) {
    const auto colon = part.rfind(':');
    const auto count = colon == part.npos ? Result<int>(1) : number(trim(part.substr(colon + 1)));
    if (!count.ok() || *count == 0 || trim(part.substr(0, colon)).empty()) continue;
    flavor.accelerator = accelerator_name(trim(part.substr(0, colon)));
    flavor.accelerator_count = *count;
    return;
  }
  const auto shares = number(text_in(specs, "resources:VGPU"));
  if (!shares.ok() || *shares == 0) return;
  flavor.accelerator = "VGPU";
  flavor.accelerator_count = *shares;
}

template <class T, class Read>
Result<std::vector<T>> parse_list(std::string_view text, std::string_view name, const Read& read) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  if (!answer.contains(name)) return strange(fmt::format("an answer without {}", name));
  std::vector<T> items;
  for (const auto& item : array_in(answer, name)) {
    T one = read(as_object(item));
    if (one.id.empty()) return strange(fmt::format("one of {} without an id", name));
    items.push_back(std::move(one));
  }
  return items;
}

}  // namespace

std::string Microversion::text() const { return fmt::format("{}.{}", major, minor); }

Result<Token> parse_token(std::string_view text, const std::string& interface) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  const auto& told = object_in(answer, "token");
  Token token{.project_id = text_in(object_in(told, "project"), "id")};
  const auto expires = parse_rfc3339(text_in(told, "expires_at"));
  if (!expires) return strange("a token that does not say when it expires");
  token.expires = *expires;
  for (const auto& item : array_in(told, "catalog")) {
    const auto& service = as_object(item);
    for (const auto& entry : array_in(service, "endpoints")) {
      const auto& endpoint = as_object(entry);
      std::string url = text_in(endpoint, "url");
      while (url.ends_with('/')) url.pop_back();
      const std::string region = text_in(endpoint, "region_id").empty() ? text_in(endpoint, "region") : text_in(endpoint, "region_id");
      if (text_in(endpoint, "interface") == interface && !url.empty()) token.endpoints[region][text_in(service, "type")] = url;
    }
  }
  return token;
}

Result<Microversion> parse_microversion(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  const std::string newest = text_in(object_in(answer, "version"), "version");
  const auto dot = newest.find('.');
  if (dot == newest.npos) return Microversion{2, 1};  // Before there were any.
  TRY_ASSIGN(const int major, number(std::string_view(newest).substr(0, dot)));
  TRY_ASSIGN(const int minor, number(std::string_view(newest).substr(dot + 1)));
  return Microversion{major, minor};
}

Result<Page<CloudMachine>> parse_servers(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  if (!answer.contains("servers")) return strange("an answer without servers");
  Page<CloudMachine> page;
  for (const auto& server : array_in(answer, "servers")) {
    TRY_ASSIGN(auto machine, machine_in(as_object(server)));
    page.items.push_back(std::move(machine));
  }
  page.next = next_of(answer, "servers_links");
  return page;
}

Result<std::string> parse_created_server(std::string_view text) { return parse_made(text, "server"); }

Result<Page<Flavor>> parse_flavors(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  Page<Flavor> page;
  TRY_ASSIGN(page.items, parse_list<Flavor>(text, "flavors", [](const json::object& told) {
               Flavor flavor{.id = text_in(told, "id"), .name = text_in(told, "name")};
               flavor.vcpus = number_in(told, "vcpus", 0);
               flavor.memory_gib = number_in(told, "ram", 0) / kMebibytesInGibibyte;
               flavor.disk_gb = count_in(told, "disk");
               read_accelerators(object_in(told, "extra_specs"), flavor);
               return flavor;
             }));
  page.next = next_of(answer, "flavors_links");
  return page;
}

Result<std::vector<std::string>> parse_zones(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  std::vector<std::string> names;
  for (const auto& item : array_in(answer, "availabilityZoneInfo"))
    if (flag_in(object_in(as_object(item), "zoneState"), "available")) names.push_back(text_in(as_object(item), "zoneName"));
  std::erase(names, "");
  return names;
}

Result<Limits> parse_limits(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  const auto& told = object_in(object_in(answer, "limits"), "absolute");
  return Limits{.cores = number_in(told, "maxTotalCores", -1),
                .cores_used = number_in(told, "totalCoresUsed", 0),
                .machines = number_in(told, "maxTotalInstances", -1),
                .machines_used = number_in(told, "totalInstancesUsed", 0),
                .memory_mib = number_in(told, "maxTotalRAMSize", -1),
                .memory_mib_used = number_in(told, "totalRAMUsed", 0)};
}

Result<std::vector<std::string>> parse_key_pairs(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  std::vector<std::string> names;
  for (const auto& item : array_in(answer, "keypairs")) names.push_back(text_in(object_in(as_object(item), "keypair"), "name"));
  return names;
}

Result<Page<Image>> parse_images(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  Page<Image> page;
  TRY_ASSIGN(page.items, parse_list<Image>(text, "images", [](const json::object& told) {
               return Image{.id = text_in(told, "id"),
                            .name = text_in(told, "name"),
                            .created = text_in(told, "created_at"),
                            .login = text_in(told, "os_admin_user"),
                            .distribution = text_in(told, "os_distro"),
                            .disk_gb_least = count_in(told, "min_disk")};
             }));
  page.next = text_in(answer, "next");
  return page;
}

Result<std::vector<Network>> parse_networks(std::string_view text) {
  return parse_list<Network>(text, "networks", [](const json::object& told) {
    return Network{text_in(told, "id"), text_in(told, "name"), flag_in(told, "router:external")};
  });
}

Result<std::vector<SecurityGroup>> parse_security_groups(std::string_view text) {
  return parse_list<SecurityGroup>(text, "security_groups", [](const json::object& told) {
    SecurityGroup group{.id = text_in(told, "id"), .name = text_in(told, "name"), .description = text_in(told, "description")};
    for (const auto& item : array_in(told, "security_group_rules")) {
      const auto& rule = as_object(item);
      if (text_in(rule, "direction") != "ingress") continue;
      if (text_in(rule, "remote_group_id") == group.id && !group.id.empty()) group.open_within = true;
      const double first = number_in(rule, "port_range_min", 0), last = number_in(rule, "port_range_max", 65535);
      if (text_in(rule, "remote_group_id").empty() && first <= 22 && last >= 22) group.lets_ssh_in = true;
    }
    return group;
  });
}

Result<std::vector<NetworkPort>> parse_ports_of_network(std::string_view text) {
  return parse_list<NetworkPort>(text, "ports", [](const json::object& told) {
    NetworkPort port{text_in(told, "id"), text_in(told, "name"), text_in(told, "description"), text_in(told, "device_id"), {}};
    for (const auto& group : array_in(told, "security_groups"))
      if (group.is_string()) port.groups.emplace_back(group.get_string());
    return port;
  });
}

Result<std::vector<FloatingAddress>> parse_floating(std::string_view text) {
  return parse_list<FloatingAddress>(text, "floatingips", [](const json::object& told) {
    return FloatingAddress{text_in(told, "id"), text_in(told, "floating_ip_address"), text_in(told, "port_id"),
                           text_in(told, "description")};
  });
}

Result<std::string> parse_made(std::string_view text, std::string_view kind) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  auto id = text_in(object_in(answer, kind), "id");
  if (id.empty()) return strange(fmt::format("no id of the {} that it made", kind));
  return id;
}

RestRefusal parse_refusal(int status, std::string_view body) {
  RestRefusal refusal{.status = status};
  const auto answer = parse_object(body, kWhose);
  if (!answer.ok() || answer->empty()) return refusal;
  // Nova: {"forbidden": {…}}; Neutron: {"NeutronError": {"type": …}}; Keystone: {"error": {"title": …}}.
  const auto& [name, value] = *answer->begin();
  const auto& told = as_object(value);
  refusal.message = text_in(told, "message");
  refusal.code = std::string(name);
  if (name == "NeutronError") refusal.code = text_in(told, "type");
  if (name == "error") refusal.code = text_in(told, "title");
  const bool is_quota = refusal.message.find("Quota exceeded") != std::string::npos || refusal.code == "OverQuota";
  if (is_quota) refusal.code = "QuotaExceeded";
  return refusal;
}

}  // namespace isobar::cloud::openstack
