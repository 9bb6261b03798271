#pragma once

/// Values into the type that was declared for them, without loss.
///
/// A feature's declared type is what is stored, compared and made into keys, whatever type its source had: int32 keys that came as int64
/// would be other bytes, and a float column fed with the integer 0 must not fail. So every value is cast where it enters, and a cast that
/// would change the value is an error. SQL's CAST, which rounds, is another thing: see features/expression.h.

#include "features/schema.h"

namespace isobar::features {

/// Null stays null. Integers and floats become one another when the number stays exactly the same; a NaN and infinities stay so in both
/// widths of floats. Lists are cast by element. Nothing else changes its type: neither bools and numbers, nor text and anything.
/// Errors   kInvalidArgument: the message names the value, the type and the mend; in a list, the place
Result<Value> cast(Value value, Type type);

/// The same, and the message begins with the column.
Result<Value> cast_into(const Column& column, Value value);

/// The number itself in the type, if it is there exactly.
Result<Value> integer_into(std::int64_t number, Type type);
/// Errors also where a double of 2^53 or more would become an integer, because it may stand for a neighbour, if `exact` is false:
/// the double was read from decimal text.
Result<Value> float_into(double number, Type type, bool exact = true);

}  // namespace isobar::features
