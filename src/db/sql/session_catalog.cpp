#include "session_catalog.h"

#include <algorithm>

namespace isobar::db {

namespace {

using TablePtr = std::shared_ptr<const sql::Table>;

/// A sequence as a table of one row, for those who select from it.
TablePtr table_of_sequence(const sql::Sequence& sequence) {
  auto table = std::make_shared<sql::Table>();
  table->what = sql::Table::What::kVirtual;
  table->id = sequence.id;
  table->schema = sequence.schema;
  table->name = sequence.name;
  table->columns = {{"last_value", sql::type_of(sql::Kind::kInt8)},
                    {"log_cnt", sql::type_of(sql::Kind::kInt8)},
                    {"is_called", sql::type_of(sql::Kind::kBool)}};
  return table;
}

}  // namespace

std::vector<std::string> SessionCatalog::search_path() const {
  std::vector<std::string> path;
  for (const auto& name : path_)
    if (schema_->schemas.contains(name)) path.push_back(name);
  return path;
}

sql::SqlResult<TablePtr> SessionCatalog::find_table(std::string_view schema, std::string_view name) {
  const auto in = [&](const std::string& where) -> TablePtr {
    if (const auto* object = schema_->table_named(where, std::string(name))) return object->table;
    const auto id = schema_->names.find({where, std::string(name)});
    if (id == schema_->names.end()) return nullptr;
    const auto sequence = schema_->sequences.find(id->second);
    return sequence == schema_->sequences.end() ? nullptr : table_of_sequence(sequence->second.sequence);
  };
  if (!schema.empty()) {
    if (auto found = find_virtual_(schema, name)) return found;
    return in(std::string(schema));
  }
  if (std::find(path_.begin(), path_.end(), "pg_catalog") == path_.end())
    if (auto found = find_virtual_("pg_catalog", name)) return found;
  for (const auto& each : path_) {
    if (auto found = find_virtual_(each, name)) return found;
    if (auto found = in(each)) return found;
  }
  return TablePtr();
}

sql::SqlResult<TablePtr> SessionCatalog::table_of(sql::Oid id) {
  const auto found = schema_->tables.find(id);
  return found == schema_->tables.end() ? TablePtr() : found->second.table;
}

sql::SqlResult<std::optional<sql::Sequence>> SessionCatalog::find_sequence(std::string_view schema, std::string_view name) {
  const auto in = [&](const std::string& where) -> std::optional<sql::Sequence> {
    const auto id = schema_->names.find({where, std::string(name)});
    if (id == schema_->names.end()) return std::nullopt;
    const auto found = schema_->sequences.find(id->second);
    return found == schema_->sequences.end() ? std::nullopt : std::optional(found->second.sequence);
  };
  if (!schema.empty()) return in(std::string(schema));
  for (const auto& each : path_)
    if (auto found = in(each)) return found;
  return std::optional<sql::Sequence>();
}

sql::SqlResult<bool> SessionCatalog::has_schema(std::string_view name) {
  return name == "pg_catalog" || name == "information_schema" || schema_->schemas.contains(std::string(name));
}

}  // namespace isobar::db
