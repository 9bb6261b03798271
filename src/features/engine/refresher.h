#pragma once

/// The thread that makes rows of expensive features, in the order and within the budget that their schedulers say.

#include <condition_variable>
#include <mutex>
#include <thread>

#include "scheduled_feature.h"

namespace isobar::features {

class Refresher {
 public:
  explicit Refresher(const Clock& clock);
  ~Refresher();

  struct Feature {
    std::shared_ptr<ViewSlot> slot;
    std::size_t expensive;
    std::shared_ptr<ScheduledFeature> scheduled;
  };
  /// What is to be refreshed from now on. One refresh of what was before may still end.
  void set(std::vector<Feature> features);
  /// Something happened that a scheduler may make something of.
  void wake();

 private:
  void run(const std::stop_token& stop);
  /// When to ask again; none: when woken.
  std::optional<Instant> refresh_each(const std::vector<Feature>& features);
  void refresh(const Feature& feature, const Refresh& order);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Feature> features_;
  bool woken_ = false;
  std::jthread thread_;  // last, so that it is first to end
};

}  // namespace isobar::features
