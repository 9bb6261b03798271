// What one command does to one cluster, under its lock.

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/parallel.h"
#include "broker/broker.h"
#include "cluster_facts.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kNodesAtOnce = 32;
/// However short the idleness that the user asks for: whoever launches a job asks for its log within a second, on a machine that is
/// overloaded within a few.
constexpr Duration kLeastIdle = std::chrono::seconds(5);

/// A container's image is for clouds whose machines are containers; on the others it says nothing of the machine.
std::string image_for(const std::vector<std::string>& images, const Placement& placement) {
  return placement.offer.cloud == "kubernetes" && placement.alternative < images.size() ? images[placement.alternative] : std::string();
}

std::optional<Autostop> told_to_agent(std::optional<Autostop> autostop) {
  if (autostop) autostop->idle = std::max<Duration>(autostop->idle, kLeastIdle);
  return autostop;
}

}  // namespace

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
  return bring_in_line(driver->list(name_));
}

// With what the cloud said a moment ago, before the lock was held. That may be about what another command has changed since, so
// nothing is removed for it: what does not fit the record is asked for again. A cloud that cannot tell leaves the record as it is.
Status ClusterSession::refresh(Result<std::vector<cloud::Instance>> seen) {
  auto found = parts_.state.cluster(name_);
  if (!found.ok()) return {};
  record_ = std::move(found).value();
  if (!seen.ok()) {
    problem_ = seen.error().message();
    return {};
  }
  problem_ = problem_of(*seen);
  const bool fits = status_seen(*seen) == record_->status;
  // Asking again would not make a machine answer.
  const bool unanswered = std::any_of(seen->begin(), seen->end(),
                                      [](const cloud::Instance& instance) { return instance.state == cloud::InstanceState::kUnreachable; });
  return fits ? Status() : unanswered ? bring_in_line(std::move(seen)) : refresh();
}

Status ClusterSession::bring_in_line(Result<std::vector<cloud::Instance>> instances) {
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(auto listed, std::move(instances).context(fmt::format("look at cluster '{}'", name_)));
  problem_ = problem_of(listed);
  const auto status = status_seen(std::move(listed));
  // On most clouds a machine can switch itself off and no more; what was to go with its disk is removed by whoever looks next. One that
  // its cloud took back is left for its user to start again.
  const bool half_gone = status == ClusterStatus::kStopped && record_->status == ClusterStatus::kUp && problem_.empty() &&
                         record_->autostop && record_->autostop->down;
  if (half_gone) parts_.say(fmt::format("Cluster '{}' has ended by itself, as was asked; removing its disks.", name_));
  if (!status || half_gone) {
    TRY(driver->terminate(name_, parts_.config.provision_deadline.value));
    tell_nodes(true);
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
  if (intent.kind == IntentKind::kAutostop || intent.kind == IntentKind::kOpenPorts) return repair_change(intent.kind, std::move(*record));
  if (intent.kind == IntentKind::kStop) {
    const auto stopped = driver->stop(name_, deadline);
    if (!stopped.ok() && stopped.error().code() != Code::kInvalidArgument) return stopped;
    if (stopped.ok()) record->status = ClusterStatus::kStopped;
    return parts_.state.finish(name_, record, parts_.clock.now());
  }
  TRY_ASSIGN(auto listed, driver->list(name_));
  auto status = status_of(without_terminated(std::move(listed)), record->num_nodes);
  // Machines that run are not yet nodes with everything on them: whoever starts the cluster goes on with that.
  if (intent.kind == IntentKind::kReplace && status == ClusterStatus::kUp) status = ClusterStatus::kInit;
  if (intent.kind == IntentKind::kCreate && status != ClusterStatus::kUp) {
    parts_.say(fmt::format("Removing what an interrupted launch left of cluster '{}'.", name_));
    TRY(driver->terminate(name_, deadline));
    return parts_.state.finish(name_, std::nullopt, parts_.clock.now());
  }
  record->status = status.value_or(ClusterStatus::kInit);
  return parts_.state.finish(name_, record, parts_.clock.now());
}

// A cloud that cannot be reached keeps what was cut short from being completed; it stays on record as it is, and may be given up.
Result<ClusterSession> ClusterSession::unrepaired(const Error& why) {
  auto found = parts_.state.cluster(name_);
  const auto code = why.code();
  const bool unreached = code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kPermissionDenied;
  if (!found.ok() || !unreached) return why.context(fmt::format("repair cluster '{}'", name_));
  record_ = std::move(found).value();
  record_->status = ClusterStatus::kInit;
  problem_ = why.message();
  return std::move(*this);
}

Status ClusterSession::provision(LaunchGoal goal, ClusterRecord blank) {
  TRY_ASSIGN(const auto refusals, parts_.state.refusals(parts_.clock.now()));
  std::vector<cloud::Scope> refused;
  for (const auto& refusal : refusals) refused.push_back(refusal.scope);
  goal.ranked = refused_last(std::move(goal.ranked), refused);
  goal.backoff_least = parts_.config.retry_least.value;
  goal.backoff_most = parts_.config.retry_most.value;
  const auto labels = goal.labels;
  const auto config = goal.config;
  const auto images = goal.images;
  blank.mend.labels = labels;
  blank.mend.config = config;
  const auto ports = goal.ports;
  const auto volumes = goal.volumes;
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
      record_->mend.image = image_for(images, intent->placement);
      parts_.say(fmt::format("Launching on {} …", describe(intent->placement)));
      TRY(parts_.state.begin({IntentKind::kCreate, name_, intent->placement.offer.cloud, intent->token, parts_.clock.now()}, &*record_));
      event = launch::IntentRecorded{};
    } else if (const auto* create = std::get_if<launch::Create>(&effect)) {
      TRY_ASSIGN(auto* driver, find_provider(parts_, create->placement.offer.cloud));
      auto outcome = driver->create({.cluster = name_,
                                     .token = create->token,
                                     .offer = create->placement.offer,
                                     .use_spot = create->placement.use_spot,
                                     .count = record_->num_nodes,
                                     .labels = labels,
                                     .image = record_->mend.image,
                                     .config = config,
                                     .user = record_->user,
                                     .ports = ports,
                                     .volumes = volumes},
                                    deadline);
      if (outcome.failure) parts_.say(fmt::format("  not to be had: {}", outcome.failure->error.message()));
      // A type that a place has none of; what is wrong with the account or the request is not learned.
      if (outcome.failure && outcome.failure->error.code() == Code::kExhausted && outcome.failure->scope.instance_type)
        TRY(parts_.state.remember_refusal(
            {outcome.failure->scope, outcome.failure->provider_code, parts_.clock.now() + parts_.config.refusal_life.value},
            parts_.clock.now()));
      if (outcome.failure) event = launch::CreateFailed{std::move(*outcome.failure)};
      else event = launch::Created{std::move(outcome.instances)};
    } else if (const auto* terminate = std::get_if<launch::Terminate>(&effect)) {
      TRY_ASSIGN(auto* driver, find_provider(parts_, terminate->cloud));
      const auto done = driver->terminate(name_, deadline);
      if (done.ok()) event = launch::Terminated{};
      else event = launch::TerminateFailed{done.error()};
    } else if (const auto* timer = std::get_if<launch::SetTimer>(&effect)) {
      parts_.say(fmt::format("Trying again in {} …", format_duration(timer->after)));
      if (parts_.sleep) parts_.sleep(timer->after);
      else std::this_thread::sleep_for(timer->after);
      event = launch::TimerFired{};
    } else if (const auto* failed = std::get_if<launch::Failed>(&effect)) {
      record_.reset();
      if (!failed->may_be_left) TRY(parts_.state.finish(name_, std::nullopt, parts_.clock.now()));
      return failed->error;
    } else {
      break;
    }
    effects = machine.step(*event, parts_.clock.now());
  }
  record_->status = ClusterStatus::kUp;
  TRY(connect_all().and_then([](auto&&) { return Status(); }).context("reach the agents of the new machines"));
  tell_nodes();
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
    const auto stopped = driver->stop(name_, deadline).context(fmt::format("stop cluster '{}'", name_));
    // A cloud that stops nothing has done nothing, so nothing is to be repaired.
    if (!stopped.ok() && stopped.error().code() == Code::kInvalidArgument) TRY(parts_.state.finish(name_, record_, parts_.clock.now()));
    TRY(stopped);
  } else if (kind == IntentKind::kTerminate) {
    const auto gone = driver->terminate(name_, deadline).context(fmt::format("take down cluster '{}'", name_));
    if (!gone.ok() && if_it_fails == IfItFails::kKeep) return gone;
    if (!gone.ok()) {
      parts_.say(
          fmt::format("Forgotten all the same: {}. What may still run on {} is yours to remove.", gone.error().message(), driver->name()));
      TRY(driver->forget(name_));
    }
  } else {
    TRY(driver->start(name_, deadline).and_then([](auto&&) { return Status(); }).context(fmt::format("start cluster '{}'", name_)));
    TRY(connect_all().and_then([](auto&&) { return Status(); }));
  }
  if (kind != IntentKind::kStop) tell_nodes(kind == IntentKind::kTerminate);
  if (keep) record_->status = after;
  else record_.reset();
  parts_.log.info("cluster_acted_on", {{"cluster", name_}, {"action", name_of(kind)}});
  return parts_.state.finish(name_, record_, parts_.clock.now());
}

void ClusterSession::tell_nodes(bool gone) {
  if (!parts_.on_nodes) return;
  const auto driver = provider();
  auto listed = gone || !driver.ok() ? Result<std::vector<cloud::Instance>>(std::vector<cloud::Instance>()) : (*driver)->list(name_);
  if (listed.ok()) parts_.on_nodes(name_, *listed);
}

Status ClusterSession::start() {
  TRY_ASSIGN(const bool needed, needs_mending());
  if (needed) return mend();
  TRY(act(IntentKind::kStart, ClusterStatus::kUp, true));
  return mount_on_nodes(record_->mounts).context(fmt::format("cluster '{}' is up, but not all of its buckets are", name_));
}

Status ClusterSession::stop(Duration patience) {
  const auto left = await_uploads(patience);
  if (!left.empty())
    parts_.say(fmt::format("Cluster '{}': {}. It stays on the cluster's disks, and goes on when that is started.", name_, left));
  return act(IntentKind::kStop, ClusterStatus::kStopped, true);
}

Status ClusterSession::terminate(IfItFails if_it_fails, Duration patience) {
  const auto left = if_it_fails == IfItFails::kKeep ? await_uploads(patience) : "";
  if (!left.empty())
    return unavailable(
        fmt::format("cluster '{0}' is kept, since this would be lost with it: {1}; `isobar down {0}` waits again, `isobar down {0} "
                    "--graceful-timeout 0` takes it down all the same",
                    name_, left));
  return act(IntentKind::kTerminate, ClusterStatus::kInit, false, if_it_fails);
}

Result<std::vector<AgentClient>> ClusterSession::connect_all() {
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(const auto instances, driver->list(name_));
  TRY(all_running(instances));
  std::vector<std::optional<Result<AgentClient>>> connected(instances.size());
  for_each_at_once(instances.size(), kNodesAtOnce, [&](std::size_t i) {
    connected[i] = connect_patiently(*driver, instances[i], parts_.clock, parts_.config.agent_deadline.value)
                       .context(fmt::format("node {} of cluster '{}'", instances[i].rank, name_));
  });
  std::vector<AgentClient> clients;
  for (auto& each : connected) {
    TRY_ASSIGN(auto client, std::move(*each));
    clients.push_back(std::move(client));
  }
  return clients;
}

Status ClusterSession::all_running(const std::vector<cloud::Instance>& instances) const {
  if (instances.empty()) return unavailable(fmt::format("cluster '{}' has no running node; `isobar start {}` starts it", name_, name_));
  for (const auto& instance : instances) {
    if (instance.state == cloud::InstanceState::kRunning) continue;
    const auto why = instance.problem.empty() ? "" : ": " + instance.problem;
    return unavailable(fmt::format("node {} of cluster '{}' is {}{}", instance.rank, name_, name_of(instance.state), why));
  }
  return {};
}

Status ClusterSession::send_files(const Trees& trees) {
  if (trees.empty()) return {};
  TRY(remember_files(trees));
  TRY_ASSIGN(auto clients, connect_all());
  for (const auto& [destination, tree] : trees) {
    TRY_ASSIGN(const auto sent, AgentClient::mirror_to_all(clients, {tree.source, destination, tree.entries, MirrorCompare::kSizeAndTime}));
    parts_.log.info("tree_sent", {{"cluster", name_},
                                  {"destination", destination},
                                  {"nodes", clients.size()},
                                  {"bytes_read", sent.bytes_read},
                                  {"bytes_sent", sent.bytes_sent}});
    for (std::size_t i = 0; i < clients.size(); ++i)
      if (!sent.reports[i].ok())
        return sent.reports[i].error().context(
            fmt::format("send {} to {} on node {}", tree.source.string(), destination, clients[i].welcome().rank));
  }
  return {};
}

Result<JobId> ClusterSession::submit(const JobOrder& order) {
  TRY_ASSIGN(const auto ids, submit(std::vector{order}));
  return ids.at(0);
}

Result<AgentClient> ClusterSession::connect_head() {
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(const auto instances, driver->list(name_));
  TRY(all_running(instances));
  return connect_patiently(*driver, instances[0], parts_.clock, parts_.config.agent_deadline.value);
}

Result<LogTail> ClusterSession::open_tail(const TailLogs& what) {
  TRY_ASSIGN(auto head, connect_head());
  return head.open_tail(what);
}

Result<std::vector<JobId>> ClusterSession::submit(const std::vector<JobOrder>& orders, const std::optional<Autostop>& autostop) {
  TRY_ASSIGN(auto head, connect_head());
  std::vector<JobSpec> specs;
  for (const auto& order : orders) specs.push_back(job_spec(order, *record_));
  if (!autostop) return head.submit(specs);
  TRY(tell_cloud(autostop));
  auto after = *record_;
  after.autostop = autostop;
  auto ids = Result<std::vector<JobId>>(std::vector<JobId>());
  TRY(change(IntentKind::kAutostop, std::move(after), [&]() -> Status {
    ids = head.submit(specs, *told_to_agent(autostop));
    return ids.ok() ? Status() : Status(ids.error());
  }));
  submitter_ = std::move(head);
  return ids;
}

Status check_autostop(const cloud::Provider& driver, const std::string& cluster, const Autostop& autostop) {
  if (!autostop.down && !driver.stops())
    return invalid(fmt::format("cluster '{}' cannot stop by itself: {} keeps nothing of what is stopped; add --down to have it taken down",
                               cluster, driver.name()));
  if (!driver.ends_by_itself())
    return invalid(
        fmt::format("cluster '{}' cannot end by itself: a machine of {} that switches itself off is paid for all the same; take "
                    "the cluster down when it is done",
                    cluster, driver.name()));
  return {};
}

// Something outside that makes of the cluster what the record says: the record goes ahead, as it is to be, and comes back after a refusal.
// What nothing was heard of may have happened: the intent then stands, and is completed by whoever comes next.
Status ClusterSession::change(IntentKind kind, ClusterRecord after, const std::function<Status()>& act) {
  const ClusterRecord before = std::exchange(*record_, std::move(after));
  TRY(parts_.state.begin({kind, name_, record_->placement.offer.cloud, record_->token, parts_.clock.now()}, &*record_));
  const Status done = act();
  const bool unheard = !done.ok() && (done.error().code() == Code::kUnavailable || done.error().code() == Code::kDeadlineExceeded);
  if (unheard) return done;
  if (!done.ok()) record_ = before;
  TRY(parts_.state.finish(name_, record_, parts_.clock.now()));
  return done;
}

// Machines are made to be stopped by their own end. Where the cloud refuses to be told otherwise, autostop is set all the same: whoever
// looks next removes what is left. But a disk that was to go with its machine must not, once that is no longer asked.
Status ClusterSession::tell_cloud(const std::optional<Autostop>& autostop) {
  TRY_ASSIGN(auto* driver, provider());
  if (autostop) TRY(check_autostop(*driver, name_, *autostop));
  const bool goes = autostop && autostop->down, went = record_->autostop && record_->autostop->down;
  if (!goes && !went) return {};
  const auto told = driver->set_own_end(name_, goes, parts_.config.provision_deadline.value);
  if (!told.ok() && !goes) return told;
  if (!told.ok())
    parts_.say(fmt::format("Its machines will be stopped first, and removed when isobar next looks: {}", told.error().message()));
  return {};
}

Status ClusterSession::set_autostop(const std::optional<Autostop>& autostop) {
  TRY_ASSIGN(auto head, connect_head());
  TRY(tell_cloud(autostop));
  auto after = *record_;
  after.autostop = autostop;
  return change(IntentKind::kAutostop, std::move(after), [&] { return head.set_autostop(told_to_agent(autostop)); });
}

Status ClusterSession::open_ports(const Ports& ports) {
  if (covers(record_->ports, ports)) return {};
  TRY_ASSIGN(auto* driver, provider());
  auto after = *record_;
  after.ports.insert(after.ports.end(), ports.begin(), ports.end());
  after.ports = merged(std::move(after.ports));
  TRY(driver->check_ports(after.ports));
  const auto intent = fmt::format("open ports {} of cluster '{}'", describe(ports), name_);
  return change(IntentKind::kOpenPorts, std::move(after),
                [&] { return driver->open_ports(name_, record_->ports, parts_.config.provision_deadline.value).context(intent); });
}

// A command was killed between its intent and the answer. To do the same again does no harm: idleness counts anew, ports that are open
// stay open. A cluster that has ended meanwhile needs neither, and one that does not answer is asked the next time.
Status ClusterSession::repair_change(IntentKind kind, ClusterRecord record) {
  TRY_ASSIGN(auto* driver, find_provider(parts_, record.placement.offer.cloud));
  TRY_ASSIGN(auto listed, driver->list(name_));
  const auto status = status_of(without_terminated(std::move(listed)), record.num_nodes);
  record_ = std::move(record);
  if (kind == IntentKind::kOpenPorts && status) TRY(driver->open_ports(name_, record_->ports, parts_.config.provision_deadline.value));
  if (kind == IntentKind::kAutostop && (status == ClusterStatus::kUp || status == ClusterStatus::kInit)) {
    TRY_ASSIGN(auto head, connect_head());
    TRY(head.set_autostop(told_to_agent(record_->autostop)));
  }
  return parts_.state.finish(name_, record_, parts_.clock.now());
}

Status ClusterSession::remember_command(std::string command) {
  record_->last_command = std::move(command);
  return parts_.state.put(*record_);
}

}  // namespace isobar::broker
