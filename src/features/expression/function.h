#pragma once

/// Functions and operators that know nothing of the tree: strict ones, null whenever an argument is null.

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "datum.h"

namespace isobar::features {

inline constexpr std::size_t kArgumentsMost = 3;

/// arguments   none of them null
using Function = Datum (*)(Evaluation& evaluation, const Datum* arguments);

struct Signature {
  std::string_view name;
  std::size_t arity;
  std::array<Type, kArgumentsMost> takes;
  Type gives;
  Function function;
};

inline constexpr Type kBoolType{Kind::kBool}, kInt32Type{Kind::kInt32}, kInt64Type{Kind::kInt64}, kFloat32Type{Kind::kFloat32},
    kFloat64Type{Kind::kFloat64}, kStringType{Kind::kString}, kBytesType{Kind::kBytes}, kTimestampType{Kind::kTimestamp};

/// In each, of the signatures of a name those come first that are preferred where several fit.
std::span<const Signature> number_functions();
std::span<const Signature> text_functions();
std::span<const Signature> time_functions();

/// What CAST does; none: there is no such cast. From a type to itself there is none either.
std::optional<Function> cast_function(Type from, Type to);

/// As PostgreSQL prints it: 1e+15, 0.1, NaN, Infinity.
void append_float_text(std::string& out, double number, bool narrow);

}  // namespace isobar::features
