#pragma once

/// The scheduler of one expensive feature, for any thread.

#include "base/mutex.h"
#include "features/scheduler.h"
#include "view_slot.h"

namespace isobar::features {

class ScheduledFeature {
 public:
  /// Errors   as Scheduler::create
  static Result<std::shared_ptr<ScheduledFeature>> create(const Schedule& schedule);

  /// What a view's state noted: new inputs, and errors of the rows that are served.
  void take(const ViewState::Note& note, Instant now);
  /// A key as it was found when the engine was opened, or the schedule changed. work   what a row made now would be made of
  void found(std::string_view key, const ExpensiveWork& work, const ExpensiveRow* row, Instant now);
  /// That its row was asked for; and how wrong that has been since it was made. None: the key is not known.
  std::optional<double> query(std::string_view key, Instant now);
  /// Errors   as Scheduler::feedback
  Status feedback(std::string_view key, double error, Instant now);
  Next next(Instant now);
  void finished(std::string_view key, InputVersion version, double cost, Instant now);
  void failed(std::string_view key, InputVersion version, Instant now);
  Explanation explain(std::string_view key, Instant now) const;
  std::pair<Counters, Gauges> counted(Instant now) const;

 private:
  explicit ScheduledFeature(Scheduler scheduler) : scheduler_(std::move(scheduler)) {}
  mutable Mutex mutex_;
  Scheduler scheduler_ GUARDED_BY(mutex_);
};

}  // namespace isobar::features
