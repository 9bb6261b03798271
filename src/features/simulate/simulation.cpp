#include "features/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace isobar::features {

namespace {

/// One policy with one budget, from the first step to the last.
class Run {
 public:
  Run(const Workload& workload, Scheduler scheduler)
      : workload_(workload),
        events_(workload.events()),
        scheduler_(std::move(scheduler)),
        served_(workload.keys().size(), Workload::kNoRow) {}

  Result<CurvePoint> run() && {
    for (std::uint32_t from = 0, to = 0; from < events_.size(); from = to) {
      while (to < events_.size() && events_[to].step == events_[from].step) ++to;
      now_ = Instant() + workload_.step() * static_cast<std::int64_t>(events_[from].step);
      for (std::uint32_t event = from; event < to; ++event) TRY(answer(event));
      for (std::uint32_t event = from; event < to; ++event) TRY(take_in(event));
      TRY(refresh());
    }
    return CurvePoint{0, sum_ / static_cast<double>(answers_), scheduler_.counters().refreshes};
  }

 private:
  static InputVersion version_of(std::uint32_t event) { return InputVersion(event + std::uint64_t{1}); }
  std::string_view key_of(std::uint32_t event) const { return workload_.keys()[events_[event].key]; }

  Status answer(std::uint32_t event) {
    const std::uint32_t row = served_[events_[event].key];
    if (events_[event].queries == 0) return {};
    const AnswerError error = workload_.answer(event, row);
    const Feedback feedback{error.told, row == Workload::kNoRow ? InputVersion() : version_of(row)};
    for (std::uint32_t i = 0; i < events_[event].queries; ++i) {
      scheduler_.query(key_of(event), now_);
      sum_ += error.reported;
      ++answers_;
      // The first answer to a key that has sent nothing yet is nobody's fault.
      if (const auto told = scheduler_.feedback(key_of(event), feedback, now_); !told.ok() && told.error().code() != Code::kNotFound)
        return told;
    }
    return {};
  }

  Status take_in(std::uint32_t event) {
    TRY(scheduler_.input(key_of(event), now_, version_of(event), now_));
    return events_[event].first_row ? finish(event) : Status();
  }

  Status refresh() {
    while (const auto refresh = scheduler_.next(now_).refresh) TRY(finish(static_cast<std::uint32_t>(refresh->version.value() - 1)));
    return {};
  }

  /// Every row costs the same: a trace does not know what its rows cost.
  Status finish(std::uint32_t event) {
    TRY_ASSIGN(const Accepted accepted, scheduler_.finished(key_of(event), version_of(event), 1, now_));
    if (accepted == Accepted::kNewest) served_[events_[event].key] = event;
    return {};
  }

  const Workload& workload_;
  const std::vector<TraceEvent>& events_;
  Scheduler scheduler_;
  std::vector<std::uint32_t> served_;  ///< the event whose row each key is answered from
  Instant now_;
  double sum_ = 0;
  std::uint64_t answers_ = 0;
};

Result<Curve> run_policy(const Workload& workload, const std::string& policy, const SimulationOptions& options) {
  Curve curve{policy, {}};
  for (const double budget : options.budgets) {
    SchedulerConfig config;
    config.policy = policy;
    config.policy_options.floor_per_hour = options.floor_per_hour;
    config.budget = {CostUnit::kRefreshes, budget / to_seconds(workload.step()), std::max(1.0, budget)};
    config.staleness_most = options.staleness_most;
    config.cold_first = options.cold_first;
    config.error_most = std::numeric_limits<double>::max();
    config.events_most = workload.events().size();
    config.seed = options.seed;
    TRY_ASSIGN(Scheduler scheduler, Scheduler::create(std::move(config)));
    TRY_ASSIGN(CurvePoint point, Run(workload, std::move(scheduler)).run());
    point.budget = budget;
    curve.points.push_back(point);
  }
  return curve;
}

Status check(const SimulationOptions& options) {
  if (options.policies.empty()) return invalid("there is no policy to simulate; give some, such as regret,round-robin,fifo");
  if (options.budgets.empty()) return invalid("there is no budget to simulate; give some, such as 0.25,0.5,1");
  std::set<std::string> seen;
  for (const std::string& policy : options.policies)
    if (!seen.insert(policy).second) return invalid(fmt::format("policy {} is named twice", policy));
  for (const double budget : options.budgets)
    if (!(budget > 0) || !std::isfinite(budget))
      return invalid(fmt::format("a budget of {} refreshes a step is not possible; give more than 0", budget));
  return {};
}

/// The rows that no scheduler can do better or worse than: each key's first alone, and always the one before.
void add_bounds(const Workload& workload, Simulation& simulation) {
  std::vector<std::uint32_t> first(workload.keys().size(), Workload::kNoRow), last = first;
  double never = 0, always = 0;
  const auto& events = workload.events();
  for (std::uint32_t event = 0; event < events.size(); ++event) {
    const auto& [key, step, queries, first_row] = events[event];
    if (queries > 0) {
      never += queries * workload.answer(event, first[key]).reported;
      always += queries * workload.answer(event, last[key]).reported;
      simulation.answers += queries;
    }
    if (first_row) first[key] = event;
    last[key] = event;
  }
  simulation.never = never / static_cast<double>(simulation.answers);
  simulation.always = always / static_cast<double>(simulation.answers);
}

}  // namespace

Result<Simulation> simulate(const Workload& workload, const SimulationOptions& options) {
  TRY(check(options));
  Simulation simulation;
  simulation.keys = workload.keys().size();
  simulation.rows = workload.events().size();
  std::set<std::uint32_t> steps;
  for (const TraceEvent& event : workload.events())
    if (event.queries > 0) steps.insert(event.step);
  simulation.steps = steps.size();
  if (steps.empty()) return invalid("nothing is asked in this trace: no key has a value after its first window");
  add_bounds(workload, simulation);
  for (const std::string& policy : options.policies) {
    TRY_ASSIGN(Curve curve, run_policy(workload, policy, options));
    simulation.curves.push_back(std::move(curve));
  }
  return simulation;
}

const Curve* Simulation::curve(std::string_view policy) const {
  const auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) { return curve.policy == policy; });
  return found == curves.end() ? nullptr : &*found;
}

std::optional<double> excess_removed(double error, double other, double always) {
  if (other <= always) return std::nullopt;
  return (other - error) / (other - always);
}

}  // namespace isobar::features
