#pragma once

// The gateway's end of the channel to its owner: messages in on a thread of their own, messages out in the background.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "messages.h"

namespace isobar::transfer {

class OwnerChannel {
 public:
  // received   all messages that have come, in order, on the reading thread.  ended  once, when no more will come
  OwnerChannel(int in, int out, std::function<void(std::vector<wire::ToGateway>)> received, std::function<void(Status)> ended);
  // Both descriptors must be at their end, or the process about to end.
  ~OwnerChannel();
  // Never waits: the owner reads as fast as it asks. Goes out at the next `go`, so that many small messages cost one call.
  void send(const wire::FromGateway& message);
  void go();
  // Goes, and waits until all was written, or `patience` is over.
  void flush(Duration patience);

 private:
  void read_all();
  void write_all_sent();
  int in_, out_;
  std::function<void(std::vector<wire::ToGateway>)> received_;
  std::function<void(Status)> ended_;
  std::mutex mutex_;
  std::condition_variable changed_, written_;
  std::string outgoing_;
  bool going_ = false, writing_ = false, closed_ = false;
  std::thread reader_, writer_;
};

}  // namespace isobar::transfer
