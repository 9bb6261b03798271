#pragma once

/// Arrays and records as text.

#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {

/// Errors   22P02 "malformed array literal", and those of the elements
SqlResult<Value> array_from_text(const Type& type, std::string_view text, const TextStyle& style);
void append_array(std::string& out, const Array& array, const TextStyle& style);
void append_record(std::string& out, const Record& record, const TextStyle& style);

}  // namespace isobar::sql
