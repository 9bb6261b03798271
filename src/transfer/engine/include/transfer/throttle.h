#pragma once

/// How many calls a store gets at once. Nobody knows beforehand what it and the way to it bear. So the number doubles with each wave of
/// answers as long as more calls bring more in the same time, holds where they no longer do (they would only wait in queues, the store's or
/// the network's), is tried again now and then, and shrinks at once when the store says "slow down" or stops answering.

#include <algorithm>

#include "base/time.h"

namespace isobar::transfer {

class Throttle {
 public:
  Throttle(int first, int most) : limit_(std::min(first, most)), most_(most) {}
  bool has_room(Instant now) const { return now >= quiet_until_ && running_ < limit_; }

  /// bytes   that the call moves: a large one fills the way as several small ones do
  void begin(std::uint64_t bytes) { running_ += weight(bytes); }
  void end_well(Instant now, std::uint64_t bytes) {
    // Room that is not used proves nothing.
    if (growing_ && running_ + 1 >= limit_) limit_ = std::min<double>(limit_ + weight(bytes) * (full_ ? 0.25 : 1), most_);
    running_ -= weight(bytes);
    note(now, bytes);
  }
  /// The store refused because of its load, or did not answer. One refusal for each wave counts.
  /// retry_after   how long it asked to be left alone: nothing new is begun until then
  void end_badly(Instant now, std::uint64_t bytes, Duration retry_after) {
    running_ -= weight(bytes);
    quiet_until_ = std::max(quiet_until_, now + retry_after);
    if (now < deaf_until_) return;
    limit_ = std::max(1.0, limit_ * 0.7);
    growing_ = false;
    full_ = true;
    held_at_ = limit_;
    deaf_until_ = now + std::chrono::milliseconds(500);
  }
  void end(std::uint64_t bytes) { running_ -= weight(bytes); }
  Instant quiet_until() const { return quiet_until_; }
  double running() const { return running_; }
  double limit() const { return limit_; }

 private:
  static constexpr double kCallBytes = 64 << 10;  // that a call without any is worth
  static constexpr Duration kWave = std::chrono::milliseconds(125);
  static constexpr int kWavesHeld = 8;  // before it is tried whether more is of use by now

  static double weight(std::uint64_t bytes) { return std::min(1 + static_cast<double>(bytes) / (2 << 20), 4.0); }

  // What was done in a wave, which is as long as it takes for most of those under way to be answered.
  void note(Instant now, std::uint64_t bytes) {
    if (wave_calls_ == 0 && wave_began_ == Instant()) wave_began_ = now;
    work_ += static_cast<double>(bytes) + kCallBytes;
    wave_calls_ += weight(bytes);
    if (now - wave_began_ < kWave || wave_calls_ < limit_ / 2) return;
    const double rate = work_ / to_seconds(now - wave_began_);
    wave_began_ = now;
    work_ = wave_calls_ = 0;
    if (rate > best_rate_ * 1.1) {
      best_rate_ = rate;
      growing_ = true;
      held_ = 0;
      held_at_ = limit_;
      return;
    }
    // What was tried in vain is taken back.
    limit_ = std::min(limit_, std::max(held_at_, 1.0));
    full_ = true;
    held_at_ = limit_;
    growing_ = ++held_ % kWavesHeld == 0;
    best_rate_ = std::max(best_rate_ * 0.998, rate);
  }

  double limit_;
  int most_;
  double running_ = 0;
  bool growing_ = true, full_ = false;  // full: more has been tried once and brought nothing
  double held_at_ = 0;
  double work_ = 0, wave_calls_ = 0, best_rate_ = 0;
  int held_ = 0;
  Instant wave_began_, deaf_until_, quiet_until_;
};

}  // namespace isobar::transfer
