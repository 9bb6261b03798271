// Roots, exponentials, logarithms and powers of decimals. They are computed in fixed point, an Integer over 2^bits, with some sixty bits
// more than the result shows, and rounded once at the end. How many digits a result shows is PostgreSQL's rule: about 16 significant ones,
// so first comes an estimate of how large the result will be.

#include <algorithm>
#include <cmath>

#include "numeric_big.h"

namespace isobar::sql {
namespace {

constexpr int kSignificantLeast = 16, kDisplayMost = 1000, kResultMost = 2000;
constexpr double kLogTen = 2.302585092994046, kDecimalPerNatural = 0.434294481903252, kBitsPerDigit = 3.3219280948873626;

std::int32_t display_scale(std::int32_t wanted, std::int32_t least) { return std::min(std::max({wanted, least, 0}), kDisplayMost); }

/// Bits that hold so many decimal digits, and guards.
std::int64_t bits_for(double digits) { return static_cast<std::int64_t>(std::max(digits, 0.0) * kBitsPerDigit) + 72; }

Integer shifted(const Integer& value, std::int64_t left) {
  return left >= 0 ? Integer(value << static_cast<unsigned>(left)) : Integer(value >> static_cast<unsigned>(-left));
}

/// value as a fixed-point number of so many bits.
Integer to_fixed(const Numeric& value, std::int64_t bits) {
  return divide_rounding(shifted(NumericAccess::unscaled(value), bits), power_of_ten(value.scale()));
}

SqlResult<Numeric> from_fixed(const Integer& fixed, std::int64_t bits, std::int32_t scale) {
  return NumericAccess::make_checked(divide_rounding(fixed * power_of_ten(scale), Integer(1) << static_cast<unsigned>(bits)), scale);
}

/// artanh(1/n)
Integer inverse_artanh(unsigned n, std::int64_t bits) {
  Integer power = (Integer(1) << static_cast<unsigned>(bits)) / n, sum = power;
  for (unsigned k = 3; !power.is_zero(); k += 2) sum += (power /= n * n) / k;
  return sum;
}

/// ln 2, by Machin's way.
Integer log_two(std::int64_t bits) {
  return 18 * inverse_artanh(26, bits) - 2 * inverse_artanh(4801, bits) + 8 * inverse_artanh(8749, bits);
}

/// e^x of a small x: halved often, by the series, and squared as often.
Integer small_exponential(const Integer& x, std::int64_t bits) {
  const auto halvings = static_cast<unsigned>(std::sqrt(static_cast<double>(bits)) / 2 + 4);
  const std::int64_t inner = bits + halvings + 16;
  const Integer reduced = shifted(x, inner - bits - halvings);
  Integer term = Integer(1) << static_cast<unsigned>(inner), sum = term;
  for (unsigned n = 1; !term.is_zero(); ++n) {
    term = shifted(term * reduced, -inner) / n;
    // A shift of a negative number goes toward minus infinity and never reaches 0.
    if (term == -1) break;
    sum += term;
  }
  for (unsigned n = 0; n < halvings; ++n) sum = shifted(sum * sum, -inner);
  return shifted(sum, bits - inner);
}

/// e^x = mantissa × 2^exponent, the mantissa over 2^bits.
struct Exponential {
  Integer mantissa;
  std::int64_t exponent = 0;
};
Exponential exponential_of(const Integer& x, std::int64_t bits) {
  const Integer two = log_two(bits);
  const Integer times = divide_rounding(x, two);
  return {small_exponential(x - times * two, bits), static_cast<std::int64_t>(times)};
}

/// ln of a value over 0: as ln(m × 2^k), m near 1, by Halley's iteration on e^y = m.
Integer logarithm_of(const Numeric& value, std::int64_t bits) {
  const std::int64_t size = static_cast<std::int64_t>(boost::multiprecision::msb(NumericAccess::unscaled(value)));
  const auto exponent = static_cast<std::int64_t>(std::floor(static_cast<double>(size) - value.scale() * kBitsPerDigit));
  const Integer divisor = power_of_ten(value.scale());
  const Integer unscaled = NumericAccess::unscaled(value);
  const Integer m = exponent <= bits ? divide_rounding(shifted(unscaled, bits - exponent), divisor)
                                     : divide_rounding(unscaled, shifted(divisor, exponent - bits));
  const double first = std::log(static_cast<double>(shifted(m, 60 - bits)) / 0x1p60);
  Integer y = shifted(Integer(static_cast<std::int64_t>(first * 0x1p52)), bits - 52);
  for (std::int64_t correct = 40; correct < bits * 3; correct *= 3) {
    const Integer e = small_exponential(y, bits);
    y += shifted(m - e, bits + 1) / (m + e);
  }
  return y + Integer(exponent) * log_two(bits);
}

/// The decimal place of the first digit of ln(value), about.
std::int32_t log_weight(const Numeric& value) {
  if (value.sign() <= 0) return 0;
  if (value.compare(Numeric(9, 1)) >= 0 && value.compare(Numeric(11, 1)) <= 0) {
    const auto apart = value.minus(Numeric(1));
    return apart.ok() && apart->sign() != 0 ? apart->leading_exponent() : 0;
  }
  // Its first groups of digits, and where they stand.
  const std::int32_t exponent = value.leading_exponent();
  const std::int64_t shift = std::int64_t{exponent} - 7 + value.scale();
  const Integer unscaled = NumericAccess::unscaled(value);
  const double digits =
      static_cast<double>(shift >= 0 ? Integer(unscaled / power_of_ten(shift)) : Integer(unscaled * power_of_ten(-shift)));
  const double logarithm = std::log(digits) + (exponent - 7) * kLogTen;
  return static_cast<std::int32_t>(std::log10(std::fabs(logarithm)));
}

SqlError no_logarithm(const Numeric& value) {
  return {state::kInvalidArgumentForLogarithm,
          value.sign() == 0 ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number"};
}

bool is_whole(const Numeric& value) { return value.is_infinite() || value.truncated(0).compare(value) == 0; }

bool is_odd(const Numeric& value) { return value.is_finite() && NumericAccess::unscaled(value.truncated(0)) % 2 != 0; }

/// base^exponent where one of them is not finite.
Numeric special_power(const Numeric& base, const Numeric& exponent) {
  const Numeric one(1);
  if (base.compare(one) == 0 || (exponent.is_finite() && exponent.sign() == 0)) return one;
  if (base.is_nan() || exponent.is_nan()) return Numeric::nan();
  if (exponent.is_infinite()) {
    const auto size = base.magnitude().compare(one);
    if (size == 0) return one;
    return (size > 0) == (exponent.sign() > 0) ? Numeric::infinity() : Numeric();
  }
  if (exponent.sign() < 0) return {};
  return base.sign() < 0 && is_odd(exponent) ? Numeric::minus_infinity() : Numeric::infinity();
}

/// unscaled^n in full where that is short.
std::optional<SqlResult<Numeric>> exact_power(const Numeric& base, std::int64_t exponent, std::int32_t scale) {
  constexpr std::int64_t kDigitsMost = 3000;
  const std::int64_t times = std::abs(exponent);
  const Integer unscaled = NumericAccess::unscaled(base);
  if (std::max<std::int64_t>(digits_of(unscaled), base.scale()) * times > kDigitsMost) return std::nullopt;
  const Integer power = boost::multiprecision::pow(unscaled, static_cast<unsigned>(times));
  const std::int64_t held = base.scale() * times;
  if (exponent < 0) return NumericAccess::make_checked(divide_rounding(power_of_ten(held + scale), power), scale);
  return NumericAccess::make_checked(held > scale ? divide_rounding(power, power_of_ten(held - scale)) : power * power_of_ten(scale - held),
                                     scale);
}

/// mantissa × 2^exponent, kept to so many bits.
struct Binary {
  Integer mantissa;
  std::int64_t exponent = 0;
  void keep(std::int64_t bits) {
    const auto surplus = static_cast<std::int64_t>(boost::multiprecision::msb(mantissa)) - bits;
    if (surplus <= 0) return;
    mantissa >>= static_cast<unsigned>(surplus);
    exponent += surplus;
  }
};

SqlResult<Numeric> whole_power(const Numeric& base, std::int64_t exponent, std::int32_t scale) {
  if (exponent == 0) return NumericAccess::make(power_of_ten(scale), scale);
  if (base.sign() == 0) return exponent < 0 ? SqlResult<Numeric>(division_by_zero()) : Numeric(0, 0).rounded(scale);
  // How large it will be: what is far too large fails before anything is computed, what is far too small is 0.
  const double leading =
      std::log10(std::fabs(base.rounded(std::clamp(17 - base.leading_exponent(), -kResultMost, kResultMost)).to_double()));
  const double weight = static_cast<double>(exponent) * (std::isfinite(leading) ? leading : base.leading_exponent() + 0.5);
  if (weight > 3.0 * 32767 * 4) return numeric_overflow();
  if (weight + 1 < -scale) return Numeric(0, 0).rounded(scale);
  if (auto exact = exact_power(base, exponent, scale)) return *std::move(exact);
  const std::int64_t bits = bits_for(1 + scale + std::fabs(weight)) + 64;
  Binary factor{shifted(boost::multiprecision::abs(NumericAccess::unscaled(base)), bits + base.scale() * 4) / power_of_ten(base.scale()),
                -bits - base.scale() * 4},
      power{1};
  factor.keep(bits);
  for (auto times = static_cast<std::uint64_t>(std::abs(exponent)); times != 0; times >>= 1) {
    if (times & 1) power = {power.mantissa * factor.mantissa, power.exponent + factor.exponent}, power.keep(bits);
    factor = {factor.mantissa * factor.mantissa, factor.exponent * 2}, factor.keep(bits);
  }
  Integer top = power.mantissa * power_of_ten(scale), bottom = 1;
  if (exponent < 0) top = power_of_ten(scale), bottom = power.mantissa, power.exponent = -power.exponent;
  (power.exponent >= 0 ? top : bottom) <<= static_cast<unsigned>(std::abs(power.exponent));
  Integer result = divide_rounding(top, bottom);
  if (base.sign() < 0 && exponent % 2 != 0) result = -result;
  return NumericAccess::make_checked(std::move(result), scale);
}

SqlResult<Numeric> positive_power(const Numeric& base, const Numeric& exponent) {
  const std::int32_t base_weight = log_weight(base);
  const auto from_one = base.compare(Numeric(1));
  if (from_one == 0) return Numeric(1, 0).rounded(display_scale(kSignificantLeast, std::max(base.scale(), exponent.scale())));
  // What is far out of range is so without a long computation.
  if (exponent.leading_exponent() + base_weight > 8) {
    if ((from_one > 0) == (exponent.sign() > 0)) return numeric_overflow();
    return Numeric(0, 0).rounded(kDisplayMost);
  }
  // The first estimate has about eight digits, no more: the scale follows from it, and so must be computed as PostgreSQL does.
  const std::int32_t rough_scale = std::max(8 - base_weight, 0);
  const std::int64_t rough_bits = bits_for(rough_scale + 8 + std::max(0, exponent.leading_exponent()));
  TRY_ASSIGN(const Numeric rough, from_fixed(logarithm_of(base, rough_bits), rough_bits, rough_scale));
  TRY_ASSIGN(const Numeric product, rough.times(exponent));
  const double value = product.rounded(rough_scale).to_double();
  if (std::fabs(value) > kResultMost * 3.01)
    return value > 0 ? SqlResult<Numeric>(numeric_overflow()) : Numeric(0, 0).rounded(kDisplayMost);
  const double weight = value * kDecimalPerNatural;
  const std::int32_t scale = display_scale(kSignificantLeast - static_cast<std::int32_t>(weight), std::max(base.scale(), exponent.scale()));
  if (value >= kResultMost * 3) return numeric_overflow();
  if (value <= -kResultMost * 3) return Numeric(0, 0).rounded(scale);
  const std::int64_t bits = bits_for(scale + std::fabs(weight) + std::max(0, exponent.leading_exponent()) + 8);
  const auto e = exponential_of(shifted(logarithm_of(base, bits) * to_fixed(exponent, bits), -bits), bits);
  return from_fixed(shifted(e.mantissa, e.exponent), bits, scale);
}

}  // namespace

SqlResult<Numeric> Numeric::square_root() const {
  const std::int32_t exponent = leading_exponent(), weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
  return square_root_to(display_scale(kSignificantLeast - ((weight + 1) * 4 / 2 - 1), scale_));
}

SqlResult<Numeric> Numeric::square_root_to(std::int32_t scale) const {
  if (is_nan() || (is_infinite() && sign() > 0)) return *this;
  if (sign() < 0) return SqlError(state::kInvalidArgumentForPower, "cannot take square root of a negative number");
  // One digit more than is shown, to round by.
  const Integer root = boost::multiprecision::sqrt(NumericAccess::rescaled(*this, 2 * (std::int64_t{scale} + 1)));
  return NumericAccess::make((root + 5) / 10, scale);
}

SqlResult<Numeric> Numeric::exponential() const {
  if (is_nan()) return *this;
  if (is_infinite()) return sign() > 0 ? infinity() : Numeric();
  const double value = to_double();
  const auto weight = static_cast<std::int32_t>(std::clamp(value * kDecimalPerNatural, -double{kResultMost}, double{kResultMost}));
  const std::int32_t scale = display_scale(kSignificantLeast - weight, scale_);
  if (value >= kResultMost * 3) return numeric_overflow();
  if (value <= -kResultMost * 3) return Numeric(0, 0).rounded(scale);
  const std::int64_t bits = bits_for(scale + std::fabs(value * kDecimalPerNatural) + 8);
  const auto e = exponential_of(to_fixed(*this, bits), bits);
  return from_fixed(shifted(e.mantissa, e.exponent), bits, scale);
}

SqlResult<Numeric> Numeric::logarithm() const {
  if (is_nan() || (is_infinite() && sign() > 0)) return *this;
  if (sign() <= 0) return no_logarithm(*this);
  const std::int32_t scale = display_scale(kSignificantLeast - log_weight(*this), scale_);
  const std::int64_t bits = bits_for(scale + 8);
  return from_fixed(logarithm_of(*this, bits), bits, scale);
}

SqlResult<Numeric> Numeric::logarithm(const Numeric& base, const Numeric& value) {
  if (base.is_nan() || value.is_nan()) return nan();
  if (base.sign() <= 0) return no_logarithm(base);
  if (value.sign() <= 0) return no_logarithm(value);
  if (base.is_infinite()) return value.is_infinite() ? nan() : Numeric();
  if (value.is_infinite()) return infinity();
  const std::int32_t base_weight = log_weight(base), weight = log_weight(value) - base_weight;
  const std::int32_t scale = display_scale(kSignificantLeast - weight, std::max(base.scale(), value.scale()));
  const std::int64_t bits = bits_for(scale + std::abs(weight) + 2 * std::abs(base_weight) + 12);
  const Integer divisor = logarithm_of(base, bits);
  if (divisor.is_zero() || base.compare(Numeric(1)) == 0) return division_by_zero();
  return NumericAccess::make_checked(divide_rounding(logarithm_of(value, bits) * power_of_ten(scale), divisor), scale);
}

SqlResult<Numeric> Numeric::to_the(const Numeric& exponent) const {
  if (is_finite() && sign() == 0 && exponent.sign() < 0)
    return SqlError(state::kInvalidArgumentForPower, "zero raised to a negative power is undefined");
  if (sign() < 0 && !exponent.is_nan() && !is_whole(exponent))
    return SqlError(state::kInvalidArgumentForPower, "a negative number raised to a non-integer power yields a complex result");
  if (!is_finite() || !exponent.is_finite()) return special_power(*this, exponent);
  if (is_whole(exponent)) {
    const auto whole = exponent.to_int64();
    if (whole && *whole >= std::numeric_limits<std::int32_t>::min() && *whole <= std::numeric_limits<std::int32_t>::max())
      return whole_power(*this, *whole, display_scale(kSignificantLeast, scale_));
  }
  if (sign() == 0) return Numeric(0, kSignificantLeast);
  TRY_ASSIGN(const Numeric power, positive_power(magnitude(), exponent));
  return sign() < 0 && is_odd(exponent) ? power.negated() : power;
}

SqlResult<Numeric> Numeric::factorial(std::int64_t of) {
  if (of < 0) return SqlError(state::kNumericValueOutOfRange, "factorial of a negative number is undefined");
  if (of > 32177) return numeric_overflow();
  // Neighbours are multiplied first: long by long instead of long by short.
  const auto product = [](auto&& self, std::int64_t low, std::int64_t high) -> Integer {
    if (low >= high) return low > high ? Integer(1) : Integer(low);
    const std::int64_t middle = (low + high) / 2;
    return self(self, low, middle) * self(self, middle + 1, high);
  };
  return NumericAccess::make_checked(product(product, 2, of), 0);
}

}  // namespace isobar::sql
