// Arithmetic. Integers and floats fail where their type ends; decimals are exact.

#include <fmt/format.h>

#include <cmath>

#include "built_ins.h"
#include "reals.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

SqlError division_by_zero() { return {state::kDivisionByZero, "division by zero"}; }

struct Width {
  std::string_view name, type;
  std::int64_t least, most;
};
constexpr Width kWidths[] = {
    {"smallint", "int2", INT16_MIN, INT16_MAX}, {"integer", "int4", INT32_MIN, INT32_MAX}, {"bigint", "int8", INT64_MIN, INT64_MAX}};
template <int kWidth>
SqlError out_of_range() {
  return {state::kNumericValueOutOfRange, fmt::format("{} out of range", kWidths[kWidth].name)};
}
template <int kWidth>
SqlResult<std::int64_t> within(std::int64_t value) {
  if (value < kWidths[kWidth].least || value > kWidths[kWidth].most) return out_of_range<kWidth>();
  return value;
}

template <int kWidth>
SqlResult<std::int64_t> plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? SqlResult<std::int64_t>(out_of_range<kWidth>()) : within<kWidth>(sum);
}
template <int kWidth>
SqlResult<std::int64_t> minus(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  return __builtin_sub_overflow(a, b, &difference) ? SqlResult<std::int64_t>(out_of_range<kWidth>()) : within<kWidth>(difference);
}
template <int kWidth>
SqlResult<std::int64_t> times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? SqlResult<std::int64_t>(out_of_range<kWidth>()) : within<kWidth>(product);
}
template <int kWidth>
SqlResult<std::int64_t> over(std::int64_t a, std::int64_t b) {
  if (b == 0) return division_by_zero();
  return b == -1 ? minus<kWidth>(0, a) : within<kWidth>(a / b);
}
template <int kWidth>
SqlResult<std::int64_t> modulo(std::int64_t a, std::int64_t b) {
  if (b == 0) return division_by_zero();
  return b == -1 ? 0 : a % b;
}
template <int kWidth>
SqlResult<std::int64_t> negated(std::int64_t a) {
  return minus<kWidth>(0, a);
}
template <int kWidth>
SqlResult<std::int64_t> magnitude(std::int64_t a) {
  return a < 0 ? minus<kWidth>(0, a) : a;
}

/// Shifts take as many bits as the type has, and count modulo those.
template <int kWidth>
std::int64_t shift_left(std::int64_t a, std::int64_t bits) {
  if constexpr (kWidth == 2) return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << (bits & 63));
  const auto shifted = static_cast<std::uint32_t>(a) << (bits & 31);
  return kWidth == 0 ? static_cast<std::int16_t>(shifted) : static_cast<std::int32_t>(shifted);
}
template <int kWidth>
std::int64_t shift_right(std::int64_t a, std::int64_t bits) {
  return a >> (bits & (kWidth == 2 ? 63 : 31));
}

template <int kWidth>
void add_integers(FunctionSet& set) {
  const auto type = kWidths[kWidth].type;
  const auto add = [&](std::string_view sign, Evaluate evaluate) {
    set.add_operator(fmt::format("{0}({1}, {1}) {1}", sign, type), evaluate);
  };
  add("%", wrap<modulo<kWidth>>);
  set.add(fmt::format("mod({0}, {0}) {0}", type), wrap<modulo<kWidth>>);
  add("&", wrap<[](std::int64_t a, std::int64_t b) { return a & b; }>),
      add("|", wrap<[](std::int64_t a, std::int64_t b) { return a | b; }>);
  add("#", wrap<[](std::int64_t a, std::int64_t b) { return a ^ b; }>);
  set.add_operator(fmt::format("<<({0}, int4) {0}", type), wrap<shift_left<kWidth>>),
      set.add_operator(fmt::format(">>({0}, int4) {0}", type), wrap<shift_right<kWidth>>);
  const auto prefix = [&](std::string_view sign, Evaluate evaluate) {
    set.add_operator(fmt::format("{0}({1}) {1}", sign, type), evaluate);
  };
  prefix("-", wrap<negated<kWidth>>), prefix("+", wrap<[](std::int64_t a) { return a; }>),
      prefix("~", wrap<[](std::int64_t a) { return ~a; }>);
  prefix("@", wrap<magnitude<kWidth>>);
  set.add(fmt::format("abs({0}) {0}", type), wrap<magnitude<kWidth>>);
}

/// Of two widths the wider is the result's.
template <int kLeft, int kRight>
void add_mixed(FunctionSet& set) {
  constexpr int kWidth = std::max(kLeft, kRight);
  const auto add = [&](std::string_view sign, Evaluate evaluate) {
    set.add_operator(fmt::format("{}({}, {}) {}", sign, kWidths[kLeft].type, kWidths[kRight].type, kWidths[kWidth].type), evaluate);
  };
  add("+", wrap<plus<kWidth>>), add("-", wrap<minus<kWidth>>), add("*", wrap<times<kWidth>>), add("/", wrap<over<kWidth>>);
}

// --- floats ---

template <bool kSingle>
SqlResult<double> finished(double result, bool inputs_infinite, bool may_be_zero) {
  if (kSingle) result = double{static_cast<float>(result)};
  return checked_real(result, inputs_infinite, may_be_zero);
}
template <bool kSingle>
SqlResult<double> plus_reals(double a, double b) {
  return finished<kSingle>(a + b, std::isinf(a) || std::isinf(b), true);
}
template <bool kSingle>
SqlResult<double> minus_reals(double a, double b) {
  return finished<kSingle>(a - b, std::isinf(a) || std::isinf(b), true);
}
template <bool kSingle>
SqlResult<double> times_reals(double a, double b) {
  return finished<kSingle>(a * b, std::isinf(a) || std::isinf(b), a == 0 || b == 0);
}
template <bool kSingle>
SqlResult<double> over_reals(double a, double b) {
  if (b == 0 && !std::isnan(a)) return division_by_zero();
  return finished<kSingle>(a / b, std::isinf(a), a == 0 || std::isinf(b));
}

template <bool kSingle>
void add_reals(FunctionSet& set, std::string_view left, std::string_view right) {
  const auto add = [&](std::string_view sign, Evaluate evaluate) {
    set.add_operator(fmt::format("{}({}, {}) {}", sign, left, right, kSingle ? "float4" : "float8"), evaluate);
  };
  add("+", wrap<plus_reals<kSingle>>), add("-", wrap<minus_reals<kSingle>>), add("*", wrap<times_reals<kSingle>>),
      add("/", wrap<over_reals<kSingle>>);
}

void add_numeric(FunctionSet& set) {
  const auto add = [&](std::string_view sign, Evaluate evaluate) {
    set.add_operator(fmt::format("{}(numeric, numeric) numeric", sign), evaluate);
  };
  add("+", wrap<[](const Numeric& a, const Numeric& b) { return a.plus(b); }>),
      add("-", wrap<[](const Numeric& a, const Numeric& b) { return a.minus(b); }>);
  add("*", wrap<[](const Numeric& a, const Numeric& b) { return a.times(b); }>),
      add("/", wrap<[](const Numeric& a, const Numeric& b) { return a.divided_by(b); }>);
  add("%", wrap<[](const Numeric& a, const Numeric& b) { return a.remainder(b); }>),
      add("^", wrap<[](const Numeric& a, const Numeric& b) { return a.to_the(b); }>);
  set.add_operator("-(numeric) numeric", wrap<[](const Numeric& a) { return a.negated(); }>);
  set.add_operator("+(numeric) numeric", wrap<[](const Numeric& a) -> const Numeric& { return a; }>);
  set.add_operator("@(numeric) numeric", wrap<[](const Numeric& a) { return a.magnitude(); }>);
}

}  // namespace

void add_number_operators(FunctionSet& set) {
  add_integers<0>(set), add_integers<1>(set), add_integers<2>(set);
  add_mixed<0, 0>(set), add_mixed<0, 1>(set), add_mixed<0, 2>(set), add_mixed<1, 0>(set), add_mixed<1, 1>(set), add_mixed<1, 2>(set);
  add_mixed<2, 0>(set), add_mixed<2, 1>(set), add_mixed<2, 2>(set);
  add_reals<true>(set, "float4", "float4"), add_reals<false>(set, "float8", "float8"), add_reals<false>(set, "float4", "float8"),
      add_reals<false>(set, "float8", "float4");
  for (const auto* type : {"float4", "float8"}) {
    set.add_operator(fmt::format("-({0}) {0}", type), wrap<[](double a) { return -a; }>),
        set.add_operator(fmt::format("+({0}) {0}", type), wrap<[](double a) { return a; }>);
    set.add_operator(fmt::format("@({0}) {0}", type), wrap<[](double a) { return std::fabs(a); }>);
  }
  set.add_operator("^(float8, float8) float8", wrap<real_power>);
  set.add_operator("|/(float8) float8", wrap<real_square_root>);
  set.add_operator("||/(float8) float8", wrap<[](double a) { return std::cbrt(a); }>);
  add_numeric(set);
}

}  // namespace isobar::sql
