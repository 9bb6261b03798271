// Arithmetic of decimals. Most values of real tables fit 64 bits with a small scale, so each operation first tries in machine words with a
// check for overflow, and only then takes integers of any length. The scale of a quotient follows PostgreSQL: at least 16 significant
// digits, counted in groups of four as it stores them, and never fewer than either operand shows.

#include "sql/numeric.h"

#include <algorithm>
#include <array>
#include <functional>

#include "numeric_big.h"

namespace isobar::sql {
namespace {

constexpr std::int32_t kSignificantDigitsLeast = 16, kDisplayScaleMost = 1000;

constexpr auto kPowers = [] {
  std::array<std::int64_t, 19> powers{};
  std::int64_t power = 1;
  for (auto& each : powers) each = power, power = power < 1'000'000'000'000'000'000 ? power * 10 : power;
  return powers;
}();

bool fits_small(__int128 value) {
  return value >= std::numeric_limits<std::int64_t>::min() && value <= std::numeric_limits<std::int64_t>::max();
}

int digits_of_small(std::int64_t value) {
  auto magnitude = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  int digits = 0;
  for (; magnitude != 0; magnitude /= 10) ++digits;
  return digits;
}

/// The first group of four digits and its place, as PostgreSQL stores a value.
struct Group {
  std::int32_t weight = 0, first = 0;
};
Group leading_group(const Numeric& n) {
  if (n.sign() == 0) return {};
  const std::int32_t exponent = n.leading_exponent();
  const std::int32_t weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
  const Integer unscaled = NumericAccess::unscaled(n.magnitude());
  const std::int64_t shift = std::int64_t{weight} * 4 + n.scale();
  const Integer first = shift >= 0 ? Integer(unscaled / power_of_ten(shift)) : Integer(unscaled * power_of_ten(-shift));
  return {weight, static_cast<std::int32_t>(first)};
}

std::int32_t scale_of_quotient(const Numeric& a, const Numeric& b) {
  const Group first = leading_group(a), second = leading_group(b);
  const std::int32_t weight = first.weight - second.weight - (first.first <= second.first ? 1 : 0);
  return std::min(std::max({kSignificantDigitsLeast - weight * 4, a.scale(), b.scale(), 0}), kDisplayScaleMost);
}

/// What an operation gives where an operand is not finite; none: both are finite.
std::optional<Numeric> special_sum(const Numeric& a, const Numeric& b) {
  if (a.is_finite() && b.is_finite()) return std::nullopt;
  if (a.is_nan() || b.is_nan()) return Numeric::nan();
  if (a.is_finite()) return b;
  if (b.is_finite() || a.sign() == b.sign()) return a;
  return Numeric::nan();
}

Numeric infinity_of_sign(int sign) { return sign > 0 ? Numeric::infinity() : sign < 0 ? Numeric::minus_infinity() : Numeric::nan(); }

}  // namespace

std::int64_t small_power_of_ten(std::int32_t exponent) { return kPowers[static_cast<std::size_t>(exponent)]; }

Integer power_of_ten(std::int64_t exponent) {
  if (exponent < static_cast<std::int64_t>(kPowers.size())) return kPowers[static_cast<std::size_t>(exponent)];
  return boost::multiprecision::pow(Integer(10), static_cast<unsigned>(exponent));
}

Integer divide_rounding(const Integer& a, const Integer& b) {
  Integer quotient, rest;
  boost::multiprecision::divide_qr(a, b, quotient, rest);
  if (boost::multiprecision::abs(rest) * 2 >= boost::multiprecision::abs(b)) quotient += (a.sign() < 0) == (b.sign() < 0) ? 1 : -1;
  return quotient;
}

std::int64_t digits_of(const Integer& value) {
  if (value.is_zero()) return 0;
  const Integer magnitude = boost::multiprecision::abs(value);
  const auto bits = static_cast<std::int64_t>(boost::multiprecision::msb(magnitude));
  const auto estimate = static_cast<std::int64_t>(static_cast<double>(bits) * 0.30102999566398120);
  // The estimate is of 2^bits, at most one digit short.
  return magnitude >= power_of_ten(estimate + 1) ? estimate + 2 : magnitude >= power_of_ten(estimate) ? estimate + 1 : estimate;
}

SqlError numeric_overflow() { return {state::kNumericValueOutOfRange, "value overflows numeric format"}; }
SqlError division_by_zero() { return {state::kDivisionByZero, "division by zero"}; }

Numeric NumericAccess::make(Integer unscaled, std::int32_t scale) {
  static const Integer least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  if (unscaled >= least && unscaled <= most) return Numeric(static_cast<std::int64_t>(unscaled), scale);
  Numeric made;
  made.big_ = std::make_shared<const Numeric::Big>(Numeric::Big{std::move(unscaled)});
  made.scale_ = scale;
  return made;
}

SqlResult<Numeric> NumericAccess::make_checked(Integer unscaled, std::int64_t scale) {
  if (scale > kNumericScaleMost) {
    unscaled = divide_rounding(unscaled, power_of_ten(scale - kNumericScaleMost));
    scale = kNumericScaleMost;
  }
  const auto most = static_cast<unsigned>((kNumericDigitsMost + scale) * 332 / 100);
  if (!unscaled.is_zero() && boost::multiprecision::msb(boost::multiprecision::abs(unscaled)) >= most &&
      digits_of(unscaled) - scale > kNumericDigitsMost)
    return numeric_overflow();
  return make(std::move(unscaled), static_cast<std::int32_t>(scale));
}

Integer NumericAccess::rescaled(const Numeric& n, std::int64_t scale) {
  if (scale >= n.scale_) return unscaled(n) * power_of_ten(scale - n.scale_);
  return divide_rounding(unscaled(n), power_of_ten(n.scale_ - scale));
}

int Numeric::sign() const {
  if (special_ != Special::kNone) return special_ == Special::kInfinity ? 1 : special_ == Special::kMinusInfinity ? -1 : 0;
  return big_ ? big_->value.sign() : (small_ > 0) - (small_ < 0);
}

std::int32_t Numeric::leading_exponent() const {
  if (sign() == 0 || !is_finite()) return 0;
  const auto digits = big_ ? digits_of(big_->value) : digits_of_small(small_);
  return static_cast<std::int32_t>(digits) - scale_ - 1;
}

Numeric Numeric::negated() const {
  if (special_ != Special::kNone) return is_nan() ? *this : infinity_of_sign(-sign());
  if (!big_ && small_ != std::numeric_limits<std::int64_t>::min()) return Numeric(-small_, scale_);
  return NumericAccess::make(-NumericAccess::unscaled(*this), scale_);
}

Numeric Numeric::magnitude() const { return sign() < 0 ? negated() : *this; }

SqlResult<Numeric> Numeric::plus(const Numeric& other) const {
  if (auto special = special_sum(*this, other)) return *std::move(special);
  if (!big_ && !other.big_) {
    std::int64_t sum = 0, aligned = 0;
    if (scale_ == other.scale_ && !__builtin_add_overflow(small_, other.small_, &sum)) return Numeric(sum, scale_);
    const std::int32_t apart = std::abs(scale_ - other.scale_);
    const auto& coarse = scale_ < other.scale_ ? *this : other;
    const auto& fine = scale_ < other.scale_ ? other : *this;
    if (apart <= 18 && !__builtin_mul_overflow(coarse.small_, kPowers[static_cast<std::size_t>(apart)], &aligned) &&
        !__builtin_add_overflow(aligned, fine.small_, &sum))
      return Numeric(sum, fine.scale_);
  }
  const std::int32_t scale = std::max(scale_, other.scale_);
  return NumericAccess::make_checked(NumericAccess::rescaled(*this, scale) + NumericAccess::rescaled(other, scale), scale);
}

SqlResult<Numeric> Numeric::minus(const Numeric& other) const { return plus(other.negated()); }

SqlResult<Numeric> Numeric::times(const Numeric& other) const {
  if (!is_finite() || !other.is_finite()) {
    if (is_nan() || other.is_nan()) return nan();
    return infinity_of_sign(sign() * other.sign());
  }
  std::int64_t product = 0;
  if (!big_ && !other.big_ && scale_ + other.scale_ <= kNumericScaleMost && !__builtin_mul_overflow(small_, other.small_, &product))
    return Numeric(product, scale_ + other.scale_);
  return NumericAccess::make_checked(NumericAccess::unscaled(*this) * NumericAccess::unscaled(other), std::int64_t{scale_} + other.scale_);
}

SqlResult<Numeric> Numeric::divided_by(const Numeric& other) const {
  if (is_nan() || other.is_nan()) return nan();
  if (other.sign() == 0) return division_by_zero();
  if (!is_finite()) return other.is_finite() ? infinity_of_sign(sign() * other.sign()) : nan();
  if (!other.is_finite()) return Numeric();
  const std::int32_t scale = scale_of_quotient(*this, other);
  const std::int64_t shift = std::int64_t{scale} + other.scale_ - scale_;
  if (!big_ && !other.big_ && shift >= 0 && shift <= 18) {
    const __int128 dividend = static_cast<__int128>(small_) * kPowers[static_cast<std::size_t>(shift)];
    const __int128 divisor = other.small_, rest = dividend % divisor;
    __int128 whole = dividend / divisor;
    if ((rest < 0 ? -rest : rest) * 2 >= (divisor < 0 ? -divisor : divisor)) whole += (dividend < 0) == (divisor < 0) ? 1 : -1;
    if (fits_small(whole)) return Numeric(static_cast<std::int64_t>(whole), scale);
  }
  const Integer dividend = NumericAccess::unscaled(*this), divisor = NumericAccess::unscaled(other);
  return NumericAccess::make_checked(
      shift >= 0 ? divide_rounding(dividend * power_of_ten(shift), divisor) : divide_rounding(dividend, divisor * power_of_ten(-shift)),
      scale);
}

SqlResult<Numeric> Numeric::quotient(const Numeric& other) const {
  if (is_nan() || other.is_nan()) return nan();
  if (other.sign() == 0) return division_by_zero();
  if (!is_finite()) return other.is_finite() ? infinity_of_sign(sign() * other.sign()) : nan();
  if (!other.is_finite()) return Numeric();
  const std::int32_t scale = std::max(scale_, other.scale_);
  return NumericAccess::make_checked(NumericAccess::rescaled(*this, scale) / NumericAccess::rescaled(other, scale), 0);
}

SqlResult<Numeric> Numeric::remainder(const Numeric& other) const {
  if (is_nan() || other.is_nan()) return nan();
  if (other.sign() == 0) return division_by_zero();
  if (!is_finite()) return nan();
  if (!other.is_finite()) return *this;
  if (!big_ && !other.big_ && scale_ == other.scale_) return Numeric(other.small_ == -1 ? 0 : small_ % other.small_, scale_);
  const std::int32_t scale = std::max(scale_, other.scale_);
  return NumericAccess::make(NumericAccess::rescaled(*this, scale) % NumericAccess::rescaled(other, scale), scale);
}

SqlResult<Numeric> Numeric::greatest_divisor(const Numeric& other) const {
  if (!is_finite() || !other.is_finite()) return nan();
  const std::int32_t scale = std::max(scale_, other.scale_);
  return NumericAccess::make(boost::multiprecision::gcd(NumericAccess::rescaled(*this, scale), NumericAccess::rescaled(other, scale)),
                             scale);
}

SqlResult<Numeric> Numeric::least_multiple(const Numeric& other) const {
  if (!is_finite() || !other.is_finite()) return nan();
  const std::int32_t scale = std::max(scale_, other.scale_);
  if (sign() == 0 || other.sign() == 0) return Numeric(0, scale);
  return NumericAccess::make_checked(
      boost::multiprecision::abs(boost::multiprecision::lcm(NumericAccess::rescaled(*this, scale), NumericAccess::rescaled(other, scale))),
      scale);
}

Numeric Numeric::rounded(std::int32_t digits) const {
  if (!is_finite()) return *this;
  digits = std::min(digits, kNumericScaleMost);
  if (digits == scale_) return *this;
  if (digits < 0 && -std::int64_t{digits} > std::int64_t{leading_exponent()} + 1) return {};
  if (digits >= 0) return NumericAccess::make(NumericAccess::rescaled(*this, digits), digits);
  return NumericAccess::make(NumericAccess::rescaled(*this, digits) * power_of_ten(-digits), 0);
}

Numeric Numeric::truncated(std::int32_t digits) const {
  if (!is_finite()) return *this;
  digits = std::min(digits, kNumericScaleMost);
  if (digits >= scale_) return rounded(digits);
  if (digits < 0 && -std::int64_t{digits} > std::int64_t{leading_exponent()}) return {};
  const Integer kept = NumericAccess::unscaled(*this) / power_of_ten(std::int64_t{scale_} - digits);
  return digits >= 0 ? NumericAccess::make(kept, digits) : NumericAccess::make(kept * power_of_ten(-digits), 0);
}

Numeric Numeric::floor() const {
  const Numeric whole = truncated(0);
  return sign() < 0 && whole.compare(*this) != 0 ? NumericAccess::make(NumericAccess::unscaled(whole) - 1, 0) : whole;
}

Numeric Numeric::ceiling() const {
  const Numeric whole = truncated(0);
  return sign() > 0 && whole.compare(*this) != 0 ? NumericAccess::make(NumericAccess::unscaled(whole) + 1, 0) : whole;
}

Numeric Numeric::trimmed() const {
  if (!is_finite() || scale_ == 0) return *this;
  if (sign() == 0) return Numeric();
  if (!big_) {
    Numeric made = *this;
    while (made.scale_ > 0 && made.small_ % 10 == 0) made.small_ /= 10, --made.scale_;
    return made;
  }
  Integer value = big_->value;
  std::int32_t scale = scale_;
  // Many zeros at once, then fewer: each division costs the square of the length.
  for (std::int32_t zeros = 16'384; zeros > 0; zeros /= 2) {
    if (zeros > scale) continue;
    Integer quotient, rest;
    boost::multiprecision::divide_qr(value, power_of_ten(zeros), quotient, rest);
    if (rest.is_zero()) value = std::move(quotient), scale -= zeros;
  }
  return NumericAccess::make(std::move(value), scale);
}

std::strong_ordering Numeric::compare(const Numeric& other) const {
  if (!is_finite() || !other.is_finite()) {
    const auto rank = [](const Numeric& n) { return n.is_nan() ? 2 : n.is_finite() ? 0 : n.sign(); };
    return rank(*this) <=> rank(other);
  }
  if (!big_ && !other.big_) {
    if (scale_ == other.scale_) return small_ <=> other.small_;
    const std::int32_t apart = scale_ - other.scale_;
    if (apart > 0 && apart <= 18) return small_ <=> static_cast<__int128>(other.small_) * kPowers[static_cast<std::size_t>(apart)];
    if (apart < 0 && apart >= -18) return static_cast<__int128>(small_) * kPowers[static_cast<std::size_t>(-apart)] <=> other.small_;
  }
  if (sign() != other.sign()) return sign() <=> other.sign();
  const std::int32_t scale = std::max(scale_, other.scale_);
  const int order = NumericAccess::rescaled(*this, scale).compare(NumericAccess::rescaled(other, scale));
  return order <=> 0;
}

std::size_t Numeric::hash() const {
  if (!is_finite()) return 0x9e3779b9u + static_cast<std::size_t>(special_);
  const Numeric plain = trimmed();
  const auto mix = [&](std::size_t value) {
    return (value ^ static_cast<std::size_t>(plain.scale_) * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
  };
  if (!plain.big_) return mix(static_cast<std::size_t>(plain.small_));
  return mix(boost::multiprecision::hash_value(plain.big_->value));
}

}  // namespace isobar::sql
