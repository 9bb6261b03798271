#include "refresher.h"

#include <ctime>

namespace isobar::features {

namespace {

double thread_cpu_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

}  // namespace

Refresher::Refresher(const Clock& clock) : clock_(clock), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Refresher::~Refresher() = default;

void Refresher::set(std::vector<Feature> features) {
  {
    const std::lock_guard lock(mutex_);
    features_ = std::move(features);
    woken_ = true;
  }
  changed_.notify_all();
}

void Refresher::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Refresher::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<Feature> features;
    {
      const std::lock_guard lock(mutex_);
      features = features_;
      woken_ = false;
    }
    const auto again = refresh_each(features);
    std::unique_lock lock(mutex_);
    const auto woken = [this] { return woken_; };
    if (!again) changed_.wait(lock, stop, woken);
    else changed_.wait_for(lock, stop, std::max(Duration::zero(), *again - clock_.now()), woken);
  }
}

std::optional<Instant> Refresher::refresh_each(const std::vector<Feature>& features) {
  std::optional<Instant> again;
  for (const auto& feature : features) {
    const Next next = feature.scheduled->next(clock_.now());
    if (next.refresh) refresh(feature, *next.refresh);
    const auto when = next.refresh ? std::optional(clock_.now()) : next.ask_again;
    if (when && (!again || *when < *again)) again = when;
  }
  return again;
}

void Refresher::refresh(const Feature& feature, const Refresh& order) {
  ViewShard& shard = feature.slot->shard_of(order.key);
  std::shared_ptr<const Featurizer> featurizer;
  std::optional<ExpensiveWork> work;
  {
    const MutexLock lock(shard.mutex);
    featurizer = shard.state->featurizer(feature.expensive);
    work = shard.state->work(order.key, feature.expensive, clock_.now());
  }
  // Too little to make a row of: there will be more when the next input comes.
  if (!work) return feature.scheduled->finished(order.key, order.version, 0, clock_.now());
  const double begin = thread_cpu_seconds();
  auto row = featurizer->make(*work);
  const double cost = thread_cpu_seconds() - begin;
  const Instant now = clock_.now();
  if (!row) return feature.scheduled->failed(order.key, order.version, now);
  {
    const MutexLock lock(shard.mutex);
    if (shard.state->set_expensive(order.key, feature.expensive, std::move(*row)))
      shard.unwritten.mark(order.key, feature.slot->applied + 1, now);
  }
  feature.scheduled->finished(order.key, order.version, cost, now);
}

}  // namespace isobar::features
