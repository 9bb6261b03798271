#pragma once

/// PostgreSQL's numeric: decimals of any length, exact, with the scale that each result is displayed by; NaN and ±infinity.

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sql/error.h"

namespace isobar::sql {

/// unscaled × 10^-scale. What fits 64 bits is held here; more in a block that copies share.
/// Results have the scale PostgreSQL gives them, and its limits: 131,072 digits before the point and 16,383 behind it; beyond those, and
/// where a result does not exist, an operation fails with 22003, 22012, 2201E or 2201F.
class Numeric {
 public:
  Numeric() = default;  ///< 0
  explicit Numeric(std::int64_t whole) : small_(whole) {}
  /// unscaled × 10^-scale; 0 ≤ scale ≤ 16,383
  Numeric(std::int64_t unscaled, std::int32_t scale) : small_(unscaled), scale_(scale) {}
  static Numeric nan() { return of(Special::kNan); }
  static Numeric infinity() { return of(Special::kInfinity); }
  static Numeric minus_infinity() { return of(Special::kMinusInfinity); }

  /// Errors   22P02, 22003
  static SqlResult<Numeric> parse(std::string_view text);
  /// The 15 (of a float4: 6) digits that PostgreSQL's casts keep.
  static Numeric from_double(double value);
  static Numeric from_float(float value);
  std::string to_string() const;
  double to_double() const;
  /// Rounded half away from zero. None: it does not fit, is NaN or infinite
  std::optional<std::int64_t> to_int64() const;

  bool is_nan() const { return special_ == Special::kNan; }
  bool is_infinite() const { return special_ == Special::kInfinity || special_ == Special::kMinusInfinity; }
  bool is_finite() const { return special_ == Special::kNone; }
  int sign() const;                              ///< -1, 0, 1; of NaN 0
  std::int32_t scale() const { return scale_; }  ///< 0 where it is not finite
  /// The place of the first digit that is not 0: 0 of 1 … 9, 1 of 10, -1 of 0.1. Of 0: 0
  std::int32_t leading_exponent() const;

  SqlResult<Numeric> plus(const Numeric& other) const;
  SqlResult<Numeric> minus(const Numeric& other) const;
  SqlResult<Numeric> times(const Numeric& other) const;
  SqlResult<Numeric> divided_by(const Numeric& other) const;
  SqlResult<Numeric> quotient(const Numeric& other) const;   ///< div(): whole, toward zero
  SqlResult<Numeric> remainder(const Numeric& other) const;  ///< %: of the dividend's sign
  SqlResult<Numeric> greatest_divisor(const Numeric& other) const;
  SqlResult<Numeric> least_multiple(const Numeric& other) const;
  Numeric negated() const;
  Numeric magnitude() const;
  Numeric rounded(std::int32_t digits) const;    ///< behind the point; half away from zero; negative: before it
  Numeric truncated(std::int32_t digits) const;  ///< toward zero
  Numeric floor() const;
  Numeric ceiling() const;
  Numeric trimmed() const;  ///< no zeros at the end behind the point
  SqlResult<Numeric> square_root() const;
  SqlResult<Numeric> square_root_to(std::int32_t scale) const;
  SqlResult<Numeric> exponential() const;
  SqlResult<Numeric> logarithm() const;  ///< natural
  static SqlResult<Numeric> logarithm(const Numeric& base, const Numeric& value);
  SqlResult<Numeric> to_the(const Numeric& exponent) const;
  static SqlResult<Numeric> factorial(std::int64_t of);

  /// Fits it into numeric(precision, scale), as `modifier` packs them. Errors   22003 "numeric field overflow"
  SqlResult<Numeric> with_modifier(std::int32_t modifier) const;

  /// -infinity, the finite, infinity, NaN, which equals itself. Scales do not count.
  std::strong_ordering compare(const Numeric& other) const;
  std::size_t hash() const;

  /// The protocol's form. Errors   22P03, 08P01
  void append_binary(std::string& out) const;
  static SqlResult<Numeric> from_binary(std::string_view bytes);

 private:
  friend struct NumericAccess;
  struct Big;
  enum class Special : std::uint8_t { kNone, kNan, kInfinity, kMinusInfinity };
  static Numeric of(Special special) {
    Numeric made;
    made.special_ = special;
    return made;
  }

  std::shared_ptr<const Big> big_;  // none: small_ is it
  std::int64_t small_ = 0;
  std::int32_t scale_ = 0;  // digits behind the point, displayed
  Special special_ = Special::kNone;
};

/// (precision << 16 | scale) + 4, and back.
std::int32_t numeric_modifier(std::int32_t precision, std::int32_t scale);
std::int32_t precision_of(std::int32_t modifier);
std::int32_t scale_of(std::int32_t modifier);

}  // namespace isobar::sql
