#include "load_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace isobar::db {

namespace {

double zeta(std::uint64_t n, double theta) {
  double sum = 0;
  for (std::uint64_t i = 1; i <= n; ++i) sum += 1 / std::pow(static_cast<double>(i), theta);
  return sum;
}

void add(std::vector<std::string>& keys, std::string key) {
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
}

}  // namespace

ZipfNumbers::ZipfNumbers(std::uint64_t n, double theta) : n_(n), theta_(theta) {
  if (theta_ == 0 || n_ < 2) return;
  zeta_n_ = zeta(n_, theta_);
  alpha_ = 1 / (1 - theta_);
  eta_ = (1 - std::pow(2.0 / static_cast<double>(n_), 1 - theta_)) / (1 - zeta(2, theta_) / zeta_n_);
}

std::uint64_t ZipfNumbers::draw(Random& random) const {
  if (theta_ == 0 || n_ < 2) return random.below(n_);
  const double u = random.uniform(), uz = u * zeta_n_;
  if (uz < 1) return 0;
  if (uz < 1 + std::pow(0.5, theta_)) return 1;
  const auto number = static_cast<std::uint64_t>(static_cast<double>(n_) * std::pow(eta_ * u - eta_ + 1, alpha_));
  return std::min(number, n_ - 1);
}

std::string LoadPlanner::key(std::string_view table, std::uint64_t number) const { return fmt::format("{}{}", table, number); }

LoadPlan LoadPlanner::next() {
  switch (options_.kind) {
    case LoadKind::kYcsb: return ycsb();
    case LoadKind::kSmallbank: return smallbank();
    case LoadKind::kRetwis: return retwis();
  }
  return {};
}

LoadPlan LoadPlanner::ycsb() {
  LoadPlan plan;
  while (plan.reads.size() < std::min<std::uint64_t>(options_.pairs, options_.keys)) add(plan.reads, key("k", any_key()));
  plan.writes = plan.reads;
  return plan;
}

// Alomari et al., "The cost of serializability on platforms that use snapshot isolation" (ICDE '08); mix and hot spot as Basil measures it.
LoadPlan LoadPlanner::smallbank() {
  const std::uint64_t hot = std::min<std::uint64_t>(1000, options_.keys);
  const auto customer = [&] { return random_.chance(0.9) ? random_.below(hot) : random_.below(options_.keys); };
  const std::uint64_t one = customer();
  std::uint64_t other = customer();
  if (other == one) other = (one + 1) % options_.keys;
  const std::string checking = key("checking", one), savings = key("savings", one), others = key("checking", other);
  const std::uint64_t kind = random_.below(100);
  if (kind < 15) return {{checking, savings, others}, {checking, savings, others}};  // amalgamate
  if (kind < 30) return {{checking, savings}, {}};                                   // balance
  if (kind < 45) return {{checking}, {checking}};                                    // deposit checking
  if (kind < 70) return {{checking, others}, {checking, others}};                    // send payment
  if (kind < 85) return {{savings}, {savings}};                                      // transact savings
  return {{checking, savings}, {checking}};                                          // write check
}

// As TAPIR (SOSP '15) measures it: 5 % add a user, 15 % follow, 30 % post, 50 % read a timeline.
LoadPlan LoadPlanner::retwis() {
  LoadPlan plan;
  const auto several = [&](std::vector<std::string>& keys, std::size_t n) {
    for (int tries = 0; keys.size() < n && tries < 100; ++tries) add(keys, key("user", any_key()));
  };
  const std::uint64_t kind = random_.below(100);
  if (kind < 5) {
    several(plan.writes, 3);
    plan.reads = {plan.writes.front()};
  } else if (kind < 20) {
    several(plan.writes, 2);
    plan.reads = plan.writes;
  } else if (kind < 50) {
    several(plan.writes, 5);
    plan.reads.assign(plan.writes.begin(), plan.writes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(3, plan.writes.size())));
  } else {
    several(plan.reads, 1 + random_.below(10));
  }
  return plan;
}

}  // namespace isobar::db
