#pragma once

/// Values as bytes that sort as the values do, for the keys of indexes. The encoding of one value is never the beginning of another's of
/// the same type, so several in a row sort by the first, then by the second, and so on.

#include <string>
#include <string_view>

#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {

/// Ascending: nulls come last. descending turns the order round, nulls first.
/// Not of json, which has no order.
void append_key(std::string& out, const Type& type, const Value& value, bool descending);

/// Whether `take_key` gives the very value back: of integers, texts, times, uuid, bool, bytea. A numeric's key has no scale, a float's no
/// sign of its zero, a bpchar's no blanks unless its type says how many.
bool key_holds_value(const Type& type);
/// Takes one value from the front. type  one that key_holds_value. Errors   XX001: no such encoding
SqlResult<Value> take_key(std::string_view& bytes, const Type& type, bool descending);

}  // namespace isobar::sql
