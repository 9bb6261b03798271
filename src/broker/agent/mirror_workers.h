#pragma once

/// Mirrors read and write whole trees, which would hold the loop up. Each gets a thread for its duration, and a
/// conversation that blocks.

#include <atomic>
#include <list>
#include <thread>

#include "base/log.h"
#include "broker/agent_messages.h"
#include "connection.h"

namespace isobar::broker {

class MirrorWorkers {
 public:
  static constexpr std::size_t kThreadsMax = 16;

  MirrorWorkers(fs::path home, Log& log) : home_(std::move(home)), log_(log) {}
  /// Waits for the mirrors under way; `stop` makes that quick.
  ~MirrorWorkers();

  /// Takes the conversation over from the loop. Called from the loop's thread.
  /// Errors  kExhausted: too many mirrors at once
  Status serve(Connection& connection, std::uint64_t request, MirrorManifest manifest);

 private:
  struct Worker {
    std::atomic<bool> done = false;
    std::jthread thread;
  };
  void run(Channel channel, std::uint64_t request, MirrorManifest manifest, const std::stop_token& stop) const;

  fs::path home_;
  Log& log_;
  std::list<Worker> workers_;
};

}  // namespace isobar::broker
