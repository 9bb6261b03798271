#include "features/ridge.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"

/// LAPACK: solves A x = b for a symmetric positive definite A, of which one triangle is given.
extern "C" void dposv_(const char* triangle, const int* n, const int* columns, double* a, const int* a_stride, double* b,
                       const int* b_stride, int* info);

namespace isobar::features {

RidgeSums::RidgeSums(std::size_t dimensions) : dimensions_(dimensions), squares_(dimensions * dimensions), products_(dimensions) {
  CHECK(dimensions >= 1);
}

void RidgeSums::add(std::span<const double> factors, double rating) {
  CHECK(factors.size() == dimensions_, factors.size(), dimensions_);
  for (std::size_t column = 0; column < dimensions_; ++column) {
    for (std::size_t row = column; row < dimensions_; ++row) squares_[column * dimensions_ + row] += factors[column] * factors[row];
    products_[column] += factors[column] * rating;
  }
  ++ratings_;
}

Result<std::vector<double>> RidgeSums::solve(double lambda) const {
  if (!(lambda > 0) || !std::isfinite(lambda)) return invalid(fmt::format("a ridge of {} is not possible; give a number above 0", lambda));
  std::vector<double> matrix = squares_, vector = products_;
  for (std::size_t i = 0; i < dimensions_; ++i) matrix[i * dimensions_ + i] += lambda;
  const int n = static_cast<int>(dimensions_), one = 1;
  int info = 0;
  dposv_("L", &n, &one, matrix.data(), &n, vector.data(), &n, &info);
  CHECK(info >= 0, info);
  if (info > 0) return invalid("the sums of the factors are beyond what numbers can hold; scale the factors");
  return vector;
}

double dot(std::span<const double> a, std::span<const double> b) {
  CHECK(a.size() == b.size(), a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace isobar::features
