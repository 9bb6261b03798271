// Signatures as they are written in the tables of built-ins: "substr(text, int4, int4) text", "concat(variadic any) text".

#include "base/check.h"
#include "base/text.h"
#include "tables.h"

namespace isobar::sql {
namespace {

struct Polymorphic {
  std::string_view name;
  Parameter::What what;
};
constexpr Polymorphic kPolymorphic[] = {
    {"any", Parameter::What::kAny},
    {"anyelement", Parameter::What::kAnyElement},
    {"anynonarray", Parameter::What::kAnyNonArray},
    {"anyarray", Parameter::What::kAnyArray},
    {"anycompatible", Parameter::What::kAnyCompatible},
    {"anycompatiblearray", Parameter::What::kAnyCompatibleArray},
};

}  // namespace

Parameter parse_parameter(std::string_view text) {
  for (const auto& polymorphic : kPolymorphic)
    if (polymorphic.name == text) return {polymorphic.what, {}};
  const auto type = type_named(text);
  CHECK(type.has_value(), text);
  return {Parameter::What::kType, *type};
}

ParsedSignature parse_signature(std::string_view text) {
  const std::size_t open = text.find('('), close = text.rfind(')');
  CHECK(open != std::string_view::npos && close != std::string_view::npos && open < close, text);
  ParsedSignature parsed;
  parsed.name = std::string(text.substr(0, open));
  parsed.result = parse_parameter(trim(text.substr(close + 1)));
  const std::string_view inside = trim(text.substr(open + 1, close - open - 1));
  if (inside.empty()) return parsed;
  for (std::string_view part : split(inside, ',')) {
    part = trim(part);
    if (part.starts_with("variadic ")) parsed.variadic = true, part = trim(part.substr(9));
    if (part.ends_with('=')) ++parsed.defaults, part = trim(part.substr(0, part.size() - 1));
    parsed.parameters.push_back(parse_parameter(part));
  }
  return parsed;
}

std::vector<SetColumn> parse_columns(std::string_view text) {
  CHECK(text.starts_with('(') && text.ends_with(')'), text);
  std::vector<SetColumn> columns;
  for (std::string_view part : split(text.substr(1, text.size() - 2), ',')) {
    part = trim(part);
    const std::size_t space = part.find(' ');
    columns.push_back({std::string(part.substr(0, space)), parse_parameter(trim(part.substr(space + 1)))});
  }
  return columns;
}

}  // namespace isobar::sql
