#include "sim/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::sim {
namespace {

std::vector<int> order_with(std::uint64_t seed) {
  Scheduler scheduler(seed);
  std::vector<int> order;
  for (int i = 0; i < 6; ++i) scheduler.after(1s, [&order, i] { order.push_back(i); });
  scheduler.run_until(Instant::from_unix_seconds(10));
  return order;
}

TEST(Scheduler, RunsEventsInTheOrderOfTheirTime) {
  Scheduler scheduler(1);
  std::vector<double> times;
  for (const auto delay : {3s, 1s, 2s}) scheduler.after(delay, [&] { times.push_back(scheduler.now().unix_seconds()); });
  EXPECT_TRUE(scheduler.run_until(Instant::from_unix_seconds(100)));
  EXPECT_THAT(times, testing::ElementsAre(1, 2, 3));
}

TEST(Scheduler, TheSeedDrawsTheOrderWithinAnInstant) {
  EXPECT_EQ(order_with(1), order_with(1));
  bool differs = false;
  for (std::uint64_t seed = 2; seed < 10; ++seed) differs |= order_with(seed) != order_with(1);
  EXPECT_TRUE(differs);
}

TEST(Scheduler, StopsAtTheGivenInstantAndForgetsWhatIsCancelled) {
  Scheduler scheduler(1);
  int ran = 0;
  scheduler.after(1s, [&] { ++ran; });
  const auto forgotten = scheduler.after(2s, [&] { ran += 10; });
  scheduler.after(5s, [&] { ran += 100; });
  scheduler.cancel(forgotten);
  EXPECT_FALSE(scheduler.run_until(Instant::from_unix_seconds(3)));
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(scheduler.run_until(Instant::from_unix_seconds(5)));
  EXPECT_EQ(ran, 101);
}

}  // namespace
}  // namespace isobar::sim
