#pragma once

/// Floating-point functions that fail where C's give an infinity or a NaN.

#include <cmath>

#include "sql/error.h"

namespace isobar::sql {

inline SqlError real_overflow() { return {state::kNumericValueOutOfRange, "value out of range: overflow"}; }
inline SqlError real_underflow() { return {state::kNumericValueOutOfRange, "value out of range: underflow"}; }

/// inputs_infinite  then the result may be; may_be_zero  a zero is none that was lost
inline SqlResult<double> checked_real(double result, bool inputs_infinite, bool may_be_zero) {
  if (std::isinf(result) && !inputs_infinite) return real_overflow();
  if (result == 0 && !may_be_zero) return real_underflow();
  return result;
}

SqlResult<double> real_power(double base, double exponent);
SqlResult<double> real_square_root(double value);

}  // namespace isobar::sql
