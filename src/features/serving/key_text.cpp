#include "key_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "features/csv.h"
#include "features/json_value.h"

namespace isobar::features {

Result<std::vector<std::string>> split_key(std::string_view text) {
  std::vector<std::string> parts(1);
  if (text.find_first_of(":\\") == std::string_view::npos) {
    parts.front() = text;
    return parts;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') {
      parts.emplace_back();
    } else if (text[i] != '\\') {
      parts.back() += text[i];
    } else if (i + 1 < text.size() && (text[i + 1] == ':' || text[i + 1] == '\\')) {
      parts.back() += text[++i];
    } else {
      return invalid(R"(in a key '\' stands before ':' or '\' alone; write '\\' for one that belongs to the key)");
    }
  }
  return parts;
}

Result<Value> value_from_text(std::string_view text, const Column& column) {
  if (column.type.is(Kind::kString)) {
    if (!is_utf8(text)) return invalid(fmt::format("column '{}': its text is not UTF-8", column.name));
    return Value(text);
  }
  return value_from_csv({std::string(text), true}, column);
}

bool append_text(std::string& out, const Value& value) {
  if (value.is_null()) return false;
  const std::size_t before = out.size();
  if (const auto* text = value.get_if<std::string>()) {
    out += *text;
  } else if (append_json(out, value) == JsonLoss::kNotFinite && value.type().is_float()) {
    const double number = value.as_float();
    out.resize(before);
    if (std::isnan(number)) out += "NaN";
    else out += number > 0 ? "inf" : "-inf";
  } else if (out[before] == '"') {  // bytes and times, which JSON has in quotes
    out.pop_back();
    out.erase(before, 1);
  }
  return true;
}

std::optional<std::string> text_of(const Value& value) {
  std::string text;
  return append_text(text, value) ? std::optional(std::move(text)) : std::nullopt;
}

Result<std::vector<Value>> key_values(const CompiledView& view, std::string_view text) {
  std::vector<std::string> parts;
  if (!view.keys().empty()) {
    TRY_ASSIGN(parts, split_key(text));
  } else if (!text.empty()) {
    return invalid(fmt::format("view '{}' has one row for all, and no key", view.name()));
  }
  if (parts.size() != view.keys().size()) {
    std::string columns;
    for (const auto& key : view.keys()) columns += (columns.empty() ? "" : ":") + key.name;
    return invalid(fmt::format("'{}' is not a key of view '{}'; write {}", text, view.name(), columns));
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    TRY_ASSIGN(Value value, value_from_text(parts[i], view.keys()[i]));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace isobar::features
