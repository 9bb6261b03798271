#include "provider_inner.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/parallel.h"
#include "base/text.h"
#include "pod_reasons.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPauseLeast = std::chrono::milliseconds(100), kPauseMost = std::chrono::milliseconds(1000);
/// What a kubelet may take beyond a pod's grace before its node is taken for gone.
constexpr auto kGraceMost = std::chrono::seconds(30);

KubeCall get(std::string path, std::string doing, net::QueryParameters query = {}) {
  return {.method = "GET", .path = std::move(path), .query = std::move(query), .body = {}, .doing = std::move(doing)};
}

}  // namespace

Result<Kubeconfig> KubernetesProvider::Inner::config() const {
  return find_kubeconfig({.variable = parts.variable, .home = parts.user_home});
}

Result<std::vector<std::string>> KubernetesProvider::Inner::contexts() const {
  TRY_ASSIGN(const auto config, this->config());
  std::vector<std::string> chosen = parts.allowed_contexts;
  if (chosen.empty() && !config.current().empty()) chosen.push_back(config.current());
  for (const auto& context : named)
    if (std::find(chosen.begin(), chosen.end(), context) == chosen.end()) chosen.push_back(context);
  if (chosen.empty())
    return not_found(
        fmt::format("the kubeconfig has no current context; choose one with `kubectl config use-context` or name it "
                    "(infra: k8s/CONTEXT); it has {}",
                    config.contexts().empty() ? "none" : join(config.contexts(), ", ")));
  return chosen;
}

Result<KubernetesProvider::Inner::Reached*> KubernetesProvider::Inner::reach(const std::string& context) {
  {
    const MutexLock lock(mutex_);
    if (const auto known = reached_.find(context); known != reached_.end()) return &known->second;
  }
  TRY_ASSIGN(const auto config, this->config());
  TRY_ASSIGN(auto access, config.access(context));
  const MutexLock lock(mutex_);
  auto& reached = reached_[context];
  if (!reached.client) {
    reached.client = std::make_unique<KubeClient>(std::move(access), net::ProxyRules::from(parts.variable), parts.clock);
    reached.executor = std::make_unique<PodExecutor>(*reached.client, log);
  }
  return &reached;
}

Result<KubeClient*> KubernetesProvider::Inner::client(const std::string& context) {
  TRY_ASSIGN(auto* reached, reach(context));
  return reached->client.get();
}

Result<RemoteShell*> KubernetesProvider::Inner::shell(const KubePlace& place, const std::string& pod) {
  TRY_ASSIGN(auto* reached, reach(place.context));
  const MutexLock lock(mutex_);
  auto& shell = shells_[{place, pod}];
  if (!shell) shell = make_pod_shell(*reached->executor, {place.name_space, pod, std::string(kNodeContainer)});
  return shell.get();
}

Result<HostClient> KubernetesProvider::Inner::host(const KubePlace& place, const std::string& pod) {
  TRY_ASSIGN(auto* there, shell(place, pod));
  const MutexLock lock(mutex_);
  if (!program_) {
    TRY_ASSIGN(auto opened, NodeProgram::open(parts.node_program, parts.cache));
    program_.emplace(std::move(opened));
  }
  return HostClient(*there, *program_);
}

namespace {

/// A cluster may be seen in part only: in its own namespace a user always sees pods.
Result<json::array> pods_that_hold(KubeClient& client, Duration deadline) {
  const net::QueryParameters held{{"fieldSelector", "status.phase!=Succeeded,status.phase!=Failed"}};
  return client.list(get("/api/v1/pods", "list the pods of all namespaces", held), deadline);
}

bool exists(KubeClient& client, const std::string& path, Duration deadline) {
  return client.call(get(path, "look for an autoscaler"), deadline).ok();
}

bool grows(KubeClient& client, Duration deadline) {
  if (exists(client, "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status", deadline)) return true;
  const auto pools = client.call(get("/apis/karpenter.sh/v1/nodepools", "look for an autoscaler"), deadline);
  return pools.ok() && !list_in(*pools, {"items"}).empty();
}

}  // namespace

Result<KubeInventory> KubernetesProvider::Inner::inventory(KubeClient& client, Duration deadline, KubeRefusal* refusal) {
  KubeInventory inventory;
  KubeRefusal told{unavailable(""), 0, {}, {}};
  Result<json::array> nodes = json::array(), pods = json::array();
  for_each_at_once(3, 3, [&](std::size_t i) {
    if (i == 0) nodes = client.list(get("/api/v1/nodes", "list nodes"), deadline, &told);
    else if (i == 1) pods = pods_that_hold(client, deadline);
    else inventory.grows = grows(client, deadline);
  });
  if (!nodes.ok() && told.provider_code != "Forbidden") {
    if (refusal) *refusal = told;
    return nodes.error();
  }
  // Nodes without the pods on them would all look free.
  inventory.nodes_known = nodes.ok() && pods.ok();
  if (!inventory.nodes_known) return inventory;
  for (const auto& node : *nodes) inventory.nodes.push_back(node_of(node));
  for (const auto& pod : *pods) inventory.pods.push_back(pod_of(pod));
  return inventory;
}

namespace {

struct Right {
  const char *verb, *resource, *subresource;
};
/// Newer servers ask for `create` where a WebSocket is opened, older ones for `get`.
constexpr std::array kRights = {Right{"create", "pods", ""}, Right{"get", "pods", ""},     Right{"list", "pods", ""},
                                Right{"delete", "pods", ""}, Right{"get", "pods", "exec"}, Right{"create", "pods", "exec"}};

std::string describe(const Right& right) {
  return fmt::format("{} {}{}{}", right.verb, right.resource, *right.subresource ? "/" : "", right.subresource);
}

/// What of all that is needed we may not do there.
Result<std::vector<std::string>> missing_rights(KubeClient& client, const std::string& name_space, Duration deadline) {
  std::array<Result<bool>, kRights.size()> may{true, true, true, true, true, true};
  for_each_at_once(kRights.size(), kRights.size(), [&](std::size_t i) {
    const auto& right = kRights[i];
    const json::object review{{"apiVersion", "authorization.k8s.io/v1"},
                              {"kind", "SelfSubjectAccessReview"},
                              {"spec", json::object{{"resourceAttributes", json::object{{"namespace", name_space},
                                                                                        {"verb", right.verb},
                                                                                        {"resource", right.resource},
                                                                                        {"subresource", right.subresource}}}}}};
    const auto answer = client.call({.method = "POST",
                                     .path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                                     .query = {},
                                     .body = json::serialize(review),
                                     .doing = "ask what we may do"},
                                    deadline);
    if (!answer.ok()) may[i] = answer.error();
    else {
      const auto* allowed = value_in(*answer, {"status", "allowed"}).if_bool();
      may[i] = allowed && *allowed;
    }
  });
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < kRights.size(); ++i) {
    if (!may[i].ok()) return may[i].error();
    if (!*may[i]) missing.push_back(describe(kRights[i]));
  }
  return missing;
}

}  // namespace

void KubernetesProvider::Inner::look(const std::string& context, Duration deadline) {
  auto picture = pictures.find(context).value_or(KubePicture());
  const auto looked = [&]() -> Status {
    TRY_ASSIGN(auto* there, client(context));
    const auto& name_space = there->access().name_space;
    TRY_ASSIGN(const auto found, inventory(*there, deadline));
    TRY_ASSIGN(const auto missing, missing_rights(*there, name_space, deadline));
    picture.offers.clear();
    for (auto& each : kube_offers(context, found)) picture.offers.push_back(std::move(each.offer));
    picture.facts = {fmt::format("{}: namespace {}", context, name_space)};
    for (const auto& sentence : describe(found)) picture.facts.push_back(fmt::format("{}: {}", context, sentence));
    if (!missing.empty())
      return Error(Code::kPermissionDenied,
                   fmt::format("Kubernetes context {}: namespace {} does not let us {}; ask its administrators for a Role that does",
                               context, name_space, join(missing, ", ")));
    if (picture.offers.empty())
      return Error(Code::kExhausted, fmt::format("Kubernetes context {}: none of its {} nodes takes pods", context, found.nodes.size()));
    return {};
  }();
  picture.at = parts.clock.now();
  picture.problem = looked.ok() ? "" : looked.error().message();
  // What cannot be kept in mind is asked for again.
  (void)pictures.put(context, picture).ok();
}

// ---- our own pods

Result<std::vector<KubePod>> own_pods(KubernetesProvider::Inner& inner, const KubePlace& place, const std::string& cluster,
                                      Duration deadline, KubeRefusal* refusal) {
  TRY_ASSIGN(auto* client, inner.client(place.context));
  auto selector = fmt::format("{}={}", kOwnerLabel, inner.parts.owner);
  if (!cluster.empty()) selector += fmt::format(",{}={}", kClusterLabel, safe_cluster_name(cluster));
  TRY_ASSIGN(const auto items,
             client->list(get(fmt::format("/api/v1/namespaces/{}/pods", place.name_space), "list our pods", {{"labelSelector", selector}}),
                          deadline, refusal));
  std::vector<KubePod> pods;
  for (const auto& item : items) pods.push_back(pod_of(item));
  return pods;
}

Status delete_pods(KubernetesProvider::Inner& inner, const KubePlace& place, const std::string& cluster, const std::string& token,
                   Duration deadline) {
  const auto begin = Clock::now();
  TRY_ASSIGN(auto* client, inner.client(place.context));
  Duration pause = kPauseLeast;
  for (;;) {
    TRY_ASSIGN(auto pods, own_pods(inner, place, cluster, kKubeCallDeadline));
    if (!token.empty()) std::erase_if(pods, [&](const KubePod& pod) { return pod.token != token; });
    if (pods.empty()) return {};
    const bool overdue = Clock::now() - begin > kGraceMost;
    Mutex mutex;
    std::optional<Error> failure;
    for_each_at_once(pods.size(), kPodsAtOnce, [&](std::size_t i) {
      // The API server forgets a pod whose kubelet will not tell of its end only when it is told not to wait for it.
      const bool by_force = overdue || (pods[i].deleting && !pods[i].node_answers);
      if (pods[i].deleting && !by_force) return;
      KubeCall call{.method = "DELETE", .path = fmt::format("/api/v1/namespaces/{}/pods/{}", place.name_space, pods[i].name)};
      call.doing = "delete pod " + pods[i].name;
      if (by_force) call.query = {{"gracePeriodSeconds", "0"}};
      const auto deleted = client->call(call, kKubeCallDeadline);
      if (deleted.ok() || deleted.error().code() == Code::kNotFound) return;
      const MutexLock lock(mutex);
      failure = deleted.error();
    });
    if (failure) return *failure;
    if (Clock::now() - begin >= deadline)
      return Error(Code::kDeadlineExceeded, fmt::format("Kubernetes context {}: pod {} was deleted and is not gone within {}",
                                                        place.context, pods[0].name, format_duration(deadline)));
    std::this_thread::sleep_for(pause);
    pause = std::min<Duration>(pause * 2, kPauseMost);
  }
}

}  // namespace isobar::cloud
