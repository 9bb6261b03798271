#include "schema_editor.h"

#include <fmt/format.h>

#include "db/canonical.h"
#include "db/key_layout.h"
#include "privileges.h"

namespace isobar::db {

namespace ast = sql::ast;

sql::SqlError not_supported(std::string_view what) { return {sql::state::kFeatureNotSupported, fmt::format("{} is not supported", what)}; }

std::optional<std::uint32_t> column_place(const sql::Table& table, std::string_view name) {
  for (std::uint32_t i = 0; i < table.columns.size(); ++i)
    if (!table.columns[i].dropped && table.columns[i].name == name) return i;
  return std::nullopt;
}

SqlResult<std::vector<std::uint32_t>> column_places(const sql::Table& table, const std::vector<std::string>& names) {
  std::vector<std::uint32_t> places;
  for (const auto& name : names) {
    const auto place = column_place(table, name);
    if (!place) return SqlError(sql::state::kUndefinedColumn, fmt::format("column \"{}\" named in key does not exist", name));
    places.push_back(*place);
  }
  return places;
}

namespace {

template <class T>
concept Known = requires(const T& t) {
  requires std::same_as<T, ast::CreateTable> || std::same_as<T, ast::AlterTable> || std::same_as<T, ast::Rename> ||
      std::same_as<T, ast::SetSchema> || std::same_as<T, ast::SetOwner> || std::same_as<T, ast::Drop> || std::same_as<T, ast::Truncate> ||
      std::same_as<T, ast::CreateIndex> || std::same_as<T, ast::CreateSequence> || std::same_as<T, ast::AlterSequence> ||
      std::same_as<T, ast::CreateView> || std::same_as<T, ast::CreateSchema> || std::same_as<T, ast::Comment> ||
      std::same_as<T, ast::CreateRole> || std::same_as<T, ast::AlterRole> || std::same_as<T, ast::DropRole> ||
      std::same_as<T, ast::Grant> || std::same_as<T, ast::GrantRole>;
};

}  // namespace

bool SchemaEditor::knows(const ast::Statement& statement) {
  return std::visit([]<class T>(const T&) { return Known<T>; }, statement.node);
}

SqlResult<std::string> SchemaEditor::run(const ast::Statement& statement) {
  auto tag = std::visit(
      [this]<class T>(const T& node) -> SqlResult<std::string> {
        if constexpr (Known<T>) return run(node);
        else return SqlError(sql::state::kInternalError, "not a statement of the schema");
      },
      statement.node);
  if (!tag.ok()) return tag;
  TRY(finish());
  return tag;
}

SchemaSnapshot& SchemaEditor::edit() {
  if (!edited_) {
    edited_ = std::make_shared<SchemaSnapshot>(c_.tx.schema());
    edited_->number = c_.tx.schema().number + 1;
  }
  return *edited_;
}

sql::Oid SchemaEditor::new_id() { return edit().next++; }
std::uint32_t SchemaEditor::new_storage() {
  c_.rows.note_fresh(edit().next);
  return edit().next++;
}

void SchemaEditor::put(const TableObject& object) {
  c_.tx.write(key::object(object.table->id), encode_object(object));
  edit().tables[object.table->id] = object;
}

void SchemaEditor::put(const SequenceObject& object) {
  c_.tx.write(key::object(object.sequence.id), encode_object(object));
  edit().sequences[object.sequence.id] = object;
}

void SchemaEditor::erase_object(sql::Oid id) {
  c_.tx.write(key::object(id), std::nullopt);
  edit().tables.erase(id);
  edit().sequences.erase(id);
}

void SchemaEditor::put_schema(const std::string& name, const SchemaObject* object) {
  c_.tx.write(key::schema(name), object ? std::optional(encode_object(*object)) : std::nullopt);
  if (object) edit().schemas[name] = *object;
  else edit().schemas.erase(name);
}

void SchemaEditor::put_role(const std::string& name, const RoleObject* object) {
  c_.tx.write(key::role(name), object ? std::optional(encode_object(*object)) : std::nullopt);
  if (object) edit().roles[name] = *object;
  else edit().roles.erase(name);
}

/// The transaction goes on with what was made.
SqlStatus SchemaEditor::finish() {
  if (!edited_) return {};
  edited_->index_names();
  c_.tx.write(key::kVersion, encode(edited_->number));
  c_.tx.write(key::kNext, encode(static_cast<std::uint64_t>(edited_->next)));
  c_.tx.set_schema(std::exchange(edited_, nullptr));
  c_.rows.forget_forms();
  taken_.clear();
  return {};
}

SqlResult<std::string> SchemaEditor::schema_for(const ast::Name& name) const {
  if (const std::string said = name.qualifier(); !said.empty()) {
    if (said == "pg_catalog" || said == "information_schema")
      return SqlError(sql::state::kInsufficientPrivilege, fmt::format("permission denied to create \"{}.{}\"", said, name.last()))
          .with_detail("System catalog modifications are currently disallowed.");
    if (said == "pg_temp") return not_supported("a temporary table");
    TRY_ASSIGN(const bool there, c_.catalog.has_schema(said));
    if (!there) return SqlError(sql::state::kInvalidSchemaName, fmt::format("schema \"{}\" does not exist", said)).at(name.position);
    TRY(may_create_in(said));
    return said;
  }
  const auto path = c_.catalog.search_path();
  if (path.empty()) return SqlError(sql::state::kInvalidSchemaName, "no schema has been selected to create in").at(name.position);
  TRY(may_create_in(path.front()));
  return path.front();
}

SqlStatus SchemaEditor::may_create_in(const std::string& schema) const {
  const SchemaObject& object = c_.tx.schema().schemas.at(schema);
  if (has_privilege(c_.tx.schema(), user(), object.owner, object.acl, 'C')) return {};
  return SqlError(sql::state::kInsufficientPrivilege, fmt::format("permission denied for schema {}", schema));
}

SqlResult<const TableObject*> SchemaEditor::table_named(const ast::Name& name, std::string_view kind) const {
  TRY_ASSIGN(const auto table, c_.catalog.find_table(name.qualifier(), name.last()));
  if (table && table->what == sql::Table::What::kVirtual)
    return SqlError(sql::state::kInsufficientPrivilege, fmt::format("permission denied: \"{}\" is a system catalog", name.last()));
  if (!table) {
    std::string full = name.qualifier().empty() ? name.last() : name.qualifier() + "." + name.last();
    return SqlError(sql::state::kUndefinedTable, fmt::format("{} \"{}\" does not exist", kind, full));
  }
  return &c_.tx.schema().tables.at(table->id);
}

/// "t_a_key", or with a number where there is one already.
std::string SchemaEditor::free_name(const std::string& schema, const std::string& table, const std::string& columns,
                                    const std::string& suffix) const {
  std::string stem = table + (columns.empty() ? "" : "_" + columns);
  constexpr std::size_t kNameMost = 63;
  if (stem.size() + suffix.size() + 1 > kNameMost) stem.resize(kNameMost - suffix.size() - 1);
  const SchemaSnapshot& known = edited_ ? *edited_ : c_.tx.schema();
  for (int number = 0;; ++number) {
    std::string name = stem + "_" + suffix + (number == 0 ? "" : std::to_string(number));
    if (!known.names.contains({schema, name}) && !taken_.contains(name)) return name;
  }
}

bool SchemaEditor::is_superuser() const {
  const auto role = c_.tx.schema().roles.find(user());
  return role != c_.tx.schema().roles.end() && role->second.superuser;
}

SqlStatus SchemaEditor::owned(const std::string& owner, std::string_view kind, std::string_view name) const {
  if (owner == user() || is_superuser()) return {};
  const auto role = c_.tx.schema().roles.find(user());
  if (role != c_.tx.schema().roles.end() && role->second.member_of.contains(owner)) return {};
  return SqlError(sql::state::kInsufficientPrivilege, fmt::format("must be owner of {} {}", kind, name));
}

void SchemaEditor::say(std::string_view sqlstate, std::string text) const { c_.notice({"NOTICE", SqlError(sqlstate, std::move(text))}); }

}  // namespace isobar::db
