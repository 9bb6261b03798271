#include "pod_creation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "base/parallel.h"
#include "base/random.h"
#include "base/text.h"
#include "cloud/gang_boot.h"
#include "pod_reasons.h"
#include "pod_spec.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPauseLeast = std::chrono::milliseconds(150), kPauseMost = std::chrono::milliseconds(1000);
/// How long a pod may find no node before the next place is tried: where nodes are there, and where they are made on demand.
constexpr auto kPlacedWithin = std::chrono::seconds(10), kGrownWithin = std::chrono::seconds(600);
/// A look that is older says nothing against an attempt.
constexpr auto kFresh = std::chrono::minutes(1);
constexpr auto kBootDeadline = std::chrono::minutes(5);

}  // namespace

Status PodCreation::refuse(std::string provider_code, Error error) {
  const MutexLock lock(mutex_);
  if (provider_code_.empty()) provider_code_ = std::move(provider_code);
  return error;
}

Status PodCreation::run() {
  TRY_ASSIGN(const auto known, inner_.ledger.find(order_.cluster));
  if (known && known->token != order_.token)
    return Error(Code::kAlreadyExists, fmt::format("a cluster '{}' exists already in context {}", order_.cluster, known->place.context));
  TRY(plan());
  if (!known) {
    entry_ = {order_.cluster, order_.token, {order_.offer.region, pod_.name_space}, order_.count};
    entry_.ports_at_pod = pod_.wishes.ports_at_pod;
    TRY(inner_.ledger.put(entry_));
  } else {
    entry_ = *known;
  }
  TRY(make_pods());
  return wait();
}

Status PodCreation::plan() {
  const auto& context = order_.offer.region;
  auto wishes = kube_wishes(order_.config);
  if (!wishes.ok()) return refuse("InvalidOption", wishes.error());
  const auto client = inner_.client(context);
  if (!client.ok()) return refuse("ContextUnusable", client.error());
  client_ = *client;
  // Whoever may not do all that is needed would not be able to take away what was made.
  if (const auto seen = inner_.pictures.find(context); seen && !seen->problem.empty() && inner_.parts.clock.now() - seen->at < kFresh)
    return refuse("Forbidden", Error(Code::kPermissionDenied, seen->problem));
  KubeRefusal refusal{unavailable(""), 0, {}, {}};
  const auto inventory = inner_.inventory(*client_, kKubeCallDeadline, &refusal);
  if (!inventory.ok()) return refuse(refusal);
  const auto& offer = order_.offer;
  const KubeShape shape{offer.vcpus, offer.memory_gib, offer.accelerator, static_cast<int>(std::ceil(offer.accelerator_count))};
  const auto placement = placement_for(shape, order_.use_spot, *inventory);
  grows_ = inventory->grows;
  const auto room = room_for(shape, order_.use_spot, *inventory);
  // Whoever says where its pods may run, says it to the scheduler.
  const bool sure = inventory->nodes_known && !grows_ && wishes->pod_config.is_null();
  if (sure && room.free < order_.count)
    return refuse(
        "InsufficientCapacity",
        Error(Code::kExhausted, fmt::format("Kubernetes context {}: it has room for {} of {} pods with {}{}{}", context, room.free,
                                            order_.count, describe(HostShare{shape.cpus, shape.memory_gib, 0}),
                                            shape.gpus > 0 ? fmt::format(" and {} {}", shape.gpus, shape.gpu) : "",
                                            room.total > room.free ? fmt::format(" ({} when nothing else runs)", room.total) : "")));
  if (shape.gpus > 0 && placement.device.empty())
    return refuse("InsufficientCapacity",
                  Error(Code::kExhausted, fmt::format("Kubernetes context {}: no node has {} now", context, shape.gpu)));
  pod_ = {inner_.parts.owner, order_.cluster, order_.token};
  pod_.nodes = order_.count;
  pod_.name_space = wishes->name_space.empty() ? client_->access().name_space : wishes->name_space;
  pod_.image = image_for(order_.image, placement.device);
  pod_.cpus = shape.cpus;
  pod_.memory_gib = shape.memory_gib;
  pod_.device = placement.device;
  pod_.devices = shape.gpus;
  pod_.node_labels = placement.labels;
  pod_.tolerated = placement.tolerated;
  pod_.labels = order_.labels;
  pod_.volumes = order_.volumes;
  pod_.wishes = std::move(*wishes);
  return {};
}

Status PodCreation::make_pods() {
  std::vector<Status> made(static_cast<std::size_t>(order_.count));
  for_each_at_once(made.size(), kPodsAtOnce, [&](std::size_t i) { made[i] = make_pod_of(static_cast<int>(i)); });
  for (auto& each : made) TRY(std::move(each));
  inner_.log.info("pods_made", {{"cluster", order_.cluster}, {"context", entry_.place.context}, {"pods", made.size()}});
  return {};
}

Status PodCreation::make_pod_of(int rank) {
  auto order = pod_;
  order.rank = rank;
  const auto name = pod_name(order.owner, order.cluster, rank);
  KubeCall call{.method = "POST", .path = fmt::format("/api/v1/namespaces/{}/pods", entry_.place.name_space)};
  call.body = json::serialize(make_pod(order));
  call.doing = "create pod " + name;
  KubeRefusal refusal{unavailable(""), 0, {}, {}};
  // What the server says no to it has not made; of a request without an answer nobody knows.
  const auto made = client_->call(call, std::min<Duration>(left(), std::chrono::minutes(1)), &refusal);
  if (made.ok() || refusal.status == 0 || refusal.error.code() == Code::kAlreadyExists) began_ = true;
  if (made.ok()) return {};
  return refusal.error.code() == Code::kAlreadyExists ? adopt(name) : refuse(refusal);
}

/// Of this order, made before a crash or by a request whose answer was lost; or somebody else's.
Status PodCreation::adopt(const std::string& name) {
  KubeRefusal refusal{unavailable(""), 0, {}, {}};
  const auto found = client_->call({.method = "GET",
                                    .path = fmt::format("/api/v1/namespaces/{}/pods/{}", entry_.place.name_space, name),
                                    .query = {},
                                    .body = {},
                                    .doing = "read pod " + name},
                                   kKubeCallDeadline, &refusal);
  if (!found.ok()) return refuse(refusal);
  const auto pod = pod_of(*found);
  if (pod.token == order_.token && !pod.deleting) return {};
  return refuse("Conflict",
                unavailable(fmt::format("Kubernetes context {}: pod {} is there already{}", entry_.place.context, name,
                                        pod.deleting ? ", and being deleted" : "; `isobar sweep` deletes what is left of ours")));
}

Status PodCreation::wait() {
  Duration pause = kPauseLeast;
  std::optional<Clock::time_point> unplaced_since;
  std::string waits_for = "nothing is known of its pods";
  for (;;) {
    KubeRefusal refusal{unavailable(""), 0, {}, {}};
    const auto pods = own_pods(inner_, entry_.place, order_.cluster, std::max<Duration>(left(), std::chrono::seconds(1)), &refusal);
    if (pods.ok()) {
      const bool unplaced = std::any_of(pods->begin(), pods->end(), [](const KubePod& pod) { return !pod.unschedulable.empty(); });
      if (!unplaced) unplaced_since.reset();
      else if (!unplaced_since) unplaced_since = Clock::now();
      TRY_ASSIGN(const bool whole, all_run(*pods, unplaced_since ? Clock::now() - *unplaced_since : Duration::zero()));
      if (whole) return boot(*pods);
      for (const auto& pod : *pods)
        if (!pod.runs) waits_for = fmt::format("pod {}: {}", pod.name, explain_wait(pod));
    } else if (left() <= Duration::zero() || refusal.error.code() == Code::kPermissionDenied) {
      return refuse(refusal);
    }
    if (left() <= Duration::zero())
      return refuse("StillWaiting",
                    Error(Code::kDeadlineExceeded, fmt::format("Kubernetes context {}: {}", entry_.place.context, waits_for)));
    std::this_thread::sleep_for(std::clamp<Duration>(left(), kPauseLeast, pause));
    pause = std::min<Duration>(pause * 3 / 2, kPauseMost);
  }
}

Result<bool> PodCreation::all_run(const std::vector<KubePod>& pods, Duration unplaced) {
  const auto in_context = [&](const Error& error) { return error.context("Kubernetes context " + entry_.place.context); };
  for (const auto& pod : pods)
    if (const auto hindrance = hindrance_of(pod)) return refuse(hindrance->provider_code, in_context(hindrance->error)).error();
  if (pods.size() < static_cast<std::size_t>(order_.count))
    return refuse("PodFailed",
                  in_context(unavailable(fmt::format("somebody deleted {} of its {} pods", order_.count - pods.size(), order_.count))))
        .error();
  const auto patience = pod_.wishes.provision_timeout.value_or(grows_ ? Duration(kGrownWithin) : Duration(kPlacedWithin));
  for (const auto& pod : pods)
    if (!pod.unschedulable.empty() && unplaced >= patience)
      return refuse("Unschedulable",
                    in_context(Error(Code::kExhausted, fmt::format("pod {} found no node within {}: {}", pod.name,
                                                                   format_duration(patience), explain_unschedulable(pod.unschedulable)))))
          .error();
  return std::all_of(pods.begin(), pods.end(), [](const KubePod& pod) { return pod.runs && !pod.ip.empty(); });
}

/// What the pod's description gives its container, which jobs expect to see.
Result<std::map<std::string, std::string>> PodCreation::variables(const std::string& pod) {
  std::map<std::string, std::string> values;
  const auto names = variables_of(make_pod(pod_));
  if (names.empty()) return values;
  std::string command = "printf '%s\\0'";
  for (const auto& name : names) command += fmt::format(" \"${}\"", name);
  TRY_ASSIGN(auto* shell, inner_.shell(entry_.place, pod));
  TRY_ASSIGN(const auto said, shell->run(command, {}, kKubeCallDeadline));
  const auto parts = split(said.out, '\0');
  for (std::size_t i = 0; i < names.size() && i < parts.size(); ++i) values[names[i]] = std::string(parts[i]);
  return values;
}

Status PodCreation::boot(const std::vector<KubePod>& pods) {
  std::vector<GangNode> gang;
  for (int rank = 0; rank < order_.count; ++rank) {
    const auto pod = std::find_if(pods.begin(), pods.end(), [&](const KubePod& each) { return each.rank == rank; });
    if (pod == pods.end()) return refuse("PodFailed", unavailable(fmt::format("there is no pod of rank {}", rank)));
    const auto host = inner_.host(entry_.place, pod->name);
    if (!host.ok()) return refuse("NodeSetupFailed", host.error());
    BootNode node{.owner = inner_.parts.owner, .cluster = order_.cluster, .token = order_.token, .rank = rank, .create = true};
    node.share = {pod_.cpus, pod_.memory_gib, pod_.devices};
    node.given = true;
    node.cloud = "kubernetes";
    node.region = order_.offer.region;
    node.user = order_.user;
    node.address = pod->ip;
    node.agent_token = secure_random_hex(32);
    gang.push_back({*host, std::move(node)});
  }
  // The same description made all of them.
  TRY_ASSIGN(const auto given, variables(pod_name(inner_.parts.owner, order_.cluster, 0)));
  for (auto& node : gang) node.order.environment = given;
  std::vector<HostInstance> booted;
  const auto failures = boot_gang(std::move(gang), std::min<Duration>(left(), kBootDeadline), booted);
  if (!failures.empty()) return refuse("NodeSetupFailed", failures[0].error.context("Kubernetes context " + entry_.place.context));
  entry_.made = true;
  entry_.agent_addresses.clear();
  for (const auto& instance : booted) entry_.agent_addresses.push_back(instance.agent_address);
  return inner_.ledger.put(entry_);
}

}  // namespace isobar::cloud
