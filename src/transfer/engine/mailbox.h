#pragma once

// What other threads tell the one that runs a job. Its length is bounded by what that job has under way.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "base/time.h"
#include "transfer/copy_core.h"

namespace isobar::transfer {

class Mailbox {
 public:
  void post(Event event) {
    const std::scoped_lock lock(mutex_);
    events_.push_back(std::move(event));
    if (events_.size() == 1) changed_.notify_one();
  }
  /// Wakes the reader without a letter.
  void ring() {
    const std::scoped_lock lock(mutex_);
    rung_ = true;
    changed_.notify_one();
  }
  /// All there is; waits for the first, for a ring, or for `patience`.
  std::vector<Event> take(Duration patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return !events_.empty() || rung_; });
    rung_ = false;
    return std::exchange(events_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  bool rung_ = false;
};

}  // namespace isobar::transfer
