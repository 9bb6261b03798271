#include "requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.h"
#include "cloud/json_fields.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::cloud::openstack {

namespace json = boost::json;

namespace {

constexpr std::size_t kKeyMost = 255, kValueMost = 255, kLabelsMost = 100, kSlugMost = 30;
constexpr std::string_view kMarkWord = "isobar";

struct Login {
  std::string_view distribution, login;
};
constexpr std::array kLogins = {Login{"ubuntu", "ubuntu"},   Login{"debian", "debian"}, Login{"centos", "cloud-user"},
                                Login{"rhel", "cloud-user"}, Login{"rocky", "rocky"},   Login{"almalinux", "almalinux"},
                                Login{"fedora", "fedora"},   Login{"arch", "arch"},     Login{"opensuse", "opensuse"},
                                Login{"cirros", "cirros"}};

std::string short_hash(const std::string& text) { return crypto::to_hex(crypto::sha256(text)).substr(0, 12); }

Status check_label(const std::string& key, const std::string& value) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == ':' || c == '.' || c == ' ';
  };
  if (key.empty() || key.size() > kKeyMost || value.size() > kValueMost || !is_utf8(value) ||
      !std::all_of(key.begin(), key.end(), is_plain))
    return invalid(
        fmt::format("the label '{}': Nova takes keys of 1 to {} letters, digits, '-', '_', ':', '.' and blanks, and values of at "
                    "most {} bytes in UTF-8",
                    key.substr(0, 100), kKeyMost, kValueMost));
  if (key.starts_with("isobar-")) return invalid(fmt::format("the label '{}' belongs to isobar; choose another key", key));
  return {};
}

json::object rule_of(const std::string& group, const char* ether) {
  return {{"security_group_id", group}, {"direction", "ingress"}, {"ethertype", ether}};
}

}  // namespace

Status check_order(const CreateOrder& order) {
  if (order.cluster.empty() || order.cluster.size() > 100 || !is_plain_name(order.cluster))
    return invalid(fmt::format("'{}' cannot name a cluster on openstack", order.cluster));
  if (order.token.empty() || order.token.size() > 120 || !is_plain_name(order.token))
    return invalid("an order to openstack needs a token of at most 120 plain characters");
  if (order.use_spot) return invalid("openstack sells no spot machines");
  if (order.count < 1 || order.count > kNodesMost)
    return invalid(fmt::format("a cluster on openstack has 1 to {} nodes, not {}", kNodesMost, order.count));
  if (order.labels.size() > kLabelsMost)
    return invalid(fmt::format("{} labels; openstack takes at most {}", order.labels.size(), kLabelsMost));
  for (const auto& [key, value] : order.labels) TRY(check_label(key, value));
  return {};
}

std::string port_name(const CreateOrder& order, const std::string& owner, int rank) {
  return fmt::format("isobar-{}-{}-{}", order.cluster.substr(0, kSlugMost), short_hash(owner + "\n" + attempt_of(order)), rank);
}

std::string mark_text(const Mark& mark) {
  return fmt::format("{} {} {} {} {}", kMarkWord, mark.owner, mark.cluster, mark.token.empty() ? "-" : mark.token, mark.generation);
}

Mark read_mark_text(std::string_view text) {
  const auto words = split(text, ' ');
  if (words.size() != 5 || words[0] != kMarkWord) return {};
  Mark mark = read_mark({{kGenerationTag, std::string(words[4])}});
  mark.owner = words[1];
  mark.cluster = words[2];
  mark.token = words[3] == "-" ? "" : words[3];
  return mark;
}

std::string server_body(const CreateOrder& order, const ServerOrder& server) {
  json::object metadata;
  for (const auto& [key, value] : order.labels) metadata[key] = value;
  for (const auto& [key, value] : tags_of(server.mark)) metadata[key] = value;
  json::object body{{"name", server.name},
                    {"flavorRef", server.flavor.id},
                    {"key_name", server.key_name},
                    {"metadata", std::move(metadata)},
                    {"networks", json::array{json::object{{"port", server.port}}}}};
  if (!order.offer.zone.empty()) body["availability_zone"] = order.offer.zone;
  if (server.tagged) body["tags"] = json::array{std::string(kMarkWord)};
  // A flavor without a disk boots from a volume, which goes with the machine.
  if (server.flavor.disk_gb > 0) {
    body["imageRef"] = server.image.id;
  } else {
    body["block_device_mapping_v2"] = json::array{json::object{{"boot_index", 0},
                                                               {"uuid", server.image.id},
                                                               {"source_type", "image"},
                                                               {"destination_type", "volume"},
                                                               {"volume_size", std::max(order.disk_gb, server.image.disk_gb_least)},
                                                               {"delete_on_termination", true}}};
  }
  return json::serialize(json::object{{"server", std::move(body)}});
}

std::string port_body(const std::string& name, const std::string& network, const std::vector<std::string>& groups, const Mark& mark) {
  return json::serialize(json::object{{"port",
                                       {{"name", name},
                                        {"network_id", network},
                                        {"description", mark_text(mark)},
                                        {"security_groups", json::array(groups.begin(), groups.end())}}}});
}

std::string groups_body(const std::vector<std::string>& groups) {
  return json::serialize(json::object{{"port", {{"security_groups", json::array(groups.begin(), groups.end())}}}});
}

std::string floating_body(const std::string& network, const std::string& port, const Mark& mark) {
  return json::serialize(
      json::object{{"floatingip", {{"floating_network_id", network}, {"port_id", port}, {"description", mark_text(mark)}}}});
}

std::string group_body(const std::string& name, const std::string& description) {
  return json::serialize(json::object{{"security_group", {{"name", name}, {"description", description}}}});
}

std::string rule_body(const std::string& group, const std::string& within, const PortRange& ports) {
  auto rule = rule_of(group, "IPv4");
  if (!within.empty()) {
    rule["remote_group_id"] = within;
  } else {
    rule["protocol"] = "tcp";
    rule["port_range_min"] = ports.first;
    rule["port_range_max"] = ports.last;
    rule["remote_ip_prefix"] = "0.0.0.0/0";
  }
  return json::serialize(json::object{{"security_group_rule", std::move(rule)}});
}

std::string key_body(const std::string& name, const std::string& public_line) {
  return json::serialize(json::object{{"keypair", {{"name", name}, {"public_key", public_line}}}});
}

std::string group_name(const std::string& owner) { return "isobar-" + short_hash(owner); }
std::string ports_group_name(const std::string& owner, const std::string& cluster) {
  return fmt::format("isobar-{}-{}", short_hash(owner), cluster);
}

std::string login_of(const Image& image, const Settings& settings) {
  if (!settings.login.empty()) return settings.login;
  if (!image.login.empty()) return image.login;
  const std::string name = to_lower(image.distribution + " " + image.name);
  const auto row =
      std::find_if(kLogins.begin(), kLogins.end(), [&](const Login& each) { return name.find(each.distribution) != name.npos; });
  return std::string(row == kLogins.end() ? "ubuntu" : row->login);
}

std::string short_of(const Limits& limits, const CreateOrder& order, int machines) {
  const auto lacks = [&](const char* what, double most, double used, double wanted) {
    if (most < 0 || used + wanted <= most) return std::string();
    return fmt::format("the project may have {:g} {}, of which {:g} are used; {} × {} takes {:g}", most, what, used, machines,
                       order.offer.instance_type, wanted);
  };
  auto why = lacks("machines", limits.machines, limits.machines_used, machines);
  if (why.empty()) why = lacks("vCPUs", limits.cores, limits.cores_used, order.offer.vcpus * machines);
  if (why.empty()) why = lacks("MiB of memory", limits.memory_mib, limits.memory_mib_used, order.offer.memory_gib * 1024 * machines);
  return why;
}

std::vector<Offer> offers_of(const std::string& region, const std::vector<std::string>& zones, const std::vector<Flavor>& flavors,
                             const Settings& settings) {
  std::vector<Offer> offers;
  for (const auto& zone : zones)
    for (const auto& flavor : flavors) {
      Offer offer{.cloud = "openstack", .region = region, .zone = zone, .instance_type = flavor.name};
      offer.vcpus = flavor.vcpus;
      offer.memory_gib = flavor.memory_gib;
      offer.accelerator = flavor.accelerator;
      offer.accelerator_count = flavor.accelerator_count;
      const auto price = settings.prices.find(flavor.name);
      offer.hourly_price = price == settings.prices.end() ? 0 : price->second;
      offer.local_disk_gib = static_cast<double>(flavor.disk_gb);
      offers.push_back(std::move(offer));
    }
  return offers;
}

}  // namespace isobar::cloud::openstack
