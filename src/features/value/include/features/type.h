#pragma once

/// The types of features and of what they are made from: eight scalars, and lists of each.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::features {

/// The numbers are written to disk (docs/formats/feature-row.md): none is ever given another meaning.
enum class Kind : std::uint8_t {
  kBool = 1,
  kInt32 = 2,
  kInt64 = 3,
  kFloat32 = 4,
  kFloat64 = 5,
  kString = 6,     ///< UTF-8, left as it came: no normalisation
  kBytes = 7,      ///< any
  kTimestamp = 8,  ///< an instant in nanoseconds, from 1677-09-21 to 2262-04-11
};

struct Type {
  Kind kind = Kind::kString;
  bool list = false;  ///< of elements that are never null, as Feast's are

  constexpr bool is_integer() const { return !list && (kind == Kind::kInt32 || kind == Kind::kInt64); }
  constexpr bool is_float() const { return !list && (kind == Kind::kFloat32 || kind == Kind::kFloat64); }
  constexpr bool is_number() const { return is_integer() || is_float(); }
  constexpr bool is(Kind scalar) const { return !list && kind == scalar; }
  constexpr Type element() const { return {kind, false}; }
  friend constexpr auto operator<=>(const Type&, const Type&) = default;
};

/// "int64", and "int64[]" for a list of them.
std::string name_of(Type type);

/// The names above, and those that SQL has for them: boolean, integer, bigint, real, double precision, text, bytea, timestamptz …
/// Letters count without case. "float", "int8" and "decimal" are refused: their width differs from one system to the next.
/// Errors   kInvalidArgument: no such type; the message names the nearest, or all
Result<Type> parse_type(std::string_view name);

/// What `name_of` is given in a stored byte. Errors   kDataLoss: no kind has this number
Result<Kind> kind_from_number(std::uint8_t number);

}  // namespace isobar::features
