#include "head.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "preemption_notice.h"

namespace isobar::broker {

namespace {

constexpr auto kRecordAgain = std::chrono::seconds(1);
// Long enough for the peers to read that they are to end.
constexpr auto kPowerOffDelay = std::chrono::milliseconds(100);
constexpr auto kReadersLook = std::chrono::milliseconds(200);
constexpr auto kReadersMax = std::chrono::minutes(5);

std::vector<NodeShape> shapes_of(const NodeConfig& config) {
  // A cluster's nodes are of one type.
  return std::vector<NodeShape>(config.nodes.size(), NodeShape{config.cpus, config.gpus});
}

Demand demand_of(const JobSpec& spec) {
  return {spec.num_nodes, spec.cpus, spec.gpus, !spec.setup.empty(), !spec.run.empty(), spec.again_when_node_lost};
}

}  // namespace

/// A job from its first phase to its end: what a queued job keeps on disk alone.
struct Head::ActiveJob {
  JobId id;
  std::vector<Place> places;
  JobSpec spec;
  std::string task_id;
  std::optional<GangLog> log;
  Status loaded;  // why the job cannot be started, if it cannot
};

/// Follows one rank of a gang on behalf of the head.
class Head::GangSink final : public RankSink {
 public:
  GangSink(Head& head, RankKey key, int rank, int node) : head_(head), key_(key), rank_(rank), node_(node) {}

  /// The rank's place among the outputs that the job's log merges: setups by node, then runs by rank.
  std::size_t source() const { return static_cast<std::size_t>(rank_) + (key_.phase == Phase::kRun ? head_.config_.nodes.size() : 0); }

  void started(std::int64_t pid) override {
    if (auto* job = this->job())
      job->log->set_prefix(source(), log_prefix(head_.config_, job->spec, {key_.phase, rank_, &job->places}, pid));
  }
  bool output(std::uint64_t offset, std::string_view bytes) override {
    if (auto* job = this->job()) warn(job->log->append(source(), offset, bytes));
    head_.listener_.job_changed(key_.job);
    return true;
  }
  void ended(const RankEnd& end) override {
    if (auto* job = this->job()) warn(job->log->finish(source()));
    head_.step(RankEnded{key_, node_, end});
  }

 private:
  ActiveJob* job() {
    const auto found = head_.active_.find(key_.job);
    return found == head_.active_.end() || !found->second->log ? nullptr : found->second.get();
  }
  void warn(const Status& merged) {
    if (!merged.ok()) head_.log_.warn("log_not_merged", {{"job", key_.job}, {"why", merged.error().message()}});
  }

  Head& head_;
  RankKey key_;
  int rank_, node_;
};

Head::Head(Loop& loop, const NodeConfig& config, JobStore store, RankHost& local, Instant booted, Log& log, Listener listener)
    : loop_(loop),
      config_(config),
      store_(std::move(store)),
      local_(local),
      log_(log),
      listener_(std::move(listener)),
      booted_(booted),
      queue_(shapes_of(config)),
      autostop_(booted) {
  const bool watched = config_.environment.contains(kWatchVariable);
  for (const auto& node : config_.nodes)
    if (node.rank != config_.rank)
      peers_[node.rank] = std::make_unique<PeerLink>(
          loop_, node, log_, watched ? [this](const NodeNotice& notice) { announce(notice); } : PeerLink::Announced(),
          [this, rank = node.rank](bool answers) { node_answers(rank, answers); });
}

Head::~Head() = default;

// ---- after a restart ----------------------------------------------------------------------------------------------

Status Head::restore() {
  TRY_ASSIGN(const auto saved, store_.autostop());
  if (saved) autostop_.set(saved->autostop, saved->set_at);
  TRY_ASSIGN(const auto last, store_.last_activity());
  if (last) autostop_.jobs_changed(0, *last);
  TRY(find_replaced());
  TRY_ASSIGN(const auto unfinished, store_.unfinished());
  // Those that hold resources first, so that none of them is given away twice.
  for (const auto& job : unfinished)
    if (job.status != JobStatus::kPending) restore_one(job);
  for (const auto& job : unfinished)
    if (job.status == JobStatus::kPending) restore_one(job);
  if (!unfinished.empty()) log_.info("jobs_restored", {{"jobs", unfinished.size()}});
  autostop_.jobs_changed(queue_.pending() + active_.size(), booted_);
  arm_autostop();
  return {};
}

std::map<int, std::string> Head::node_tokens() const {
  std::map<int, std::string> tokens;
  for (const auto& node : config_.nodes) tokens[node.rank] = node.token;
  return tokens;
}

// A node whose token is another one is another machine.
Status Head::find_replaced() {
  TRY_ASSIGN(const auto accepted, store_.accepted_nodes());
  if (accepted.empty()) return store_.accept_nodes(node_tokens());
  for (const auto& [rank, token] : node_tokens()) {
    const auto before = accepted.find(rank);
    if (before == accepted.end() || before->second == token) continue;
    log_.info("node_replaced", {{"rank", rank}});
    unready_.insert(rank);
    queue_.step(NodeLost{rank, true});
  }
  return {};
}

Status Head::nodes_ready() {
  TRY(store_.accept_nodes(node_tokens()));
  for (const int rank : std::exchange(unready_, {})) step(NodeBack{rank});
  return {};
}

void Head::node_answers(int rank, bool answers) {
  if (!answers) step(NodeLost{rank, unready_.contains(rank)});
  else if (!unready_.contains(rank)) step(NodeBack{rank});
}

void Head::restore_one(const UnfinishedJob& job) {
  auto possible = queue_.admit(job.demand);
  if (possible.ok()) possible = queue_.admit_places(job.places);
  if (!possible.ok()) return carry_out({JobEnded{job.id, {JobStatus::kFailedDriver, {}, {}, possible.error().message()}}});
  if (job.status == JobStatus::kPending) return step(JobSubmitted{job.id, job.demand});
  activate(job.id, job.places);
  const auto phase = job.status == JobStatus::kSettingUp ? Phase::kSetup : Phase::kRun;
  step(JobRestored{job.id, job.demand, phase, job.places, job.verdict});
}

// ---- what clients ask ---------------------------------------------------------------------------------------------

Status Head::admit(const std::vector<JobSpec>& jobs) const {
  for (const auto& spec : jobs) TRY(queue_.admit(demand_of(spec)));
  return {};
}

void Head::submit(std::vector<JobSpec> jobs, std::optional<Autostop> autostop, Reply<std::vector<JobId>> reply) {
  if (auto possible = admit(jobs); !possible.ok()) return reply(possible.error());
  submissions_.push_back({std::move(jobs), autostop, std::move(reply)});
  // All submissions that are ready now share one flush of the disk.
  if (submissions_.size() == 1) loop_.post([this] { record_submissions(); });
}

void Head::record_submissions() {
  const auto submissions = std::exchange(submissions_, {});
  std::vector<JobSpec> all;
  std::optional<Autostop> autostop;
  for (const auto& submission : submissions) {
    all.insert(all.end(), submission.jobs.begin(), submission.jobs.end());
    if (submission.autostop) autostop = submission.autostop;
  }
  const auto at = now();
  const auto added = store_.add(all, at, autostop);
  if (added.ok() && autostop) autostop_.set(autostop, at);
  std::size_t next = 0;
  for (const auto& submission : submissions) {
    if (!added.ok()) {
      submission.reply(added.error());
      continue;
    }
    std::vector<JobId> ids;
    for (std::size_t i = 0; i < submission.jobs.size(); ++i) ids.push_back((*added)[next++].id);
    submission.reply(std::move(ids));
  }
  if (!added.ok()) return log_.warn("submission_refused", {{"jobs", all.size()}, {"why", added.error().message()}});
  std::vector<QueueEffect> effects;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!(*added)[i].is_new) continue;
    auto more = queue_.step(JobSubmitted{(*added)[i].id, demand_of(all[i])});
    std::move(more.begin(), more.end(), std::back_inserter(effects));
  }
  carry_out(effects);
  jobs_changed();
}

Result<std::vector<JobId>> Head::unfinished_of(const CancelJobs& what) const {
  std::vector<JobId> ids;
  if (what.all) {
    TRY_ASSIGN(const auto jobs, store_.unfinished());
    for (const auto& job : jobs) ids.push_back(job.id);
    return ids;
  }
  for (const auto id : what.ids) {
    TRY_ASSIGN(const auto job, store_.find(id));
    if (!job) return not_found(fmt::format("there is no job {}", id));
    if (!is_terminal(job->status)) ids.push_back(job->id);
  }
  return ids;
}

void Head::cancel(const CancelJobs& what, Reply<std::vector<JobId>> reply) {
  auto ids = unfinished_of(what);
  if (!ids.ok()) return reply(ids.error());
  if (ids->empty()) return reply(std::vector<JobId>());
  cancellations_.push_back({{ids->begin(), ids->end()}, *ids, std::move(reply)});
  // The newest first: a job that ends must not make room for one that is to be cancelled next.
  std::sort(ids->rbegin(), ids->rend());
  std::vector<QueueEffect> effects;
  for (const auto id : *ids) {
    auto more = queue_.step(CancelWanted{id});
    std::move(more.begin(), more.end(), std::back_inserter(effects));
  }
  carry_out(effects);
}

Status Head::set_autostop(const std::optional<Autostop>& autostop) {
  const auto at = now();
  TRY(store_.save_autostop({autostop, at}).context("set autostop"));
  autostop_.set(autostop, at);
  arm_autostop();
  return {};
}

NodeStatus Head::status() const {
  NodeStatus status{.cluster = config_.cluster, .rank = config_.rank, .nodes = static_cast<int>(config_.nodes.size()), .booted = booted_};
  for (const auto& [rank, peer] : peers_) status.nodes_connected += peer->connected();
  status.idle_since = autostop_.idle_since();
  status.autostop = autostop_.autostop();
  status.pending = queue_.pending();
  status.setting_up = queue_.in_phase(Phase::kSetup);
  status.running = queue_.in_phase(Phase::kRun);
  status.notices = notices_;
  return status;
}

void Head::announce(const NodeNotice& notice) {
  if (std::find(notices_.begin(), notices_.end(), notice) != notices_.end()) return;
  std::erase_if(notices_, [&](const NodeNotice& known) { return known.rank == notice.rank; });
  notices_.push_back(notice);
  log_.warn("preemption_announced", {{"rank", notice.rank}, {"what", notice.what}});
  for (auto& [id, job] : active_) {
    const bool here = std::any_of(job->places.begin(), job->places.end(), [&](const Place& place) { return place.node == notice.rank; });
    if (!here || !job->log) continue;
    (void)job->log->note(describe(notice)).ok();
    listener_.job_changed(id);
  }
}

fs::path Head::log_of(const JobRecord& job) const { return config_.home / "sky_logs" / log_folder_name(job.id, job.name) / "run.log"; }
fs::path Head::journal_of(JobId id) const { return config_.home / ".isobar" / "ranks" / fmt::format("{}-log", id); }

// ---- effects ------------------------------------------------------------------------------------------------------

void Head::carry_out(const std::vector<QueueEffect>& effects) {
  // Before the loss is on record, so that an agent which dies in between sees it again; the token lets it be added but once.
  const auto more = run_again(effects);
  record(effects);
  for (const auto& effect : effects) std::visit([&](const auto& one) { on(one); }, effect);
  if (!more.empty()) carry_out(more);
}

/// Submits the jobs once more that lost a node and asked for that.
std::vector<QueueEffect> Head::run_again(const std::vector<QueueEffect>& effects) {
  std::vector<QueueEffect> more;
  for (const auto& effect : effects) {
    const auto* reached = std::get_if<VerdictReached>(&effect);
    const auto job = reached ? active_.find(reached->job) : active_.end();
    if (job == active_.end() || !reached->node_lost || !job->second->spec.again_when_node_lost) continue;
    JobSpec spec = job->second->spec;
    spec.task_id = job->second->task_id;
    spec.token = fmt::format("{}/again", spec.token.empty() ? fmt::format("job-{}", reached->job) : spec.token);
    const auto added = store_.add(std::vector{spec}, now());
    auto& log = job->second->log;
    if (!added.ok()) {
      log_.warn("job_not_run_again", {{"job", reached->job}, {"why", added.error().message()}});
      if (log) (void)log->note("it could not be submitted again: " + added.error().message()).ok();
      continue;
    }
    const auto again = added->at(0);
    log_.info("job_runs_again", {{"job", reached->job}, {"as", again.id}});
    if (log) (void)log->note(fmt::format("job {} runs this again as soon as all of its nodes are there", again.id)).ok();
    if (!again.is_new) continue;
    auto effects_of_it = queue_.step(JobSubmitted{again.id, demand_of(spec)});
    std::move(effects_of_it.begin(), effects_of_it.end(), std::back_inserter(more));
  }
  return more;
}

/// What happened is in the table before anything is done about it, so that an agent which dies in between knows.
void Head::record(const std::vector<QueueEffect>& effects) {
  if (effects.empty()) return;
  unrecorded_.insert(unrecorded_.end(), effects.begin(), effects.end());
  record_what_waits();
}

void Head::record_what_waits() {
  record_again_ = {};
  auto recorded = store_.apply(unrecorded_, now());
  if (recorded.ok()) return unrecorded_.clear();
  // A full disk must not end what runs: the table is behind until there is room again.
  log_.warn("job_table_behind", {{"effects", unrecorded_.size()}, {"why", recorded.error().message()}});
  record_again_ = loop_.after(kRecordAgain, [this] { catch_up(); });
}

/// Those who follow a job that ended while the table was behind learn of it now: they are told what the table says.
void Head::catch_up() {
  const auto late = unrecorded_;
  record_what_waits();
  if (!unrecorded_.empty()) return;
  for (const auto& effect : late)
    if (const auto* ended = std::get_if<JobEnded>(&effect)) listener_.job_changed(ended->job);
}

Head::ActiveJob& Head::activate(JobId id, const std::vector<Place>& places) {
  auto& job = active_[id];
  if (!job) {
    job = std::make_unique<ActiveJob>();
    job->id = id;
    job->places = places;
    job->loaded = load(id, *job);
  }
  return *job;
}

Status Head::load(JobId id, ActiveJob& job) {
  TRY_ASSIGN(job.spec, store_.spec(id));
  TRY_ASSIGN(const auto record, store_.find(id));
  job.task_id = task_id_of(job.spec, config_.cluster, id, record ? record->submitted : now());
  TRY(make_folders(journal_of(id).parent_path()));
  const auto sources = config_.nodes.size() + job.places.size();
  TRY_ASSIGN(job.log, [&]() -> Result<std::optional<GangLog>> {
    TRY_ASSIGN(auto log, GangLog::open(log_of(*record), journal_of(id), sources));
    return std::optional<GangLog>(std::move(log));
  }());
  return {};
}

void Head::on(const PhaseBegun& effect) {
  activate(effect.job, effect.places);
  log_.info("job_phase_begun", {{"job", effect.job}, {"phase", effect.phase == Phase::kSetup ? "setup" : "run"}});
}

RankOrder Head::order_of(const ActiveJob& job, const RankPlace& place) const {
  RankOrder order{.script = place.phase == Phase::kSetup ? job.spec.setup : job.spec.run};
  order.environment = rank_environment(config_, job.spec, job.task_id, place);
  order.log_folder = log_folder_name(job.id, job.spec.name);
  order.log_name = fmt::format("{}-{}.log", place.phase == Phase::kSetup ? "setup" : "rank", place.rank);
  order.leave_background = place.phase == Phase::kSetup;
  return order;
}

void Head::on(const StartRank& effect) {
  const auto& job = *active_.at(effect.key.job);
  if (!job.loaded.ok()) {
    loop_.post([this, effect, why = job.loaded.error().message()] { step(RankEnded{effect.key, effect.node, {std::nullopt, why}}); });
    return;
  }
  auto sink = std::make_shared<GangSink>(*this, effect.key, effect.rank, effect.node);
  const auto offset = job.log->offset(sink->source());
  host(effect.node).run(effect.key, order_of(job, {effect.key.phase, effect.rank, &job.places}), offset, std::move(sink));
}

void Head::on(const KillGangRank& effect) { host(effect.node).kill(effect.key); }

void Head::on(const JobEnded& effect) {
  if (const auto found = active_.find(effect.job); found != active_.end()) {
    auto& job = *found->second;
    if (job.log && !effect.verdict.reason.empty()) (void)job.log->note(effect.verdict.reason).ok();
    if (!job.spec.setup.empty())
      for (const auto& node : config_.nodes) host(node.rank).forget({job.id, Phase::kSetup});
    for (const auto& place : job.places) host(place.node).forget({job.id, Phase::kRun});
    ::unlink(journal_of(job.id).c_str());
    active_.erase(found);
  }
  log_.info("job_ended", {{"job", effect.job}, {"status", name_of(effect.verdict.status)}});
  jobs_changed();
  listener_.job_changed(effect.job);
  for (auto& cancellation : cancellations_)
    if (cancellation.left.erase(effect.job) != 0 && cancellation.left.empty()) cancellation.reply(cancellation.ended);
  std::erase_if(cancellations_, [](const Cancellation& one) { return one.left.empty(); });
}

RankHost& Head::host(int node) {
  if (node == config_.rank) return local_;
  return *peers_.at(node);
}

// ---- idleness -----------------------------------------------------------------------------------------------------

void Head::jobs_changed() {
  autostop_.jobs_changed(queue_.pending() + active_.size(), now());
  arm_autostop();
}

void Head::arm_autostop() {
  autostop_timer_ = {};
  const auto at = autostop_.fires_at();
  if (!at) return;
  autostop_timer_ = loop_.after(std::max(Duration(0), *at - now()), [this] { autostop_due(); });
}

void Head::autostop_due() {
  const auto due = autostop_.fires_at();
  if (!due || *due > now()) return arm_autostop();
  // Logs of jobs that have ended are sent to their end first, unless the reader takes nothing.
  if (autostop_.autostop()->wait_for != IdleWait::kNone && listener_.is_read() && now() < *due + kReadersMax) {
    autostop_timer_ = loop_.after(kReadersLook, [this] { autostop_due(); });
    return;
  }
  log_.info("autostop_fired", {{"idle_s", to_seconds(autostop_.autostop()->idle)}});
  power_off(autostop_.autostop()->down ? PowerOff::kTerminate : PowerOff::kStop);
}

void Head::power_off(PowerOff how) {
  for (const auto& [rank, peer] : peers_) {
    if (!peer->connected()) log_.error("worker_not_ended", {{"rank", rank}, {"why", "it cannot be reached"}});
    peer->shut_down(how);
  }
  power_off_timer_ = loop_.after(kPowerOffDelay, [this, how] { listener_.power_off(how); });
}

}  // namespace isobar::broker
