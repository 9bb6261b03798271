#include "features/allowance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace isobar::features {

namespace {

// Sums of many small accruals end a little beside the whole number that they stand for; a refresh is not put off for that.
constexpr double kRounding = 1e-9;

}  // namespace

Result<Allowance> Allowance::create(const Budget& budget) {
  if (!(budget.per_second > 0)) return invalid(fmt::format("a budget of {} a second allows nothing; give more than 0", budget.per_second));
  if (!(budget.burst > 0) || !std::isfinite(budget.burst))
    return invalid(fmt::format("a burst of {} is not possible; give a number above 0", budget.burst));
  if (budget.unit == CostUnit::kRefreshes && budget.burst < 1)
    return invalid(fmt::format("a burst of {} never holds a whole refresh; give 1 or more", budget.burst));
  return Allowance(budget);
}

void Allowance::advance(Instant now) {
  if (!since_) since_ = now;
  if (now <= *since_) return;
  if (!unlimited()) balance_ = std::min(most_, balance_ + budget_.per_second * to_seconds(now - *since_));
  since_ = now;
}

bool Allowance::affords(double cost) const { return unlimited() || balance_ + kRounding * std::max(1.0, most_) >= needed(cost); }

std::optional<Instant> Allowance::when_affordable(double cost) const {
  const Instant from = since_.value_or(Instant());
  if (affords(cost)) return from;
  const double nanos = std::ceil((needed(cost) - balance_) / budget_.per_second * 1e9);
  if (nanos >= static_cast<double>(INT64_MAX - std::max<std::int64_t>(from.unix_nanos(), 0))) return std::nullopt;
  return from + Duration(static_cast<std::int64_t>(nanos));
}

}  // namespace isobar::features
