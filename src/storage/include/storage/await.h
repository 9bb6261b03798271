#pragma once

// The body of storage::await, included by storage/store.h.

#include <condition_variable>
#include <mutex>

#include "storage/store.h"

namespace isobar::storage {

template <class T>
Result<T> await(const std::function<void(Done<T>)>& call) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<T>> outcome;
  call([&](Result<T> result) {
    // Notified under the lock: once the waiter sees the outcome, what is notified here is gone.
    const std::scoped_lock lock(mutex);
    outcome.emplace(std::move(result));
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return outcome.has_value(); });
  return std::move(*outcome);
}

}  // namespace isobar::storage
