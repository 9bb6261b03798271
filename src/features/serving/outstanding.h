#pragma once

#include <condition_variable>
#include <mutex>

namespace isobar::features {

/// How many answers are awaited from others' threads, which must not find us gone. Safe from any thread.
class Outstanding {
 public:
  void begin() {
    const std::scoped_lock lock(mutex_);
    ++count_;
  }
  void end() {
    // Notified under the lock: whoever waits may take this down as soon as it is let go.
    const std::scoped_lock lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

}  // namespace isobar::features
