#include "job_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace isobar::broker {

namespace {

// Shares like 0.1 do not add up exactly in binary; a device or CPU counts as free within this much.
constexpr double kSlack = 1e-9;

double share_of_each_device(const Demand& demand) { return std::min(demand.gpus, 1.0); }
int devices(const Demand& demand) { return static_cast<int>(std::ceil(demand.gpus)); }

/// The devices a demand would take: whole ones, or for a share the fullest device that still has room, so that shares
/// gather and whole devices stay whole.
std::optional<std::vector<int>> pick_devices(const std::vector<double>& free, const Demand& demand) {
  const double share = share_of_each_device(demand);
  std::vector<int> fitting;
  for (int device = 0; device < static_cast<int>(free.size()); ++device)
    if (free[static_cast<std::size_t>(device)] + kSlack >= share) fitting.push_back(device);
  const auto wanted = static_cast<std::size_t>(devices(demand));
  if (fitting.size() < wanted) return std::nullopt;
  std::stable_sort(fitting.begin(), fitting.end(),
                   [&](int a, int b) { return free[static_cast<std::size_t>(a)] < free[static_cast<std::size_t>(b)]; });
  fitting.resize(wanted);
  std::sort(fitting.begin(), fitting.end());
  return fitting;
}

}  // namespace

JobQueue::JobQueue(std::vector<NodeShape> nodes) : shapes_(std::move(nodes)) {
  CHECK(!shapes_.empty());
  for (const auto& shape : shapes_) nodes_.push_back({shape.cpus, std::vector<double>(static_cast<std::size_t>(shape.gpus), 1.0)});
}

Status JobQueue::admit(const Demand& demand) const {
  const auto fits = [&](const NodeShape& shape) { return shape.cpus + kSlack >= demand.cpus && shape.gpus >= devices(demand); };
  const auto able = std::count_if(shapes_.begin(), shapes_.end(), fits);
  if (able >= demand.num_nodes) return {};
  if (static_cast<std::size_t>(demand.num_nodes) > shapes_.size())
    return invalid(fmt::format("the job asks for {} nodes, the cluster has {}", demand.num_nodes, shapes_.size()));
  return invalid(fmt::format("the job asks for {} nodes with {} CPUs and {} accelerators each; {} of the cluster's nodes have as many",
                             demand.num_nodes, demand.cpus, demand.gpus, able));
}

Status JobQueue::admit_places(const std::vector<Place>& places) const {
  for (const auto& place : places) {
    if (place.node < 0 || place.node >= static_cast<int>(shapes_.size()))
      return invalid(fmt::format("the cluster has no node {}", place.node));
    for (const int device : place.gpus)
      if (device < 0 || device >= shapes_[static_cast<std::size_t>(place.node)].gpus)
        return invalid(fmt::format("node {} has no accelerator {}", place.node, device));
  }
  return {};
}

/// By which rank of its phase a job is on a node: setups go by node.
int JobQueue::rank_on(const Active& active, int node) {
  if (active.phase == Phase::kSetup) return node;
  return static_cast<int>(std::find_if(active.places.begin(), active.places.end(), [&](const Place& at) { return at.node == node; }) -
                          active.places.begin());
}

std::vector<QueueEffect> JobQueue::step(const QueueEvent& event) {
  Effects out;
  std::visit([&](const auto& happened) { on(happened, out); }, event);
  start_what_fits(out);
  return out;
}

const std::vector<Place>* JobQueue::places(JobId job) const {
  const auto found = active_.find(job);
  return found == active_.end() ? nullptr : &found->second.places;
}

std::size_t JobQueue::in_phase(Phase phase) const {
  return static_cast<std::size_t>(
      std::count_if(active_.begin(), active_.end(), [&](const auto& job) { return job.second.phase == phase; }));
}

void JobQueue::on(const JobSubmitted& event, Effects&) {
  CHECK(admit(event.demand).ok(), event.job);
  CHECK(pending_.emplace(event.job, event.demand).second && !active_.contains(event.job), event.job);
}

void JobQueue::on(const RankEnded& event, Effects& out) {
  const auto found = active_.find(event.key.job);
  if (found == active_.end() || found->second.phase != event.key.phase || found->second.live.erase(event.node) == 0) return;
  auto& active = found->second;
  if (!event.end.exit_code || *event.end.exit_code != 0) {
    const int rank = rank_on(active, event.node);
    const auto status = !event.end.exit_code            ? JobStatus::kFailedDriver
                        : active.phase == Phase::kSetup ? JobStatus::kFailedSetup
                                                        : JobStatus::kFailed;
    const bool node_lost = !event.end.exit_code && lost_.contains(event.node);
    decide(event.key.job, active, {status, event.end.exit_code, rank, event.end.reason}, out, node_lost);
  }
  if (active.live.empty()) phase_over(event.key.job, active, out);
}

void JobQueue::on(const CancelWanted& event, Effects& out) {
  if (pending_.erase(event.job) != 0) {
    out.emplace_back(JobEnded{event.job, {JobStatus::kCancelled}});
    return;
  }
  if (const auto found = active_.find(event.job); found != active_.end()) decide(event.job, found->second, {JobStatus::kCancelled}, out);
}

void JobQueue::on(const JobRestored& event, Effects& out) {
  CHECK(admit_places(event.places).ok(), event.job);
  auto& active = active_[event.job];
  active = {event.demand, event.places, event.phase, {}, event.verdict};
  take(active, +1);
  start_ranks(event.job, active, out);
  if (active.verdict)
    for (const int node : active.live) out.emplace_back(KillGangRank{{event.job, active.phase}, node});
  end_with_lost(event.job, active, out);
}

// What ran on a machine that was replaced went with it, and must not be begun on the one that took its place.
void JobQueue::end_with_lost(JobId job, Active& active, Effects& out) {
  bool any = false;
  for (const auto& [node, loss] : lost_) {
    if (!loss.replaced || active.live.erase(node) == 0) continue;
    any = true;
    std::erase_if(out, [&, at = node](const QueueEffect& effect) {
      const auto* start = std::get_if<StartRank>(&effect);
      const auto* kill = std::get_if<KillGangRank>(&effect);
      return (start && start->key.job == job && start->node == at) || (kill && kill->key.job == job && kill->node == at);
    });
    decide(job, active, {JobStatus::kFailedDriver, {}, rank_on(active, node), fmt::format("node {} was lost", node)}, out, true);
  }
  if (any && active.live.empty()) phase_over(job, active, out);
}

void JobQueue::on(const NodeLost& event, Effects&) {
  auto& loss = lost_.emplace(event.node, event).first->second;
  loss.replaced |= event.replaced;
}

void JobQueue::on(const NodeBack& event, Effects&) { lost_.erase(event.node); }

bool JobQueue::is_closed(int node, const Demand& demand) const {
  const auto loss = lost_.find(node);
  return loss != lost_.end() && (loss->second.replaced || demand.waits_for_lost);
}

bool JobQueue::any_closed(const Demand& demand) const {
  return std::any_of(lost_.begin(), lost_.end(), [&](const auto& loss) { return is_closed(loss.first, demand); });
}

void JobQueue::start_what_fits(Effects& out) {
  while (!pending_.empty()) {
    const auto [job, demand] = *pending_.begin();
    auto places = place(demand);
    if (!places) return;
    pending_.erase(pending_.begin());
    auto& active = active_[job];
    active.demand = demand;
    active.places = std::move(*places);
    take(active, +1);
    if (demand.has_setup) begin_phase(job, active, Phase::kSetup, out);
    else if (demand.has_run) begin_phase(job, active, Phase::kRun, out);
    else finish(job, active, {JobStatus::kSucceeded, 0}, out);
  }
}

std::optional<std::vector<Place>> JobQueue::place(const Demand& demand) const {
  // Setup is on every node of the cluster.
  if (demand.has_setup && any_closed(demand)) return std::nullopt;
  std::vector<Place> places;
  for (int node = 0; node < static_cast<int>(nodes_.size()) && static_cast<int>(places.size()) < demand.num_nodes; ++node) {
    const auto& at = nodes_[static_cast<std::size_t>(node)];
    if (at.cpus_free + kSlack < demand.cpus || is_closed(node, demand)) continue;
    if (auto picked = pick_devices(at.gpus_free, demand)) places.push_back({node, std::move(*picked)});
  }
  if (static_cast<int>(places.size()) < demand.num_nodes) return std::nullopt;
  return places;
}

void JobQueue::take(const Active& active, double sign) {
  for (const auto& place : active.places) {
    auto& node = nodes_[static_cast<std::size_t>(place.node)];
    node.cpus_free -= sign * active.demand.cpus;
    for (const int device : place.gpus) node.gpus_free[static_cast<std::size_t>(device)] -= sign * share_of_each_device(active.demand);
  }
}

void JobQueue::begin_phase(JobId job, Active& active, Phase phase, Effects& out) {
  active.phase = phase;
  out.emplace_back(PhaseBegun{job, phase, active.places});
  start_ranks(job, active, out);
}

void JobQueue::start_ranks(JobId job, Active& active, Effects& out) const {
  const auto start = [&](int rank, int node) {
    active.live.insert(node);
    out.emplace_back(StartRank{{job, active.phase}, rank, node});
  };
  if (active.phase == Phase::kSetup) {
    for (int node = 0; node < static_cast<int>(nodes_.size()); ++node) start(node, node);
  } else {
    for (int rank = 0; rank < static_cast<int>(active.places.size()); ++rank)
      start(rank, active.places[static_cast<std::size_t>(rank)].node);
  }
}

void JobQueue::decide(JobId job, Active& active, Verdict verdict, Effects& out, bool node_lost) const {
  if (active.verdict) return;
  active.verdict = std::move(verdict);
  out.emplace_back(VerdictReached{job, *active.verdict, node_lost});
  for (const int node : active.live) out.emplace_back(KillGangRank{{job, active.phase}, node});
}

void JobQueue::phase_over(JobId job, Active& active, Effects& out) {
  if (active.verdict) finish(job, active, *active.verdict, out);
  else if (active.phase == Phase::kSetup && active.demand.has_run) begin_phase(job, active, Phase::kRun, out);
  else finish(job, active, {JobStatus::kSucceeded, 0}, out);
}

void JobQueue::finish(JobId job, const Active& active, Verdict verdict, Effects& out) {
  take(active, -1);
  active_.erase(job);
  out.emplace_back(JobEnded{job, std::move(verdict)});
}

}  // namespace isobar::broker
