#pragma once

/// What refreshes may cost. An allowance accrues with time up to a stated burst; a refresh begins when its cost is there, and is charged
/// then. What was charged too little or too much is put right when the cost is measured, so the allowance can be below zero for a while.

#include <limits>
#include <optional>

#include "base/result.h"
#include "base/time.h"

namespace isobar::features {

enum class CostUnit : std::uint8_t { kRefreshes, kCpuSeconds };

struct Budget {
  CostUnit unit = CostUnit::kRefreshes;
  double per_second = 1;  ///< refreshes, or CPU-seconds, that accrue in a second; infinite: no limit
  double burst = 1;       ///< the most that is saved up. A refresh that costs more begins when this much is there
};

class Allowance {
 public:
  /// Errors   kInvalidArgument: a rate or burst that is not above zero, or less than one refresh of burst
  static Result<Allowance> create(const Budget& budget);

  const Budget& budget() const { return budget_; }
  /// Time has come this far; what lies before the last call changes nothing.
  void advance(Instant now);
  double balance() const { return balance_; }
  bool affords(double cost) const;
  /// When `cost` will be there, if nothing else is charged; now, when it is. None: further away than time reaches.
  std::optional<Instant> when_affordable(double cost) const;
  void charge(double cost) { balance_ -= cost; }
  /// Lets more be saved up than the burst, for a policy that refreshes all at once; never less than the burst.
  void save_up_to(double most) { most_ = most > budget_.burst ? most : budget_.burst; }

 private:
  explicit Allowance(const Budget& budget) : budget_(budget), most_(budget.burst), balance_(budget.burst) {}
  bool unlimited() const { return budget_.per_second == std::numeric_limits<double>::infinity(); }
  double needed(double cost) const { return cost < most_ ? cost : most_; }

  Budget budget_;
  double most_, balance_;
  std::optional<Instant> since_;
};

}  // namespace isobar::features
