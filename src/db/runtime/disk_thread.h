#pragma once

// Writes what a loop hands over, in order, and tells the loop when it is durable. While one flush is under way all that comes gathers for
// the next: a slow disk makes larger groups, not a longer queue of flushes.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "db/vote_log.h"
#include "net/loop.h"

namespace isobar::db {

class DiskThread {
 public:
  DiskThread(VoteLog log, net::Loop& loop, std::function<void(const Error&)> failed);
  ~DiskThread();
  /// durable  is called on the loop's thread, in the order of the calls
  void write(std::vector<std::string> records, std::function<void()> durable);

 private:
  struct Job {
    std::vector<std::string> records;
    std::function<void()> durable;
  };
  void serve();

  VoteLog log_;
  net::Loop& loop_;
  std::function<void(const Error&)> failed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // guarded by mutex_
  bool ending_ = false;   // guarded by mutex_
  std::thread thread_;
};

}  // namespace isobar::db
