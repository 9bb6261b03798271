#pragma once

/// How many calls a store gets at once. Nobody knows beforehand what it and the way to it bear. So the number is doubled while one wave of
/// answers comes in, and a later wave tells whether more calls bring more: they do as long as each takes no longer for it. Then it is
/// doubled again. Where they only wait in queues, the store's or the network's, it goes back, is tried again now and then, and shrinks at
/// once when the store says "slow down" or stops answering.

#include <algorithm>
#include <deque>
#include <utility>

#include "base/time.h"

namespace isobar::transfer {

class Throttle {
 public:
  /// first   small calls at the beginning.  most   calls, whatever they move
  Throttle(int first, int most) : limit_(std::min(first, most)), most_(most), held_at_(limit_) {}
  bool has_room(Instant now) const { return now >= quiet_until_ && running_ < limit_ && static_cast<int>(begun_.size()) < most_; }

  /// bytes   that the call moves: a large one fills the way as several small ones do
  void begin(Instant now, std::uint64_t bytes) {
    begun_.push_back(now);
    running_ += weight(bytes);
  }
  void end_well(Instant now, std::uint64_t bytes) {
    // Room that is not used proves nothing.
    const bool full = running_ + 1 >= limit_ || static_cast<int>(begun_.size()) == most_;
    if (growing_ && full) limit_ = std::min({limit_ + weight(bytes) * (tried_in_vain_ ? 0.25 : 1), 2 * held_at_, most_ * kWeightMost});
    wave_full_ = wave_full_ && full;
    waited_ += now - begun_.front();
    ++wave_calls_;
    end(bytes);
    if (now - wave_began_ >= kWave && wave_calls_ > begun_.size()) end_wave(now);
  }
  /// The store refused because of its load, or did not answer. One refusal for each wave counts.
  /// retry_after   how long it asked to be left alone: nothing new is begun until then
  void end_badly(Instant now, std::uint64_t bytes, Duration retry_after) {
    end(bytes);
    quiet_until_ = std::max(quiet_until_, now + retry_after);
    if (now < deaf_until_) return;
    limit_ = std::max(1.0, limit_ * 0.7);
    growing_ = false;
    tried_in_vain_ = true;
    held_at_ = limit_;
    deaf_until_ = now + std::chrono::milliseconds(500);
  }
  void end(std::uint64_t bytes) {
    begun_.pop_front();
    running_ -= weight(bytes);
  }
  Instant quiet_until() const { return quiet_until_; }
  double running() const { return running_; }
  double limit() const { return limit_; }

 private:
  static constexpr double kWeightMost = 8, kWeighsMost = 2 << 20;  // what a call of so many bytes and more is worth
  static constexpr Duration kWave = std::chrono::milliseconds(125);
  static constexpr int kWavesHeld = 8;  // before it is tried whether more is of use by now

  static double weight(std::uint64_t bytes) {
    return std::min(1 + (kWeightMost - 1) * static_cast<double>(bytes) / kWeighsMost, kWeightMost);
  }

  // A wave is as many answers as calls were under way.
  void end_wave(Instant now) {
    // What is under way, by how long each takes: what is done in a second, which counted from the answers themselves would depend on
    // where in their bursts a wave ends.
    const double rate = limit_ * static_cast<double>(wave_calls_) / std::max(to_seconds(waited_), 1e-6);
    const bool full = std::exchange(wave_full_, true);
    wave_began_ = now;
    wave_calls_ = 0;
    waited_ = Duration();
    if (growing_ && limit_ > held_at_) {
      growing_ = false;
      settling_ = true;
      return;
    }
    // A wave of those that were added has to open connections first, which begin slowly. One that was not full tells nothing.
    if (std::exchange(settling_, false) || !full) return;
    if (rate > before_ * 1.1) {
      held_ = 0;
      growing_ = true;
    } else {
      limit_ = std::min(limit_, std::max(held_at_, 1.0));
      tried_in_vain_ = true;
      growing_ = ++held_ % kWavesHeld == 0;
    }
    held_at_ = limit_;
    before_ = std::max(before_ * 0.998, rate);
  }

  double limit_;  // in calls without bytes
  int most_;
  std::deque<Instant> begun_;  // calls under way. Which of them ends does not matter: only sums are looked at
  double running_ = 0;
  double held_at_;  // the limit before it was last tried whether more is of use
  bool growing_ = false, settling_ = true, tried_in_vain_ = false;
  bool wave_full_ = true;
  std::size_t wave_calls_ = 0;
  Duration waited_{};
  double before_ = 0;  // the best rate so far
  int held_ = 0;
  Instant wave_began_, deaf_until_, quiet_until_;
};

}  // namespace isobar::transfer
