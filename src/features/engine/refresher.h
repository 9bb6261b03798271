#pragma once

/// The thread that makes rows of expensive features, in the order and within the budget that their schedulers say.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

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
  std::optional<Instant> refresh_each(const std::vector<Feature>& features, const std::stop_token& stop);
  /// Whether there is a row, or nothing to make one of.
  bool refresh(const Feature& feature, const Refresh& order);
  /// Many keys at once, by what is outside, which may take long over it.
  std::optional<Instant> refresh_outside(const Feature& feature, OutsideFeaturizer& maker, std::size_t most, const std::stop_token& stop);
  static std::shared_ptr<const Featurizer> featurizer_of(const Feature& feature);
  std::optional<ExpensiveWork> work_of(const Feature& feature, const Refresh& order) const;
  bool finish(const Feature& feature, const Refresh& order, Result<ExpensiveRow> row, double cost);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Feature> features_;
  bool woken_ = false;
  std::jthread thread_;  // last, so that it is first to end
};

/// One thread for all that is made here, and one for each feature that is made outside, so that no program holds up another, nor what is
/// made here.
class Refreshers {
 public:
  explicit Refreshers(const Clock& clock) : clock_(clock), here_(clock) {}
  void set(std::vector<Refresher::Feature> features);
  void wake();

 private:
  const Clock& clock_;
  Refresher here_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Refresher>> outside_;
};

}  // namespace isobar::features
