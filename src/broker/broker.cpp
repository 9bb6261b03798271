#include "broker/broker.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace isobar::broker {

namespace {

bool all_in(const std::vector<cloud::Instance>& instances, cloud::InstanceState state) {
  return std::all_of(instances.begin(), instances.end(), [&](const cloud::Instance& instance) { return instance.state == state; });
}

std::vector<cloud::Instance> without_terminated(std::vector<cloud::Instance> instances) {
  std::erase_if(instances, [](const cloud::Instance& instance) { return instance.state == cloud::InstanceState::kTerminated; });
  return instances;
}

// What the instances of a cluster say about it; none when there are none left.
std::optional<ClusterStatus> status_of(const std::vector<cloud::Instance>& instances, int num_nodes) {
  if (instances.empty()) return std::nullopt;
  const bool whole = instances.size() == static_cast<std::size_t>(num_nodes);
  if (whole && all_in(instances, cloud::InstanceState::kRunning)) return ClusterStatus::kUp;
  if (whole && all_in(instances, cloud::InstanceState::kStopped)) return ClusterStatus::kStopped;
  return ClusterStatus::kInit;
}

// A machine that just came up, or whose agent was just restarted, answers a moment later.
Result<AgentClient> connect_patiently(const cloud::Instance& instance, const Clock& clock, Duration deadline) {
  const Instant until = clock.now() + deadline;
  for (;;) {
    auto client = AgentClient::connect(instance.agent_address, std::max<Duration>(until - clock.now(), 1s));
    if (client.ok() || client.error().code() != Code::kUnavailable || clock.now() >= until) return client;
    std::this_thread::sleep_for(10ms);
  }
}

Result<cloud::Provider*> find_provider(const BrokerParts& parts, const std::string& name) {
  const auto found = parts.providers.find(name);
  if (found == parts.providers.end()) return invalid(fmt::format("this version has no driver for the cloud '{}'", name));
  return found->second;
}

}  // namespace

// ---- one cluster -----------------------------------------------------------------------------------------------

Result<cloud::Provider*> ClusterSession::provider() const { return find_provider(parts_, record_->placement.offer.cloud); }

// Asks the cloud what is there and brings the record in line. What the user set (autostop) is kept whatever is found.
Status ClusterSession::refresh() {
  auto found = parts_.state.cluster(name_);
  if (!found.ok() && found.error().code() == Code::kNotFound) {
    record_.reset();
    return {};
  }
  TRY_ASSIGN(record_, std::move(found));
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(auto listed, driver->list(name_).context(fmt::format("look at cluster '{}'", name_)));
  const auto status = status_of(without_terminated(std::move(listed)), record_->num_nodes);
  if (!status) {
    TRY(driver->terminate(name_, parts_.config.provision_deadline.value));
    record_.reset();
    parts_.log.info("cluster_gone", {{"cluster", name_}});
    return parts_.state.finish(name_, std::nullopt, parts_.clock.now());
  }
  if (*status == record_->status) return {};
  parts_.log.info("cluster_changed", {{"cluster", name_}, {"from", name_of(record_->status)}, {"to", name_of(*status)}});
  record_->status = *status;
  return parts_.state.finish(name_, record_, parts_.clock.now());
}

// Whether nothing is to be repaired or brought in line: recorded as UP, no intent left, every node running.
Result<bool> ClusterSession::is_sound() {
  auto found = parts_.state.cluster(name_);
  if (!found.ok()) return false;
  record_ = std::move(found).value();
  if (record_->status != ClusterStatus::kUp) return false;
  TRY_ASSIGN(const auto intents, parts_.state.intents());
  if (std::any_of(intents.begin(), intents.end(), [&](const Intent& intent) { return intent.cluster == name_; })) return false;
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(auto listed, driver->list(name_));
  return status_of(without_terminated(std::move(listed)), record_->num_nodes) == ClusterStatus::kUp;
}

// A command that was cut short: what it was about to do is completed, a creation that did not get all its nodes undone.
Status ClusterSession::repair(const Intent& intent) {
  parts_.log.warn("intent_repaired", {{"cluster", name_}, {"kind", name_of(intent.kind)}});
  TRY_ASSIGN(auto* driver, find_provider(parts_, intent.cloud));
  const Duration deadline = parts_.config.provision_deadline.value;
  auto found = parts_.state.cluster(name_);
  std::optional<ClusterRecord> record;
  if (found.ok()) record = *found;
  if (intent.kind == IntentKind::kTerminate || !record) {
    TRY(driver->terminate(name_, deadline));
    return parts_.state.finish(name_, std::nullopt, parts_.clock.now());
  }
  if (intent.kind == IntentKind::kStop) {
    TRY(driver->stop(name_, deadline));
    record->status = ClusterStatus::kStopped;
    return parts_.state.finish(name_, record, parts_.clock.now());
  }
  TRY_ASSIGN(auto listed, driver->list(name_));
  const auto status = status_of(without_terminated(std::move(listed)), record->num_nodes);
  if (intent.kind == IntentKind::kCreate && status != ClusterStatus::kUp) {
    parts_.say(fmt::format("Removing what an interrupted launch left of cluster '{}'.", name_));
    TRY(driver->terminate(name_, deadline));
    return parts_.state.finish(name_, std::nullopt, parts_.clock.now());
  }
  record->status = status.value_or(ClusterStatus::kInit);
  return parts_.state.finish(name_, record, parts_.clock.now());
}

Status ClusterSession::provision(LaunchGoal goal, ClusterRecord blank) {
  goal.backoff_least = parts_.config.retry_least.value;
  goal.backoff_most = parts_.config.retry_most.value;
  LaunchMachine machine(std::move(goal), fmt::format("{}-{}", name_, parts_.clock.now().unix_nanos()));
  std::vector<launch::Effect> effects = machine.step(launch::Start{}, parts_.clock.now());
  const Duration deadline = parts_.config.provision_deadline.value;
  record_ = std::move(blank);
  // The machine answers every event with exactly one effect until it is finished.
  for (;;) {
    CHECK(effects.size() == 1, effects.size());
    const launch::Effect effect = std::move(effects[0]);
    std::optional<launch::Event> event;
    if (const auto* intent = std::get_if<launch::RecordIntent>(&effect)) {
      record_->placement = intent->placement;
      record_->status = ClusterStatus::kInit;
      record_->launched = parts_.clock.now();
      record_->token = intent->token;
      parts_.say(fmt::format("Launching on {} …", describe(intent->placement)));
      TRY(parts_.state.begin({IntentKind::kCreate, name_, intent->placement.offer.cloud, intent->token, parts_.clock.now()}, &*record_));
      event = launch::IntentRecorded{};
    } else if (const auto* create = std::get_if<launch::Create>(&effect)) {
      TRY_ASSIGN(auto* driver, find_provider(parts_, create->placement.offer.cloud));
      auto outcome = driver->create({.cluster = name_,
                                     .token = create->token,
                                     .offer = create->placement.offer,
                                     .use_spot = create->placement.use_spot,
                                     .count = record_->num_nodes},
                                    deadline);
      if (outcome.failure) parts_.say(fmt::format("  not to be had: {}", outcome.failure->error.message()));
      if (outcome.failure) event = launch::CreateFailed{std::move(*outcome.failure)};
      else event = launch::Created{std::move(outcome.instances)};
    } else if (const auto* terminate = std::get_if<launch::Terminate>(&effect)) {
      TRY_ASSIGN(auto* driver, find_provider(parts_, terminate->cloud));
      const auto done = driver->terminate(name_, deadline);
      if (done.ok()) event = launch::Terminated{};
      else event = launch::TerminateFailed{done.error()};
    } else if (const auto* timer = std::get_if<launch::SetTimer>(&effect)) {
      parts_.say(fmt::format("Trying again in {} …", format_duration(timer->after)));
      std::this_thread::sleep_for(timer->after);
      event = launch::TimerFired{};
    } else if (const auto* failed = std::get_if<launch::Failed>(&effect)) {
      record_.reset();
      TRY(parts_.state.finish(name_, std::nullopt, parts_.clock.now()));
      return failed->error;
    } else {
      break;
    }
    effects = machine.step(*event, parts_.clock.now());
  }
  record_->status = ClusterStatus::kUp;
  TRY(connect_all().and_then([](auto&&) { return Status(); }).context("reach the agents of the new machines"));
  parts_.log.info("cluster_launched", {{"cluster", name_}, {"placement", describe(record_->placement)}});
  return parts_.state.finish(name_, record_, parts_.clock.now());
}

Status ClusterSession::act(IntentKind kind, ClusterStatus after, bool keep, IfItFails if_it_fails) {
  TRY_ASSIGN(auto* driver, provider());
  const auto recorded = parts_.state.begin({kind, name_, record_->placement.offer.cloud, record_->token, parts_.clock.now()});
  // A full disk must not stop what frees it: a removal cut short is simply asked for again, since the record still stands.
  if (!recorded.ok() && !(kind == IntentKind::kTerminate && recorded.error().code() == Code::kExhausted)) return recorded;
  const Duration deadline = parts_.config.provision_deadline.value;
  if (kind == IntentKind::kStop) {
    TRY(driver->stop(name_, deadline).context(fmt::format("stop cluster '{}'", name_)));
  } else if (kind == IntentKind::kTerminate) {
    const auto gone = driver->terminate(name_, deadline).context(fmt::format("take down cluster '{}'", name_));
    if (!gone.ok() && if_it_fails == IfItFails::kKeep) return gone;
    if (!gone.ok())
      parts_.say(
          fmt::format("Forgotten all the same: {}. What may still run on {} is yours to remove.", gone.error().message(), driver->name()));
  } else {
    TRY(driver->start(name_, deadline).and_then([](auto&&) { return Status(); }).context(fmt::format("start cluster '{}'", name_)));
    TRY(connect_all().and_then([](auto&&) { return Status(); }));
  }
  if (keep) record_->status = after;
  else record_.reset();
  parts_.log.info("cluster_acted_on", {{"cluster", name_}, {"action", name_of(kind)}});
  return parts_.state.finish(name_, record_, parts_.clock.now());
}

Status ClusterSession::start() { return act(IntentKind::kStart, ClusterStatus::kUp, true); }
Status ClusterSession::stop() { return act(IntentKind::kStop, ClusterStatus::kStopped, true); }
Status ClusterSession::terminate(IfItFails if_it_fails) { return act(IntentKind::kTerminate, ClusterStatus::kInit, false, if_it_fails); }

Result<std::vector<AgentClient>> ClusterSession::connect_all() {
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(const auto instances, driver->list(name_));
  std::vector<AgentClient> clients;
  for (const auto& instance : instances) {
    if (instance.state != cloud::InstanceState::kRunning)
      return unavailable(fmt::format("node {} of cluster '{}' does not run", instance.rank, name_));
    TRY_ASSIGN(auto client, connect_patiently(instance, parts_.clock, parts_.config.agent_deadline.value)
                                .context(fmt::format("node {} of cluster '{}'", instance.rank, name_)));
    clients.push_back(std::move(client));
  }
  if (clients.empty()) return unavailable(fmt::format("cluster '{}' has no running node; `isobar start {}` starts it", name_, name_));
  return clients;
}

Status ClusterSession::send_files(const std::vector<std::pair<std::string, LocalTree>>& trees) {
  if (trees.empty()) return {};
  TRY_ASSIGN(auto clients, connect_all());
  for (auto& client : clients)
    for (const auto& [destination, tree] : trees)
      TRY(client.mirror({tree.source, destination, tree.entries, MirrorCompare::kSizeAndTime})
              .and_then([](auto&&) { return Status(); })
              .context(fmt::format("send {} to {} on node {}", tree.source.string(), destination, client.welcome().rank)));
  return {};
}

Result<JobId> ClusterSession::submit(const JobOrder& order) {
  TRY_ASSIGN(const auto ids, submit(std::vector{order}));
  return ids.at(0);
}

Result<std::vector<JobId>> ClusterSession::submit(const std::vector<JobOrder>& orders) {
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(const auto instances, driver->list(name_));
  if (instances.empty()) return unavailable(fmt::format("cluster '{}' has no node", name_));
  TRY_ASSIGN(auto head, connect_patiently(instances[0], parts_.clock, parts_.config.agent_deadline.value));
  std::vector<JobSpec> specs;
  for (const auto& order : orders) specs.push_back(job_spec(order, *record_));
  return head.submit(specs);
}

Status ClusterSession::set_autostop(const std::optional<Autostop>& autostop) {
  TRY_ASSIGN(auto clients, connect_all());
  TRY(clients[0].set_autostop(autostop));
  record_->autostop = autostop;
  return parts_.state.put(*record_);
}

Status ClusterSession::remember_command(std::string command) {
  record_->last_command = std::move(command);
  return parts_.state.put(*record_);
}

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
    if (intent.cluster == cluster) TRY(session.repair(intent).context(fmt::format("repair cluster '{}'", cluster)));
  TRY(session.refresh());
  return session;
}

Result<AgentClient> Broker::connect_head(const std::string& cluster) {
  TRY_ASSIGN(const auto record, parts_.state.cluster(cluster));
  TRY_ASSIGN(auto* driver, find_provider(parts_, record.placement.offer.cloud));
  TRY_ASSIGN(const auto instances, driver->list(cluster));
  if (instances.empty() || instances[0].state != cloud::InstanceState::kRunning) {
    const bool stopped = !instances.empty() && instances[0].state == cloud::InstanceState::kStopped;
    return unavailable(stopped ? fmt::format("cluster '{}' is stopped; `isobar start {}` starts it", cluster, cluster)
                               : fmt::format("cluster '{}' does not run; `isobar status` shows what there is", cluster));
  }
  return connect_patiently(instances[0], parts_.clock, parts_.config.agent_deadline.value)
      .context(fmt::format("reach cluster '{}'", cluster));
}

Result<std::vector<ClusterRecord>> Broker::status() {
  TRY(sweep());
  TRY_ASSIGN(const auto recorded, parts_.state.clusters());
  std::vector<ClusterRecord> shown;
  for (const auto& cluster : recorded) {
    auto lock = ClusterLock::try_acquire(parts_.lock_folder, cluster.name, "isobar status");
    if (!lock.ok()) {
      shown.push_back(cluster);
      continue;
    }
    ClusterSession session(parts_, cluster.name, std::move(lock).value());
    TRY(session.refresh());
    if (session.record()) shown.push_back(*session.record());
  }
  return shown;
}

Status Broker::sweep() {
  TRY(make_folders(parts_.lock_folder));
  TRY_ASSIGN(const auto intents, parts_.state.intents());
  for (const auto& intent : intents) {
    auto lock = ClusterLock::try_acquire(parts_.lock_folder, intent.cluster, "isobar status");
    if (!lock.ok()) continue;  // its command is at work
    ClusterSession session(parts_, intent.cluster, std::move(lock).value());
    TRY_ASSIGN(const auto still, parts_.state.intents());
    const auto same = std::find_if(still.begin(), still.end(), [&](const Intent& other) { return other.cluster == intent.cluster; });
    if (same != still.end()) TRY(session.repair(*same));
  }
  for (const auto& [name, driver] : parts_.providers) {
    TRY_ASSIGN(const auto tagged, driver->clusters());
    for (const auto& cluster : tagged) {
      auto lock = ClusterLock::try_acquire(parts_.lock_folder, cluster, "isobar status");
      if (!lock.ok() || parts_.state.cluster(cluster).ok()) continue;
      parts_.log.warn("orphan_removed", {{"cluster", cluster}, {"cloud", name}});
      parts_.say(fmt::format("Removing machines of '{}' on {}, which belong to no cluster.", cluster, name));
      TRY(driver->terminate(cluster, parts_.config.provision_deadline.value));
    }
  }
  return {};
}

}  // namespace isobar::broker
