#include "features/cast.h"
#include "in_context.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace isobar::features {

namespace {

constexpr double kDoubleExactMost = 0x1p53;  // every integer up to here is a double

Error does_not_fit(const std::string& value, Type type, std::string_view mend) {
  return invalid(fmt::format("{} does not fit {}; {}", value, name_of(type), mend));
}

Error wrong_type(const Value& value, Type type) {
  const Type from = value.type();
  const std::string what = fmt::format("{} is {}, not {}", describe(value), name_of(from), name_of(type));
  if (from.list != type.list) return invalid(what + (type.list ? "; write a list" : "; write one value"));
  if (from.is(Kind::kString) && type.is_number()) return invalid(what + "; write it without quotes");
  if (from.is(Kind::kBool) || type.is(Kind::kBool)) return invalid(what + "; true and false are no numbers here");
  if (type.is(Kind::kTimestamp)) return invalid(what + "; write it as 2024-02-29T12:00:00Z");
  return invalid(what);
}

template <class To, class From>
Result<Value> cast_list(const std::vector<From>& from, Type type) {
  std::vector<To> to;
  to.reserve(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    TRY_ASSIGN(const Value element, in_context(cast(Value(from[i]), type.element()), [i] { return fmt::format("element {}", i + 1); }));
    to.push_back(element.as<To>());
  }
  return Value(List(std::move(to)));
}

template <class From>
Result<Value> cast_number_list(const std::vector<From>& from, Type type) {
  switch (type.kind) {
    case Kind::kInt32: return cast_list<std::int32_t>(from, type);
    case Kind::kInt64: return cast_list<std::int64_t>(from, type);
    case Kind::kFloat32: return cast_list<float>(from, type);
    default: return cast_list<double>(from, type);
  }
}

Result<Value> cast_list(const Value& value, Type type) {
  const bool both_numbers = value.type().element().is_number() && type.element().is_number();
  if (!both_numbers) return wrong_type(value, type);
  return std::visit(
      [&]<class T>(const std::vector<T>& list) -> Result<Value> {
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, std::uint8_t>) return cast_number_list(list, type);
        else return wrong_type(value, type);
      },
      value.as<List>());
}

}  // namespace

Result<Value> integer_into(std::int64_t number, Type type) {
  if (type.is(Kind::kInt64)) return Value(number);
  if (type.is(Kind::kInt32)) {
    if (number < std::numeric_limits<std::int32_t>::min() || number > std::numeric_limits<std::int32_t>::max())
      return does_not_fit(fmt::to_string(number), type, "declare the column int64");
    return Value(static_cast<std::int32_t>(number));
  }
  if (!type.is_float()) return wrong_type(Value(number), type);
  // Not the largest double below 2^63: that one and the next, 2^63 itself, are the two to which an int64 may be rounded.
  const double wide = static_cast<double>(number);
  if (wide >= 0x1p63 || static_cast<std::int64_t>(wide) != number)
    return does_not_fit(fmt::to_string(number), type, "it would be rounded; declare the column int64");
  if (type.is(Kind::kFloat64)) return Value(wide);
  const auto narrow = static_cast<float>(wide);
  if (static_cast<double>(narrow) != wide)
    return does_not_fit(fmt::to_string(number), type, "it would be rounded; declare the column float64 or int64");
  return Value(narrow);
}

Result<Value> float_into(double number, Type type, bool exact) {
  if (type.is(Kind::kFloat64)) return Value(number);
  if (type.is(Kind::kFloat32)) {
    const auto narrow = static_cast<float>(number);
    if (!std::isnan(number) && std::isinf(narrow) && !std::isinf(number))
      return does_not_fit(fmt::to_string(number), type, "it is too large; declare the column float64");
    if (exact && !std::isnan(number) && static_cast<double>(narrow) != number)
      return does_not_fit(fmt::to_string(number), type, "it would be rounded; declare the column float64");
    return Value(narrow);
  }
  if (!type.is_integer()) return wrong_type(Value(number), type);
  const std::string text = fmt::to_string(number);
  if (!std::isfinite(number) || number != std::trunc(number)) return does_not_fit(text, type, "declare the column float64");
  if (!exact && std::abs(number) >= kDoubleExactMost)
    return does_not_fit(text, type, "as large a number has to be written as an integer, without point or exponent");
  if (number < -0x1p63 || number >= 0x1p63) return does_not_fit(text, type, "declare the column float64");
  return integer_into(static_cast<std::int64_t>(number), type);
}

Result<Value> cast(Value value, Type type) {
  if (value.is_null() || value.type() == type) return value;
  const Type from = value.type();
  if (from.list && type.list) return cast_list(value, type);
  if (from.is_integer()) return integer_into(value.as_integer(), type);
  if (from.is_float()) return float_into(value.as_float(), type);
  return wrong_type(value, type);
}

Result<Value> cast_into(const Column& column, Value value) {
  return in_context(cast(std::move(value), column.type), [&] { return fmt::format("column '{}'", column.name); });
}

}  // namespace isobar::features
