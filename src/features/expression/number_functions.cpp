// Arithmetic as PostgreSQL has it: what overflows, underflows to zero or is not defined is an error; it is never wrapped, and no infinity
// or NaN comes of finite numbers.

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "function.h"

namespace isobar::features {

namespace {

Datum out_of_range(Evaluation& evaluation, std::string_view type) {
  return evaluation.fail(fmt::format("the result is beyond the range of {}", type));
}
Datum zero_divides(Evaluation& evaluation) { return evaluation.fail("division by zero"); }

template <class Int>
Datum narrowed(Evaluation& evaluation, bool overflow, std::int64_t result) {
  if (overflow || result < std::numeric_limits<Int>::min() || result > std::numeric_limits<Int>::max())
    return out_of_range(evaluation, sizeof(Int) == 4 ? "int32; cast an operand to int64" : "int64; cast an operand to float64");
  return Datum::of(result);
}

template <class Int>
Datum add_integers(Evaluation& e, const Datum* a) {
  std::int64_t result = 0;
  const bool overflow = __builtin_add_overflow(a[0].integer, a[1].integer, &result);
  return narrowed<Int>(e, overflow, result);
}
template <class Int>
Datum subtract_integers(Evaluation& e, const Datum* a) {
  std::int64_t result = 0;
  const bool overflow = __builtin_sub_overflow(a[0].integer, a[1].integer, &result);
  return narrowed<Int>(e, overflow, result);
}
template <class Int>
Datum multiply_integers(Evaluation& e, const Datum* a) {
  std::int64_t result = 0;
  const bool overflow = __builtin_mul_overflow(a[0].integer, a[1].integer, &result);
  return narrowed<Int>(e, overflow, result);
}
template <class Int>
Datum divide_integers(Evaluation& e, const Datum* a) {
  if (a[1].integer == 0) return zero_divides(e);
  if (a[1].integer == -1) return narrowed<Int>(e, a[0].integer == INT64_MIN, a[0].integer == INT64_MIN ? 0 : -a[0].integer);
  return Datum::of(a[0].integer / a[1].integer);
}
Datum modulo_integers(Evaluation& e, const Datum* a) {
  if (a[1].integer == 0) return zero_divides(e);
  return Datum::of(a[1].integer == -1 ? 0 : a[0].integer % a[1].integer);
}
template <class Int>
Datum negate_integer(Evaluation& e, const Datum* a) {
  return narrowed<Int>(e, a[0].integer == INT64_MIN, a[0].integer == INT64_MIN ? 0 : -a[0].integer);
}
template <class Int>
Datum abs_integer(Evaluation& e, const Datum* a) {
  return a[0].integer < 0 ? negate_integer<Int>(e, a) : a[0];
}

/// The operation was done in double, which holds it well enough that one more rounding, to the float, gives the float's own result.
template <class Real>
Datum rounded(Evaluation& evaluation, double result, bool may_be_infinite, bool may_be_zero) {
  const auto number = static_cast<Real>(result);
  constexpr std::string_view kName = sizeof(Real) == 4 ? "float32" : "float64";
  if (std::isinf(number) && !may_be_infinite) return out_of_range(evaluation, kName);
  if (number == 0 && !may_be_zero) return evaluation.fail(fmt::format("the result is too small for {}", kName));
  return Datum::of(static_cast<double>(number));
}
bool any_infinite(const Datum* a) { return std::isinf(a[0].real) || std::isinf(a[1].real); }

template <class Real>
Datum add_reals(Evaluation& e, const Datum* a) {
  return rounded<Real>(e, a[0].real + a[1].real, any_infinite(a), true);
}
template <class Real>
Datum subtract_reals(Evaluation& e, const Datum* a) {
  return rounded<Real>(e, a[0].real - a[1].real, any_infinite(a), true);
}
template <class Real>
Datum multiply_reals(Evaluation& e, const Datum* a) {
  return rounded<Real>(e, a[0].real * a[1].real, any_infinite(a), a[0].real == 0 || a[1].real == 0);
}
template <class Real>
Datum divide_reals(Evaluation& e, const Datum* a) {
  if (a[1].real == 0 && !std::isnan(a[0].real)) return zero_divides(e);
  return rounded<Real>(e, a[0].real / a[1].real, std::isinf(a[0].real), a[0].real == 0 || std::isinf(a[1].real));
}
Datum negate_real(Evaluation&, const Datum* a) { return Datum::of(-a[0].real); }
Datum abs_real(Evaluation&, const Datum* a) { return Datum::of(std::abs(a[0].real)); }

/// To the even neighbour from half-way, whatever the rounding mode is.
Datum round_real(Evaluation&, const Datum* a) { return Datum::of(std::nearbyint(a[0].real)); }
Datum floor_real(Evaluation&, const Datum* a) { return Datum::of(std::floor(a[0].real)); }
Datum ceil_real(Evaluation&, const Datum* a) { return Datum::of(std::ceil(a[0].real)); }

Datum sqrt_real(Evaluation& e, const Datum* a) {
  if (a[0].real < 0) return e.fail("the square root of a negative number");
  return Datum::of(std::sqrt(a[0].real));
}
Datum ln_real(Evaluation& e, const Datum* a) {
  if (a[0].real == 0) return e.fail("the logarithm of zero");
  if (a[0].real < 0) return e.fail("the logarithm of a negative number");
  return Datum::of(std::log(a[0].real));
}
Datum exp_real(Evaluation& e, const Datum* a) {
  return rounded<double>(e, std::exp(a[0].real), std::isinf(a[0].real), std::isinf(a[0].real));
}

Datum power_reals(Evaluation& e, const Datum* a) {
  const double base = a[0].real, exponent = a[1].real;
  if (std::isnan(base) || std::isnan(exponent)) return Datum::of(std::pow(base, exponent));
  if (base == 0 && exponent < 0) return e.fail("zero to a negative power");
  if (base < 0 && std::floor(exponent) != exponent) return e.fail("a negative number to a power that is not whole");
  return rounded<double>(e, std::pow(base, exponent), any_infinite(a), base == 0 || any_infinite(a));
}

constexpr std::array<Type, kArgumentsMost> one(Type type) { return {type}; }
constexpr std::array<Type, kArgumentsMost> two(Type type) { return {type, type}; }

/// float32 last: an int32 and a float32 meet in float64, and only two float32 stay so.
constexpr std::array kNumberFunctions{
    Signature{"+", 2, two(kInt32Type), kInt32Type, add_integers<std::int32_t>},
    Signature{"+", 2, two(kInt64Type), kInt64Type, add_integers<std::int64_t>},
    Signature{"+", 2, two(kFloat64Type), kFloat64Type, add_reals<double>},
    Signature{"+", 2, two(kFloat32Type), kFloat32Type, add_reals<float>},
    Signature{"-", 2, two(kInt32Type), kInt32Type, subtract_integers<std::int32_t>},
    Signature{"-", 2, two(kInt64Type), kInt64Type, subtract_integers<std::int64_t>},
    Signature{"-", 2, two(kFloat64Type), kFloat64Type, subtract_reals<double>},
    Signature{"-", 2, two(kFloat32Type), kFloat32Type, subtract_reals<float>},
    Signature{"*", 2, two(kInt32Type), kInt32Type, multiply_integers<std::int32_t>},
    Signature{"*", 2, two(kInt64Type), kInt64Type, multiply_integers<std::int64_t>},
    Signature{"*", 2, two(kFloat64Type), kFloat64Type, multiply_reals<double>},
    Signature{"*", 2, two(kFloat32Type), kFloat32Type, multiply_reals<float>},
    Signature{"/", 2, two(kInt32Type), kInt32Type, divide_integers<std::int32_t>},
    Signature{"/", 2, two(kInt64Type), kInt64Type, divide_integers<std::int64_t>},
    Signature{"/", 2, two(kFloat64Type), kFloat64Type, divide_reals<double>},
    Signature{"/", 2, two(kFloat32Type), kFloat32Type, divide_reals<float>},
    Signature{"%", 2, two(kInt32Type), kInt32Type, modulo_integers},
    Signature{"%", 2, two(kInt64Type), kInt64Type, modulo_integers},
    Signature{"mod", 2, two(kInt32Type), kInt32Type, modulo_integers},
    Signature{"mod", 2, two(kInt64Type), kInt64Type, modulo_integers},
    Signature{"^", 2, two(kFloat64Type), kFloat64Type, power_reals},
    Signature{"power", 2, two(kFloat64Type), kFloat64Type, power_reals},
    Signature{"pow", 2, two(kFloat64Type), kFloat64Type, power_reals},
    Signature{"neg", 1, one(kInt32Type), kInt32Type, negate_integer<std::int32_t>},
    Signature{"neg", 1, one(kInt64Type), kInt64Type, negate_integer<std::int64_t>},
    Signature{"neg", 1, one(kFloat64Type), kFloat64Type, negate_real},
    Signature{"neg", 1, one(kFloat32Type), kFloat32Type, negate_real},
    Signature{"abs", 1, one(kInt32Type), kInt32Type, abs_integer<std::int32_t>},
    Signature{"abs", 1, one(kInt64Type), kInt64Type, abs_integer<std::int64_t>},
    Signature{"abs", 1, one(kFloat64Type), kFloat64Type, abs_real},
    Signature{"abs", 1, one(kFloat32Type), kFloat32Type, abs_real},
    Signature{"round", 1, one(kFloat64Type), kFloat64Type, round_real},
    Signature{"floor", 1, one(kFloat64Type), kFloat64Type, floor_real},
    Signature{"ceil", 1, one(kFloat64Type), kFloat64Type, ceil_real},
    Signature{"ceiling", 1, one(kFloat64Type), kFloat64Type, ceil_real},
    Signature{"sqrt", 1, one(kFloat64Type), kFloat64Type, sqrt_real},
    Signature{"ln", 1, one(kFloat64Type), kFloat64Type, ln_real},
    Signature{"exp", 1, one(kFloat64Type), kFloat64Type, exp_real},
};

}  // namespace

std::span<const Signature> number_functions() { return kNumberFunctions; }

}  // namespace isobar::features
