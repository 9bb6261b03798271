#include "rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "definitions.h"
#include "sql/ascii.h"

namespace isobar::db {
namespace {

sql::Value blank_of(const sql::Type& type) {
  switch (type.kind) {
    case sql::Kind::kBool: return sql::Value(false);
    case sql::Kind::kInt2:
    case sql::Kind::kInt4:
    case sql::Kind::kInt8:
    case sql::Kind::kOid:
    case sql::Kind::kXid:
    case sql::Kind::kRegproc:
    case sql::Kind::kRegclass:
    case sql::Kind::kRegtype: return sql::Value(std::int64_t{0});
    case sql::Kind::kFloat4:
    case sql::Kind::kFloat8: return sql::Value(0.0);
    case sql::Kind::kName:
    case sql::Kind::kChar: return sql::Value(std::string());
    default: return {};
  }
}

sql::Value array_value(sql::Kind element, std::vector<sql::Value> values, std::int32_t low) {
  auto array = std::make_shared<sql::Array>();
  array->element = element;
  if (!values.empty()) array->sizes = {static_cast<std::int32_t>(values.size())}, array->lows = {low};
  array->elements = std::move(values);
  return sql::Value(sql::ArrayPtr(std::move(array)));
}

std::string_view action_name(sql::ForeignKey::Action action) {
  using Action = sql::ForeignKey::Action;
  switch (action) {
    case Action::kRestrict: return "RESTRICT";
    case Action::kCascade: return "CASCADE";
    case Action::kSetNull: return "SET NULL";
    case Action::kSetDefault: return "SET DEFAULT";
    case Action::kNoAction: break;
  }
  return {};
}

std::string column_list(const sql::Table& table, const std::vector<std::uint32_t>& columns) {
  std::string list;
  for (const auto column : columns) list += (list.empty() ? "" : ", ") + quoted(table.columns[column].name);
  return list;
}

}  // namespace

sql::Value& RowFields::at(std::string_view name) {
  const auto found = places_.find(name);
  CHECK(found != places_.end(), name);
  return row_[found->second];
}

CatalogRows::CatalogRows(const sql::Table& table) {
  // A view's columns may all be null, a table's hardly any.
  bool view = true;
  for (const auto& each : catalog_tables()) view = view && !(each.table->id == table.id && each.kind == 'r');
  for (const auto& column : table.columns)
    places_[column.name] = blank_.size(), blank_.push_back(view ? sql::Value() : blank_of(column.type));
}
RowFields CatalogRows::add() { return {places_, rows_.emplace_back(blank_)}; }

sql::Value array_of_integers(sql::Kind element, const std::vector<std::int64_t>& values, std::int32_t low) {
  std::vector<sql::Value> elements;
  for (const auto value : values) elements.emplace_back(std::int64_t{value});
  return array_value(element, std::move(elements), low);
}
sql::Value array_of_strings(sql::Kind element, const std::vector<std::string>& values) {
  std::vector<sql::Value> elements;
  for (const auto& value : values) elements.emplace_back(std::string(value));
  return array_value(element, std::move(elements), 1);
}
sql::Value acl_array(const std::vector<AclItem>& acl) {
  if (acl.empty()) return {};
  std::vector<std::string> items;
  for (const auto& item : acl) {
    std::string privileges;
    for (const char letter : item.privileges) {
      privileges += letter;
      if (item.grantable.find(letter) != std::string::npos) privileges += '*';
    }
    items.push_back(item.grantee + "=" + privileges + "/" + item.grantor);
  }
  return array_of_strings(sql::Kind::kText, items);
}

sql::Oid check_id(sql::Oid table, std::size_t which) { return 0xc0000000U ^ (table << 6) ^ static_cast<sql::Oid>(which); }
sql::Oid default_id(sql::Oid table, std::uint32_t column) { return 0x80000000U ^ (table << 11) ^ column; }

sql::Oid schema_id(const CatalogView& view, const std::string& name) {
  if (name == "pg_catalog") return kCatalogSchema;
  if (name == "information_schema") return kInformationSchema;
  const auto found = view.schema.schemas.find(name);
  return found == view.schema.schemas.end() ? 0 : found->second.id;
}
sql::Oid role_id(const CatalogView& view, const std::string& name) {
  const auto found = view.schema.roles.find(name);
  return found == view.schema.roles.end() ? 0 : found->second.id;
}
std::string role_name(const CatalogView& view, sql::Oid id) {
  for (const auto& [name, role] : view.schema.roles)
    if (role.id == id) return name;
  return fmt::format("unknown (OID={})", id);
}

void each_relation(const CatalogView& view, const std::function<void(const Relation&)>& see) {
  for (const auto& [id, object] : view.schema.tables) {
    const sql::Table& table = *object.table;
    const sql::Oid schema = schema_id(view, table.schema);
    see({id, schema, table.schema, table.name, table.what == sql::Table::What::kView ? 'v' : 'r', &object, &table});
    for (const auto& index : table.indexes) see({index.id, schema, table.schema, index.name, 'i', &object, &table, &index});
  }
  for (const auto& [id, object] : view.schema.sequences)
    see({id, schema_id(view, object.sequence.schema), object.sequence.schema, object.sequence.name, 'S', nullptr, nullptr, nullptr,
         &object});
  for (const auto& [table, kind] : catalog_tables())
    see({table->id, table->schema == "pg_catalog" ? kCatalogSchema : kInformationSchema, table->schema, table->name, kind, nullptr,
         table.get()});
}

std::optional<Relation> relation_of(const CatalogView& view, sql::Oid id) {
  std::optional<Relation> found;
  each_relation(view, [&](const Relation& relation) {
    if (relation.id == id) found = relation;
  });
  return found;
}

bool is_visible(const CatalogView& view, const Relation& relation) {
  // pg_catalog comes first unless the path says where.
  const auto& path = view.session.search_path;
  const bool named = std::find(path.begin(), path.end(), "pg_catalog") != path.end();
  if (relation.schema_name == "pg_catalog") return true;
  if (!named && find_catalog_table("pg_catalog", relation.name) != nullptr) return false;
  for (const auto& schema : path) {
    if (schema == relation.schema_name) return true;
    if (view.schema.names.contains({schema, std::string(relation.name)}) || find_catalog_table(schema, relation.name) != nullptr)
      return false;
  }
  return false;
}

bool has_privilege(const CatalogView& view, const std::string& role, const std::string& owner, const std::vector<AclItem>& acl,
                   std::string_view letters) {
  std::set<std::string> roles;
  std::vector<std::string> left{role};
  while (!left.empty()) {
    const std::string next = std::move(left.back());
    left.pop_back();
    const auto found = view.schema.roles.find(next);
    if (found == view.schema.roles.end() || !roles.insert(next).second) continue;
    if (found->second.superuser && next == role) return true;
    left.insert(left.end(), found->second.member_of.begin(), found->second.member_of.end());
  }
  if (roles.contains(owner)) return true;
  return std::any_of(acl.begin(), acl.end(), [&](const AclItem& item) {
    return (item.grantee.empty() || roles.contains(item.grantee)) && item.privileges.find_first_of(letters) != std::string::npos;
  });
}

std::string quoted(std::string_view name) {
  bool plain = !name.empty() && (sql::is_letter(name[0]) || name[0] == '_');
  for (const char c : name) plain = plain && ((c >= 'a' && c <= 'z') || sql::is_digit(c) || c == '_');
  if (plain) return std::string(name);
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::string index_definition(const Relation& relation, std::size_t column, bool qualified) {
  const sql::Index& index = *relation.index;
  if (column > index.columns.size()) return {};
  if (column > 0) return quoted(relation.table->columns[index.columns[column - 1]].name);
  std::string columns;
  for (std::size_t place = 0; place < index.columns.size(); ++place) {
    columns += (place > 0 ? ", " : "") + quoted(relation.table->columns[index.columns[place]].name);
    if (index.descending[place]) columns += " DESC";
  }
  const std::string schema = qualified ? quoted(relation.schema_name) + "." : "";
  return fmt::format("CREATE {}INDEX {} ON {}{} USING btree ({})", index.unique ? "UNIQUE " : "", quoted(index.name), schema,
                     quoted(relation.table->name), columns);
}

std::string key_definition(const sql::Table& table, const sql::Index& index) {
  return fmt::format("{} ({})", index.primary ? "PRIMARY KEY" : "UNIQUE", column_list(table, index.columns));
}

std::string foreign_key_definition(const CatalogView& view, const sql::Table& table, const sql::ForeignKey& key) {
  std::string out = fmt::format("FOREIGN KEY ({}) REFERENCES ", column_list(table, key.columns));
  if (const auto parent = relation_of(view, key.parent); parent && parent->table != nullptr) {
    out += is_visible(view, *parent) ? quoted(parent->name) : quoted(parent->schema_name) + "." + quoted(parent->name);
    out += "(" + column_list(*parent->table, key.parent_columns) + ")";
  }
  if (const auto update = action_name(key.on_update); !update.empty()) out += fmt::format(" ON UPDATE {}", update);
  if (const auto erase = action_name(key.on_delete); !erase.empty()) out += fmt::format(" ON DELETE {}", erase);
  if (key.deferrable) out += " DEFERRABLE";
  if (key.initially_deferred) out += " INITIALLY DEFERRED";
  return out;
}

const sql::Index* index_of_parent(const CatalogView& view, const sql::ForeignKey& key) {
  const auto parent = view.schema.tables.find(key.parent);
  if (parent == view.schema.tables.end()) return nullptr;
  for (const auto& index : parent->second.table->indexes)
    if (index.unique && index.columns.size() == key.parent_columns.size() &&
        std::is_permutation(index.columns.begin(), index.columns.end(), key.parent_columns.begin()))
      return &index;
  return nullptr;
}

sql::SqlResult<std::vector<sql::Row>> catalog_rows(const sql::Table& table, const CatalogView& view) {
  CatalogRows rows(table);
  // What none of them knows there is none of.
  static_cast<void>(table.schema == "information_schema" ? add_information_schema(table, view, rows)
                                                         : add_relation_rows(table, view, rows) || add_constant_rows(table, view, rows) ||
                                                               add_system_views(table, view, rows));
  return rows.take();
}

}  // namespace isobar::db
