#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/time.h"

namespace isobar::db {

// What a call waits for: told once on the loop's thread, or given up.
template <class T>
class Awaited {
 public:
  void tell(T value) {
    const std::scoped_lock lock(mutex_);
    if (!value_) value_.emplace(std::move(value));
    changed_.notify_all();
  }
  /// Once.
  std::optional<T> wait(Duration patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return value_.has_value(); });
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

}  // namespace isobar::db
