#pragma once

/// What a type's modifier does to a value: varchar(3), numeric(10,2), timestamp(0).

#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {

/// value        null, or of the type
/// explicit_cast  written as a cast: texts that are too long are cut; else they are refused, unless only blanks are lost
/// Errors   22001 "value too long for type …", 22003 "numeric field overflow"
SqlResult<Value> with_modifier(const Type& type, Value value, bool explicit_cast);
/// Whether the type's modifier does anything at all.
bool has_modifier(const Type& type);

/// A text without the blanks at its end, which a bpchar does not count.
std::string_view without_blanks(std::string_view text);

}  // namespace isobar::sql
