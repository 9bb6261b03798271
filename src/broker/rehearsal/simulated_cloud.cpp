#include "simulated_cloud.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::broker {

namespace {

// How long a cloud takes to say no, and to remove a machine.
constexpr Duration kRefusalDelay = 8s;
constexpr Duration kTerminateDelay = 20s;

// What each cloud calls an empty shelf and a reached limit.
std::string stockout_code(const std::string& cloud) {
  if (cloud == "aws") return "InsufficientInstanceCapacity";
  if (cloud == "gcp") return "ZONE_RESOURCE_POOL_EXHAUSTED";
  if (cloud == "azure") return "SkuNotAvailable";
  if (cloud == "lambda") return "insufficient-capacity";
  return "OutOfCapacity";
}

std::string quota_code(const std::string& cloud) {
  if (cloud == "aws") return "VcpuLimitExceeded";
  if (cloud == "gcp") return "QUOTA_EXCEEDED";
  return "QuotaExceeded";
}

}  // namespace

bool FaultWhere::covers(const Placement& placement) const {
  const auto& offer = placement.offer;
  return (!cloud || *cloud == offer.cloud) && (!region || *region == offer.region) && (!zone || *zone == offer.zone) &&
         (!instance_type || *instance_type == offer.instance_type) && (!accelerator || *accelerator == offer.accelerator) &&
         (!use_spot || *use_spot == placement.use_spot);
}

SimulatedClouds::SimulatedClouds(sim::Scheduler& scheduler, const FaultPlan& plan, std::function<void(const std::string&)> on_preempted)
    : scheduler_(scheduler), plan_(plan), on_preempted_(std::move(on_preempted)) {
  for (const auto& fault : plan_.faults) {
    if (fault.kind != FaultKind::kPreempt) continue;
    scheduler_.after(fault.from, [this, &fault] {
      std::vector<std::string> struck;
      for (const auto& [id, machine] : machines_)
        if (fault.where.covers(machine.placement) && std::find(struck.begin(), struck.end(), machine.cluster) == struck.end())
          struck.push_back(machine.cluster);
      for (const auto& cluster : struck) take_away(cluster);
    });
  }
}

bool SimulatedClouds::in_force(const Fault& fault) const {
  const Duration now = scheduler_.now() - Instant();
  return fault.from <= now && now < fault.until;
}

const Fault* SimulatedClouds::striking(FaultKind kind, const Placement& placement) {
  for (const auto& fault : plan_.faults)
    if (fault.kind == kind && in_force(fault) && fault.where.covers(placement) &&
        (fault.probability >= 1 || scheduler_.random().chance(fault.probability)))
      return &fault;
  return nullptr;
}

void SimulatedClouds::refuse(const Placement& placement, const std::string& code, const std::string& message, Duration after,
                             std::function<void(cloud::CreateOutcome)> done) {
  cloud::CreateOutcome outcome;
  outcome.failure = cloud::CloudError{Error(Code::kExhausted, fmt::format("{} ({})", message, code)), code,
                                      cloud::scope_of_error(placement.offer.cloud, code, placement.offer)};
  scheduler_.after(after, [outcome = std::move(outcome), done = std::move(done)] { done(outcome); });
}

void SimulatedClouds::create(const std::string& cluster, const Placement& placement, int count,
                             std::function<void(cloud::CreateOutcome)> done) {
  const std::string& cloud = placement.offer.cloud;
  if (striking(FaultKind::kOutage, placement))
    return refuse(placement, "ApiUnreachable", "the cloud does not answer", kRefusalDelay, std::move(done));
  if (const Fault* fault = striking(FaultKind::kError, placement))
    return refuse(placement, fault->code, "creation failed", kRefusalDelay, std::move(done));
  if (striking(FaultKind::kQuota, placement))
    return refuse(placement, quota_code(cloud), "the quota is reached", kRefusalDelay, std::move(done));
  if (striking(FaultKind::kStockout, placement))
    return refuse(placement, stockout_code(cloud), "out of stock", kRefusalDelay, std::move(done));
  if (striking(FaultKind::kFlaky, placement)) return refuse(placement, "InternalError", "creation failed", kRefusalDelay, std::move(done));
  const Fault* slow = striking(FaultKind::kSlow, placement);
  const Duration delay = slow ? slow->delay : plan_.provision;
  if (striking(FaultKind::kPartial, placement)) {
    raise(cluster, placement, std::max(1, count - 1));
    return refuse(placement, stockout_code(cloud), "one node did not come up", delay, std::move(done));
  }
  raise(cluster, placement, count);
  scheduler_.after(delay, [this, cluster, placement, count, done = std::move(done)] {
    if (live_machines(cluster) < static_cast<std::size_t>(count))
      return refuse(placement, stockout_code(placement.offer.cloud), "a node was taken away while it started", Duration::zero(), done);
    cloud::CreateOutcome outcome;
    for (int rank = 0; rank < count; ++rank)
      outcome.instances.push_back(
          {.id = fmt::format("{}-{}", cluster, rank), .cluster = cluster, .rank = rank, .state = cloud::InstanceState::kRunning});
    draw_lifetime(cluster, placement);
    done(std::move(outcome));
  });
}

void SimulatedClouds::raise(const std::string& cluster, const Placement& placement, int count) {
  for (int i = 0; i < count; ++i) machines_[next_id_++] = {cluster, placement, scheduler_.now()};
  highest_price_ = std::max(highest_price_, placement.hourly_price);
}

void SimulatedClouds::draw_lifetime(const std::string& cluster, const Placement& placement) {
  const Fault* fault = striking(FaultKind::kLifetime, placement);
  if (!fault || machines_.empty()) return;
  const MachineId newest = next_id_ - 1;
  scheduler_.after(from_seconds(scheduler_.random().exponential(to_seconds(fault->delay))), [this, cluster, newest] {
    if (machines_.contains(newest)) take_away(cluster);
  });
}

// The newest machine of the cluster is taken away; the others of its gang go on running, and cost, until somebody notices.
void SimulatedClouds::take_away(const std::string& cluster) {
  for (auto machine = machines_.rbegin(); machine != machines_.rend(); ++machine) {
    if (machine->second.cluster != cluster) continue;
    remove(machine->first);
    on_preempted_(cluster);
    return;
  }
}

void SimulatedClouds::remove(MachineId id) {
  const Machine& machine = machines_.at(id);
  settled_cost_ += machine.placement.hourly_price * to_seconds(scheduler_.now() - machine.born) / 3600;
  machines_.erase(id);
}

void SimulatedClouds::terminate(const std::string& cluster, const std::string& cloud, std::function<void(bool)> done) {
  const Placement anywhere{{.cloud = cloud}, false, 0, 0};
  const bool answers = !striking(FaultKind::kOutage, anywhere) && !striking(FaultKind::kFlaky, anywhere);
  scheduler_.after(answers ? kTerminateDelay : kRefusalDelay, [this, cluster, cloud, answers, done = std::move(done)] {
    if (answers) {
      std::vector<MachineId> doomed;
      for (const auto& [id, machine] : machines_)
        if (machine.cluster == cluster && machine.placement.offer.cloud == cloud) doomed.push_back(id);
      for (const MachineId id : doomed) remove(id);
    }
    done(answers);
  });
}

double SimulatedClouds::cost() const {
  double total = settled_cost_;
  for (const auto& [id, machine] : machines_) total += machine.placement.hourly_price * to_seconds(scheduler_.now() - machine.born) / 3600;
  return total;
}

std::size_t SimulatedClouds::live_machines(const std::string& cluster) const {
  return static_cast<std::size_t>(
      std::count_if(machines_.begin(), machines_.end(), [&](const auto& item) { return item.second.cluster == cluster; }));
}

}  // namespace isobar::broker
