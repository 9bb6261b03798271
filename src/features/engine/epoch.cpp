#include "epoch.h"

#include <algorithm>

namespace isobar::features {

namespace {

/// Requests are a program's, and few; whoever makes each another would fill the memory.
constexpr std::size_t kPlansMost = 1000;

}  // namespace

std::shared_ptr<ViewSlot> Epoch::slot_of(ViewId id) const {
  const auto at = std::ranges::find_if(slots, [id](const auto& slot) { return slot->id == id; });
  return at == slots.end() ? nullptr : *at;
}

Result<std::shared_ptr<const RequestPlan>> Epoch::plan(const RequestSpec& spec) {
  const MutexLock lock(mutex_);
  if (const auto known = plans_.find(spec); known != plans_.end()) return known->second;
  TRY_ASSIGN(auto plan, RequestPlan::create(project, spec));
  if (plans_.size() >= kPlansMost) {
    plans_.clear();
    asked_.clear();
  }
  asked_.emplace(plan.get(), asked_of(*plan));
  plans_.emplace(spec, plan);
  return plan;
}

std::vector<Epoch::Asked> Epoch::asked(const RequestPlan& plan) const {
  const MutexLock lock(mutex_);
  const auto known = asked_.find(&plan);
  return known == asked_.end() ? std::vector<Asked>() : known->second;
}

std::vector<Epoch::Asked> Epoch::asked_of(const RequestPlan& plan) const {
  std::vector<Asked> asked;
  for (std::size_t part = 0; part < plan.parts().size(); ++part) {
    const ViewSlot& slot = *slots[plan.parts()[part].view];
    const auto& expensive = slot.view().expensive_features();
    for (std::size_t i = 0; i < expensive.size(); ++i)
      for (std::size_t output = 0; output < plan.outputs().size(); ++output)
        if (plan.outputs()[output].view == slot.view().name() &&
            plan.outputs()[output].feature == slot.view().stored()[expensive[i].stored].name)
          asked.push_back({part, output, slot.scheduled[i]});
  }
  return asked;
}

}  // namespace isobar::features
