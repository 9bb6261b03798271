#pragma once

/// A definition as it runs: its views, and the plans of requests. Readers hold one while they read; another takes its place.

#include <map>
#include <unordered_map>

#include "features/request_plan.h"
#include "view_slot.h"

namespace isobar::features {

class Epoch {
 public:
  std::shared_ptr<const Project> project;
  std::vector<std::shared_ptr<ViewSlot>> slots;  ///< of each view
  std::vector<std::optional<ViewId>> records;    ///< of each source: where the records of one with a key are

  /// nullptr: no view has this number.
  std::shared_ptr<ViewSlot> slot_of(ViewId id) const;
  /// Errors   as RequestPlan::create
  Result<std::shared_ptr<const RequestPlan>> plan(const RequestSpec& spec);
  /// An expensive feature that a plan asks for, and by which of its parts.
  struct Asked {
    std::size_t part, output;
    std::shared_ptr<ScheduledFeature> scheduled;
  };
  /// The plan is one of this epoch's.
  std::vector<Asked> asked(const RequestPlan& plan) const;

 private:
  std::vector<Asked> asked_of(const RequestPlan& plan) const;

  mutable Mutex mutex_;
  std::map<RequestSpec, std::shared_ptr<const RequestPlan>> plans_ GUARDED_BY(mutex_);
  std::unordered_map<const RequestPlan*, std::vector<Asked>> asked_ GUARDED_BY(mutex_);
};

}  // namespace isobar::features
