#pragma once

/// Keys as bytes whose order is the order of the keys, so that a sorted store finds them by prefix and by range.
///
/// A key is the values of an entity's columns, one after another. Each has a byte in front, 0 for null and 1 for a value, and then:
///   bool                 0 or 1
///   int32, int64         big-endian, with the sign turned so that negative ones come first
///   timestamp            as int64
///   float32, float64     big-endian IEEE 754, all bits turned when negative, the sign alone when not; -0.0 as 0.0, and one NaN, the
///   largest string, bytes        as they are, with each NUL followed by 0xFF, and at the end a NUL
/// Hence a shorter text comes before one that goes on, whatever follows it, and no key is the prefix of another with as many columns. Nulls
/// come first (which `compare` says last, as PostgreSQL does where it prints).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "features/schema.h"

namespace isobar::features {

/// The bytes of a key. Each value is cast to its type before, without loss, since another width would be other bytes.
/// types    scalars. values   as many
/// Errors   kInvalidArgument: as `cast`, with the place from 1; as many values as types are needed: part of a key is another key
Result<std::string> encode_key(std::span<const Type> types, std::span<const Value> values);

/// The key of a row. Errors   kInvalidArgument: as above, with the column's name
Result<std::string> key_of(const Schema& schema, const Row& row);

/// The values that were encoded. Errors   kDataLoss: not a key of these types
Result<std::vector<Value>> decode_key(std::span<const Type> types, std::string_view key);

/// One value more, in its own type. Of a list, which is no part of a key, it ends the process.
void append_key_value(std::string& out, const Value& value);

}  // namespace isobar::features
