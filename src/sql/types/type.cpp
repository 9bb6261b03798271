// The table of types: numbers, names and properties as pg_type of PostgreSQL 15 has them.

#include "sql/type.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::sql {
namespace {

struct TypeEntry {
  Kind kind;
  Oid oid, array_oid;  // array_oid 0: there are no arrays of it
  std::string_view name, array_name, formal;
  std::int16_t size;
  char category;
  bool preferred;
};

constexpr TypeEntry kEntries[] = {
    {Kind::kUnknown, 705, 0, "unknown", "", "unknown", -2, 'X', false},
    {Kind::kBool, 16, 1000, "bool", "_bool", "boolean", 1, 'B', true},
    {Kind::kInt2, 21, 1005, "int2", "_int2", "smallint", 2, 'N', false},
    {Kind::kInt4, 23, 1007, "int4", "_int4", "integer", 4, 'N', false},
    {Kind::kInt8, 20, 1016, "int8", "_int8", "bigint", 8, 'N', false},
    {Kind::kFloat4, 700, 1021, "float4", "_float4", "real", 4, 'N', false},
    {Kind::kFloat8, 701, 1022, "float8", "_float8", "double precision", 8, 'N', true},
    {Kind::kNumeric, 1700, 1231, "numeric", "_numeric", "numeric", -1, 'N', false},
    {Kind::kText, 25, 1009, "text", "_text", "text", -1, 'S', true},
    {Kind::kVarchar, 1043, 1015, "varchar", "_varchar", "character varying", -1, 'S', false},
    {Kind::kBpchar, 1042, 1014, "bpchar", "_bpchar", "character", -1, 'S', false},
    {Kind::kBytea, 17, 1001, "bytea", "_bytea", "bytea", -1, 'U', false},
    {Kind::kDate, 1082, 1182, "date", "_date", "date", 4, 'D', false},
    {Kind::kTime, 1083, 1183, "time", "_time", "time without time zone", 8, 'D', false},
    {Kind::kTimestamp, 1114, 1115, "timestamp", "_timestamp", "timestamp without time zone", 8, 'D', false},
    {Kind::kTimestamptz, 1184, 1185, "timestamptz", "_timestamptz", "timestamp with time zone", 8, 'D', true},
    {Kind::kInterval, 1186, 1187, "interval", "_interval", "interval", 16, 'T', true},
    {Kind::kUuid, 2950, 2951, "uuid", "_uuid", "uuid", 16, 'U', false},
    {Kind::kJson, 114, 199, "json", "_json", "json", -1, 'U', false},
    {Kind::kJsonb, 3802, 3807, "jsonb", "_jsonb", "jsonb", -1, 'U', false},
    {Kind::kOid, 26, 1028, "oid", "_oid", "oid", 4, 'N', true},
    {Kind::kName, 19, 1003, "name", "_name", "name", 64, 'S', false},
    {Kind::kChar, 18, 1002, "char", "_char", "\"char\"", 1, 'Z', false},
    {Kind::kRegclass, 2205, 2210, "regclass", "_regclass", "regclass", 4, 'N', false},
    {Kind::kRegtype, 2206, 2211, "regtype", "_regtype", "regtype", 4, 'N', false},
    {Kind::kRegproc, 24, 1008, "regproc", "_regproc", "regproc", 4, 'N', false},
    {Kind::kRegnamespace, 4089, 4090, "regnamespace", "_regnamespace", "regnamespace", 4, 'N', false},
    {Kind::kRegrole, 4096, 4097, "regrole", "_regrole", "regrole", 4, 'N', false},
    {Kind::kXid, 28, 1011, "xid", "_xid", "xid", 4, 'U', false},
    {Kind::kArray, 2277, 0, "anyarray", "", "anyarray", -1, 'A', false},
    {Kind::kRecord, 2249, 2287, "record", "_record", "record", -1, 'P', false},
    {Kind::kVoid, 2278, 0, "void", "", "void", 4, 'P', false},
};

/// What SQL calls types besides.
struct Synonym {
  std::string_view name;
  Kind kind;
};
constexpr Synonym kSynonyms[] = {{"int", Kind::kInt4}, {"dec", Kind::kNumeric}, {"decimal", Kind::kNumeric}, {"float", Kind::kFloat8}};

constexpr bool entries_stand_in_order() {
  std::size_t place = 0;
  for (const auto& entry : kEntries)
    if (static_cast<std::size_t>(entry.kind) != place++) return false;
  return true;
}
static_assert(entries_stand_in_order());

const TypeEntry& entry_of(Kind kind) { return kEntries[static_cast<std::size_t>(kind)]; }

std::string formatted(const TypeEntry& entry, std::int32_t modifier) {
  const std::string formal(entry.formal);
  switch (entry.kind) {
    case Kind::kVarchar: return fmt::format("{}({})", formal, modifier - 4);
    case Kind::kBpchar: return fmt::format("{}({})", formal, modifier - 4);
    case Kind::kNumeric: {
      const int scale = static_cast<int>((static_cast<std::uint32_t>(modifier - 4) & 0x7ff) ^ 1024) - 1024;
      return fmt::format("{}({},{})", formal, (static_cast<std::uint32_t>(modifier - 4) >> 16) & 0xffff, scale);
    }
    case Kind::kTime: return fmt::format("time({}) without time zone", modifier);
    case Kind::kTimestamp: return fmt::format("timestamp({}) without time zone", modifier);
    case Kind::kTimestamptz: return fmt::format("timestamp({}) with time zone", modifier);
    case Kind::kInterval: {
      const int digits = modifier & 0xffff;
      return digits == 0xffff ? formal : fmt::format("interval({})", digits);
    }
    default: return formal;
  }
}

std::optional<Kind> kind_named(std::string_view name) {
  for (const auto& synonym : kSynonyms)
    if (synonym.name == name) return synonym.kind;
  for (const auto& entry : kEntries)
    if (entry.name == name || entry.formal == name) return entry.kind;
  return std::nullopt;
}

}  // namespace

Oid oid_of(const Type& type) {
  return type.kind == Kind::kArray && type.element != Kind::kUnknown ? entry_of(type.element).array_oid : entry_of(type.kind).oid;
}

std::optional<Type> type_of_oid(Oid oid, std::int32_t modifier) {
  for (const auto& entry : kEntries) {
    if (entry.oid == oid) return Type{entry.kind, Kind::kUnknown, modifier};
    if (entry.array_oid == oid && oid != 0) return Type{Kind::kArray, entry.kind, modifier};
  }
  // The vectors of the catalogs are arrays, but for where they begin.
  if (oid == 22) return array_of(Kind::kInt2);
  if (oid == 30) return array_of(Kind::kOid);
  return std::nullopt;
}

std::string_view catalog_name(const Type& type) {
  return type.kind == Kind::kArray && type.element != Kind::kUnknown ? entry_of(type.element).array_name : entry_of(type.kind).name;
}

std::string format_type(const Type& type) {
  const bool array = type.kind == Kind::kArray && type.element != Kind::kUnknown;
  const auto& entry = entry_of(array ? type.element : type.kind);
  return (type.modifier >= 0 ? formatted(entry, type.modifier) : std::string(entry.formal)) + (array ? "[]" : "");
}

std::optional<Type> type_named(std::string_view name) {
  if (name.ends_with("[]")) {
    const auto element = kind_named(name.substr(0, name.size() - 2));
    return element ? std::optional(array_of(*element)) : std::nullopt;
  }
  for (const auto& entry : kEntries)
    if (!entry.array_name.empty() && entry.array_name == name) return array_of(entry.kind);
  const auto kind = kind_named(name);
  if (!kind) return std::nullopt;
  return type_of(*kind);
}

std::int16_t size_of(const Type& type) { return entry_of(type.kind).size; }

char category_of(const Type& type) { return entry_of(type.kind).category; }

bool is_preferred(const Type& type) { return entry_of(type.kind).preferred; }

}  // namespace isobar::sql
