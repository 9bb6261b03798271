#pragma once

/// Values as JSON, in and out, in the forms that Feast's server speaks.
///
/// | type | JSON |
/// | --- | --- |
/// | bool, int32, int64 | true, 12: integers as numbers, never quoted |
/// | float32, float64 | 0.7, 1.0, 1e+20: the shortest that reads back to the same float of its width |
/// | string | text |
/// | bytes | base64, padded |
/// | timestamp | RFC 3339 in UTC with 0, 3, 6 or 9 digits of a fraction |
/// | lists | arrays of these |
/// | null | null |
///
/// JSON has no NaN and no infinities, so none is ever written: it goes as null, and whoever writes is told, so that a response can say
/// INVALID beside it, which is not NULL_VALUE: a value that is not a number is not an absent one.

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "features/schema.h"

namespace isobar::features {

/// Whether the JSON says all that the value says.
enum class JsonLoss { kNone, kNotFinite };
JsonLoss append_json(std::string& out, const Value& value);
/// The text as a JSON string, with its quotes. text   UTF-8
void append_json_string(std::string& out, std::string_view text);

/// What became of a feature that was asked for; the names are Feast's.
enum class FieldStatus { kInvalid, kPresent, kNullValue, kNotFound, kOutsideMaxAge };
std::string_view name_of(FieldStatus status);
/// Of a value that is there: kPresent, kNullValue, or kInvalid for what `append_json` writes as null though it is not.
FieldStatus status_of(const Value& value);

/// A JSON value, as `parse_json` reads it, as the column's type. Decimal fractions are rounded to the nearest float of the column's width,
/// as they have to be; integers are not: one that the column cannot hold exactly is an error, in floats, too. Errors   kInvalidArgument:
/// the message names the column, the value and the mend
Result<Value> value_from_json(const boost::json::value& json, const Column& column);

/// {"driver_id": 1001, "conv_rate": 0.5}: a member for each column, in any order; one that is not there is null.
/// Errors   kInvalidArgument: a member that is no column (the message names the nearest), or a value as above
Result<Row> row_from_json(const boost::json::value& json, const Schema& schema);

/// Feast's form of many rows: {"driver_id": [1001, 1002], "conv_rate": [0.5, null]}. Columns that are not there are null in all rows.
/// Errors   kInvalidArgument: as above with the row's number from 1; columns of different lengths
Result<std::vector<Row>> rows_from_json_columns(const boost::json::value& json, const Schema& schema);

/// Text to JSON and to a row at once. Errors   kInvalidArgument: not JSON (the message says where), or as above
Result<Row> row_from_json_text(std::string_view text, const Schema& schema);

}  // namespace isobar::features
