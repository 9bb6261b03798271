#pragma once

/// A call of a store by who has nothing else to do meanwhile: made again while its failure may pass.

#include <algorithm>
#include <thread>

#include "storage/store.h"

namespace isobar::storage {

inline bool may_pass(Code code) { return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kExhausted; }

/// attempt   makes the call and waits for it; called up to six times, with pauses of 0.2 s and twice as much each time, or as long as
///           the store asks. A store that asks for more than a minute is told to the caller, who may say so.
/// Not from a thread of a transport.
template <class Attempt>
auto with_patience(const Attempt& attempt) -> decltype(attempt()) {
  constexpr int kAttempts = 6;
  constexpr Duration kPauseMost = std::chrono::minutes(1);
  for (int made = 1;; ++made) {
    auto outcome = attempt();
    if (outcome.ok() || made == kAttempts || !may_pass(outcome.error().code()) || outcome.error().retry_after() > kPauseMost)
      return outcome;
    std::this_thread::sleep_for(std::max<Duration>(outcome.error().retry_after(), std::chrono::milliseconds(100) * (1 << made)));
  }
}

/// `await`, with patience.
template <class T>
Result<T> await_patiently(const std::function<void(Done<T>)>& call) {
  return with_patience([&] { return await<T>(call); });
}

}  // namespace isobar::storage
