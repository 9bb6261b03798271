#include "comparisons.h"

namespace isobar::transfer {

Comparisons::Comparisons(Compare compare, ContentBounds bounds) : compare_(std::move(compare)), bounds_(bounds) {}

Comparisons::~Comparisons() {
  stop_.request_stop();
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    begun_.notify_all();
  }
  for (auto& worker : workers_) worker.join();
}

bool Comparisons::has_room(std::uint64_t bytes) const {
  const std::scoped_lock lock(mutex_);
  if (under_way_ == 0) return true;
  return under_way_ < bounds_.at_once && memory_ + memory_for(bytes) <= bounds_.memory_bytes;
}

std::shared_ptr<Comparisons::Verdict> Comparisons::begin(storage::ObjectInfo source, storage::ObjectInfo target) {
  auto verdict = std::make_shared<Verdict>();
  const std::scoped_lock lock(mutex_);
  memory_ += memory_for(source.bytes);
  ++under_way_;
  waiting_.push_back({std::move(source), std::move(target), verdict});
  if (static_cast<int>(waiting_.size()) > idle_) workers_.emplace_back([this] { work(); });
  begun_.notify_one();
  return verdict;
}

std::optional<Result<bool>> Comparisons::outcome(const Verdict& verdict) const {
  const std::scoped_lock lock(mutex_);
  return verdict.same;
}

void Comparisons::wait(const Verdict& verdict) {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return verdict.same.has_value() || ends_ != ends_seen_; });
  ends_seen_ = ends_;
}

void Comparisons::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    begun_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    --idle_;
    if (closing_) return;
    const Pair pair = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    auto same = compare_(pair.source, pair.target, stop_.get_token());
    lock.lock();
    pair.verdict->same.emplace(std::move(same));
    memory_ -= memory_for(pair.source.bytes);
    --under_way_;
    ++ends_;
    ended_.notify_all();
  }
}

}  // namespace isobar::transfer
