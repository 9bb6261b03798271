#pragma once

// Runs a listing on a thread of its own, ahead of who reads it by a bounded number of items.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "mailbox.h"
#include "transfer/copy_driver.h"

namespace isobar::transfer {

class Lister {
 public:
  Lister(ItemSource& items, Mailbox& mailbox)
      : items_(items), mailbox_(mailbox), thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~Lister() {
    thread_.request_stop();
    changed_.notify_all();
  }

  /// None: nothing is there right now; see `ended`.
  std::optional<CopyItem> take() {
    const std::scoped_lock lock(mutex_);
    if (queue_.empty()) return std::nullopt;
    CopyItem item = std::move(queue_.front());
    queue_.pop_front();
    if (queue_.size() == kAhead / 2) changed_.notify_one();
    return item;
  }
  bool ended() {
    const std::scoped_lock lock(mutex_);
    return ended_ && queue_.empty();
  }
  Status outcome() {
    const std::scoped_lock lock(mutex_);
    return outcome_;
  }

 private:
  static constexpr std::size_t kAhead = 2000;

  void run(const std::stop_token& stop) {
    Status outcome;
    while (!stop.stop_requested()) {
      auto item = items_.next();
      if (!item.ok()) outcome = item.error();
      if (!item.ok() || !*item) break;
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [this] { return queue_.size() < kAhead; });
      queue_.push_back(std::move(**item));
      if (queue_.size() == 1) mailbox_.ring();
    }
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    outcome_ = std::move(outcome);
    mailbox_.ring();
  }

  ItemSource& items_;
  Mailbox& mailbox_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<CopyItem> queue_;
  bool ended_ = false;
  Status outcome_;
  std::jthread thread_;
};

}  // namespace isobar::transfer
