#pragma once

/// One direction of an emulated link, as a value: frames go in with the time, and come out when they would have arrived. It has
/// no clock, no device and no thread, so that what it does to traffic can be tested to the nanosecond.
///
/// A frame first waits until those before it are sent (the queue), takes its length over the rate to be sent, and arrives a delay
/// later. Frames never overtake one another. Times are of any clock that does not go back.

#include <deque>
#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "frame.h"
#include "transfer/scenario.h"

namespace isobar::transfer {

struct LinkTraffic {
  std::uint64_t wire_bytes = 0, payload_bytes = 0, segments = 0;  ///< delivered
  std::uint64_t lost_segments = 0, queue_segments = 0, severed_segments = 0;
};

class OneWayLink {
 public:
  /// seed   draws the losses
  OneWayLink(const LinkShape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {}

  enum class Fate {
    kUnderWay,
    kLost,       ///< at random
    kQueueFull,  ///< the queue's bound does not leave room. A frame for which nothing waits is taken, however long it is
    kSevered,    ///< the link is cut
  };
  /// A frame of n segments is lost as one, with the chance 1 - (1 - loss)^n that any of them is; where losses matter, the driver
  /// has the kernel hand over single segments.
  Fate offer(Frame frame, Duration now);

  /// When the first of the frames under way arrives; none when nothing is.
  std::optional<Duration> next_due() const;
  /// The first of the frames under way, if it has arrived by `now`.
  std::optional<Frame> take_due(Duration now);

  /// Loses what is under way, and all that is offered until `heal`.
  void cut();
  void heal() { severed_ = false; }
  void set_loss(double loss) { shape_.loss = loss; }
  double loss() const { return shape_.loss; }

  const LinkTraffic& traffic() const { return traffic_; }

 private:
  struct UnderWay {
    Duration due;
    FrameSize size;
    Frame frame;
  };
  Fate fate_of(const FrameSize& size, Duration now);
  /// How long it takes to send so many bytes.
  Duration sending(std::uint64_t bytes) const;

  LinkShape shape_;
  Random random_;
  std::deque<UnderWay> under_way_;
  Duration free_at_{0};  ///< when all that was offered is sent
  bool severed_ = false;
  LinkTraffic traffic_;
};

}  // namespace isobar::transfer
