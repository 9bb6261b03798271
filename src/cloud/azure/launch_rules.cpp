#include "launch_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.h"
#include "cloud/json_fields.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::cloud::azure {

namespace json = boost::json;

namespace {

constexpr std::size_t kLabelsMost = 40, kKeyMost = 512, kValueMost = 256, kSlugMost = 30;
constexpr std::uint64_t kDiskGbLeast = 64;  // what the largest of the default images takes

struct Alias {
  std::string_view name, x86, arm;
};
constexpr std::array kAliases = {
    Alias{"ubuntu-22.04", "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
          "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-arm64:latest"},
    Alias{"ubuntu-24.04", "Canonical:ubuntu-24_04-lts:server:latest", "Canonical:ubuntu-24_04-lts:server-arm64:latest"},
    Alias{"debian-12", "Debian:debian-12:12-gen2:latest", "Debian:debian-12:12-arm64:latest"},
    Alias{"gpu-ubuntu-22.04", "microsoft-dsvm:ubuntu-hpc:2204:latest", ""},
};

Result<ImageSource> marketplace(std::string_view urn) {
  const auto parts = split(urn, ':');
  if (parts.size() != 4 || !std::all_of(parts.begin(), parts.end(), is_plain_name))
    return invalid(fmt::format("'{}' is no image of the marketplace; expected PUBLISHER:OFFER:SKU:VERSION", urn.substr(0, 200)));
  return ImageSource{std::string(parts[0]), std::string(parts[1]), std::string(parts[2]), std::string(parts[3]), {}};
}

bool is_resource_id(std::string_view id) {
  const auto parts = split(id, '/');
  return id.size() < 600 && parts.size() > 4 && parts[0].empty() && parts[1] == "subscriptions" &&
         std::all_of(parts.begin() + 1, parts.end(), is_plain_name);
}

Status check_label(const std::string& key, const std::string& value) {
  const bool fits = !key.empty() && key.size() <= kKeyMost && value.size() <= kValueMost && is_utf8(key) && is_utf8(value) &&
                    key.find_first_of("<>%&\\?/") == key.npos;
  if (!fits)
    return invalid(fmt::format("the label '{}': Azure takes keys of 1 to {} bytes without <>%&\\?/ and values of at most {}", key, kKeyMost,
                               kValueMost));
  if (key.starts_with("isobar-")) return invalid(fmt::format("the label '{}' belongs to isobar; choose another key", key));
  return {};
}

json::object tags_in(const CreateOrder& order, const Mark& mark) {
  json::object tags;
  for (const auto& [key, value] : order.labels) tags[key] = value;
  for (const auto& [key, value] : tags_of(mark)) tags[key] = value;
  return tags;
}

json::object image_reference(const ImageSource& image) {
  if (!image.id.empty()) return {{"id", image.id}};
  return {{"publisher", image.publisher}, {"offer", image.offer}, {"sku", image.sku}, {"version", image.version}};
}

/// The interface and its public address are made with the machine, and go with it.
json::object network_profile(const std::string& subnet_id, const std::string& security_group_id) {
  const json::object address{{"name", "public"},
                             {"sku", {{"name", "Standard"}}},
                             {"properties", {{"deleteOption", "Delete"}, {"publicIPAllocationMethod", "Static"}}}};
  const json::object within{
      {"name", "ip"}, {"properties", {{"primary", true}, {"subnet", {{"id", subnet_id}}}, {"publicIPAddressConfiguration", address}}}};
  const json::object interface {
    {"name", "nic"}, {
      "properties", {
        {"primary", true}, {"deleteOption", "Delete"}, {"networkSecurityGroup", {{"id", security_group_id}}}, {
          "ipConfigurations", json::array { within }
        }
      }
    }
  };
  return {{"networkApiVersion", "2022-11-01"}, {"networkInterfaceConfigurations", json::array{interface}}};
}

json::object login_profile(const std::string& name, const std::string& public_key_line) {
  const json::object key{{"path", fmt::format("/home/{}/.ssh/authorized_keys", kLogin)}, {"keyData", public_key_line}};
  return {{"computerName", name},
          {"adminUsername", kLogin},
          {"linuxConfiguration", {{"disablePasswordAuthentication", true}, {"ssh", {{"publicKeys", json::array{key}}}}}}};
}

}  // namespace

std::string group_name(const std::string& cluster, const std::string& owner, const std::string& token, const std::string& region) {
  std::string slug;
  for (const char c : to_lower(cluster)) slug += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  return fmt::format("isobar-{}-{}", slug.substr(0, kSlugMost),
                     crypto::to_hex(crypto::sha256(owner + "\n" + token + "\n" + region)).substr(0, 12));
}

std::string machine_name(const std::string& group, int rank, int generation) {
  return fmt::format("{}-{}", group, rank) + (generation == 0 ? "" : fmt::format("-g{}", generation));
}

Result<ImageSource> find_image(std::string_view name, const Offer& offer) {
  if (name.starts_with('/')) {
    if (!is_resource_id(name)) return invalid(fmt::format("'{}' is no id of an image", name.substr(0, 200)));
    return ImageSource{.id = std::string(name)};
  }
  if (name.find(':') != name.npos) return marketplace(name);
  if (name.empty()) name = offer.accelerator.empty() ? "ubuntu-22.04" : "gpu-ubuntu-22.04";
  const auto alias = std::find_if(kAliases.begin(), kAliases.end(), [&](const Alias& each) { return each.name == name; });
  if (alias == kAliases.end()) {
    std::vector<std::string> names;
    for (const Alias& each : kAliases) names.emplace_back(each.name);
    const auto near = closest(name, names);
    return invalid(fmt::format("'{}' is no image of azure{}; there are {}, and PUBLISHER:OFFER:SKU:VERSION", name.substr(0, 100),
                               near ? fmt::format("; did you mean '{}'?", *near) : "", join(names, ", ")));
  }
  const auto urn = offer.architecture == "arm64" ? alias->arm : alias->x86;
  if (urn.empty()) return invalid(fmt::format("there is no image {} for {}; name another one", name, offer.architecture));
  return marketplace(urn);
}

std::string default_subscription(std::string_view profile) {
  if (profile.starts_with("\xef\xbb\xbf")) profile.remove_prefix(3);
  const auto parsed = parse_object(profile, "azureProfile.json");
  if (!parsed.ok()) return "";
  for (const auto& entry : array_in(*parsed, "subscriptions"))
    if (flag_in(as_object(entry), "isDefault"))
      if (const auto id = text_in(as_object(entry), "id"); is_subscription(id)) return id;
  return "";
}

bool is_subscription(std::string_view text) {
  return text.size() == 36 && std::count(text.begin(), text.end(), '-') == 4 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '-' || std::isxdigit(static_cast<unsigned char>(c)); });
}

std::string family_of(std::string_view size) {
  const auto parts = split(size, '_');
  if (parts.size() < 2) return "";
  // "D8s" → "DS", "NC24ads" → "NCADS": digits say how large, not what.
  std::string family = "standard", version;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].size() > 1 && parts[i][0] == 'v') version = parts[i];
    else
      for (const char c : parts[i])
        if (i > 1 || !std::isdigit(static_cast<unsigned char>(c))) family += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return family + version + "Family";
}

std::optional<Usage> short_usage(const CreateOrder& order, const std::vector<Usage>& usages) {
  // Of a replacement one machine is missing at the least; the others are counted as used.
  const double wanted = order.offer.vcpus * (order.generation == 0 ? order.count : 1);
  // Spot machines have one quota for all sizes.
  const std::vector<std::string> names = order.use_spot ? std::vector<std::string>{"lowprioritycores"}
                                                        : std::vector<std::string>{"cores", to_lower(family_of(order.offer.instance_type))};
  for (const Usage& usage : usages)
    if (std::find(names.begin(), names.end(), to_lower(usage.name)) != names.end() && usage.limit - usage.used < wanted) return usage;
  return std::nullopt;
}

Status check_order(const CreateOrder& order) {
  if (order.cluster.empty() || order.cluster.size() > 200 || !is_utf8(order.cluster))
    return invalid(fmt::format("'{}' cannot name a cluster on azure", order.cluster));
  if (order.token.empty() || order.token.size() > 200) return invalid("an order to azure needs a token of at most 200 characters");
  if (!is_plain_name(order.offer.region)) return invalid(fmt::format("'{}' is no region of azure", order.offer.region));
  if (order.count < 1 || order.count > kNodesMost)
    return invalid(fmt::format("a cluster on azure has 1 to {} nodes, not {}", kNodesMost, order.count));
  if (order.labels.size() > kLabelsMost) return invalid(fmt::format("{} labels; azure takes at most {}", order.labels.size(), kLabelsMost));
  for (const auto& [key, value] : order.labels) TRY(check_label(key, value));
  TRY(find_image(order.image, order.offer));
  return {};
}

std::string group_body(const CreateOrder& order, const Mark& mark) {
  return json::serialize(json::object{{"location", order.offer.region}, {"tags", tags_in(order, mark)}});
}

std::string ports_rule_body(const Ports& ports) {
  json::array ranges;
  for (const auto& range : ports) ranges.emplace_back(describe(range));
  return json::serialize(json::object{{"properties",
                                       {{"priority", 200},
                                        {"direction", "Inbound"},
                                        {"access", "Allow"},
                                        {"protocol", "Tcp"},
                                        {"sourceAddressPrefix", "*"},
                                        {"sourcePortRange", "*"},
                                        {"destinationAddressPrefix", "*"},
                                        {"destinationPortRanges", std::move(ranges)}}}});
}

std::string security_group_body(const std::string& region) {
  const json::object rule{{"name", "ssh"},
                          {"properties",
                           {{"priority", 100},
                            {"direction", "Inbound"},
                            {"access", "Allow"},
                            {"protocol", "Tcp"},
                            {"sourceAddressPrefix", "*"},
                            {"sourcePortRange", "*"},
                            {"destinationAddressPrefix", "*"},
                            {"destinationPortRange", "22"}}}};
  return json::serialize(json::object{{"location", region}, {"properties", {{"securityRules", json::array{rule}}}}});
}

std::string network_body(const std::string& region, const std::string& security_group_id) {
  const json::object subnet{{"name", "nodes"},
                            {"properties", {{"addressPrefix", "10.60.0.0/16"}, {"networkSecurityGroup", {{"id", security_group_id}}}}}};
  return json::serialize(json::object{
      {"location", region},
      {"properties", {{"addressSpace", {{"addressPrefixes", json::array{"10.60.0.0/16"}}}}, {"subnets", json::array{subnet}}}}});
}

std::string machine_body(const CreateOrder& order, const Mark& mark, const ImageSource& image, const std::string& subnet_id,
                         const std::string& security_group_id, const std::string& public_key_line) {
  json::object properties{{"hardwareProfile", {{"vmSize", order.offer.instance_type}}},
                          {"storageProfile",
                           {{"imageReference", image_reference(image)},
                            {"osDisk",
                             {{"createOption", "FromImage"},
                              {"diskSizeGB", std::max(order.disk_gb, kDiskGbLeast)},
                              {"deleteOption", "Delete"},
                              {"managedDisk", {{"storageAccountType", "StandardSSD_LRS"}}}}}}},
                          {"osProfile", login_profile(fmt::format("node-{}", mark.rank), public_key_line)},
                          {"networkProfile", network_profile(subnet_id, security_group_id)}};
  if (order.use_spot) {
    properties["priority"] = "Spot";
    properties["evictionPolicy"] = "Deallocate";
    properties["billingProfile"] = {{"maxPrice", -1}};
  }
  return json::serialize(json::object{{"location", order.offer.region}, {"tags", tags_in(order, mark)}, {"properties", properties}});
}

}  // namespace isobar::cloud::azure
