#include "cloud/machine_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "base/text.h"
#include "every_place.h"
#include "gang.h"

namespace isobar::cloud {

namespace {

constexpr Duration kAskDeadline = 30s;
// What cleaning up may take beyond a deadline that has passed: leaving machines behind costs more.
constexpr Duration kUndoDeadline = 2min;

bool by_rank(const CloudMachine& a, const CloudMachine& b) { return a.mark.rank < b.mark.rank; }

NodeSetupOrder setup_order_of(const std::string& cluster, const std::string& cloud, const std::vector<CloudMachine>& machines,
                              const fs::path& identity_file) {
  const CloudMachine& first = machines.front();
  NodeSetupOrder order{.cluster = cluster, .cloud = cloud, .region = first.region, .zone = first.mark.zone};
  order.vcpus = first.mark.vcpus;
  order.gpus = first.mark.gpus;
  for (const CloudMachine& machine : machines)
    order.nodes.push_back({machine.mark.rank, machine.private_address, machine.id, instance_of(machine, identity_file).ssh});
  return order;
}

/// All nodes that the cluster was made of, each once.
Status check_complete(const std::string& cluster, const std::string& cloud, const std::vector<CloudMachine>& machines) {
  std::set<int> ranks;
  for (const CloudMachine& machine : machines) ranks.insert(machine.mark.rank);
  for (int rank = 0; rank < machines.front().mark.nodes; ++rank)
    if (!ranks.contains(rank))
      return not_found(fmt::format("start cluster {} on {}: node {} was terminated, and its disk with it", cluster, cloud, rank));
  return {};
}

/// Of what is gone only that is worth telling which the cloud took away from a cluster that is still meant to be there: not from one
/// that had its name before.
/// Nor from one in which another machine has taken its place.
void erase_past(std::vector<CloudMachine>& machines) {
  std::map<std::string, std::string> token_of;
  std::set<std::pair<std::string, int>> there;
  for (const auto& machine : machines) {
    if (machine.is_gone()) continue;
    token_of[machine.mark.cluster] = machine.mark.token;
    there.insert({machine.mark.cluster, machine.mark.rank});
  }
  std::erase_if(machines, [&](const CloudMachine& machine) {
    const auto now = token_of.find(machine.mark.cluster);
    return machine.is_gone() && (!machine.taken_away || there.contains({machine.mark.cluster, machine.mark.rank}) ||
                                 (now != token_of.end() && now->second != machine.mark.token));
  });
}

Endpoint endpoint_of(const CloudMachine& head, std::uint16_t port) {
  Endpoint endpoint{
      .port = port, .host = head.public_address.empty() ? head.private_address : head.public_address, .outer_port = port, .problem = {}};
  if (head.state != InstanceState::kRunning) endpoint.host.clear();
  if (endpoint.host.empty()) endpoint.problem = fmt::format("the head is {}", to_lower(name_of(head.state)));
  if (!head.outer_ports) return endpoint;
  const auto outer = head.outer_ports->find(port);
  if (outer != head.outer_ports->end()) endpoint.outer_port = outer->second;
  else endpoint = {.port = port, .host = {}, .outer_port = 0, .problem = "the cloud has given it no way in (yet)"};
  return endpoint;
}

std::string shown(const Offer& offer) { return offer.zone.empty() ? offer.region : offer.region + "/" + offer.zone; }

}  // namespace

Pace pace_of(const MachineParts& parts) {
  return {parts.clock, parts.sleep ? parts.sleep : [](Duration span) { std::this_thread::sleep_for(span); }};
}

MachineProvider::MachineProvider(std::unique_ptr<MachineCloud> cloud, MachineParts parts)
    : cloud_(std::move(cloud)), parts_(std::move(parts)), pace_(pace_of(parts_)), places_used_(parts_.home / cloud_->name() / "regions") {
  CHECK(!parts_.owner.empty());
}
MachineProvider::~MachineProvider() = default;

std::vector<std::string> MachineProvider::facts() {
  auto facts = cloud_->facts();
  if (const auto all = places(); all.ok() && !all->empty() && !facts.empty())
    facts.push_back(fmt::format("machines of ours are looked for in {}", fmt::join(*all, ", ")));
  return facts;
}

Status MachineProvider::await_setup(const std::string& cluster, const std::vector<CloudMachine>& machines, Instant end) {
  auto order = setup_order_of(cluster, name(), machines, key_file());
  if (machines.front().spot) order.preemption_watch = cloud_->announces_preemption();
  return parts_.setup.bring_up(order, std::max<Duration>(end - pace_.now(), 1s));
}

Answer<std::vector<Instance>> MachineProvider::bring_up(const CreateOrder& order, const std::string& place, Instant end,
                                                        std::vector<std::string>& made, const std::vector<int>& lost) {
  TRY_ASSIGN(const auto key, own_key(parts_.home));
  TRY(places_used_.add(place));
  Fleet fleet{*cloud_, place, pace_, end};
  TRY_ASSIGN(const auto machines, order.generation == 0 ? bring_up_gang(fleet, order, parts_.owner, key, made)
                                                        : replace_ranks(fleet, order, parts_.owner, key, lost, made));
  const auto ready = await_setup(order.cluster, machines, end);
  // Neither is about the type of machine: one is about the key or the login, the other about the network.
  if (!ready.ok()) return Refused(ready.error(), ready.error().code() == Code::kPermissionDenied ? "LoginRefused" : "NodeSetupFailed");
  std::vector<Instance> instances;
  for (const auto& machine : machines) instances.push_back(instance_of(machine, key_file()));
  return instances;
}

CreateOutcome MachineProvider::create(const CreateOrder& order, Duration deadline) {
  CHECK(order.generation == 0, order.generation);
  return carry_out(order, {}, deadline, fmt::format("create cluster {} on {} in {}", order.cluster, name(), shown(order.offer)));
}

CreateOutcome MachineProvider::replace(const CreateOrder& order, const std::vector<int>& ranks, Duration deadline) {
  CHECK(order.generation > 0, order.generation);
  return carry_out(
      order, ranks, deadline,
      fmt::format("replace node {} of cluster {} on {} in {}", fmt::join(ranks, ", "), order.cluster, name(), shown(order.offer)));
}

CreateOutcome MachineProvider::carry_out(const CreateOrder& order, const std::vector<int>& lost, Duration deadline,
                                         const std::string& intent) {
  const auto failed = [&](const Refused& refused) {
    parts_.log.warn("cluster_not_created",
                    {{"cluster", order.cluster}, {"cloud", name()}, {"code", refused.provider_code}, {"why", refused.message()}});
    return CreateOutcome{
        {}, CloudError{refused.Error::context(intent), refused.provider_code, scope_of_error(name(), refused.provider_code, order.offer)}};
  };
  if (const auto checked = cloud_->check_order(order); !checked.ok()) return failed(checked.error());
  if (const auto signed_in = cloud_->sign_in(); !signed_in.ok()) return failed({signed_in.error(), "CredentialsNotFound"});
  const auto place = cloud_->place_of(order);
  if (!place.ok()) return failed(place.error());
  std::vector<std::string> made;
  auto created = bring_up(order, *place, pace_.now() + deadline, made, lost);
  if (created.ok()) {
    parts_.log.info(order.generation == 0 ? "cluster_created" : "nodes_replaced",
                    {{"cluster", order.cluster}, {"cloud", name()}, {"region", order.offer.region}, {"nodes", order.count}});
    return {std::move(*created), {}};
  }
  // What another order made stays; and where nothing is left of a cluster, nothing was made of it.
  const bool made_nothing = order.generation > 0 && made.empty() && created.error().code() == Code::kNotFound;
  if (created.error().code() == Code::kAlreadyExists || made_nothing) return failed(created.error());
  const Refused why = cloud_->told_apart(created.error());
  Fleet undoing{*cloud_, *place, pace_, pace_.now() + kUndoDeadline};
  const auto undone = undo_gang(undoing, order, parts_.owner, made);
  // Who is let in to nothing has made nothing either.
  const bool may_be_left = !undone.ok() && !(made.empty() && undone.error().code() == Code::kPermissionDenied);
  return failed(may_be_left ? why.context(fmt::format("machines may be left, as they could not be removed ({})", undone.error().message()))
                            : why);
}

Result<std::set<std::string>> MachineProvider::places() {
  TRY(cloud_->sign_in());
  TRY_ASSIGN(auto all, places_used_.read());
  all.merge(cloud_->usual_places());
  return all;
}

Result<MachineProvider::ByPlace> MachineProvider::find(const Wanted& wanted) {
  TRY_ASSIGN(const auto all, places());
  std::mutex mutex;
  ByPlace found;
  TRY(in_every_place(*cloud_, all, [&](const std::string& place) -> Answer<Nothing> {
    TRY_ASSIGN(auto machines, cloud_->machines(place, wanted, pace_.now() + kAskDeadline));
    erase_past(machines);
    const std::scoped_lock lock(mutex);
    if (!machines.empty()) found[place] = std::move(machines);
    return Nothing{};
  }));
  return found;
}

/// The machines of a cluster that are there. Errors   kNotFound: none is
Result<MachineProvider::ByPlace> MachineProvider::find_cluster(const std::string& cluster) {
  TRY_ASSIGN(auto found, find({.owner = parts_.owner, .cluster = cluster, .token = {}, .live_only = true}));
  for (auto& [place, machines] : found) std::erase_if(machines, [](const auto& machine) { return machine.is_gone(); });
  std::erase_if(found, [](const auto& place) { return place.second.empty(); });
  if (found.empty()) return not_found(fmt::format("there is no cluster {} on {}", cluster, name()));
  return found;
}

std::vector<Instance> MachineProvider::instances_of(const ByPlace& found) const {
  std::vector<Instance> instances;
  for (const auto& [place, machines] : found)
    for (const auto& machine : machines) instances.push_back(instance_of(machine, key_file()));
  std::stable_sort(instances.begin(), instances.end(), [](const Instance& a, const Instance& b) { return a.rank < b.rank; });
  return instances;
}

Result<std::vector<Instance>> MachineProvider::list(const std::string& cluster) {
  TRY_ASSIGN(const auto found, find({.owner = parts_.owner, .cluster = cluster, .token = {}}));
  return instances_of(found);
}

std::map<std::string, Result<std::vector<Instance>>> MachineProvider::list_each(const std::vector<std::string>& clusters) {
  std::map<std::string, Result<std::vector<Instance>>> each;
  if (clusters.empty()) return each;
  const auto found = find({.owner = parts_.owner, .cluster = {}, .token = {}});
  for (const auto& cluster : clusters) {
    if (!found.ok()) {
      each.emplace(cluster, found.error());
      continue;
    }
    ByPlace of_cluster = *found;
    for (auto& [place, machines] : of_cluster)
      std::erase_if(machines, [&](const auto& machine) { return machine.mark.cluster != cluster; });
    each.emplace(cluster, instances_of(of_cluster));
  }
  return each;
}

Result<std::vector<std::string>> MachineProvider::clusters() {
  // Who never made anything there is not asked for credentials.
  TRY_ASSIGN(const auto used, places_used_.read());
  if (used.empty()) return std::vector<std::string>();
  TRY_ASSIGN(const auto found, find({.owner = parts_.owner, .cluster = {}, .token = {}, .live_only = true}));
  std::set<std::string> names;
  for (const auto& [place, machines] : found)
    for (const auto& machine : machines)
      if (!machine.is_gone()) names.insert(machine.mark.cluster);
  std::mutex mutex;
  TRY_ASSIGN(const auto all, places());
  TRY(in_every_place(*cloud_, all, [&](const std::string& place) -> Answer<Nothing> {
    TRY_ASSIGN(auto left, cloud_->clusters_with_remains(place, parts_.owner, pace_.now() + kAskDeadline));
    const std::scoped_lock lock(mutex);
    names.merge(left);
    return Nothing{};
  }));
  return std::vector<std::string>(names.begin(), names.end());
}

Status MachineProvider::stop(const std::string& cluster, Duration deadline) {
  if (!cloud_->stops())
    return invalid(fmt::format("stop cluster {}: machines of {} cannot be stopped; take the cluster down instead", cluster, name()));
  TRY_ASSIGN(const auto found, find_cluster(cluster));
  for (const auto& [place, machines] : found)
    for (const auto& machine : machines)
      if (machine.spot && !cloud_->stops_spot())
        return invalid(
            fmt::format("stop cluster {}: spot machines of {} cannot be stopped; take the cluster down instead", cluster, name()));
  const std::string intent = fmt::format("stop cluster {} on {}", cluster, name());
  const Wanted wanted{.owner = parts_.owner, .cluster = cluster, .token = {}};
  for (const auto& [place, machines] : found) {
    Fleet fleet{*cloud_, place, pace_, pace_.now() + deadline};
    if (const auto asked = cloud_->stop(place, ids_of(machines), fleet.end); !asked.ok()) return asked.error().context(intent);
    if (const auto stopped = await_stopped(fleet, wanted, ids_of(machines)); !stopped.ok()) return stopped.error().context(intent);
  }
  parts_.log.info("cluster_stopped", {{"cluster", cluster}, {"cloud", name()}});
  return {};
}

Result<std::vector<Instance>> MachineProvider::start(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(const auto found, find_cluster(cluster));
  // A cluster is in one place, unless a crash came between leaving one and going to the next.
  if (found.size() > 1)
    return Error(Code::kConflict, fmt::format("the cluster {} has machines in {} and in {}; take it down and launch it again", cluster,
                                              found.begin()->first, std::next(found.begin())->first));
  const auto& [place, machines] = *found.begin();
  TRY(check_complete(cluster, name(), machines));
  const Wanted wanted{.owner = parts_.owner, .cluster = cluster, .token = {}};
  Fleet fleet{*cloud_, place, pace_, pace_.now() + deadline};
  std::vector<std::string> stopping, off;
  for (const auto& machine : machines) {
    if (machine.state == InstanceState::kStopping) stopping.push_back(machine.id);
    if (machine.state == InstanceState::kStopping || machine.state == InstanceState::kStopped) off.push_back(machine.id);
  }
  const std::string intent = fmt::format("start cluster {} on {} in {}", cluster, name(), machines.front().region);
  if (!stopping.empty())
    if (const auto stopped = await_stopped(fleet, wanted, stopping); !stopped.ok()) return stopped.error().context(intent);
  if (!off.empty())
    if (const auto started = cloud_->start(place, off, fleet.end); !started.ok()) return started.error().context(intent);
  auto running = await_running(fleet, wanted, ids_of(machines));
  if (!running.ok()) return running.error().context(intent);
  std::sort(running->begin(), running->end(), by_rank);
  TRY(await_setup(cluster, *running, fleet.end).context(intent));
  parts_.log.info("cluster_started", {{"cluster", cluster}, {"cloud", name()}});
  return instances_of({{place, *running}});
}

Status MachineProvider::terminate(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(const auto all, places());
  const Wanted wanted{.owner = parts_.owner, .cluster = cluster, .token = {}};
  TRY(in_every_place(*cloud_, all, [&](const std::string& place) {
        Fleet fleet{*cloud_, place, pace_, pace_.now() + deadline};
        return remove_all(fleet, wanted);
      }).context(fmt::format("terminate cluster {} on {}", cluster, name())));
  parts_.log.info("cluster_terminated", {{"cluster", cluster}, {"cloud", name()}});
  return {};
}

Status MachineProvider::set_own_end(const std::string& cluster, bool with_disks, Duration deadline) {
  TRY_ASSIGN(auto found, find_cluster(cluster));
  for (auto& [place, machines] : found) {
    std::erase_if(machines, [](const auto& machine) { return machine.spot; });
    const auto told = cloud_->set_own_end(place, ids_of(machines), with_disks, pace_.now() + deadline);
    if (!told.ok()) return told.error().context(fmt::format("say what becomes of cluster {} when it ends by itself", cluster));
  }
  return {};
}

Status MachineProvider::check_ports(const Ports& ports) {
  TRY(cloud_->sign_in());
  return cloud_->check_ports(ports, pace_.now() + kAskDeadline);
}

Status MachineProvider::open_ports(const std::string& cluster, const Ports& ports, Duration deadline) {
  TRY_ASSIGN(const auto found, find_cluster(cluster));
  for (const auto& [place, machines] : found) {
    const auto opened = cloud_->open_ports(place, machines, ports, pace_.now() + deadline);
    if (!opened.ok()) return opened.error();
  }
  parts_.log.info("ports_opened", {{"cluster", cluster}, {"cloud", name()}, {"ports", describe(ports)}});
  return {};
}

Result<std::vector<Endpoint>> MachineProvider::endpoints(const std::string& cluster, const Ports& ports, Duration) {
  TRY_ASSIGN(const auto found, find_cluster(cluster));
  const CloudMachine* head = nullptr;
  for (const auto& [place, machines] : found)
    for (const auto& machine : machines)
      if (machine.mark.rank == 0) head = &machine;
  if (head == nullptr) return not_found(fmt::format("cluster {} has no head on {} now", cluster, name()));
  std::vector<Endpoint> endpoints;
  for (const auto port : each_of(ports)) endpoints.push_back(endpoint_of(*head, port));
  return endpoints;
}

Result<std::optional<Fd>> MachineProvider::open_agent(const Instance& instance, Duration) {
  TRY_ASSIGN(auto socket, parts_.setup.open_agent(instance.cluster, instance.rank));
  return std::optional<Fd>(std::move(socket));
}

}  // namespace isobar::cloud
