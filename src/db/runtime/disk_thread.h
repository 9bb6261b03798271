#pragma once

// Writes what a loop hands over, in order, and tells the loop when it is durable. While one flush is under way all that comes gathers for
// the next: a slow disk makes larger groups, not a longer queue of flushes.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "net/loop.h"
#include "vote_segments.h"

namespace isobar::db {

class DiskThread {
 public:
  DiskThread(VoteSegments log, net::Loop& loop, std::function<void(const Error&)> failed);
  ~DiskThread();
  struct Job {
    std::vector<VoteSegments::Record> records;
    std::vector<TxId> forgotten;    ///< once the records are durable
    std::function<void()> durable;  ///< called on the loop's thread, in the order of the jobs
  };
  void write(Job job);

 private:
  void serve();
  Status carry_out(std::deque<Job>& jobs);

  VoteSegments log_;
  net::Loop& loop_;
  std::function<void(const Error&)> failed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // guarded by mutex_
  bool ending_ = false;   // guarded by mutex_
  std::thread thread_;
};

}  // namespace isobar::db
