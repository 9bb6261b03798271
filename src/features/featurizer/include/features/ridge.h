#pragma once

/// A user as a vector: ridge regression of what the user rated on fixed factors of the items. It follows from two sums, so a rating costs
/// O(d²) to take in and a vector O(d³) to compute; only the second is what a scheduler puts off.

#include <span>
#include <vector>

#include "base/result.h"

namespace isobar::features {

/// The normal equations of one user: Σ x xᵀ and Σ x r over the ratings so far.
class RidgeSums {
 public:
  /// dimensions   of the factors, d ≥ 1
  explicit RidgeSums(std::size_t dimensions);

  /// factors   [d] of the item; rating  what is to be explained by them, without any mean
  void add(std::span<const double> factors, double rating);
  std::size_t ratings() const { return ratings_; }

  /// The vector u that minimises Σ (r − x·u)² + λ |u|², by Cholesky (LAPACK's dposv).
  /// Errors   kInvalidArgument: λ not above 0, or sums that overflow
  Result<std::vector<double>> solve(double lambda) const;

 private:
  std::size_t dimensions_, ratings_ = 0;
  std::vector<double> squares_;  ///< [d, d], the lower triangle by columns
  std::vector<double> products_;
};

double dot(std::span<const double> a, std::span<const double> b);

}  // namespace isobar::features
