#pragma once

/// Where commits wait for one another: a thread takes what came within the delay, and has it written together.

#include <condition_variable>
#include <functional>
#include <thread>

#include "base/mutex.h"
#include "features/store.h"
#include "group_writer.h"

namespace isobar::features {

class CommitQueue {
 public:
  using Write = std::function<std::vector<Result<Outcome>>(std::span<const PendingCommit> group)>;

  /// write   is called from one thread, and blocks it until the group is durable
  CommitQueue(const StoreConfig& config, Write write);
  ~CommitQueue();  ///< what waits is written first
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  /// Errors   kExhausted: as much waits as may
  Result<std::future<Result<Outcome>>> push(Commit commit);

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  void run();
  /// Empty: there is nothing, and nothing will come.
  std::vector<PendingCommit> take();

  const Duration delay_;
  const std::size_t group_bytes_, queue_bytes_;
  const Write write_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<PendingCommit> waiting_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  Deadline deadline_ GUARDED_BY(mutex_);  ///< of the oldest that waits
  bool closing_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace isobar::features
