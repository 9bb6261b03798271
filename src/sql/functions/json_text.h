#pragma once

/// SQL's values as JSON.

#include <string>

#include "sql/json.h"
#include "sql/value.h"

namespace isobar::sql {

/// As to_json writes it. value  may be null
void append_json_value(std::string& out, const Type& type, const Value& value, const TextStyle& style);
/// As the name of an object's member. Errors   22023: null, an array or a record
SqlStatus append_json_key(std::string& out, const Type& type, const Value& value, const TextStyle& style);
/// A json's text as a jsonb's.
SqlResult<Value> jsonb_of(std::string_view text);

}  // namespace isobar::sql
