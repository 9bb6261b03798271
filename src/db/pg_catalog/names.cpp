// Objects by their names, and their names: regclass and its like.

#include <fmt/format.h>

#include <charconv>

#include "rows.h"
#include "sql/ascii.h"

namespace isobar::db {
namespace {

using sql::Kind;
using sql::SqlError;
using sql::SqlResult;

/// "Public"."T", t, public.t: each part without its quotes, what stood without them in lower case. Empty: it is no name
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    while (!text.empty() && sql::is_space(text[0])) text.remove_prefix(1);
    std::string part;
    if (text.starts_with('"')) {
      for (text.remove_prefix(1); !text.empty(); text.remove_prefix(1)) {
        if (text[0] == '"') {
          if (!text.starts_with("\"\"")) break;
          text.remove_prefix(1);
        }
        part += text[0];
      }
      if (text.empty()) return {};
      text.remove_prefix(1);
    } else {
      for (; !text.empty() && text[0] != '.' && !sql::is_space(text[0]); text.remove_prefix(1))
        part += sql::is_letter(text[0]) ? static_cast<char>(text[0] | 32) : text[0];
    }
    if (part.empty()) return {};
    parts.push_back(std::move(part));
    while (!text.empty() && sql::is_space(text[0])) text.remove_prefix(1);
    if (text.empty()) return parts;
    if (text[0] != '.') return {};
    text.remove_prefix(1);
  }
}

SqlResult<sql::Oid> class_named(const CatalogView& view, std::string_view text, const std::vector<std::string>& parts) {
  const auto in = [&](const std::string& schema, const std::string& name) -> sql::Oid {
    if (const auto table = find_catalog_table(schema, name)) return table->id;
    const auto found = view.schema.names.find({schema, name});
    return found == view.schema.names.end() ? 0 : found->second;
  };
  if (parts.size() == 2) {
    if (const sql::Oid id = in(parts[0], parts[1]); id != 0) return id;
  } else if (parts.size() == 1) {
    if (const sql::Oid id = in("pg_catalog", parts[0]); id != 0) return id;
    for (const auto& schema : view.session.search_path)
      if (const sql::Oid id = in(schema, parts[0]); id != 0) return id;
  }
  return SqlError(sql::state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", text));
}

/// A type's name as SQL writes it, its schema left out.
SqlResult<sql::Oid> type_named(std::string_view text) {
  std::string_view name = text;
  if (name.starts_with("pg_catalog.")) name.remove_prefix(11);
  if (name.size() > 2 && name.front() == '"' && name.back() == '"' && name != "\"char\"") name = name.substr(1, name.size() - 2);
  if (name == "char") name = "bpchar";
  if (name == "\"char\"") name = "char";
  if (const auto type = sql::type_named(name)) return sql::oid_of(*type);
  return SqlError(sql::state::kUndefinedObject, fmt::format("type \"{}\" does not exist", text));
}

}  // namespace

SqlResult<sql::Oid> regobject_named(const CatalogView& view, Kind kind, std::string_view text) {
  text = sql::without_spaces(text);
  if (text == "-") return sql::Oid{0};
  sql::Oid number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  if (kind == Kind::kRegtype) return type_named(text);
  const auto parts = parts_of(text);
  if (parts.empty()) return SqlError(sql::state::kInvalidName, "invalid name syntax");
  if (kind == Kind::kRegclass) return class_named(view, text, parts);
  if (kind == Kind::kRegnamespace) {
    if (const sql::Oid id = schema_id(view, parts[0]); id != 0 && parts.size() == 1) return id;
    return SqlError(sql::state::kInvalidSchemaName, fmt::format("schema \"{}\" does not exist", parts[0]));
  }
  if (kind == Kind::kRegrole) {
    if (const sql::Oid id = role_id(view, parts[0]); id != 0 && parts.size() == 1) return id;
    return SqlError(sql::state::kUndefinedObject, fmt::format("role \"{}\" does not exist", parts[0]));
  }
  return SqlError(sql::state::kUndefinedFunction, fmt::format("function \"{}\" does not exist", text));
}

std::string regobject_text(const CatalogView& view, Kind kind, sql::Oid id) {
  if (id == 0) return "-";
  if (kind == Kind::kRegtype) return sql::to_text(sql::type_of(kind), sql::Value(std::int64_t{id}), {});
  if (kind == Kind::kRegclass) {
    const auto relation = relation_of(view, id);
    if (!relation) return std::to_string(id);
    return is_visible(view, *relation) ? quoted(relation->name) : quoted(relation->schema_name) + "." + quoted(relation->name);
  }
  if (kind == Kind::kRegnamespace) {
    if (id == kCatalogSchema) return "pg_catalog";
    if (id == kInformationSchema) return "information_schema";
    for (const auto& [name, schema] : view.schema.schemas)
      if (schema.id == id) return quoted(name);
  }
  if (kind == Kind::kRegrole)
    for (const auto& [name, role] : view.schema.roles)
      if (role.id == id) return quoted(name);
  return std::to_string(id);
}

}  // namespace isobar::db
