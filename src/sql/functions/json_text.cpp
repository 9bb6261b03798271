#include "json_text.h"

#include <fmt/format.h>

#include <cmath>

#include "sql/time_zone.h"

namespace isobar::sql {
namespace {

/// 2024-01-02T03:04:05+00:00, as XML and JavaScript want times.
std::string iso_time(const Type& type, const Value& value, const TextStyle& style) {
  std::string text = to_text(type, value, style);
  if (const std::size_t space = text.find(' '); space != std::string::npos && text[space + 1] != 'B') text[space] = 'T';
  if (type.kind != Kind::kTimestamptz) return text;
  const std::size_t sign = text.find_last_of("+-");
  const std::size_t era = text.find(" BC");
  const std::size_t end = era == std::string::npos ? text.size() : era;
  if (sign != std::string::npos && end - sign == 3) text.insert(end, ":00");
  return text;
}

void append_array(std::string& out, const Array& array, std::size_t depth, std::size_t& next, const TextStyle& style) {
  out += '[';
  const std::int32_t size = array.sizes.empty() ? 0 : array.sizes[depth];
  for (std::int32_t place = 0; place < size; ++place) {
    if (place > 0) out += ',';
    if (depth + 1 < array.sizes.size()) append_array(out, array, depth + 1, next, style);
    else append_json_value(out, type_of(array.element), array.elements[next++], style);
  }
  out += ']';
}

void append_record(std::string& out, const Record& record, const TextStyle& style) {
  out += '{';
  for (std::size_t place = 0; place < record.values.size(); ++place) {
    if (place > 0) out += ',';
    fmt::format_to(std::back_inserter(out), "\"f{}\":", place + 1);
    append_json_value(out, record.types[place], record.values[place], style);
  }
  out += '}';
}

}  // namespace

void append_json_value(std::string& out, const Type& type, const Value& value, const TextStyle& style) {
  if (value.is_null()) return void(out += "null");
  std::size_t next = 0;
  switch (type.kind) {
    case Kind::kBool: out += value.boolean() ? "true" : "false"; return;
    case Kind::kInt2:
    case Kind::kInt4:
    case Kind::kInt8: out += to_text(type, value, style); return;
    case Kind::kFloat4:
    case Kind::kFloat8:
      if (!std::isfinite(value.real())) return append_json_string(out, to_text(type, value, style));
      out += to_text(type, value, style);
      return;
    case Kind::kNumeric:
      if (!value.numeric().is_finite()) return append_json_string(out, to_text(type, value, style));
      out += value.numeric().to_string();
      return;
    case Kind::kJson:
    case Kind::kJsonb: out += value.text(); return;
    case Kind::kTimestamp:
    case Kind::kTimestamptz: return append_json_string(out, iso_time(type, value, style));
    case Kind::kArray: return append_array(out, value.array(), 0, next, style);
    case Kind::kRecord: return append_record(out, value.record(), style);
    default: return append_json_string(out, to_text(type, value, style));
  }
}

SqlStatus append_json_key(std::string& out, const Type& type, const Value& value, const TextStyle& style) {
  if (value.is_null()) return SqlError(state::kInvalidParameterValue, "field name must not be null");
  if (type.kind == Kind::kArray || type.kind == Kind::kRecord || type.kind == Kind::kJson || type.kind == Kind::kJsonb)
    return SqlError(state::kInvalidParameterValue, "key value must be scalar, not array, composite, or json");
  if (type.kind == Kind::kBool) append_json_string(out, value.boolean() ? "true" : "false");
  else if (type.kind == Kind::kTimestamp || type.kind == Kind::kTimestamptz) append_json_string(out, iso_time(type, value, style));
  else append_json_string(out, to_text(type, value, style));
  return {};
}

SqlResult<Value> jsonb_of(std::string_view text) { return from_text(type_of(Kind::kJsonb), text, {}); }

}  // namespace isobar::sql
