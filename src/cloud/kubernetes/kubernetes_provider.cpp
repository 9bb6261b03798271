#include "cloud/kubernetes_provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.h"
#include "base/text.h"
#include "claim_driver.h"
#include "cluster_service.h"
#include "pod_creation.h"
#include "pod_reasons.h"
#include "provider_inner.h"

namespace isobar::cloud {

namespace {

/// For a look that only plans are made from: what does not answer by then is left out of them.
constexpr auto kLookDeadline = std::chrono::seconds(8);
/// How long what was seen of a context is as good as new to `check`.
constexpr auto kFresh = std::chrono::minutes(1);
/// For what people wait for: a server that does not answer by then is said not to.
constexpr auto kListDeadline = std::chrono::seconds(12);
constexpr auto kUndoDeadline = std::chrono::minutes(2);

Instance instance_of(const KubernetesProvider::Inner& inner, const KubeEntry& entry, int rank, InstanceState state,
                     std::string problem = {}) {
  const auto pod = pod_name(inner.parts.owner, entry.cluster, rank);
  Instance instance{
      .id = fmt::format("{}/{}/{}", entry.place.context, entry.place.name_space, pod), .cluster = entry.cluster, .rank = rank};
  instance.state = state;
  instance.region = entry.place.context;
  instance.problem = std::move(problem);
  return instance;
}

/// The same of every rank.
std::vector<Instance> all_of(const KubernetesProvider::Inner& inner, const KubeEntry& entry, InstanceState state,
                             const std::string& problem) {
  std::vector<Instance> instances;
  for (int rank = 0; rank < entry.nodes; ++rank) instances.push_back(instance_of(inner, entry, rank, state, problem));
  return instances;
}

Instance instance_of(const KubernetesProvider::Inner& inner, const KubeEntry& entry, const KubePod& pod) {
  const auto as = [&](InstanceState state, std::string problem = {}) {
    auto instance = instance_of(inner, entry, pod.rank, state, std::move(problem));
    instance.address = pod.ip;
    return instance;
  };
  const auto told = [&] { return fmt::format("pod {} in context {} {}", pod.name, entry.place.context, explain_end(pod)); };
  if (pod.node_ended()) return as(InstanceState::kTerminated, told());
  if (!pod.node_answers)
    return as(InstanceState::kUnreachable,
              fmt::format("node {} of context {}, on which pod {} runs, does not answer", pod.node, entry.place.context, pod.name));
  if (pod.deleting) return as(InstanceState::kStopping, told());
  const auto rank = static_cast<std::size_t>(pod.rank);
  if (!pod.runs || !entry.made || rank >= entry.agent_addresses.size()) return as(InstanceState::kPending);
  auto instance = as(InstanceState::kRunning);
  instance.agent_address = entry.agent_addresses[rank];
  return instance;
}

/// All that is there of a cluster.
Status remove_all(KubernetesProvider::Inner& inner, const KubePlace& place, const std::string& cluster, Duration deadline) {
  TRY(delete_service(inner, place, cluster, kKubeCallDeadline));
  return delete_pods(inner, place, cluster, {}, deadline);
}

/// Autostop: the head has ended in order, and nobody asked Kubernetes for that.
bool ended_itself(const std::vector<KubePod>& pods) {
  return std::any_of(pods.begin(), pods.end(),
                     [](const KubePod& pod) { return pod.rank == 0 && pod.ended_in_order() && !pod.deleting && pod.disruption.empty(); });
}

Result<std::vector<Instance>> instances_of(KubernetesProvider::Inner& inner, KubeEntry entry, const std::vector<KubePod>& pods) {
  if (entry.made && ended_itself(pods)) {
    TRY(remove_all(inner, entry.place, entry.cluster, kUndoDeadline));
    TRY(inner.ledger.remove(entry.cluster));
    return std::vector<Instance>();
  }
  std::vector<Instance> instances;
  for (int rank = 0; rank < entry.nodes; ++rank) {
    const auto pod = std::find_if(pods.begin(), pods.end(), [&](const KubePod& each) { return each.rank == rank; });
    if (pod != pods.end()) {
      instances.push_back(instance_of(inner, entry, *pod));
      // What became of it is kept in mind, for Kubernetes may forget it at any time.
      if (entry.ended.empty() && entry.made && (pod->node_ended() || !pod->disruption.empty())) {
        entry.ended = fmt::format("pod {} in context {} {}", pod->name, entry.place.context, explain_end(*pod));
        TRY(inner.ledger.put(entry));
      }
    } else if (entry.made) {
      instances.push_back(instance_of(inner, entry, rank, InstanceState::kTerminated,
                                      !entry.ended.empty()
                                          ? entry.ended
                                          : fmt::format("pod {} in context {} was deleted by somebody else",
                                                        pod_name(inner.parts.owner, entry.cluster, rank), entry.place.context)));
    }
  }
  return instances;
}

std::vector<std::pair<KubePlace, std::vector<KubeEntry>>> by_place(std::vector<KubeEntry> entries) {
  std::map<KubePlace, std::vector<KubeEntry>> places;
  for (auto& entry : entries) places[entry.place].push_back(std::move(entry));
  return {places.begin(), places.end()};
}

}  // namespace

KubernetesProvider::KubernetesProvider(Parts parts, Log& log)
    : inner_(std::make_unique<Inner>(std::move(parts), log)), volumes_(std::make_unique<ClaimDriver>(*inner_)) {}
KubernetesProvider::~KubernetesProvider() = default;

void KubernetesProvider::also_offer(const std::string& context) { inner_->named.insert(context); }

Status KubernetesProvider::check() {
  TRY_ASSIGN(const auto contexts, inner_->contexts());
  const Instant now = inner_->parts.clock.now();
  for_each_at_once(contexts.size(), kContextsAtOnce, [&](std::size_t i) {
    const auto seen = inner_->pictures.find(contexts[i]);
    if (!seen || !seen->problem.empty() || now - seen->at > kFresh || seen->at > now) inner_->look(contexts[i], kLookDeadline);
  });
  std::vector<std::string> problems;
  for (const auto& context : contexts) {
    const auto seen = inner_->pictures.find(context);
    if (seen && seen->problem.empty()) return {};
    problems.push_back(seen ? seen->problem : context + " could not be looked at");
  }
  return unavailable(join(problems, "; "));
}

std::vector<std::string> KubernetesProvider::facts() {
  std::vector<std::string> facts;
  const auto contexts = inner_->contexts();
  if (!contexts.ok()) return facts;
  for (const auto& context : *contexts) {
    const auto seen = inner_->pictures.find(context);
    if (!seen) continue;
    if (!seen->problem.empty()) facts.push_back(seen->problem);
    facts.insert(facts.end(), seen->facts.begin(), seen->facts.end());
  }
  return facts;
}

std::vector<Offer> KubernetesProvider::own_offers() {
  const auto contexts = inner_->contexts();
  if (!contexts.ok()) return {};
  for_each_at_once(contexts->size(), kContextsAtOnce, [&](std::size_t i) {
    if (!inner_->pictures.find((*contexts)[i])) inner_->look((*contexts)[i], kLookDeadline);
  });
  std::vector<Offer> offers;
  for (const auto& context : *contexts)
    if (auto seen = inner_->pictures.find(context)) std::move(seen->offers.begin(), seen->offers.end(), std::back_inserter(offers));
  // Whoever names a context is told why it cannot be used, by an attempt, instead of that it has nothing to offer.
  for (const auto& context : inner_->named)
    if (std::none_of(offers.begin(), offers.end(), [&](const Offer& offer) { return offer.region == context; }))
      for (auto& each : kube_offers(context, {.nodes_known = false})) offers.push_back(std::move(each.offer));
  return offers;
}

CreateOutcome KubernetesProvider::create(const CreateOrder& order, Duration deadline) {
  PodCreation creation(*inner_, order, deadline);
  auto created = order.count < 1 ? Status(invalid("a cluster has at least one node")) : creation.run();
  auto listed = created.ok() ? list(order.cluster) : Result<std::vector<Instance>>(created.error());
  if (listed.ok()) return {std::move(*listed), {}};
  auto error = listed.error();
  const auto known = inner_->ledger.find(order.cluster);
  if (known.ok() && *known && (*known)->token == order.token) {
    const auto undone = creation.began() ? delete_pods(*inner_, (*known)->place, order.cluster, order.token, kUndoDeadline) : Status();
    if (undone.ok()) (void)inner_->ledger.remove(order.cluster).ok();
    else
      error =
          Error(error.code(), fmt::format("{}; what was made of it could not be removed: {}", error.message(), undone.error().message()));
  }
  const auto code = creation.provider_code().empty() ? std::string(isobar::name_of(error.code())) : creation.provider_code();
  return {{}, CloudError{error, code, scope_of_error("kubernetes", code, order.offer)}};
}

std::map<std::string, Result<std::vector<Instance>>> KubernetesProvider::list_each(const std::vector<std::string>& clusters) {
  std::map<std::string, Result<std::vector<Instance>>> each;
  std::vector<KubeEntry> entries;
  for (const auto& cluster : clusters) {
    auto entry = inner_->ledger.find(cluster);
    if (!entry.ok()) each.emplace(cluster, entry.error());
    else if (!*entry) each.emplace(cluster, std::vector<Instance>());
    else entries.push_back(std::move(**entry));
  }
  const auto places = by_place(std::move(entries));
  Mutex mutex;
  for_each_at_once(places.size(), kContextsAtOnce, [&](std::size_t i) {
    const auto& [place, here] = places[i];
    const auto pods = own_pods(*inner_, place, here.size() == 1 ? here[0].cluster : "", kListDeadline);
    for (const auto& entry : here) {
      // Its nodes may run all the same.
      auto found = Result<std::vector<Instance>>(std::vector<Instance>());
      if (pods.ok()) {
        std::vector<KubePod> own;
        std::copy_if(pods->begin(), pods->end(), std::back_inserter(own), [&](const KubePod& pod) { return pod.cluster == entry.cluster; });
        found = instances_of(*inner_, entry, own);
      } else {
        found = all_of(*inner_, entry, InstanceState::kUnreachable, pods.error().message());
      }
      const MutexLock lock(mutex);
      each.emplace(entry.cluster, std::move(found));
    }
  });
  return each;
}

Result<std::vector<Instance>> KubernetesProvider::list(const std::string& cluster) { return std::move(list_each({cluster}).at(cluster)); }

Result<std::vector<std::string>> KubernetesProvider::clusters() {
  const auto known = inner_->ledger.clusters();
  std::set<std::string> all(known.begin(), known.end());
  // What nobody here knows of: pods that a lost or forgotten entry left.
  const auto used = inner_->ledger.used();
  Mutex mutex;
  for_each_at_once(used.size(), kContextsAtOnce, [&](std::size_t i) {
    const auto pods = own_pods(*inner_, used[i], "", kListDeadline);
    if (!pods.ok()) return inner_->log.warn("kubernetes_not_swept", {{"context", used[i].context}, {"why", pods.error().message()}});
    const auto services = clusters_with_service(*inner_, used[i], kListDeadline);
    const MutexLock lock(mutex);
    for (const auto& pod : *pods) all.insert(pod.cluster);
    if (services.ok()) all.insert(services->begin(), services->end());
  });
  return std::vector<std::string>(all.begin(), all.end());
}

Status KubernetesProvider::stop(const std::string& cluster, Duration) {
  return invalid(fmt::format("Kubernetes keeps nothing of pods that are stopped; `isobar down {}` deletes them", cluster));
}

Result<std::vector<Instance>> KubernetesProvider::start(const std::string& cluster, Duration) {
  TRY_ASSIGN(auto instances, list(cluster));
  const bool all_run = !instances.empty() && std::all_of(instances.begin(), instances.end(), [](const Instance& instance) {
    return instance.state == InstanceState::kRunning;
  });
  if (all_run) return instances;
  const auto problem = std::find_if(instances.begin(), instances.end(), [](const Instance& each) { return !each.problem.empty(); });
  return invalid(fmt::format("a cluster on Kubernetes cannot be started again{}; `isobar down {}` and launch it anew",
                             problem == instances.end() ? "" : " (" + problem->problem + ")", cluster));
}

Status KubernetesProvider::terminate(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(cluster));
  if (entry) {
    TRY(remove_all(*inner_, entry->place, cluster, deadline));
    return inner_->ledger.remove(cluster);
  }
  // Left behind without an entry, if at all; where nobody answers now it is found again.
  for (const auto& place : inner_->ledger.used())
    if (const auto gone = remove_all(*inner_, place, cluster, deadline); !gone.ok())
      inner_->log.warn("kubernetes_not_swept", {{"context", place.context}, {"why", gone.error().message()}});
  return {};
}

Status KubernetesProvider::forget(const std::string& cluster) { return inner_->ledger.remove(cluster); }

Status KubernetesProvider::check_ports(const Ports& ports) {
  if (count_of(ports) <= kServicePortsMost) return {};
  return invalid(fmt::format("a Service of Kubernetes names each of its ports: at most {}, not {}", kServicePortsMost, count_of(ports)));
}

Status KubernetesProvider::open_ports(const std::string& cluster, const Ports& ports, Duration) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(cluster));
  if (!entry) return not_found(fmt::format("there is no cluster '{}' on Kubernetes", cluster));
  if (entry->ports_at_pod) return {};
  return put_service(*inner_, *entry, ports, kKubeCallDeadline).context("Kubernetes context " + entry->place.context);
}

Result<std::vector<Endpoint>> KubernetesProvider::endpoints(const std::string& cluster, const Ports& ports, Duration deadline) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(cluster));
  if (!entry) return not_found(fmt::format("there is no cluster '{}' on Kubernetes", cluster));
  if (entry->ports_at_pod) return Provider::endpoints(cluster, ports, deadline);
  const auto host = service_host(*inner_, *entry, std::min<Duration>(deadline, kKubeCallDeadline));
  std::vector<Endpoint> endpoints;
  for (const auto port : each_of(ports)) endpoints.push_back({port, host.value_or(""), port, host.ok() ? "" : host.error().message()});
  return endpoints;
}

Result<std::optional<Fd>> KubernetesProvider::open_agent(const Instance& instance, Duration deadline) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(instance.cluster));
  if (!entry || instance.rank >= entry->nodes)
    return not_found(fmt::format("there is no node {} of cluster '{}'", instance.rank, instance.cluster));
  TRY_ASSIGN(const auto host, inner_->host(entry->place, pod_name(inner_->parts.owner, entry->cluster, instance.rank)));
  auto socket = host.open_agent(instance.agent_address, {}, deadline);
  if (!socket.ok() && socket.error().code() == Code::kUnavailable) {
    // The cluster was launched by an earlier isobar, whose program has another name.
    TRY(host.push());
    socket = host.open_agent(instance.agent_address, {}, deadline);
  }
  TRY_ASSIGN(auto opened, std::move(socket));
  return std::optional<Fd>(std::move(opened));
}

}  // namespace isobar::cloud
