// The text form of each type: which reader and writer is whose.

#include "text_form.h"

#include <fmt/format.h>

#include <charconv>

#include "array_text.h"
#include "datetime_text.h"
#include "scalar_text.h"
#include "sql/json.h"
#include "sql/modifier.h"
#include "sql/time_zone.h"
#include "sql/utf8.h"

namespace isobar::sql {
namespace {

constexpr std::size_t kNameBytesMost = 63;

template <class T>
SqlResult<Value> wrapped(SqlResult<T> read) {
  if (!read) return read.error();
  return Value(std::move(read).value());
}

SqlResult<Value> fitted(const Type& type, SqlResult<Value> value) {
  if (!value || !has_modifier(type)) return value;
  return with_modifier(type, std::move(value).value(), false);
}

SqlResult<Value> text_value(std::string_view text) {
  TRY(require_text(text));
  return Value(std::string(text));
}

/// Cut where a character ends.
std::string_view cut_name(std::string_view text) {
  if (text.size() <= kNameBytesMost) return text;
  std::size_t size = kNameBytesMost;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

SqlResult<Value> jsonb_from_text(std::string_view text) {
  TRY(require_text(text));
  TRY_ASSIGN(Json json, parse_json(text));
  normalise(json);
  std::string normal;
  append_jsonb(normal, json);
  return Value(std::move(normal));
}

SqlResult<Value> json_from_text(std::string_view text) {
  TRY(require_text(text));
  TRY(check_json(text));
  return Value(std::string(text));
}

SqlResult<Value> regtype_from_text(std::string_view text) {
  if (text == "-") return Value(std::int64_t{0});
  if (const auto type = type_named(text)) return Value(std::int64_t{oid_of(*type)});
  auto number = oid_from_text(text, "regtype");
  if (!number) return SqlError(state::kUndefinedObject, fmt::format("type \"{}\" does not exist", text));
  return Value(*number);
}

SqlResult<Value> reg_from_text(std::string_view text, std::string_view type) {
  return wrapped(text == "-" ? SqlResult<std::int64_t>(0) : oid_from_text(text, type));
}

void append_integer(std::string& out, std::int64_t value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_regtype(std::string& out, std::int64_t oid) {
  if (oid == 0) return void(out += '-');
  const auto type = type_of_oid(static_cast<Oid>(oid));
  if (!type) return append_integer(out, oid);
  out += format_type(*type);
}

}  // namespace

void append_text(std::string& out, const Type& type, const Value& value, const TextStyle& style) {
  switch (type.kind) {
    case Kind::kBool: out += value.boolean() ? 't' : 'f'; return;
    case Kind::kFloat4: return append_float(out, value.real(), true, style.extra_float_digits);
    case Kind::kFloat8: return append_float(out, value.real(), false, style.extra_float_digits);
    case Kind::kNumeric: out += value.numeric().to_string(); return;
    case Kind::kBytea: return append_bytea(out, value.text(), style.bytea_output == "escape");
    case Kind::kDate: return append_date(out, value.integer());
    case Kind::kTime: return append_time(out, value.integer());
    case Kind::kTimestamp: return append_timestamp(out, value.integer());
    case Kind::kTimestamptz: return append_timestamptz(out, value.integer(), style.zone != nullptr ? *style.zone : TimeZone::utc());
    case Kind::kInterval: return append_interval(out, value.interval());
    case Kind::kUuid: return append_uuid(out, value.uuid());
    case Kind::kArray: return append_array(out, value.array(), style);
    case Kind::kRecord: return append_record(out, value.record(), style);
    case Kind::kRegtype: return append_regtype(out, value.integer());
    case Kind::kRegclass:
    case Kind::kRegproc:
    case Kind::kRegnamespace:
    case Kind::kRegrole:
      if (value.integer() == 0) return void(out += '-');
      return append_integer(out, value.integer());
    case Kind::kInt2:
    case Kind::kInt4:
    case Kind::kInt8:
    case Kind::kOid:
    case Kind::kXid: return append_integer(out, value.integer());
    case Kind::kVoid: return;
    case Kind::kChar:
      // A byte that is no character by itself.
      if (!value.text().empty() && static_cast<unsigned char>(value.text()[0]) >= 0x80)
        return void(fmt::format_to(std::back_inserter(out), "\\{:03o}", static_cast<unsigned char>(value.text()[0])));
      out += value.text();
      return;
    default: out += value.text(); return;
  }
}

std::string to_text(const Type& type, const Value& value, const TextStyle& style) {
  std::string out;
  append_text(out, type, value, style);
  return out;
}

SqlResult<Value> from_text(const Type& type, std::string_view text, const TextStyle& style) {
  switch (type.kind) {
    case Kind::kBool: return wrapped(bool_from_text(text));
    case Kind::kInt2: return wrapped(integer_from_text(text, INT16_MIN, INT16_MAX, "smallint"));
    case Kind::kInt4: return wrapped(integer_from_text(text, INT32_MIN, INT32_MAX, "integer"));
    case Kind::kInt8: return wrapped(integer_from_text(text, INT64_MIN, INT64_MAX, "bigint"));
    case Kind::kFloat4: return wrapped(float_from_text(text, true));
    case Kind::kFloat8: return wrapped(float_from_text(text, false));
    case Kind::kNumeric: return fitted(type, wrapped(Numeric::parse(text)));
    case Kind::kUnknown:
    case Kind::kText: return text_value(text);
    case Kind::kVarchar:
    case Kind::kBpchar: return fitted(type, text_value(text));
    case Kind::kName: return text_value(cut_name(text));
    case Kind::kChar:
      if (text.size() == 4 && text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' && text[3] >= '0' &&
          text[3] <= '7')
        return Value(std::string(1, static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'))));
      return Value(std::string(text.substr(0, 1)));
    case Kind::kBytea: return wrapped(bytea_from_text(text));
    case Kind::kDate: return wrapped(date_from_text(text, style));
    case Kind::kTime: return fitted(type, wrapped(time_from_text(text, style)));
    case Kind::kTimestamp: return fitted(type, wrapped(timestamp_from_text(text, style)));
    case Kind::kTimestamptz: return fitted(type, wrapped(timestamptz_from_text(text, style)));
    case Kind::kInterval: return fitted(type, wrapped(interval_from_text(text, type.modifier)));
    case Kind::kUuid: return wrapped(uuid_from_text(text));
    case Kind::kJson: return json_from_text(text);
    case Kind::kJsonb: return jsonb_from_text(text);
    case Kind::kOid: return wrapped(oid_from_text(text, "oid"));
    case Kind::kXid: return wrapped(oid_from_text(text, "xid"));
    case Kind::kRegtype: return regtype_from_text(text);
    case Kind::kRegclass: return reg_from_text(text, "regclass");
    case Kind::kRegproc: return reg_from_text(text, "regproc");
    case Kind::kRegnamespace: return reg_from_text(text, "regnamespace");
    case Kind::kRegrole: return reg_from_text(text, "regrole");
    case Kind::kArray: return array_from_text(type, text, style);
    case Kind::kRecord: return SqlError(state::kFeatureNotSupported, "input of anonymous composite types is not implemented");
    case Kind::kVoid: return Value(std::string());
  }
  return SqlError(state::kInternalError, "a type that has no text form");
}

}  // namespace isobar::sql
