#pragma once

/// Virtual time. A run of cores under this scheduler is a function of its seed: events happen in the order of their
/// time, and events of the same instant in an order that the seed draws, so that no schedule is favoured by accident
/// and every one of them can be replayed.

#include <cstdint>
#include <functional>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace isobar::sim {

class Scheduler final : public Clock {
 public:
  explicit Scheduler(std::uint64_t seed, Instant start = Instant()) : random_(seed), now_(start) {}

  Instant now() const override { return now_; }
  Random& random() { return random_; }

  using EventId = std::uint64_t;
  /// Runs `event` after `delay` of virtual time (0: later in this instant).
  EventId after(Duration delay, std::function<void()> event);
  /// Forgets an event; one that has run or was forgotten is left alone.
  void cancel(EventId id);

  /// Runs events until none is left or the clock would pass `until`. Returns whether none is left.
  bool run_until(Instant until);

 private:
  struct Item {
    Instant at;
    std::uint64_t tie;
    EventId id;
    std::function<void()> event;
  };
  Random random_;
  Instant now_;
  EventId next_id_ = 1;
  std::vector<Item> heap_;
};

}  // namespace isobar::sim
