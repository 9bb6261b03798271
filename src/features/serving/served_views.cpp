#include "served_views.h"

namespace isobar::features {

namespace {

std::shared_ptr<const ServedViews> make(std::shared_ptr<const Project> project) {
  auto served = std::make_shared<ServedViews>();
  for (const auto& view : project->views()) {
    if (!view.view().online) continue;
    ServedView& made = served->views[view.name()];
    made.view = &view;
    for (std::size_t i = 0; i < view.stored().size(); ++i) made.stored[view.stored()[i].name] = i;
    for (const auto& feature : view.view().features)
      if (std::holds_alternative<OnDemandFeature>(feature.made_by)) made.on_demand.push_back(feature.name);
  }
  served->project = std::move(project);
  return served;
}

}  // namespace

std::shared_ptr<const ServedViews> ServedViewsCache::of(const Engine& engine) {
  auto project = engine.project();
  if (!project) return nullptr;
  const MutexLock lock(mutex_);
  if (!known_ || known_->project != project) known_ = make(std::move(project));
  return known_;
}

}  // namespace isobar::features
