#include "cloud/slurm_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/parallel.h"
#include "base/text.h"
#include "provider_inner.h"
#include "slurm_creation.h"

namespace isobar::cloud {

namespace {

/// For a look that only plans are made from: what does not answer by then is left out of them.
constexpr auto kLookDeadline = std::chrono::seconds(8);
/// How long what was seen of a cluster is as good as new to `check`.
constexpr auto kFresh = std::chrono::minutes(1);
constexpr auto kUndoDeadline = std::chrono::minutes(2);

Instance instance_of(const SlurmEntry& entry, int rank, InstanceState state) {
  Instance instance{.id = fmt::format("{}/{}/{}", entry.region, entry.job, rank), .cluster = entry.cluster, .rank = rank, .state = state};
  instance.region = entry.region;
  instance.zone = entry.partition;
  return instance;
}

/// The same of every rank.
std::vector<Instance> all_of(const SlurmEntry& entry, InstanceState state, const std::string& problem = {}) {
  std::vector<Instance> instances;
  for (std::size_t rank = 0; rank < entry.agent_tokens.size(); ++rank) {
    instances.push_back(instance_of(entry, static_cast<int>(rank), state));
    instances.back().problem = problem;
  }
  return instances;
}

std::vector<Instance> running(const SlurmEntry& entry, const SlurmSight& sight) {
  auto instances = all_of(entry, InstanceState::kPending);
  const auto published = sight.published.find(entry.token);
  if (published == sight.published.end()) return instances;
  for (const auto& rank : published->second) {
    if (static_cast<std::size_t>(rank.rank) >= instances.size()) continue;
    auto& instance = instances[static_cast<std::size_t>(rank.rank)];
    instance.state = InstanceState::kRunning;
    instance.address = rank.address;
    instance.agent_address = agent_address_of(rank);
  }
  return instances;
}

/// What has ended is kept in mind, for Slurm forgets it within minutes.
Result<std::vector<Instance>> ended(const SlurmLedger& ledger, SlurmEntry entry, std::string how) {
  if (entry.ended.empty()) {
    entry.ended = std::move(how);
    TRY(ledger.put(entry));
  }
  return all_of(entry, InstanceState::kTerminated, entry.ended);
}

Result<std::vector<Instance>> instances_of(SlurmProvider::Inner& inner, const SlurmEntry& entry, const SlurmSight& sight) {
  if (!entry.ended.empty()) return all_of(entry, InstanceState::kTerminated, entry.ended);
  TRY_ASSIGN(const auto job, job_of(inner, entry, sight));
  if (!job && entry.job.empty()) return std::vector<Instance>();  // its creation was cut short before it was asked for
  if (!job) return ended(inner.ledger, entry, fmt::format("Slurm cluster {} does not know job {} any more", entry.region, entry.job));
  if (job->ended())
    return ended(inner.ledger, entry, fmt::format("job {} of Slurm cluster {} has ended: {}", job->id, entry.region, explain_end(*job)));
  if (job->waits()) return all_of(entry, InstanceState::kPending);
  if (job->state == "COMPLETING") return all_of(entry, InstanceState::kStopping);
  if (job->state == "SUSPENDED" || job->state == "STOPPED")
    return all_of(entry, InstanceState::kUnreachable, fmt::format("Slurm cluster {} has suspended job {}", entry.region, job->id));
  return running(entry, sight);
}

bool is_unreached(const Error& error) {
  return error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded || error.code() == Code::kPermissionDenied ||
         error.code() == Code::kNotFound;
}

}  // namespace

SlurmProvider::SlurmProvider(Parts parts, Log& log) : inner_(std::make_unique<Inner>(std::move(parts), log)) {}
SlurmProvider::~SlurmProvider() = default;

Status SlurmProvider::check() {
  TRY_ASSIGN(const auto clusters, inner_->read_config());
  if (clusters.empty())
    return not_found(
        fmt::format("no Slurm cluster: write one Host for the login host of each into {}", inner_->parts.config_file.string()));
  const Instant now = SystemClock().now();
  for_each_at_once(clusters.size(), kSlurmClustersAtOnce, [&](std::size_t i) {
    const auto seen = inner_->pictures.find(clusters[i].name);
    if (!seen || now - seen->at > kFresh || seen->at > now) (void)inner_->look(clusters[i].name, kLookDeadline).ok();
  });
  std::vector<std::string> problems;
  for (const auto& cluster : clusters) {
    const auto seen = inner_->pictures.find(cluster.name);
    if (seen && seen->problem.empty()) return {};
    problems.push_back(seen ? seen->problem : cluster.name + " could not be looked at");
  }
  return unavailable(join(problems, "; "));
}

std::vector<std::string> SlurmProvider::facts() {
  std::vector<std::string> facts;
  const auto clusters = inner_->read_config();
  if (!clusters.ok()) return facts;
  for (const auto& cluster : *clusters) {
    const auto seen = inner_->pictures.find(cluster.name);
    if (!seen) continue;
    if (!seen->problem.empty()) {
      facts.push_back(seen->problem);
      continue;
    }
    facts.push_back(fmt::format("Slurm cluster {}: release {}", cluster.name, seen->version));
    for (const auto& partition : seen->partitions) facts.push_back(fmt::format("{}, {}", cluster.name, partition));
  }
  return facts;
}

std::vector<Offer> SlurmProvider::own_offers() {
  const auto clusters = inner_->read_config();
  if (!clusters.ok()) return {};
  for_each_at_once(clusters->size(), kSlurmClustersAtOnce, [&](std::size_t i) {
    if (!inner_->pictures.find((*clusters)[i].name)) (void)inner_->look((*clusters)[i].name, kLookDeadline).ok();
  });
  std::vector<Offer> offers;
  for (const auto& cluster : *clusters)
    if (auto seen = inner_->pictures.find(cluster.name)) std::move(seen->offers.begin(), seen->offers.end(), std::back_inserter(offers));
  return offers;
}

CreateOutcome SlurmProvider::create(const CreateOrder& order, Duration deadline) {
  SlurmCreation creation(*inner_, order, deadline);
  auto created = order.count < 1 ? Status(invalid("a cluster has at least one node")) : creation.run();
  auto listed = created.ok() ? list(order.cluster) : Result<std::vector<Instance>>(created.error());
  if (listed.ok()) return {std::move(*listed), {}};
  const auto error = listed.error();
  const auto known = inner_->ledger.find(order.cluster);
  if (known.ok() && *known && (*known)->token == order.token) (void)terminate(order.cluster, kUndoDeadline).ok();
  const auto code = creation.provider_code().empty() ? std::string(isobar::name_of(error.code())) : creation.provider_code();
  return {{}, CloudError{error, code, scope_of_error("slurm", code, order.offer)}};
}

std::map<std::string, Result<std::vector<Instance>>> SlurmProvider::list_each(const std::vector<std::string>& clusters) {
  std::map<std::string, Result<std::vector<Instance>>> each;
  std::map<std::string, std::vector<SlurmEntry>> by_region;
  for (const auto& cluster : clusters) {
    auto entry = inner_->ledger.find(cluster);
    if (!entry.ok()) each.emplace(cluster, entry.error());
    else if (!*entry) each.emplace(cluster, std::vector<Instance>());
    else by_region[(*entry)->region].push_back(std::move(**entry));
  }
  const std::vector<std::pair<std::string, std::vector<SlurmEntry>>> regions(by_region.begin(), by_region.end());
  std::mutex mutex;
  for_each_at_once(regions.size(), kSlurmClustersAtOnce, [&](std::size_t i) {
    auto home = inner_->home(regions[i].first);
    const auto sight = home.ok() ? home->look() : Result<SlurmSight>(home.error());
    for (const auto& entry : regions[i].second) {
      auto found = sight.ok() ? instances_of(*inner_, entry, *sight) : Result<std::vector<Instance>>(sight.error());
      // Its nodes may run all the same.
      if (!found.ok() && is_unreached(found.error())) found = all_of(entry, InstanceState::kUnreachable, found.error().message());
      const std::scoped_lock lock(mutex);
      each.emplace(entry.cluster, std::move(found));
    }
  });
  return each;
}

Result<std::vector<Instance>> SlurmProvider::list(const std::string& cluster) { return std::move(list_each({cluster}).at(cluster)); }

Result<std::vector<std::string>> SlurmProvider::clusters() {
  const auto known = inner_->ledger.clusters();
  std::set<std::string> all(known.begin(), known.end());
  // What nobody here knows of: jobs and folders that a lost or forgotten entry left.
  const auto used = inner_->ledger.used();
  std::mutex mutex;
  for_each_at_once(used.size(), kSlurmClustersAtOnce, [&](std::size_t i) {
    auto home = inner_->home(used[i]);
    const auto sight = home.ok() ? home->look() : Result<SlurmSight>(home.error());
    if (!sight.ok()) return inner_->log.warn("slurm_cluster_not_swept", {{"region", used[i]}, {"why", sight.error().message()}});
    const std::scoped_lock lock(mutex);
    all.insert(sight->clusters.begin(), sight->clusters.end());
    for (const auto& job : sight->jobs)
      if (!job.ended()) all.insert(job.tag.cluster);
  });
  return std::vector<std::string>(all.begin(), all.end());
}

Status SlurmProvider::stop(const std::string& cluster, Duration) {
  return invalid(fmt::format("Slurm keeps nothing for a cluster that is stopped; `isobar down {}` gives its nodes back", cluster));
}

Result<std::vector<Instance>> SlurmProvider::start(const std::string& cluster, Duration) {
  TRY_ASSIGN(auto instances, list(cluster));
  const bool all_run = !instances.empty() && std::all_of(instances.begin(), instances.end(), [](const Instance& instance) {
    return instance.state == InstanceState::kRunning;
  });
  if (all_run) return instances;
  const auto& problem = instances.empty() ? std::string() : instances[0].problem;
  return invalid(fmt::format("a cluster on Slurm cannot be started again{}; `isobar down {}` and launch it anew",
                             problem.empty() ? "" : " (" + problem + ")", cluster));
}

Status SlurmProvider::terminate(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(cluster));
  if (entry) {
    TRY(end_on_slurm(*inner_, entry->region, cluster, deadline));
    return inner_->ledger.remove(cluster);
  }
  // Left behind without an entry, if at all; where nobody answers now it is found again.
  for (const auto& region : inner_->ledger.used())
    if (const auto gone = end_on_slurm(*inner_, region, cluster, deadline); !gone.ok())
      inner_->log.warn("slurm_cluster_not_swept", {{"region", region}, {"why", gone.error().message()}});
  return {};
}

Status SlurmProvider::forget(const std::string& cluster) { return inner_->ledger.remove(cluster); }

Result<std::optional<Fd>> SlurmProvider::open_agent(const Instance& instance, Duration deadline) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(instance.cluster));
  if (!entry || static_cast<std::size_t>(instance.rank) >= entry->agent_tokens.size())
    return not_found(fmt::format("there is no node {} of cluster '{}'", instance.rank, instance.cluster));
  TRY_ASSIGN(const auto host, inner_->host(entry->region));
  const auto& token = entry->agent_tokens[static_cast<std::size_t>(instance.rank)];
  auto socket = host.open_agent(instance.agent_address, token, deadline);
  if (!socket.ok() && socket.error().code() == Code::kUnavailable) {
    // The cluster was launched by an earlier isobar, or somebody tidied the home.
    TRY(host.push());
    socket = host.open_agent(instance.agent_address, token, deadline);
  }
  TRY_ASSIGN(auto opened, std::move(socket));
  return std::optional<Fd>(std::move(opened));
}

}  // namespace isobar::cloud
