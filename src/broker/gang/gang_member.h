#pragma once

/// A rank other than 0: finds rank 0 and runs what it is told to, until that says that all is done.

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "broker/agent_channel.h"
#include "gang_place.h"

namespace isobar::broker {

class GangSeat {
 public:
  /// Waits until rank 0 is there, however long it takes to come to its `gang`; the job's end ends the waiting.
  static Channel join(const GangPlace& place, const std::string& host);

  explicit GangSeat(Channel channel) : channel_(std::move(channel)) {}
  ~GangSeat();
  GangSeat(const GangSeat&) = delete;

  /// Errors   kUnavailable: rank 0 is gone before it said that all is done
  Status serve();

 private:
  void run(std::uint32_t command, const std::string& line);
  void send(const GangMessage& message);

  Channel channel_;
  std::mutex sending_, running_;
  std::map<std::uint32_t, pid_t> processes_;  // of commands that run: process groups
  std::list<std::jthread> threads_;
};

}  // namespace isobar::broker
