#pragma once

// Threads that wait for the disk, so that whoever asks does not.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace isobar::storage {

class DiskWorkers {
 public:
  explicit DiskWorkers(int count);
  /// Work that was given is finished first.
  ~DiskWorkers();
  /// The queue is as long as its askers let it grow: each of them has a bound on what it has under way.
  void give(std::function<void()> work);

 private:
  void serve();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace isobar::storage
