#pragma once

// Threads that pack and unpack, so that the loop does not. The first is made when there is something to do.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "compression/compressor.h"

namespace isobar::transfer {

using compression::Compressor;

class PackingThreads {
 public:
  using Job = std::function<void(Compressor&)>;
  // As many as the machine has, and four at most: links and stores want theirs too.
  static std::size_t count_for_this_machine();

  explicit PackingThreads(std::size_t most) : most_(most) {}
  // Waits for jobs that were begun; the others are dropped.
  ~PackingThreads();
  // In the order given. Safe from any thread; never waits. Who calls bounds how much is under way.
  void run(Job job);

 private:
  void work();
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::size_t idle_ = 0;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace isobar::transfer
