#include "sql/modifier.h"

#include <fmt/format.h>

#include "datetime_text.h"
#include "sql/utf8.h"

namespace isobar::sql {
namespace {

/// Cut to so many characters; what is lost must be blanks unless the cast is explicit.
SqlResult<std::string> cut(const Type& type, const std::string& text, bool explicit_cast) {
  const auto most = static_cast<std::size_t>(type.modifier - 4);
  if (text.size() <= most) return text;
  const std::size_t kept = bytes_of_characters(text, most);
  if (!explicit_cast && text.find_first_not_of(' ', kept) != std::string::npos)
    return SqlError(state::kStringDataRightTruncation, fmt::format("value too long for type {}", format_type(type)));
  return text.substr(0, kept);
}

SqlResult<Value> array_with_modifier(const Type& type, const Array& array, bool explicit_cast) {
  auto made = std::make_shared<Array>(array);
  const Type element{type.element, Kind::kUnknown, type.modifier};
  for (auto& value : made->elements) {
    if (value.is_null()) continue;
    TRY_ASSIGN(value, with_modifier(element, std::move(value), explicit_cast));
  }
  return Value(ArrayPtr(std::move(made)));
}

}  // namespace

bool has_modifier(const Type& type) {
  const Kind kind = type.kind == Kind::kArray ? type.element : type.kind;
  switch (kind) {
    case Kind::kVarchar:
    case Kind::kBpchar:
    case Kind::kNumeric: return type.modifier >= 4;
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz:
    case Kind::kInterval: return type.modifier >= 0;
    default: return false;
  }
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

SqlResult<Value> with_modifier(const Type& type, Value value, bool explicit_cast) {
  if (value.is_null() || !has_modifier(type)) return value;
  switch (type.kind) {
    case Kind::kVarchar: {
      TRY_ASSIGN(auto text, cut(type, value.text(), explicit_cast));
      return Value(std::move(text));
    }
    case Kind::kBpchar: {
      TRY_ASSIGN(auto text, cut(type, value.text(), explicit_cast));
      const std::size_t length = characters_of(text), wanted = static_cast<std::size_t>(type.modifier - 4);
      if (length < wanted) text.append(wanted - length, ' ');
      return Value(std::move(text));
    }
    case Kind::kNumeric: {
      TRY_ASSIGN(auto number, value.numeric().with_modifier(type.modifier));
      return Value(std::move(number));
    }
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: return Value(round_microseconds(value.integer(), type.modifier));
    case Kind::kInterval: return Value(with_interval_modifier(value.interval(), type.modifier));
    case Kind::kArray: return array_with_modifier(type, value.array(), explicit_cast);
    default: return value;
  }
}

}  // namespace isobar::sql
