#include "sim/scheduler.h"

#include <algorithm>
#include <tuple>

namespace isobar::sim {

namespace {

// For a heap whose front is the earliest event.
constexpr auto kLater = [](const auto& a, const auto& b) { return std::tie(a.at, a.tie, a.id) > std::tie(b.at, b.tie, b.id); };

}  // namespace

Scheduler::EventId Scheduler::after(Duration delay, std::function<void()> event) {
  CHECK(delay >= Duration::zero(), delay.count());
  heap_.push_back({now_ + delay, random_.next(), next_id_, std::move(event)});
  std::push_heap(heap_.begin(), heap_.end(), kLater);
  return next_id_++;
}

void Scheduler::cancel(EventId id) {
  const auto found = std::find_if(heap_.begin(), heap_.end(), [&](const Item& item) { return item.id == id; });
  if (found == heap_.end()) return;
  heap_.erase(found);
  std::make_heap(heap_.begin(), heap_.end(), kLater);
}

bool Scheduler::run_until(Instant until) {
  while (!heap_.empty() && heap_.front().at <= until) {
    std::pop_heap(heap_.begin(), heap_.end(), kLater);
    Item item = std::move(heap_.back());
    heap_.pop_back();
    now_ = item.at;
    item.event();
  }
  return heap_.empty();
}

}  // namespace isobar::sim
