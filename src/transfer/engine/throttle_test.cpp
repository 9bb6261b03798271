#include "transfer/throttle.h"

#include <gtest/gtest.h>

#include <queue>

namespace isobar::transfer {
namespace {

using namespace std::chrono_literals;

// A store whose calls take `delay`, and which with the way to it moves `bytes_per_second` at most: what comes on top waits.
double settle(Throttle& throttle, Duration delay, double bytes_per_second, std::uint64_t bytes, Duration span) {
  Instant now = Instant::from_unix_seconds(1000), free = now;
  const Instant end = now + span;
  std::queue<Instant> answers;
  double moved = 0;
  while (now < end) {
    while (throttle.has_room(now)) {
      throttle.begin(now, bytes);
      free = std::max(free, now) + from_seconds(static_cast<double>(bytes) / bytes_per_second);
      answers.push(free + delay);
    }
    now = answers.front();
    answers.pop();
    throttle.end_well(now, bytes);
    moved += static_cast<double>(bytes);
  }
  return moved / to_seconds(span);
}

TEST(Throttle, FillsALongWayWithSmallCallsWithinSeconds) {
  Throttle throttle(256, 4096);
  // 4 Gbit/s and 80 ms hold 600 calls of 64 KiB.
  EXPECT_GT(settle(throttle, 80ms, 480e6, 64 << 10, 3s), 0.75 * 480e6);
}

TEST(Throttle, StopsGrowingWhereMoreCallsOnlyWait) {
  Throttle throttle(64, 4096);
  settle(throttle, 80ms, 120e6, 64 << 10, 20s);
  EXPECT_GT(throttle.limit(), 150);
  EXPECT_LT(throttle.limit(), 1200);
}

TEST(Throttle, LargeCallsCountAsSeveral) {
  Throttle throttle(64, 4096);
  int begun = 0;
  for (; throttle.has_room(Instant()); ++begun) throttle.begin(Instant(), 8 << 20);
  EXPECT_EQ(begun, 8);
}

TEST(Throttle, NeverHasMoreCallsUnderWayThanItMay) {
  Throttle throttle(64, 10);
  int begun = 0;
  for (; throttle.has_room(Instant()); ++begun) throttle.begin(Instant(), 0);
  EXPECT_EQ(begun, 10);
}

// Connections begin slowly: the first answers of what was added come late, and would say that more is of no use.
TEST(Throttle, WaitsForWhatItAddedToShowWhatItBrings) {
  Throttle throttle(64, 4096);
  const double at_first = 64 * (64 << 10) / 0.15;
  EXPECT_GT(settle(throttle, 150ms, 1e9, 64 << 10, 3s), 5 * at_first);
}

TEST(Throttle, ShrinksOnceForAWaveOfRefusalsAndWaitsAsLongAsItWasAsked) {
  Throttle throttle(64, 4096);
  const Instant now = Instant::from_unix_seconds(1000);
  for (int i = 0; i < 10; ++i) throttle.begin(Instant(), 0);
  for (int i = 0; i < 10; ++i) throttle.end_badly(now, 0, 2s);
  EXPECT_NEAR(throttle.limit(), 64 * 0.7, 0.1);
  EXPECT_FALSE(throttle.has_room(now + 1s));
  EXPECT_TRUE(throttle.has_room(now + 2s));
}

}  // namespace
}  // namespace isobar::transfer
