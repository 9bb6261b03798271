#include "features/schema.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace isobar::features {

namespace {

Status check_key(const Schema& schema, std::size_t at) {
  const Column& column = schema.columns()[at];
  if (std::ranges::count(schema.keys(), at) > 1)
    return invalid(fmt::format("'{}' is named twice among the keys; name it once", column.name));
  if (column.type.list) return invalid(fmt::format("key '{}' is a {}; a key is a scalar", column.name, name_of(column.type)));
  if (column.type.is_float())
    return invalid(fmt::format("key '{}' is a {}, which no two systems round alike; make it an integer or a string", column.name,
                               name_of(column.type)));
  return {};
}

}  // namespace

Result<Schema> Schema::create(std::vector<Column> columns, const std::vector<std::string>& keys) {
  Schema schema;
  for (Column& column : columns) {
    if (column.name.empty()) return invalid(fmt::format("column {} has no name; give it one", schema.columns_.size() + 1));
    if (!is_utf8(column.name)) return invalid(fmt::format("the name of column {} is not UTF-8", schema.columns_.size() + 1));
    if (schema.find(column.name)) return invalid(fmt::format("two columns are named '{}'; rename one of them", column.name));
    schema.columns_.push_back(std::move(column));
  }
  for (const auto& key : keys) {
    TRY_ASSIGN(const std::size_t at, schema.require(key).context("key"));
    schema.keys_.push_back(at);
  }
  for (const std::size_t at : schema.keys_) TRY(check_key(schema, at));
  return schema;
}

std::optional<std::size_t> Schema::find(std::string_view name) const {
  const auto at = std::ranges::find(columns_, name, &Column::name);
  return at == columns_.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - columns_.begin()));
}

Result<std::size_t> Schema::require(std::string_view name) const {
  if (const auto at = find(name)) return *at;
  std::vector<std::string> names;
  for (const auto& column : columns_) names.push_back(column.name);
  if (const auto near = closest(name, names)) return not_found(fmt::format("there is no column '{}'; did you mean '{}'?", name, *near));
  if (names.empty()) return not_found(fmt::format("there is no column '{}'; there are none at all", name));
  constexpr std::size_t kNamesMost = 12;
  const bool more = names.size() > kNamesMost;
  if (more) names.resize(kNamesMost);
  return not_found(fmt::format("there is no column '{}'; there are {}{}", name, join(names, ", "), more ? ", ..." : ""));
}

Status Schema::check(const Row& row) const {
  if (row.size() != columns_.size()) return invalid(fmt::format("a row of {} values for {} columns", row.size(), columns_.size()));
  for (std::size_t i = 0; i < row.size(); ++i)
    if (!row[i].is_null() && row[i].type() != columns_[i].type)
      return invalid(fmt::format("column '{}' is {}, and {} is {}", columns_[i].name, name_of(columns_[i].type), describe(row[i]),
                                 name_of(row[i].type())));
  return {};
}

}  // namespace isobar::features
