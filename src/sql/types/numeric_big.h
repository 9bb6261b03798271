#pragma once

/// The inside of Numeric for the sources that compute with it: integers of any length.

#include <boost/multiprecision/cpp_int.hpp>

#include "sql/numeric.h"

namespace isobar::sql {

using Integer = boost::multiprecision::cpp_int;

struct Numeric::Big {
  Integer value;
};

inline constexpr std::int32_t kNumericDigitsMost = 131'072, kNumericScaleMost = 16'383;

/// 10^exponent; 0 ≤ exponent.
Integer power_of_ten(std::int64_t exponent);
/// 10^exponent; 0 ≤ exponent ≤ 18
std::int64_t small_power_of_ten(std::int32_t exponent);
/// a / b, rounded half away from zero.
Integer divide_rounding(const Integer& a, const Integer& b);
/// How many decimal digits it has; of 0: 0.
std::int64_t digits_of(const Integer& value);
SqlError numeric_overflow();
SqlError division_by_zero();

/// Reads and makes them.
struct NumericAccess {
  static bool is_small(const Numeric& n) { return n.big_ == nullptr; }
  static std::int64_t small(const Numeric& n) { return n.small_; }
  static Integer unscaled(const Numeric& n) { return n.big_ ? n.big_->value : Integer(n.small_); }
  /// Errors: none; scale is within its limits.
  static Numeric make(Integer unscaled, std::int32_t scale);
  /// Errors   22003: too many digits before the point
  static SqlResult<Numeric> make_checked(Integer unscaled, std::int64_t scale);
  /// The unscaled value for another scale, rounded where digits are lost.
  static Integer rescaled(const Numeric& n, std::int64_t scale);
};

}  // namespace isobar::sql
