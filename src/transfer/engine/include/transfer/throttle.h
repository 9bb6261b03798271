#pragma once

/// How many calls a store gets at once. Nobody knows beforehand what it bears, so the number grows while answers come and shrinks when the
/// store says "slow down" or stops answering: additive increase, multiplicative decrease (Chiu and Jain, 1989).

#include "base/time.h"

namespace isobar::transfer {

class Throttle {
 public:
  Throttle(int first, int most) : limit_(std::min(first, most)), most_(most) {}
  bool has_room(Instant now) const { return now >= quiet_until_ && running_ < static_cast<int>(limit_); }
  void begin() { ++running_; }
  void end_well() {
    // Room that is not used proves nothing.
    if (running_ + 1 >= static_cast<int>(limit_) && limit_ < most_) limit_ += limit_ < 64 ? 0.5 : 16 / limit_;
    --running_;
  }
  /// The store refused because of its load, or did not answer. One refusal for each wave counts.
  /// retry_after   how long it asked to be left alone: nothing new is begun until then
  void end_badly(Instant now, Duration retry_after) {
    --running_;
    quiet_until_ = std::max(quiet_until_, now + retry_after);
    if (now < deaf_until_) return;
    limit_ = std::max(1.0, limit_ * 0.7);
    deaf_until_ = now + std::chrono::milliseconds(500);
  }
  void end() { --running_; }
  Instant quiet_until() const { return quiet_until_; }
  int running() const { return running_; }
  int limit() const { return static_cast<int>(limit_); }

 private:
  double limit_;
  int most_, running_ = 0;
  Instant deaf_until_, quiet_until_;
};

}  // namespace isobar::transfer
