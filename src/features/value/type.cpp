#include "features/type.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/text.h"

namespace isobar::features {

namespace {

struct NamedKind {
  std::string_view name;
  Kind kind;
};

/// The first of each kind is how we write it.
constexpr std::array kNames{
    NamedKind{"bool", Kind::kBool},
    NamedKind{"int32", Kind::kInt32},
    NamedKind{"int64", Kind::kInt64},
    NamedKind{"float32", Kind::kFloat32},
    NamedKind{"float64", Kind::kFloat64},
    NamedKind{"string", Kind::kString},
    NamedKind{"bytes", Kind::kBytes},
    NamedKind{"timestamp", Kind::kTimestamp},
    NamedKind{"boolean", Kind::kBool},
    NamedKind{"integer", Kind::kInt32},
    NamedKind{"int", Kind::kInt32},
    NamedKind{"int4", Kind::kInt32},
    NamedKind{"bigint", Kind::kInt64},
    NamedKind{"real", Kind::kFloat32},
    NamedKind{"float4", Kind::kFloat32},
    NamedKind{"double", Kind::kFloat64},
    NamedKind{"double precision", Kind::kFloat64},
    NamedKind{"float8", Kind::kFloat64},
    NamedKind{"text", Kind::kString},
    NamedKind{"varchar", Kind::kString},
    NamedKind{"bytea", Kind::kBytes},
    NamedKind{"timestamptz", Kind::kTimestamp},
    NamedKind{"timestamp with time zone", Kind::kTimestamp},
};

constexpr std::string_view kAllNames = "bool, int32, int64, float32, float64, string, bytes, timestamp, or one of them followed by []";

/// Of names whose meaning is not the same everywhere: what may have been meant.
std::string_view ambiguous(std::string_view name) {
  if (name == "float") return "write float32 or float64";
  if (name == "int8" || name == "int16" || name == "int2" || name == "smallint") return "write int32 or int64";
  if (name == "decimal" || name == "numeric") return "there are no decimals; write float64, or int64 of the smallest unit";
  if (name == "date" || name == "time" || name == "datetime") return "write timestamp";
  return "";
}

}  // namespace

std::string name_of(Type type) {
  for (const auto& [name, kind] : kNames)
    if (kind == type.kind) return std::string(name) + (type.list ? "[]" : "");
  CHECK(false, static_cast<int>(type.kind));
  return "";
}

Result<Type> parse_type(std::string_view text) {
  std::string name = to_lower(trim(text));
  const bool list = name.ends_with("[]");
  if (list) name = std::string(trim(std::string_view(name).substr(0, name.size() - 2)));
  for (const auto& known : kNames)
    if (known.name == name) return Type{known.kind, list};
  if (const auto mend = ambiguous(name); !mend.empty()) return invalid(fmt::format("'{}' is not a type here; {}", text, mend));
  std::vector<std::string> candidates;
  for (const auto& known : kNames) candidates.emplace_back(known.name);
  if (const auto near = closest(name, candidates)) return invalid(fmt::format("there is no type '{}'; did you mean {}?", text, *near));
  return invalid(fmt::format("there is no type '{}'; types are {}", text, kAllNames));
}

Result<Kind> kind_from_number(std::uint8_t number) {
  if (number < static_cast<int>(Kind::kBool) || number > static_cast<int>(Kind::kTimestamp))
    return Error(Code::kDataLoss, fmt::format("no kind of value has the number {}", number));
  return static_cast<Kind>(number);
}

}  // namespace isobar::features
