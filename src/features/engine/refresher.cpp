#include "refresher.h"

#include <ctime>

namespace isobar::features {

namespace {

/// When all that was tried failed, as long as nothing else wakes it: with a budget that has no end it would be tried again at once, for
/// ever.
constexpr Duration kAfterFailure = std::chrono::seconds(1);

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
    const auto again = refresh_each(features, stop);
    std::unique_lock lock(mutex_);
    const auto woken = [this] { return woken_; };
    if (!again) changed_.wait(lock, stop, woken);
    else changed_.wait_for(lock, stop, std::max(Duration::zero(), *again - clock_.now()), woken);
  }
}

std::optional<Instant> Refresher::refresh_each(const std::vector<Feature>& features, const std::stop_token& stop) {
  std::optional<Instant> again;
  const auto sooner = [&](std::optional<Instant> when) {
    if (when && (!again || *when < *again)) again = when;
  };
  for (const auto& feature : features) {
    const auto featurizer = featurizer_of(feature);
    if (featurizer->is_outside()) {
      OutsideFeaturizer* const maker = featurizer->outside();
      if (maker == nullptr) continue;  // it may not be run here
      if (const Duration pause = maker->pause(); pause > Duration::zero()) {
        sooner(clock_.now() + pause);
        continue;
      }
      const auto& made_by = feature.slot->view().expensive_features()[feature.expensive].feature;
      sooner(refresh_outside(feature, *maker, static_cast<std::size_t>(std::get<OutsideParameters>(made_by.parameters).batch), stop));
      continue;
    }
    const Next next = feature.scheduled->next(clock_.now());
    const bool made = next.refresh && refresh(feature, *next.refresh);
    sooner(!next.refresh ? next.ask_again : clock_.now() + (made ? Duration::zero() : kAfterFailure));
  }
  return again;
}

std::shared_ptr<const Featurizer> Refresher::featurizer_of(const Feature& feature) {
  ViewShard& shard = feature.slot->shards.front();
  const MutexLock lock(shard.mutex);
  return shard.state->featurizer(feature.expensive);
}

/// What a key's row is to be made of now. None: there is too little.
std::optional<ExpensiveWork> Refresher::work_of(const Feature& feature, const Refresh& order) const {
  ViewShard& shard = feature.slot->shard_of(order.key);
  const MutexLock lock(shard.mutex);
  return shard.state->work(order.key, feature.expensive, clock_.now());
}

bool Refresher::refresh(const Feature& feature, const Refresh& order) {
  const auto work = work_of(feature, order);
  if (!work) {
    // There will be more when the next input comes.
    feature.scheduled->finished(order.key, order.version, 0, clock_.now());
    return true;
  }
  const double begin = thread_cpu_seconds();
  auto row = featurizer_of(feature)->make(*work);
  return finish(feature, order, std::move(row), thread_cpu_seconds() - begin);
}

/// When to ask again.
std::optional<Instant> Refresher::refresh_outside(const Feature& feature, OutsideFeaturizer& maker, std::size_t most,
                                                  const std::stop_token& stop) {
  std::vector<Refresh> orders;
  std::vector<ExpensiveWork> works;
  std::optional<Instant> again;
  while (orders.size() < most) {
    const Next next = feature.scheduled->next(clock_.now());
    if (!next.refresh) {
      again = next.ask_again;
      break;
    }
    auto work = work_of(feature, *next.refresh);
    if (!work) {
      feature.scheduled->finished(next.refresh->key, next.refresh->version, 0, clock_.now());
      continue;
    }
    orders.push_back(*next.refresh);
    works.push_back(std::move(*work));
  }
  if (orders.empty()) return again;
  std::vector<std::span<const Row>> keys;
  for (const auto& work : works) keys.emplace_back(work.events);
  auto made = maker.make(keys, stop);
  const double cost = made.ok() ? made->cpu_seconds / static_cast<double>(orders.size()) : 0;
  bool some = false;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    Result<ExpensiveRow> row = made.ok() ? invalid("") : made.error();
    if (made.ok() && made->values[i].ok()) row = ExpensiveRow{works[i].upto, 0, std::move(*made->values[i])};
    some = finish(feature, orders[i], std::move(row), cost) || some;
  }
  return clock_.now() + std::max(maker.pause(), some ? Duration::zero() : kAfterFailure);
}

/// Puts a row in its place, if there is one, and tells the scheduler. Whether there was one.
bool Refresher::finish(const Feature& feature, const Refresh& order, Result<ExpensiveRow> row, double cost) {
  const Instant now = clock_.now();
  bool made = row.ok();
  if (made) {
    ViewShard& shard = feature.slot->shard_of(order.key);
    const MutexLock lock(shard.mutex);
    // Of a view that another one has followed since, the row would go nowhere: it is to be made again there.
    made = !feature.slot->retired;
    if (made && shard.state->set_expensive(order.key, feature.expensive, std::move(*row)))
      shard.unwritten.mark(order.key, feature.slot->applied + 1, now);
  }
  if (made) feature.scheduled->finished(order.key, order.version, cost, now);
  else feature.scheduled->failed(order.key, order.version, now);
  return made;
}

void Refreshers::set(std::vector<Refresher::Feature> features) {
  std::vector<Refresher::Feature> here;
  std::vector<std::vector<Refresher::Feature>> outside;
  for (auto& feature : features) {
    const auto& made_by = feature.slot->view().expensive_features()[feature.expensive].feature;
    if (std::holds_alternative<OutsideParameters>(made_by.parameters)) outside.push_back({std::move(feature)});
    else here.push_back(std::move(feature));
  }
  here_.set(std::move(here));
  const std::lock_guard lock(mutex_);
  while (outside_.size() < outside.size()) outside_.push_back(std::make_unique<Refresher>(clock_));
  outside.resize(outside_.size());
  for (std::size_t i = 0; i < outside.size(); ++i) outside_[i]->set(std::move(outside[i]));
}

void Refreshers::wake() {
  here_.wake();
  const std::lock_guard lock(mutex_);
  for (const auto& one : outside_) one->wake();
}

}  // namespace isobar::features
