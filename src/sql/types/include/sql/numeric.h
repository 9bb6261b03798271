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
class Numeric {
 public:
  Numeric() = default;  ///< 0
  explicit Numeric(std::int64_t whole) : small_(whole) {}
  /// unscaled × 10^-scale
  Numeric(std::int64_t unscaled, std::int32_t scale) : small_(unscaled), scale_(scale) {}

 private:
  friend struct NumericAccess;
  struct Big;
  enum class Special : std::uint8_t { kNone, kNan, kInfinity, kMinusInfinity };
  std::shared_ptr<const Big> big_;  // none: small_ is it
  std::int64_t small_ = 0;
  std::int32_t scale_ = 0;  // digits behind the point, displayed
  Special special_ = Special::kNone;
};

}  // namespace isobar::sql
