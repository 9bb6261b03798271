#include "openstack_cloud.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.h"
#include "base/text.h"
#include "cloud/json_fields.h"
#include "cloud/made_once.h"
#include "launch_ground.h"
#include "openstack_refusals.h"

namespace isobar::cloud::openstack {

namespace {

constexpr Duration kCheckDeadline = 10s, kOfferDeadline = 15s;
constexpr std::size_t kAtOnce = 8;
/// The newest version that this was written against: with tags (2.52), and flavors that tell their devices (2.61).
constexpr Microversion kSpoken{2, 61};
constexpr const char* kKinds[] = {"compute", "network", "image"};

struct Place {
  std::string cloud, region, project;
};

Result<Place> read_place(const std::string& text) {
  const auto parts = split(text, '/');
  if (parts.size() != 3) return invalid(fmt::format("'{}' is no place of openstack", text));
  return Place{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

/// Makes each machine on a port of its own, which is found by its name and tells the machine that it is of. Nova refuses a second machine
/// on a port that is taken, though not while the first one is being built: an answer that was lost is looked for before that.
class OpenStackMaker final : public MachineMaker {
 public:
  OpenStackMaker(RegionApi api, CreateOrder order, std::string owner, LaunchGround ground, std::string key_name)
      : api_(std::move(api)),
        order_(std::move(order)),
        owner_(std::move(owner)),
        ground_(std::move(ground)),
        key_name_(std::move(key_name)) {}

  Answer<std::string> make(int rank, Instant end) override {
    ServerOrder server{.mark = mark_for(order_, owner_, rank, ground_.login), .flavor = ground_.flavor, .image = ground_.image};
    const std::string name = port_name(order_, owner_, rank);
    TRY_ASSIGN(const auto port, have_port(name, server.mark));
    if (!port.device.empty()) return port.device;
    if (!ground_.floating_network.empty()) TRY(have_floating(port.id, server.mark));
    server.name = fmt::format("{}-{}", order_.cluster, rank);
    server.port = port.id;
    server.key_name = key_name_;
    server.tagged = api_.region().takes_tags();
    const std::string body = server_body(order_, server), doing = fmt::format("create node {} of {}", rank, order_.cluster);
    return make_once(
        api_.region().client.pace(), server.mark, end, [&] { return api_.make_server(body, doing); }, [&] { return api_.machines(); });
  }

 private:
  /// Of two processes that make it at once both may; the first by its id is used, and the other goes with the cluster.
  Answer<NetworkPort> have_port(const std::string& name, const Mark& mark) {
    TRY_ASSIGN(auto there, api_.ports(name));
    if (there.empty()) {
      const auto made = api_.make_port(port_body(name, ground_.network, {ground_.group}, mark));
      if (!made.ok() && !made.error().may_have_acted) return made.error();
      TRY_ASSIGN(there, api_.ports(name));
    }
    if (there.empty()) return unavailable(fmt::format("Neutron does not list the port {}, which it made", name));
    return *std::min_element(there.begin(), there.end(), [](const NetworkPort& a, const NetworkPort& b) { return a.id < b.id; });
  }

  Answer<Nothing> have_floating(const std::string& port, const Mark& mark) {
    TRY_ASSIGN(const auto there, api_.floating());
    if (std::any_of(there.begin(), there.end(), [&](const FloatingAddress& each) { return each.port == port; })) return Nothing{};
    const auto made = api_.make_floating(floating_body(ground_.floating_network, port, mark));
    // Neutron gives a port one address: what was made and not heard of is found by whoever looks next.
    if (!made.ok() && !made.error().may_have_acted && made.error().code() != Code::kConflict) return made.error();
    return Nothing{};
  }

  const RegionApi api_;
  const CreateOrder order_;
  const std::string owner_;
  const LaunchGround ground_;
  const std::string key_name_;
};

}  // namespace

Result<std::shared_ptr<Keystone>> OpenStackCloud::cloud_named(const std::optional<std::string>& name) {
  const MutexLock lock(mutex_);
  auto& known = clouds_[name.value_or("")];
  if (known) return known;
  TRY_ASSIGN(auto access, find_access(parts_.surroundings, name));
  auto& same = clouds_[access.cloud];
  if (!same) same = std::make_shared<Keystone>(std::move(access), parts_.transport, parts_.pace);
  return clouds_[name.value_or("")] = same;
}

Status OpenStackCloud::sign_in() {
  TRY(cloud_named({}));
  return {};
}

Result<std::vector<std::string>> OpenStackCloud::regions_of(Keystone& keystone) {
  TRY_ASSIGN(const auto session, keystone.session());
  std::vector<std::string> regions;
  for (const auto& [region, services] : session.told.endpoints)
    if (services.contains("compute") && (keystone.access().region.empty() || keystone.access().region == region)) regions.push_back(region);
  if (!regions.empty()) return regions;
  std::vector<std::string> all;
  for (const auto& [region, services] : session.told.endpoints) all.push_back(region);
  return not_found(fmt::format("the cloud '{}' has no Nova{} at its {} interface; its regions are {}", keystone.access().cloud,
                               keystone.access().region.empty() ? "" : " in region " + keystone.access().region,
                               keystone.access().interface, all.empty() ? "none" : join(all, ", ")));
}

Answer<RegionApi> OpenStackCloud::in_region(const std::shared_ptr<Keystone>& keystone, const std::string& name, Instant end) {
  const std::pair<const Keystone*, std::string> key{keystone.get(), name};
  {
    const MutexLock lock(mutex_);
    if (const auto known = regions_.find(key); known != regions_.end()) return RegionApi(known->second, end);
  }
  const auto session = keystone->session();
  if (!session.ok()) return Refused(session.error(), session.error().code() == Code::kPermissionDenied ? "Unauthorized" : "ApiUnreachable");
  const auto services = session->told.endpoints.find(name);
  for (const char* kind : kKinds)
    if (services == session->told.endpoints.end() || !services->second.contains(kind))
      return Refused(not_found(fmt::format("the catalog of the cloud '{}' names no service '{}' in region {} at its {} interface",
                                           keystone->access().cloud, kind, name, keystone->access().interface)),
                     "RegionNotFound");
  const auto& at = services->second;
  const auto dialect_with = [&](const std::string& version) {
    RestClient::Dialect dialect{.shown = std::string(kShown), .parse_refusal = parse_refusal, .rows = kRefusals};
    dialect.authorize = [keystone, version]() -> Result<net::Headers> {
      TRY_ASSIGN(const auto now, keystone->session());
      net::Headers headers{{"X-Auth-Token", now.token}};
      if (!version.empty()) headers.add("OpenStack-API-Version", "compute " + version);
      return headers;
    };
    dialect.renewed = [keystone](const RestRefusal& refusal) {
      if (refusal.status != 401) return false;
      if (const auto stale = keystone->session(); stale.ok()) keystone->forget(stale->token);
      return true;
    };
    return dialect;
  };
  const RestClient asking(dialect_with(""), parts_.transport, parts_.pace);
  TRY_ASSIGN(const auto document, asking.call({.doing = "ask Nova for its version", .url = at.at("compute") + "/"}, end));
  TRY_ASSIGN(const auto newest, parse_microversion(document).context("ask Nova for its version"));
  const Microversion version = std::min(newest, kSpoken);
  std::string image = at.at("image");
  if (image.ends_with("/v2")) image.resize(image.size() - 3);
  std::string network = at.at("network");
  if (network.ends_with("/v2.0")) network.resize(network.size() - 5);
  auto region = std::make_shared<const Region>(
      Region{name, at.at("compute"), network, image, version, RestClient(dialect_with(version.text()), parts_.transport, parts_.pace)});
  const MutexLock lock(mutex_);
  return RegionApi(regions_.emplace(key, std::move(region)).first->second, end);
}

Answer<RegionApi> OpenStackCloud::in(const std::string& text, Instant end) {
  TRY_ASSIGN(const auto place, read_place(text));
  const auto keystone = cloud_named(place.cloud);
  if (!keystone.ok())
    return Refused(
        keystone.error().context(fmt::format("machines of ours may be in region {} of the cloud '{}'", place.region, place.cloud)),
        "CredentialsNotFound");
  const auto session = (*keystone)->session();
  if (!session.ok()) return Refused(session.error(), session.error().code() == Code::kPermissionDenied ? "Unauthorized" : "ApiUnreachable");
  if (session->told.project_id != place.project)
    return Refused(
        Error(Code::kPermissionDenied,
              fmt::format("machines of ours may be in the project {} of the cloud '{}', and who is signed in there now is in the "
                          "project {}; sign in as before",
                          place.project, place.cloud, session->told.project_id)),
        "CredentialsNotFound");
  return in_region(*keystone, place.region, end);
}

Status OpenStackCloud::check() {
  TRY_ASSIGN(const auto keystone, cloud_named({}));
  TRY_ASSIGN(const auto regions, regions_of(*keystone));
  const auto api = in_region(keystone, regions.front(), parts_.pace.now() + kCheckDeadline);
  if (!api.ok()) return api.error();
  if (const auto limits = api->limits(); !limits.ok()) return limits.error();
  return {};
}

std::vector<std::string> OpenStackCloud::facts() {
  const auto keystone = cloud_named({});
  if (!keystone.ok()) return {};
  const auto regions = regions_of(**keystone);
  if (!regions.ok()) return {};
  std::vector<std::string> facts = {
      fmt::format("signed in to the cloud '{}' of OpenStack, regions {}", (*keystone)->access().cloud, join(*regions, ", "))};
  for (const auto& region : *regions) {
    auto api = in_region(*keystone, region, parts_.pace.now() + kCheckDeadline);
    const auto limits = api.ok() ? api->limits() : Answer<Limits>(api.error());
    if (!limits.ok()) continue;
    const auto part = [](double used, double most) {
      return most < 0 ? fmt::format("{:g}", used) : fmt::format("{:g} of {:g}", used, most);
    };
    facts.push_back(fmt::format("{}: Nova {}, {} machines and {} vCPUs in use", region, api->region().version.text(),
                                part(limits->machines_used, limits->machines), part(limits->cores_used, limits->cores)));
  }
  return facts;
}

// Nobody's price list: what there is, Nova says. Asked for once by a process, and where there is no cloud, not at all.
std::vector<Offer> OpenStackCloud::own_offers() {
  {
    const MutexLock lock(mutex_);
    if (offers_) return *offers_;
  }
  auto offers = ask_for_offers(parts_.pace.now() + kOfferDeadline);
  const MutexLock lock(mutex_);
  offers_ = offers.ok() ? std::move(*offers) : std::vector<Offer>();
  return *offers_;
}

Answer<std::vector<Offer>> OpenStackCloud::ask_for_offers(Instant end) {
  TRY_ASSIGN(const auto keystone, cloud_named({}));
  TRY_ASSIGN(const auto regions, regions_of(*keystone));
  std::vector<Offer> offers;
  for (const auto& region : regions) {
    TRY_ASSIGN(const auto api, in_region(keystone, region, end));
    TRY_ASSIGN(const auto zones, api.zones());
    TRY_ASSIGN(const auto flavors, api.flavors());
    auto more = offers_of(region, zones, flavors, parts_.settings);
    std::move(more.begin(), more.end(), std::back_inserter(offers));
  }
  return offers;
}

Status OpenStackCloud::check_order(const CreateOrder& order) const { return openstack::check_order(order); }

Answer<std::string> OpenStackCloud::place_of(const CreateOrder& order) {
  TRY_ASSIGN(const auto keystone, cloud_named({}));
  const auto session = keystone->session();
  if (!session.ok()) return Refused(session.error(), session.error().code() == Code::kPermissionDenied ? "Unauthorized" : "ApiUnreachable");
  return fmt::format("{}/{}/{}", keystone->access().cloud, order.offer.region, session->told.project_id);
}

Answer<std::unique_ptr<MachineMaker>> OpenStackCloud::prepare(const CreateOrder& order, const OwnKey& key, Instant end) {
  TRY_ASSIGN(const auto place, place_of(order));
  TRY_ASSIGN(auto api, in(place, end));
  TRY_ASSIGN(auto ground, prepare_ground(api, order, parts_.settings, parts_.owner));
  TRY(api.have_key(key.name, key.public_line));
  return std::unique_ptr<MachineMaker>(std::make_unique<OpenStackMaker>(std::move(api), order, parts_.owner, std::move(ground), key.name));
}

Answer<std::vector<CloudMachine>> OpenStackCloud::machines(const std::string& place, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(const auto api, in(place, end));
  TRY_ASSIGN(auto machines, api.machines());
  std::erase_if(machines, [&](const CloudMachine& machine) { return !wanted.covers(machine.mark); });
  return machines;
}

Answer<Nothing> OpenStackCloud::stop(const std::string& place, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(const auto api, in(place, end));
  for (const auto& id : ids) TRY(api.power(id, "os-stop"));
  return Nothing{};
}

Answer<Nothing> OpenStackCloud::start(const std::string& place, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(const auto api, in(place, end));
  for (const auto& id : ids) TRY(api.power(id, "os-start"));
  return Nothing{};
}

Answer<std::set<std::string>> OpenStackCloud::remove(const std::string& place, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(const auto api, in(place, end));
  std::vector<Answer<Nothing>> gone(ids.size(), Nothing{});
  for_each_at_once(ids.size(), kAtOnce, [&](std::size_t i) {
    gone[i] = is_plain_name(ids[i]) ? api.remove_server(ids[i]) : Answer<Nothing>(invalid(fmt::format("'{}' is no server", ids[i])));
  });
  std::set<std::string> ended;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!gone[i].ok()) return gone[i].error();
    ended.insert(ids[i]);
  }
  return ended;
}

Answer<Nothing> OpenStackCloud::open_ports(const std::string& place, const std::vector<CloudMachine>& machines, const Ports& ports,
                                           Instant end) {
  if (machines.empty()) return Nothing{};
  TRY_ASSIGN(const auto api, in(place, end));
  const Mark& mark = machines.front().mark;
  const std::string name = ports_group_name(parts_.owner, mark.cluster);
  TRY_ASSIGN(const auto groups, api.groups(name));
  std::string group = groups.empty() ? "" : groups.front().id;
  if (group.empty()) {
    TRY_ASSIGN(group, api.make_group(name, mark_text({.cluster = mark.cluster, .owner = parts_.owner})));
  }
  for (const auto& range : ports) TRY(api.make_rule(rule_body(group, "", range)));
  TRY_ASSIGN(const auto their_ports, api.ports());
  for (const auto& port : their_ports)
    if (std::any_of(machines.begin(), machines.end(), [&](const CloudMachine& machine) { return machine.id == port.device; }))
      TRY(api.let_in(port, group));
  return Nothing{};
}

Answer<std::set<std::string>> OpenStackCloud::clusters_with_remains(const std::string& place, const std::string& owner, Instant end) {
  TRY_ASSIGN(const auto api, in(place, end));
  std::set<std::string> clusters;
  const auto note = [&](const auto& items) {
    for (const auto& item : items)
      if (const Mark mark = read_mark_text(item.description); mark.owner == owner && !mark.cluster.empty()) clusters.insert(mark.cluster);
  };
  TRY_ASSIGN(const auto ports, api.ports());
  note(ports);
  TRY_ASSIGN(const auto addresses, api.floating());
  note(addresses);
  TRY_ASSIGN(const auto groups, api.groups());
  note(groups);
  return clusters;
}

// Ports and floating addresses are made before their machine, and stay when it goes. A port that a machine still leaves is asked again.
Answer<Nothing> OpenStackCloud::after_removal(const std::string& place, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(const auto api, in(place, end));
  const auto is_theirs = [&](const auto& item) { return wanted.covers(read_mark_text(item.description)); };
  TRY_ASSIGN(const auto addresses, api.floating());
  for (const auto& address : addresses)
    if (is_theirs(address)) TRY(api.remove_floating(address.id));
  TRY_ASSIGN(const auto ports, api.ports());
  for (const auto& port : ports)
    if (is_theirs(port)) TRY(api.remove_port(port.id));
  if (!wanted.cluster || wanted.token) return Nothing{};
  for (;;) {
    TRY_ASSIGN(const auto groups, api.groups(ports_group_name(wanted.owner, *wanted.cluster)));
    bool in_use = false;
    for (const auto& group : groups) {
      const auto gone = api.remove_group(group.id);
      in_use |= !gone.ok() && gone.error().code() == Code::kConflict;
      if (!gone.ok() && gone.error().code() != Code::kConflict) return gone.error();
    }
    // The ports of servers that end hold it for a moment.
    if (!in_use) return Nothing{};
    if (parts_.pace.now() >= end) return Error(Code::kDeadlineExceeded, "a security group is still in use by machines that end");
    parts_.pace.pause(between_looks(), end);
  }
}

}  // namespace isobar::cloud::openstack
