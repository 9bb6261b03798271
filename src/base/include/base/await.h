#pragma once

/// From a call that tells its outcome later, on some other thread, to one that waits for it.

#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/result.h"

namespace isobar {

/// Calls `call` with a function that takes the outcome, and waits until that has been called: exactly once, from any thread but this.
///   auto page = await_outcome<ListPage>([&](auto done) { store.list(request, done); });
template <class T, class Call>
Result<T> await_outcome(const Call& call) {
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

}  // namespace isobar
