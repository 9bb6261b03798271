#pragma once

/// Which goal the next turn is for. A goal that brings more finds for the time it takes is drawn more often; each keeps a share, since what
/// stands still today may move when another goal has opened a check. So composition is tuned while it runs: with a union alone, a domain of
/// many keys crowds out one of few.

#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "fuzz/target_shape.h"

namespace isobar::fuzz {

class GoalBandit {
 public:
  explicit GoalBandit(std::size_t goals) : arms_(goals) {}
  /// possible   whether a goal has anything to fuzz; at least one does
  Goal draw(const std::vector<bool>& possible, Random& random);
  /// A turn for `goal` took so long, and found so much.
  void reward(Goal goal, Duration took, double finds);
  double share(Goal goal, const std::vector<bool>& possible) const;

 private:
  struct Arm {
    double seconds = 0, finds = 0;
  };
  double weight(const Arm& arm) const;
  std::vector<Arm> arms_;
};

}  // namespace isobar::fuzz
