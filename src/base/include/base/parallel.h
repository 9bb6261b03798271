#pragma once

/// The same for many things at once, on threads that live for just that.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace isobar {

/// Calls `call(i)` for each i below `count`, at most `at_once` of them at a time; returns when all have returned. For calls that
/// wait (for machines, for programs), not for those that compute.
template <class Call>
void for_each_at_once(std::size_t count, std::size_t at_once, const Call& call) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) call(i);
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(count, at_once); ++i) threads.emplace_back(work);
  work();
}

}  // namespace isobar
