#include "region_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/url.h"

namespace isobar::cloud::openstack {

namespace {

constexpr int kPagesMost = 1000;

/// A link may lead to where the service believes that it is, behind a proxy: what counts is its path and query.
std::string at_service(const std::string& base, const std::string& link) {
  const auto parsed = net::parse_url(base);
  const auto scheme = link.find("://");
  const auto path = link.find('/', scheme == link.npos ? 0 : scheme + 3);
  if (!parsed.ok() || path == link.npos) return "";
  const auto root = base.find('/', base.find("://") + 3);
  const std::string host = root == base.npos ? base : base.substr(0, root);
  return host + link.substr(path);
}

}  // namespace

Answer<std::string> RegionApi::get(const std::string& doing, const std::string& url) const {
  return region_->client.call({.doing = doing, .url = url}, end_);
}

// What is made has a name of ours and is looked for before it is made again: an answer that was lost must not be asked for twice.
Answer<std::string> RegionApi::post(const std::string& doing, const std::string& url, const std::string& body) const {
  return region_->client.call({.doing = doing, .method = "POST", .url = url, .body = body, .repeatable = false}, end_);
}

Answer<Nothing> RegionApi::remove(const std::string& doing, const std::string& url) const {
  const auto gone = region_->client.call({.doing = doing, .method = "DELETE", .url = url}, end_);
  if (!gone.ok() && gone.error().code() != Code::kNotFound) return gone.error();
  return Nothing{};
}

template <class T>
Answer<std::vector<T>> RegionApi::all(const std::string& doing, const std::string& base, std::string url,
                                      Result<Page<T>> (*parse)(std::string_view)) const {
  std::vector<T> items;
  for (int page = 0; page < kPagesMost; ++page) {
    TRY_ASSIGN(const auto answer, get(doing, url));
    TRY_ASSIGN(auto told, parse(answer).context(doing));
    const bool ends = told.next.empty() || told.items.empty();
    items.insert(items.end(), std::make_move_iterator(told.items.begin()), std::make_move_iterator(told.items.end()));
    if (ends) return items;
    url = at_service(base, told.next);
  }
  return Error(Code::kDataLoss, doing + ": the list has no end");
}

// ---- Nova

Answer<std::vector<CloudMachine>> RegionApi::machines() const {
  const std::string only = region_->takes_tags() ? "?tags=isobar" : "";
  TRY_ASSIGN(auto machines,
             all<CloudMachine>("list machines", region_->compute, region_->compute + "/servers/detail" + only, parse_servers));
  std::erase_if(machines, [](const CloudMachine& machine) { return machine.mark.cluster.empty(); });
  for (auto& machine : machines) machine.region = region_->name;
  return machines;
}

Answer<std::string> RegionApi::make_server(const std::string& body, const std::string& doing) const {
  TRY_ASSIGN(const auto answer, post(doing, region_->compute + "/servers", body));
  TRY_ASSIGN(const auto id, parse_created_server(answer).context(doing));
  return id;
}

Answer<Nothing> RegionApi::power(const std::string& id, const std::string& action) const {
  const auto told = region_->client.call({.doing = fmt::format("{} server {}", action, id),
                                          .method = "POST",
                                          .url = fmt::format("{}/servers/{}/action", region_->compute, id),
                                          .body = fmt::format("{{\"{}\":null}}", action)},
                                         end_);
  // Nova calls it a conflict when there is nothing to do.
  if (!told.ok() && told.error().code() != Code::kConflict) return told.error();
  return Nothing{};
}

Answer<Nothing> RegionApi::remove_server(const std::string& id) const {
  return remove("delete server " + id, fmt::format("{}/servers/{}", region_->compute, id));
}

Answer<std::vector<Flavor>> RegionApi::flavors() const {
  return all<Flavor>("list flavors", region_->compute, region_->compute + "/flavors/detail", parse_flavors);
}

Answer<std::vector<std::string>> RegionApi::zones() const {
  TRY_ASSIGN(const auto answer, get("list availability zones", region_->compute + "/os-availability-zone"));
  TRY_ASSIGN(auto zones, parse_zones(answer).context("list availability zones"));
  return zones;
}

Answer<Limits> RegionApi::limits() const {
  TRY_ASSIGN(const auto answer, get("look at the project's limits", region_->compute + "/limits"));
  TRY_ASSIGN(const auto limits, parse_limits(answer).context("look at the project's limits"));
  return limits;
}

Answer<Nothing> RegionApi::have_key(const std::string& name, const std::string& public_line) const {
  TRY_ASSIGN(const auto answer, get("look at the key pairs", region_->compute + "/os-keypairs"));
  TRY_ASSIGN(const auto names, parse_key_pairs(answer).context("look at the key pairs"));
  if (std::find(names.begin(), names.end(), name) != names.end()) return Nothing{};
  const auto made = region_->client.call({.doing = "enter the key pair " + name,
                                          .method = "POST",
                                          .url = region_->compute + "/os-keypairs",
                                          .body = key_body(name, public_line)},
                                         end_);
  // The name is made from the key, so what has it is the same key; another process may have entered it meanwhile.
  if (!made.ok() && made.error().code() != Code::kConflict) return made.error();
  return Nothing{};
}

// ---- Glance

Answer<std::vector<Image>> RegionApi::images(const std::string& name) const {
  const net::QueryParameters query = {{"name", name}, {"status", "active"}, {"sort_key", "created_at"}, {"sort_dir", "desc"}};
  return all<Image>("look for the image " + name, region_->image, region_->image + "/v2/images?" + net::encode_query(query), parse_images);
}

// ---- Neutron

Answer<std::vector<Network>> RegionApi::networks(bool external) const {
  const std::string url = fmt::format("{}/v2.0/networks?router:external={}", region_->network, external);
  TRY_ASSIGN(const auto answer, get("list networks", url));
  TRY_ASSIGN(auto networks, parse_networks(answer).context("list networks"));
  return networks;
}

Answer<std::vector<SecurityGroup>> RegionApi::groups(const std::string& name) const {
  const std::string only = name.empty() ? "" : "?" + net::encode_query({{"name", name}});
  TRY_ASSIGN(const auto answer, get("list security groups", region_->network + "/v2.0/security-groups" + only));
  TRY_ASSIGN(auto groups, parse_security_groups(answer).context("list security groups"));
  return groups;
}

Answer<std::string> RegionApi::make_group(const std::string& name, const std::string& description) const {
  const std::string doing = "make the security group " + name;
  TRY_ASSIGN(const auto answer, post(doing, region_->network + "/v2.0/security-groups", group_body(name, description)));
  TRY_ASSIGN(const auto id, parse_made(answer, "security_group").context(doing));
  return id;
}

Answer<Nothing> RegionApi::make_rule(const std::string& body) const {
  const auto made = region_->client.call(
      {.doing = "add a rule to a security group", .method = "POST", .url = region_->network + "/v2.0/security-group-rules", .body = body},
      end_);
  if (!made.ok() && made.error().code() != Code::kConflict) return made.error();
  return Nothing{};
}

Answer<Nothing> RegionApi::remove_group(const std::string& id) const {
  return remove("delete security group " + id, region_->network + "/v2.0/security-groups/" + id);
}

Answer<std::vector<NetworkPort>> RegionApi::ports(const std::string& name) const {
  const std::string only = name.empty() ? "" : "?" + net::encode_query({{"name", name}});
  TRY_ASSIGN(const auto answer, get("list ports", region_->network + "/v2.0/ports" + only));
  TRY_ASSIGN(auto ports, parse_ports_of_network(answer).context("list ports"));
  return ports;
}

Answer<std::string> RegionApi::make_port(const std::string& body) const {
  TRY_ASSIGN(const auto answer, post("make a port", region_->network + "/v2.0/ports", body));
  TRY_ASSIGN(const auto id, parse_made(answer, "port").context("make a port"));
  return id;
}

Answer<Nothing> RegionApi::let_in(const NetworkPort& port, const std::string& group) const {
  if (std::find(port.groups.begin(), port.groups.end(), group) != port.groups.end()) return Nothing{};
  auto groups = port.groups;
  groups.push_back(group);
  TRY(region_->client.call({.doing = fmt::format("put port {} into the security group {}", port.id, group),
                            .method = "PUT",
                            .url = region_->network + "/v2.0/ports/" + port.id,
                            .body = groups_body(groups)},
                           end_));
  return Nothing{};
}

Answer<Nothing> RegionApi::remove_port(const std::string& id) const {
  return remove("delete port " + id, region_->network + "/v2.0/ports/" + id);
}

Answer<std::vector<FloatingAddress>> RegionApi::floating() const {
  TRY_ASSIGN(const auto answer, get("list floating addresses", region_->network + "/v2.0/floatingips"));
  TRY_ASSIGN(auto addresses, parse_floating(answer).context("list floating addresses"));
  return addresses;
}

Answer<std::string> RegionApi::make_floating(const std::string& body) const {
  TRY_ASSIGN(const auto answer, post("get a floating address", region_->network + "/v2.0/floatingips", body));
  TRY_ASSIGN(const auto id, parse_made(answer, "floatingip").context("get a floating address"));
  return id;
}

Answer<Nothing> RegionApi::remove_floating(const std::string& id) const {
  return remove("give back floating address " + id, region_->network + "/v2.0/floatingips/" + id);
}

}  // namespace isobar::cloud::openstack
