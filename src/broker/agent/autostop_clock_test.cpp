#include "autostop_clock.h"

#include <gtest/gtest.h>

namespace isobar::broker {
namespace {

Instant at(std::int64_t seconds) { return Instant::from_unix_seconds(seconds); }

TEST(AutostopClock, FiresAfterIdlenessSinceTheLastOfBootJobsAndSetting) {
  AutostopClock clock(at(100));
  EXPECT_FALSE(clock.fires_at());
  clock.set(Autostop{.idle = 60s}, at(150));
  EXPECT_EQ(clock.fires_at(), at(210));
  clock.jobs_changed(1, at(200));
  EXPECT_FALSE(clock.fires_at()) << "a job is activity";
  EXPECT_FALSE(clock.idle_since());
  clock.jobs_changed(0, at(300));
  EXPECT_EQ(clock.fires_at(), at(360));
  clock.set(Autostop{.idle = 60s}, at(350));
  EXPECT_EQ(clock.fires_at(), at(410)) << "setting it again starts over";
  clock.set(std::nullopt, at(360));
  EXPECT_FALSE(clock.fires_at());
}

TEST(AutostopClock, WaitingForNothingSeesOnlyTheSetting) {
  AutostopClock clock(at(0));
  clock.set(Autostop{.idle = 10s, .wait_for = IdleWait::kNone}, at(5));
  clock.jobs_changed(3, at(12));
  EXPECT_EQ(clock.fires_at(), at(15));
}

TEST(AutostopClock, OldNewsDoesNotTurnItBack) {
  AutostopClock clock(at(100));
  clock.set(Autostop{.idle = 10s}, at(50));
  clock.jobs_changed(0, at(60));
  EXPECT_EQ(clock.fires_at(), at(110)) << "what is restored from disk is older than the boot";
}

}  // namespace
}  // namespace isobar::broker
