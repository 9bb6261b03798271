#pragma once

// Puts to rest what a loop hands over, beside it: a batch looks up thousands of keys, for which no vote should wait.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "db/settled.h"
#include "net/loop.h"

namespace isobar::db {

class StoreThread {
 public:
  /// settled and loop outlive it. done  is called on the loop's thread
  using Done = std::function<void(Result<SettledState>)>;
  StoreThread(Settled& settled, net::Loop& loop, Done done);
  ~StoreThread();
  /// One at a time: the next when that one is done.
  void apply(SettleBatch batch);

 private:
  void serve();

  Settled& settled_;
  net::Loop& loop_;
  Done done_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<SettleBatch> batch_;  // guarded by mutex_
  bool ending_ = false;               // guarded by mutex_
  std::thread thread_;
};

}  // namespace isobar::db
