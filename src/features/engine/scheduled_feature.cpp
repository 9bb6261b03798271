#include "scheduled_feature.h"

namespace isobar::features {

Result<std::shared_ptr<ScheduledFeature>> ScheduledFeature::create(const Schedule& schedule) {
  SchedulerConfig config;
  config.policy = schedule.policy;
  config.policy_options.floor_per_hour = schedule.floor_per_hour;
  config.budget = schedule.budget;
  config.staleness_most = schedule.max_staleness;
  config.cold_first = schedule.cold_first;
  TRY_ASSIGN(Scheduler scheduler, Scheduler::create(std::move(config)));
  return std::shared_ptr<ScheduledFeature>(new ScheduledFeature(std::move(scheduler)));
}

void ScheduledFeature::take(const ViewState::Note& note, Instant now) {
  const MutexLock lock(mutex_);
  // The error is of the row as it is: it counts before the input that it came with asks for a new one. A key that is shed has no row.
  if (note.error) static_cast<void>(scheduler_.feedback(note.key, {.error = *note.error, .served = {}}, now).ok());
  if (note.fresh) static_cast<void>(scheduler_.input(note.key, note.time, InputVersion(note.order.sequence), now).ok());
}

void ScheduledFeature::found(std::string_view key, const ExpensiveWork& work, const ExpensiveRow* row, Instant now) {
  const MutexLock lock(mutex_);
  if (row != nullptr && scheduler_.input(key, row->upto.time, InputVersion(row->upto.sequence), now).ok())
    static_cast<void>(scheduler_.finished(key, InputVersion(row->upto.sequence), 0, now).ok());
  const bool lacks = row == nullptr || (work.points.empty() ? work.upto > row->upto : work.base > row->base);
  if (lacks) static_cast<void>(scheduler_.input(key, work.upto.time, InputVersion(work.upto.sequence), now).ok());
}

std::optional<double> ScheduledFeature::query(std::string_view key, Instant now) {
  const MutexLock lock(mutex_);
  scheduler_.query(key, now);
  return scheduler_.regret(key);
}

Status ScheduledFeature::feedback(std::string_view key, double error, Instant now) {
  const MutexLock lock(mutex_);
  return scheduler_.feedback(key, {.error = error, .served = {}}, now);
}

Next ScheduledFeature::next(Instant now) {
  const MutexLock lock(mutex_);
  return scheduler_.next(now);
}

void ScheduledFeature::finished(std::string_view key, InputVersion version, double cost, Instant now) {
  const MutexLock lock(mutex_);
  static_cast<void>(scheduler_.finished(key, version, cost, now).ok());  // not ok: the key was forgotten meanwhile
}

void ScheduledFeature::failed(std::string_view key, InputVersion version, Instant now) {
  const MutexLock lock(mutex_);
  static_cast<void>(scheduler_.failed(key, version, now).ok());
}

Explanation ScheduledFeature::explain(std::string_view key, Instant now) const {
  const MutexLock lock(mutex_);
  return scheduler_.explain(key, now);
}

std::pair<Counters, Gauges> ScheduledFeature::counted(Instant now) const {
  const MutexLock lock(mutex_);
  return {scheduler_.counters(), scheduler_.gauges(now)};
}

}  // namespace isobar::features
