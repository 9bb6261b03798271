#include <fmt/format.h>

#include <boost/json.hpp>

#include "crypto/encoding.h"
#include "features/cast.h"
#include "features/json_text.h"
#include "features/json_value.h"
#include "features/timestamp.h"
#include "in_context.h"
#include "shorten.h"

namespace isobar::features {

namespace {

namespace json = boost::json;

std::string shortened(const json::value& value) { return shorten(json::serialize(value)); }

Error unexpected(const json::value& value, Type type) {
  const std::string what = fmt::format("{} is not {}", shortened(value), name_of(type));
  if (type.list) return invalid(what + "; write an array, as [1, 2]");
  if (value.is_string() && type.is_number()) return invalid(what + "; write it without quotes");
  if (type.is(Kind::kBool)) return invalid(what + "; write true or false");
  if (type.is(Kind::kBytes)) return invalid(what + "; write it in base64, as \"aGVsbG8=\"");
  if (type.is(Kind::kTimestamp)) return invalid(what + "; write it as \"2024-02-29T12:00:00Z\"");
  if (type.is(Kind::kString)) return invalid(what + "; write it in quotes");
  return invalid(what);
}

Result<Value> number_from(const json::value& value, Type type) {
  if (value.is_int64()) return integer_into(value.get_int64(), type);
  if (value.is_uint64()) {
    const std::uint64_t number = value.get_uint64();
    // Beyond int64; a float may hold it exactly all the same.
    const double wide = static_cast<double>(number);
    if (!type.is_float() || wide >= 0x1p64 || static_cast<std::uint64_t>(wide) != number)
      return invalid(fmt::format("{} does not fit {}; the largest integer is 9223372036854775807", number, name_of(type)));
    return float_into(wide, type, false);
  }
  if (value.is_double()) return float_into(value.get_double(), type, false);
  return unexpected(value, type);
}

Result<Value> text_from(const json::value& value, Type type) {
  if (!value.is_string()) return unexpected(value, type);
  const std::string_view text(value.get_string().data(), value.get_string().size());
  if (type.is(Kind::kString)) return Value(text);
  if (type.is(Kind::kTimestamp)) {
    TRY_ASSIGN(const Instant at, parse_timestamp(text));
    return Value(at);
  }
  auto bytes = crypto::from_base64(text);
  if (!bytes) return unexpected(value, type);
  return Value(Bytes{std::move(*bytes)});
}

Result<Value> scalar_from(const json::value& value, Type type) {
  if (type.is_number()) return number_from(value, type);
  if (!type.is(Kind::kBool)) return text_from(value, type);
  if (!value.is_bool()) return unexpected(value, type);
  return Value(value.get_bool());
}

/// T as the list holds it, and as a value holds it: they differ for bools.
template <class T, class Held = T>
Result<Value> list_from(const json::array& array, Type type) {
  std::vector<T> list;
  list.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (array[i].is_null()) return invalid(fmt::format("element {} is null, which an element of a list cannot be; leave it out", i + 1));
    TRY_ASSIGN(const Value element, in_context(scalar_from(array[i], type.element()), [i] { return fmt::format("element {}", i + 1); }));
    list.push_back(static_cast<T>(element.as<Held>()));
  }
  return Value(List(std::move(list)));
}

Result<Value> list_from(const json::value& value, Type type) {
  if (!value.is_array()) return unexpected(value, type);
  const json::array& array = value.get_array();
  switch (type.kind) {
    case Kind::kBool: return list_from<std::uint8_t, bool>(array, type);
    case Kind::kInt32: return list_from<std::int32_t>(array, type);
    case Kind::kInt64: return list_from<std::int64_t>(array, type);
    case Kind::kFloat32: return list_from<float>(array, type);
    case Kind::kFloat64: return list_from<double>(array, type);
    case Kind::kString: return list_from<std::string>(array, type);
    case Kind::kBytes: return list_from<Bytes>(array, type);
    case Kind::kTimestamp: return list_from<Instant>(array, type);
  }
  return unexpected(value, type);
}

/// The columns' places of an object's members, in the order of the members.
Result<std::vector<std::size_t>> columns_of(const json::value& value, const Schema& schema, std::string_view example) {
  if (!value.is_object()) return invalid(fmt::format("{} is not an object; write {}", shortened(value), example));
  std::vector<std::size_t> places;
  for (const auto& member : value.get_object()) {
    const auto at = schema.require({member.key().data(), member.key().size()});
    if (!at) return invalid(at.error().message());
    places.push_back(*at);
  }
  return places;
}

}  // namespace

Result<Value> value_from_json(const json::value& value, const Column& column) {
  if (value.is_null()) return Value();
  return in_context(column.type.list ? list_from(value, column.type) : scalar_from(value, column.type),
                    [&] { return fmt::format("column '{}'", column.name); });
}

Result<Row> row_from_json(const json::value& value, const Schema& schema) {
  TRY_ASSIGN(const auto places, columns_of(value, schema, R"({"driver_id": 1001})"));
  Row row(schema.columns().size());
  std::size_t member = 0;
  for (const auto& [name, held] : value.get_object()) {
    const std::size_t at = places[member++];
    TRY_ASSIGN(row[at], value_from_json(held, schema.columns()[at]));
  }
  return row;
}

Result<std::vector<Row>> rows_from_json_columns(const json::value& value, const Schema& schema) {
  TRY_ASSIGN(const auto places, columns_of(value, schema, R"({"driver_id": [1001, 1002]})"));
  std::vector<Row> rows;
  std::size_t member = 0;
  for (const auto& [name, held] : value.get_object()) {
    const std::size_t at = places[member];
    if (!held.is_array())
      return invalid(fmt::format("column '{}' is {}; write one value for each row, as [1, 2]", schema.columns()[at].name, shortened(held)));
    const json::array& cells = held.get_array();
    if (member == 0) rows.assign(cells.size(), Row(schema.columns().size()));
    if (cells.size() != rows.size())
      return invalid(fmt::format("column '{}' has {} rows and '{}' has {}; give them as many", schema.columns()[places[0]].name,
                                 rows.size(), schema.columns()[at].name, cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      TRY_ASSIGN(rows[i][at], in_context(value_from_json(cells[i], schema.columns()[at]), [i] { return fmt::format("row {}", i + 1); }));
    }
    ++member;
  }
  return rows;
}

Result<Row> row_from_json_text(std::string_view text, const Schema& schema) {
  TRY_ASSIGN(const json::value value, parse_json(text));
  return row_from_json(value, schema);
}

}  // namespace isobar::features
