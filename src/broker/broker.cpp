#include "broker/broker.h"

#include <fmt/format.h>

#include <algorithm>

#include "cluster_facts.h"

namespace isobar::broker {

namespace {

constexpr auto kAskAgain = std::chrono::seconds(3);

}  // namespace

// ---- all clusters ----------------------------------------------------------------------------------------------

Result<ClusterSession> Broker::open(const std::string& cluster, const std::string& command, Hold hold) {
  TRY(check_cluster_name(cluster));
  if (hold == Hold::kShared) {
    TRY_ASSIGN(auto shared,
               ClusterLock::acquire(parts_.lock_folder, cluster, command, parts_.config.lock_deadline.value, parts_.say, Hold::kShared));
    ClusterSession session(parts_, cluster, std::move(shared));
    TRY_ASSIGN(const bool sound, session.is_sound());
    if (sound) return session;
  }
  TRY_ASSIGN(auto lock, ClusterLock::acquire(parts_.lock_folder, cluster, command, parts_.config.lock_deadline.value, parts_.say));
  ClusterSession session(parts_, cluster, std::move(lock));
  TRY_ASSIGN(const auto intents, parts_.state.intents());
  for (const auto& intent : intents)
    if (intent.cluster == cluster)
      if (const auto repaired = session.repair(intent); !repaired.ok()) return session.unrepaired(repaired.error());
  TRY(session.refresh());
  return session;
}

Result<AgentClient> Broker::connect_head(const std::string& cluster, std::optional<Duration> patience) {
  TRY_ASSIGN(const auto record, parts_.state.cluster(cluster));
  TRY_ASSIGN(auto* driver, find_provider(parts_, record.placement.offer.cloud));
  // A head that does not answer may have ended since its cloud was asked: that is asked again all along.
  const Instant until = parts_.clock.now() + patience.value_or(parts_.config.agent_deadline.value);
  for (;;) {
    TRY_ASSIGN(const auto head, running_head(*driver, cluster));
    const Duration left = until - parts_.clock.now();
    auto client = connect_patiently(*driver, head, parts_.clock, std::min<Duration>(left, kAskAgain), std::max<Duration>(left, kAskAgain));
    if (client.ok() || client.error().code() != Code::kUnavailable || left <= kAskAgain)
      return std::move(client).context(fmt::format("reach cluster '{}'", cluster));
  }
}

Result<cloud::Instance> Broker::running_head(cloud::Provider& driver, const std::string& cluster) const {
  TRY_ASSIGN(const auto instances, driver.list(cluster));
  // The head alone is asked: what the rest of the cluster does is no reason to keep jobs and logs from anyone.
  const auto head = std::find_if(instances.begin(), instances.end(), [](const cloud::Instance& instance) { return instance.rank == 0; });
  if (head == instances.end()) return unavailable(fmt::format("cluster '{}' does not run; `isobar status` shows what there is", cluster));
  if (head->state == cloud::InstanceState::kStopped)
    return unavailable(fmt::format("cluster '{}' is stopped; `isobar start {}` starts it", cluster, cluster));
  if (head->state != cloud::InstanceState::kRunning)
    return unavailable(
        fmt::format("the head of cluster '{}' is {}{}", cluster, name_of(head->state), head->problem.empty() ? "" : ": " + head->problem));
  return *head;
}

Result<std::vector<ClusterRecord>> Broker::status() {
  TRY_ASSIGN([[maybe_unused]] const auto left, sweep());
  TRY_ASSIGN(const auto recorded, parts_.state.clusters());
  // What each cloud says of all of them, asked for together.
  std::map<std::string, std::vector<std::string>> by_cloud;
  for (const auto& cluster : recorded) by_cloud[cluster.placement.offer.cloud].push_back(cluster.name);
  std::map<std::string, Result<std::vector<cloud::Instance>>> found;
  for (const auto& [name, clusters] : by_cloud)
    if (const auto driver = find_provider(parts_, name); driver.ok()) found.merge((*driver)->list_each(clusters));
  std::vector<ClusterRecord> shown;
  for (const auto& cluster : recorded) {
    auto lock = ClusterLock::try_acquire(parts_.lock_folder, cluster.name, "isobar status");
    const auto instances = found.find(cluster.name);
    // One that a command works on, or whose cloud is not to be had, is shown as recorded.
    if (!lock.ok() || instances == found.end()) {
      shown.push_back(cluster);
      continue;
    }
    ClusterSession session(parts_, cluster.name, std::move(lock).value());
    TRY(session.refresh(std::move(instances->second)));
    if (!session.problem().empty()) parts_.say(fmt::format("Cluster '{}': {}", cluster.name, session.problem()));
    if (session.record()) shown.push_back(*session.record());
  }
  return shown;
}

Result<std::size_t> Broker::sweep() {
  std::size_t left = 0;
  TRY(make_folders(parts_.lock_folder));
  TRY_ASSIGN(const auto intents, parts_.state.intents());
  for (const auto& intent : intents) {
    auto lock = ClusterLock::try_acquire(parts_.lock_folder, intent.cluster, "isobar status");
    if (!lock.ok()) continue;  // its command is at work
    ClusterSession session(parts_, intent.cluster, std::move(lock).value());
    TRY_ASSIGN(const auto still, parts_.state.intents());
    const auto same = std::find_if(still.begin(), still.end(), [&](const Intent& other) { return other.cluster == intent.cluster; });
    if (same == still.end()) continue;
    // What cannot be asked now is repaired the next time, and must not keep anyone from the rest.
    const auto repaired = session.repair(*same);
    if (repaired.ok()) continue;
    ++left;
    parts_.say(fmt::format("Cluster '{}' is not in order yet: {}", intent.cluster, repaired.error().message()));
  }
  for (const auto& [name, driver] : parts_.providers) {
    const auto tagged = driver->clusters();
    // A cloud that cannot be asked now is asked the next time.
    if (!tagged.ok()) {
      parts_.log.warn("cloud_not_swept", {{"cloud", name}, {"why", tagged.error().message()}});
      ++left;
      continue;
    }
    for (const auto& cluster : *tagged) {
      auto lock = ClusterLock::try_acquire(parts_.lock_folder, cluster, "isobar status");
      if (!lock.ok()) continue;
      // One of that name may be on record elsewhere.
      const auto known = parts_.state.cluster(cluster);
      if (known.ok() ? known->placement.offer.cloud == name : known.error().code() != Code::kNotFound) continue;
      parts_.log.warn("orphan_removed", {{"cluster", cluster}, {"cloud", name}});
      parts_.say(fmt::format("Removing machines of '{}' on {}, which belong to no cluster.", cluster, name));
      const auto gone = driver->terminate(cluster, parts_.config.provision_deadline.value);
      if (gone.ok()) continue;
      ++left;
      parts_.say(fmt::format("  not now: {}", gone.error().message()));
    }
  }
  return left;
}

}  // namespace isobar::broker
