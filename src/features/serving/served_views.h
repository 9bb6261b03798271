#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "features/engine.h"

namespace isobar::features {

/// A view with its features found by name.
struct ServedView {
  const CompiledView* view;
  std::unordered_map<std::string_view, std::size_t> stored;  ///< where in a reading they are
  std::vector<std::string> on_demand;
};

/// The views that are online, by name, as long as the definition is this one.
struct ServedViews {
  std::shared_ptr<const Project> project;
  std::map<std::string, ServedView, std::less<>> views;
};

/// Made once for each definition. Safe from any thread.
class ServedViewsCache {
 public:
  /// nullptr: no definition was applied yet.
  std::shared_ptr<const ServedViews> of(const Engine& engine);

 private:
  Mutex mutex_;
  std::shared_ptr<const ServedViews> known_ GUARDED_BY(mutex_);
};

}  // namespace isobar::features
