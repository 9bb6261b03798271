// Functions of numbers.

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "built_ins.h"
#include "reals.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

SqlError bad_input() { return {state::kNumericValueOutOfRange, "input is out of range"}; }

SqlResult<double> exponential(double value) {
  const double result = std::exp(value);
  return checked_real(result, std::isinf(value), std::isinf(value));
}
SqlResult<double> require_logarithm(double value) {
  if (value == 0) return SqlError(state::kInvalidArgumentForLogarithm, "cannot take logarithm of zero");
  if (value < 0) return SqlError(state::kInvalidArgumentForLogarithm, "cannot take logarithm of a negative number");
  return value;
}
SqlResult<double> natural(double value) {
  TRY(require_logarithm(value));
  return std::log(value);
}
SqlResult<double> decimal(double value) {
  TRY(require_logarithm(value));
  return std::log10(value);
}

template <auto kFunction>
SqlResult<double> of_finite(double value) {
  if (std::isinf(value)) return bad_input();
  return kFunction(value);
}
template <auto kFunction>
SqlResult<double> of_unit(double value) {
  if (value < -1 || value > 1) return bad_input();
  return kFunction(value);
}

template <std::int64_t kLeast>
SqlResult<std::int64_t> greatest_divisor(std::int64_t a, std::int64_t b) {
  const auto size = [](std::int64_t value) {
    return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  };
  const std::uint64_t divisor = std::gcd(size(a), size(b));
  if (divisor > static_cast<std::uint64_t>(-(kLeast + 1)))
    return SqlError(state::kNumericValueOutOfRange, kLeast == INT64_MIN ? "bigint out of range" : "integer out of range");
  return static_cast<std::int64_t>(divisor);
}
template <std::int64_t kLeast>
SqlResult<std::int64_t> least_multiple(std::int64_t a, std::int64_t b) {
  if (a == 0 || b == 0) return 0;
  TRY_ASSIGN(const std::int64_t divisor, greatest_divisor<kLeast>(a, b));
  std::int64_t product = 0;
  const bool overflow = __builtin_mul_overflow(a / divisor, b, &product) || product == INT64_MIN || std::abs(product) > -(kLeast + 1);
  if (overflow) return SqlError(state::kNumericValueOutOfRange, kLeast == INT64_MIN ? "bigint out of range" : "integer out of range");
  return std::abs(product);
}

SqlError bad_bucket(std::string what) { return {state::kInvalidArgumentForWidthBucket, std::move(what)}; }

SqlResult<std::int64_t> width_bucket_real(double operand, double low, double high, std::int64_t count) {
  if (count <= 0) return bad_bucket("count must be greater than zero");
  if (std::isnan(operand) || std::isnan(low) || std::isnan(high)) return bad_bucket("operand, lower bound, and upper bound cannot be NaN");
  if (std::isinf(low) || std::isinf(high)) return bad_bucket("lower and upper bounds must be finite");
  if (low == high) return bad_bucket("lower bound cannot equal upper bound");
  const bool up = low < high;
  if (up ? operand < low : operand > low) return 0;
  if (up ? operand >= high : operand <= high) {
    if (count == INT32_MAX) return SqlError(state::kNumericValueOutOfRange, "integer out of range");
    return count + 1;
  }
  const double bucket = std::isinf(high - low) ? (operand / 2 - low / 2) / (high / 2 - low / 2) : (operand - low) / (high - low);
  return std::min<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(count) * bucket), count - 1) + 1;
}

SqlResult<std::int64_t> width_bucket_numeric(const Numeric& operand, const Numeric& low, const Numeric& high, std::int64_t count) {
  if (count <= 0) return bad_bucket("count must be greater than zero");
  if (operand.is_nan() || low.is_nan() || high.is_nan()) return bad_bucket("operand, lower bound, and upper bound cannot be NaN");
  if (low.is_infinite() || high.is_infinite()) return bad_bucket("lower and upper bounds must be finite");
  const auto direction = low.compare(high);
  if (direction == 0) return bad_bucket("lower bound cannot equal upper bound");
  if (direction < 0 ? operand.compare(low) < 0 : operand.compare(low) > 0) return 0;
  if (direction < 0 ? operand.compare(high) >= 0 : operand.compare(high) <= 0) {
    if (count == INT32_MAX) return SqlError(state::kNumericValueOutOfRange, "integer out of range");
    return count + 1;
  }
  TRY_ASSIGN(const Numeric from, operand.minus(low));
  TRY_ASSIGN(const Numeric width, high.minus(low));
  TRY_ASSIGN(const Numeric scaled, from.times(Numeric(count)));
  TRY_ASSIGN(const Numeric bucket, scaled.quotient(width));
  return *bucket.to_int64() + 1;
}

double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

void add_reals(FunctionSet& set) {
  const auto add = [&](std::string_view name, Evaluate evaluate) { set.add(fmt::format("{}(float8) float8", name), evaluate); };
  add("exp", wrap<exponential>), add("ln", wrap<natural>), add("log", wrap<decimal>), add("log10", wrap<decimal>),
      add("sqrt", wrap<real_square_root>);
  add("cbrt", wrap<[](double x) { return std::cbrt(x); }>), add("ceil", wrap<[](double x) { return std::ceil(x); }>),
      add("ceiling", wrap<[](double x) { return std::ceil(x); }>);
  add("floor", wrap<[](double x) { return std::floor(x); }>), add("round", wrap<[](double x) { return std::rint(x); }>),
      add("trunc", wrap<[](double x) { return std::trunc(x); }>);
  add("sign", wrap<sign_of>);
  add("degrees", wrap<[](double x) { return checked_real(x / (std::numbers::pi / 180), std::isinf(x), x == 0); }>),
      add("radians", wrap<[](double x) { return checked_real(x * (std::numbers::pi / 180), std::isinf(x), x == 0); }>);
  add("sin", wrap<of_finite<[](double x) { return std::sin(x); }>>), add("cos", wrap<of_finite<[](double x) { return std::cos(x); }>>),
      add("tan", wrap<of_finite<[](double x) { return std::tan(x); }>>);
  add("cot", wrap<of_finite<[](double x) { return 1 / std::tan(x); }>>);
  add("asin", wrap<of_unit<[](double x) { return std::asin(x); }>>), add("acos", wrap<of_unit<[](double x) { return std::acos(x); }>>),
      add("atan", wrap<[](double x) { return std::atan(x); }>);
  add("sinh", wrap<[](double x) { return std::sinh(x); }>), add("cosh", wrap<[](double x) { return std::cosh(x); }>),
      add("tanh", wrap<[](double x) { return std::tanh(x); }>);
  add("asinh", wrap<[](double x) { return std::asinh(x); }>), add("acosh", wrap<[](double x) -> SqlResult<double> {
                                                                    if (x < 1) return bad_input();
                                                                    return std::acosh(x);
                                                                  }>);
  add("atanh", wrap<of_unit<[](double x) { return std::atanh(x); }>>);
  for (const auto* type : {"float4", "float8"}) set.add(fmt::format("abs({0}) {0}", type), wrap<[](double x) { return std::fabs(x); }>);
  set.add("atan2(float8, float8) float8", wrap<[](double y, double x) { return std::atan2(y, x); }>);
  set.add("power(float8, float8) float8", wrap<real_power>), set.add("pow(float8, float8) float8", wrap<real_power>);
  set.add("pi() float8", wrap<[] { return std::numbers::pi; }>);
  set.add("width_bucket(float8, float8, float8, int4) int4", wrap<width_bucket_real>);
}

void add_decimals(FunctionSet& set) {
  const auto add = [&](std::string_view name, Evaluate evaluate) { set.add(fmt::format("{}(numeric) numeric", name), evaluate); };
  add("abs", wrap<[](const Numeric& x) { return x.magnitude(); }>), add("ceil", wrap<[](const Numeric& x) { return x.ceiling(); }>),
      add("ceiling", wrap<[](const Numeric& x) { return x.ceiling(); }>);
  add("floor", wrap<[](const Numeric& x) { return x.floor(); }>), add("round", wrap<[](const Numeric& x) { return x.rounded(0); }>),
      add("trunc", wrap<[](const Numeric& x) { return x.truncated(0); }>);
  add("sign", wrap<[](const Numeric& x) { return x.is_nan() ? x : Numeric(x.sign()); }>),
      add("sqrt", wrap<[](const Numeric& x) { return x.square_root(); }>);
  add("exp", wrap<[](const Numeric& x) { return x.exponential(); }>), add("ln", wrap<[](const Numeric& x) { return x.logarithm(); }>);
  const auto decimal_log = wrap<[](const Numeric& x) { return Numeric::logarithm(Numeric(10), x); }>;
  add("log", decimal_log), add("log10", decimal_log), add("trim_scale", wrap<[](const Numeric& x) { return x.trimmed(); }>);
  set.add("log(numeric, numeric) numeric", wrap<[](const Numeric& base, const Numeric& x) { return Numeric::logarithm(base, x); }>);
  set.add("round(numeric, int4) numeric",
          wrap<[](const Numeric& x, std::int64_t digits) { return x.rounded(static_cast<std::int32_t>(digits)); }>);
  set.add("trunc(numeric, int4) numeric",
          wrap<[](const Numeric& x, std::int64_t digits) { return x.truncated(static_cast<std::int32_t>(digits)); }>);
  for (const auto* name : {"power", "pow"})
    set.add(fmt::format("{}(numeric, numeric) numeric", name), wrap<[](const Numeric& x, const Numeric& e) { return x.to_the(e); }>);
  set.add("mod(numeric, numeric) numeric", wrap<[](const Numeric& a, const Numeric& b) { return a.remainder(b); }>);
  set.add("div(numeric, numeric) numeric", wrap<[](const Numeric& a, const Numeric& b) { return a.quotient(b); }>);
  set.add("gcd(numeric, numeric) numeric", wrap<[](const Numeric& a, const Numeric& b) { return a.greatest_divisor(b); }>);
  set.add("lcm(numeric, numeric) numeric", wrap<[](const Numeric& a, const Numeric& b) { return a.least_multiple(b); }>);
  set.add("scale(numeric) int4", wrap<[](const Numeric& x) -> std::optional<std::int64_t> {
            if (!x.is_finite()) return std::nullopt;
            return x.scale();
          }>);
  set.add("min_scale(numeric) int4", wrap<[](const Numeric& x) -> std::optional<std::int64_t> {
            if (!x.is_finite()) return std::nullopt;
            return x.trimmed().scale();
          }>);
  set.add("factorial(int8) numeric", wrap<[](std::int64_t of) { return Numeric::factorial(of); }>);
  set.add("width_bucket(numeric, numeric, numeric, int4) int4", wrap<width_bucket_numeric>);
}

std::string in_base_16(std::uint64_t value) { return fmt::format("{:x}", value); }

}  // namespace

SqlResult<double> real_power(double base, double exponent) {
  if (std::isnan(base) || std::isnan(exponent)) return base == 1 || exponent == 0 ? 1.0 : std::nan("");
  if (base == 0 && exponent < 0) return SqlError(state::kInvalidArgumentForPower, "zero raised to a negative power is undefined");
  if (base < 0 && std::isfinite(exponent) && std::floor(exponent) != exponent)
    return SqlError(state::kInvalidArgumentForPower, "a negative number raised to a non-integer power yields a complex result");
  const bool endless = std::isinf(base) || std::isinf(exponent);
  return checked_real(std::pow(base, exponent), endless, endless || base == 0);
}

SqlResult<double> real_square_root(double value) {
  if (value < 0) return SqlError(state::kInvalidArgumentForPower, "cannot take square root of a negative number");
  return std::sqrt(value);
}

void add_number_functions(FunctionSet& set) {
  add_reals(set), add_decimals(set);
  set.add("gcd(int4, int4) int4", wrap<greatest_divisor<INT32_MIN>>), set.add("gcd(int8, int8) int8", wrap<greatest_divisor<INT64_MIN>>);
  set.add("lcm(int4, int4) int4", wrap<least_multiple<INT32_MIN>>), set.add("lcm(int8, int8) int8", wrap<least_multiple<INT64_MIN>>);
  set.add("to_hex(int4) text", wrap<[](std::int64_t value) { return in_base_16(static_cast<std::uint32_t>(value)); }>);
  set.add("to_hex(int8) text", wrap<[](std::int64_t value) { return in_base_16(static_cast<std::uint64_t>(value)); }>);
  set.add("random() float8", wrap<[](const Call& call) -> SqlResult<double> {
            if (!call.session.random) return SqlError(state::kFeatureNotSupported, "random() is not supported here");
            return call.session.random();
          }>,
          {.volatility = Volatility::kVolatile});
}

}  // namespace isobar::sql
