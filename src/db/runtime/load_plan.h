#pragma once

// Which keys a transaction reads and writes, drawn from a seed.

#include <string>
#include <vector>

#include "base/random.h"
#include "db/load.h"

namespace isobar::db {

struct LoadPlan {
  std::vector<std::string> reads, writes;
};

/// Numbers below n of which small ones are likelier: the i-th as often as 1 / i^theta. After Gray et al., "Quickly generating
/// billion-record synthetic databases" (SIGMOD '94), as YCSB draws them; they are then spread over the keys, so that neighbours are not all
/// hot.
class ZipfNumbers {
 public:
  /// n ≥ 1; 0 ≤ theta < 1; 0 is uniform. Cost: linear in n, once
  ZipfNumbers(std::uint64_t n, double theta);
  std::uint64_t draw(Random& random) const;

 private:
  std::uint64_t n_;
  double theta_, zeta_n_ = 0, alpha_ = 0, eta_ = 0;
};

class LoadPlanner {
 public:
  explicit LoadPlanner(const LoadOptions& options) : options_(options), numbers_(options.keys, options.zipf), random_(options.seed) {}
  LoadPlan next();
  Random& random() { return random_; }

 private:
  std::string key(std::string_view table, std::uint64_t number) const;
  std::uint64_t any_key() { return numbers_.draw(random_); }
  LoadPlan ycsb();
  LoadPlan smallbank();
  LoadPlan retwis();

  LoadOptions options_;
  ZipfNumbers numbers_;
  Random random_;
};

}  // namespace isobar::db
