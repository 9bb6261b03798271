#pragma once

/// The types of SQL's values, as PostgreSQL numbers and names them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sql/error.h"

namespace isobar::sql {

/// The number by which PostgreSQL's protocol and catalogs know an object.
using Oid = std::uint32_t;

enum class Kind : std::uint8_t {
  kUnknown,  ///< a literal whose type nobody has said yet
  kBool,
  kInt2,
  kInt4,
  kInt8,
  kFloat4,
  kFloat8,
  kNumeric,
  kText,
  kVarchar,
  kBpchar,  ///< character(n): blanks at the end do not count
  kBytea,
  kDate,
  kTime,
  kTimestamp,
  kTimestamptz,
  kInterval,
  kUuid,
  kJson,   ///< its text as it came
  kJsonb,  ///< its normal form: keys sorted by length and then bytes, the last of equal ones kept
  // What the catalogs are made of.
  kOid,
  kName,
  kChar,  ///< "char", one byte
  kRegclass,
  kRegtype,
  kRegproc,
  kRegnamespace,
  kRegrole,
  kXid,
  kArray,   ///< of `element`
  kRecord,  ///< a row that has no name
  kVoid,
};

struct Type {
  Kind kind = Kind::kUnknown;
  Kind element = Kind::kUnknown;  ///< of an array
  /// As PostgreSQL's atttypmod: of varchar and character their length + 4, of numeric (precision << 16 | scale) + 4, of times the
  /// digits of a second's fraction; -1: none. It never makes two types different.
  std::int32_t modifier = -1;
  friend bool operator==(const Type& a, const Type& b) { return a.kind == b.kind && a.element == b.element; }
};

constexpr Type type_of(Kind kind) { return {kind}; }
constexpr Type array_of(Kind element) { return {Kind::kArray, element}; }

Oid oid_of(const Type& type);
std::optional<Type> type_of_oid(Oid oid, std::int32_t modifier = -1);
/// As pg_type has it: "int4", "_int4".
std::string_view catalog_name(const Type& type);
/// As format_type says it: "integer", "character varying(20)", "numeric(10,2)", "timestamp with time zone", "integer[]".
std::string format_type(const Type& type);
/// By any of the names above, without modifier. None: there is no such type
std::optional<Type> type_named(std::string_view name);
/// pg_type's typlen: bytes, or -1.
std::int16_t size_of(const Type& type);
/// pg_type's typcategory: 'N' of numbers, 'S' of texts, 'D' of times, 'B', 'A', 'U', 'T' of interval, 'X' of unknown …
char category_of(const Type& type);
bool is_preferred(const Type& type);  ///< of its category: float8, text, timestamptz, bool, interval, oid (typispreferred)

}  // namespace isobar::sql
