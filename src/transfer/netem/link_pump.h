#pragma once

/// Carries frames between the devices of all links of a testbed, on one thread: whatever a device hands over is offered to its
/// direction of a link (one_way_link.h), and what is due is written to the device at the other end.

#include <poll.h>

#include <memory>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "one_way_link.h"

namespace isobar::transfer {

class LinkPump {
 public:
  /// The devices at both ends of one link.
  struct Ends {
    Fd from, to;
  };
  /// ends   of each link of the scenario, in its order
  /// seed   draws the losses
  static Result<std::unique_ptr<LinkPump>> start(const Scenario& scenario, std::vector<Ends> ends, std::uint64_t seed);
  ~LinkPump();

  /// Safe from any thread.
  void cut(LinkIndex link);
  void heal(LinkIndex link);
  void set_loss(LinkIndex link, double loss);
  /// Two for each link, the way there first.
  std::vector<LinkTraffic> traffic() const;

 private:
  LinkPump(Fd wake, std::vector<Ends> ends) : wake_(std::move(wake)), ends_(std::move(ends)) {}
  void run();
  /// Sleeps until a device has frames, one is due, or the pump is to end, which is false.
  /// ready   becomes the directions that have frames
  bool wait(std::vector<std::size_t>& ready);
  void take_in(std::size_t direction) REQUIRES(mutex_);
  void deliver_due() REQUIRES(mutex_);

  // Directions 2·link and 2·link + 1 are there and back.
  const Fd& source(std::size_t direction) const { return direction % 2 == 0 ? ends_[direction / 2].from : ends_[direction / 2].to; }
  const Fd& target(std::size_t direction) const { return direction % 2 == 0 ? ends_[direction / 2].to : ends_[direction / 2].from; }

  const Fd wake_;  ///< readable when the pump is to end
  const std::vector<Ends> ends_;
  std::vector<std::byte> scratch_;  ///< the pump's thread alone uses this, and the next
  std::vector<pollfd> polled_;      ///< the source of each direction, then wake_
  mutable Mutex mutex_;
  std::vector<OneWayLink> links_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace isobar::transfer
