#include "goal_bandit.h"

#include <algorithm>
#include <cmath>

namespace isobar::fuzz {
namespace {

/// Finds and time of turns long ago count for less: halved each two seconds of a goal's own time.
constexpr double kHalfLifeSeconds = 2;
/// Of the mean weight; the least that any goal is drawn by.
constexpr double kFloor = 0.35;

}  // namespace

double GoalBandit::weight(const Arm& arm) const { return (arm.finds + 1) / (arm.seconds + 0.5); }

double GoalBandit::share(Goal goal, const std::vector<bool>& possible) const {
  double total = 0, mean = 0;
  int count = 0;
  for (std::size_t i = 0; i < arms_.size(); ++i)
    if (possible[i]) mean += weight(arms_[i]), ++count;
  if (count == 0 || !possible[goal]) return 0;
  mean /= count;
  for (std::size_t i = 0; i < arms_.size(); ++i)
    if (possible[i]) total += std::max(weight(arms_[i]), kFloor * mean);
  return std::max(weight(arms_[goal]), kFloor * mean) / total;
}

Goal GoalBandit::draw(const std::vector<bool>& possible, Random& random) {
  double left = random.uniform();
  Goal last = 0;
  for (Goal goal = 0; goal < arms_.size(); ++goal) {
    if (!possible[goal]) continue;
    last = goal;
    left -= share(goal, possible);
    if (left < 0) break;
  }
  return last;
}

void GoalBandit::reward(Goal goal, Duration took, double finds) {
  Arm& arm = arms_[goal];
  const double seconds = to_seconds(took), kept = std::exp2(-seconds / kHalfLifeSeconds);
  arm.seconds = arm.seconds * kept + seconds;
  arm.finds = arm.finds * kept + finds;
}

}  // namespace isobar::fuzz
