// CREATE TABLE: columns, and the constraints that are written with them.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "db/key_layout.h"
#include "schema_editor.h"
#include "sequences.h"

namespace isobar::db {

namespace ast = sql::ast;
using ConstraintKind = ast::Constraint::What;

namespace {

/// serial and its like are a type with a sequence.
std::optional<sql::Kind> serial_kind(const ast::TypeName& type) {
  const std::string& name = type.name.last();
  if (name == "serial" || name == "serial4") return sql::Kind::kInt4;
  if (name == "bigserial" || name == "serial8") return sql::Kind::kInt8;
  if (name == "smallserial" || name == "serial2") return sql::Kind::kInt2;
  return std::nullopt;
}

SqlResult<sql::ForeignKey::Action> action_of(char letter) {
  using Action = sql::ForeignKey::Action;
  switch (letter) {
    case 'a': return Action::kNoAction;
    case 'r': return Action::kRestrict;
    case 'c': return Action::kCascade;
    case 'n': return Action::kSetNull;
    default: return not_supported("a foreign key with SET DEFAULT");
  }
}

SqlError duplicate_column(const std::string& name) {
  return {sql::state::kDuplicateColumn, fmt::format("column \"{}\" specified more than once", name)};
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

std::string quoted_text(const std::string& value) {
  std::string text = "'";
  for (const char c : value) text += c == '\'' ? "''" : std::string(1, c);
  return text + "'";
}

}  // namespace

SqlResult<std::string> SchemaEditor::run(const ast::CreateTable& s) {
  TRY_ASSIGN(const std::string schema, schema_for(s.table.name));
  const std::string& name = s.table.name.last();
  if (c_.tx.schema().names.contains({schema, name})) {
    if (!s.if_not_exists) return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", name));
    say(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists, skipping", name));
    return std::string("CREATE TABLE");
  }
  if (s.unlogged) say("00000", "every table is durable: UNLOGGED is taken for a plain table");
  sql::Table table;
  table.id = new_id();
  table.schema = schema;
  table.name = name;
  std::vector<SequenceObject> sequences;
  for (const auto& like : s.likes) TRY(copy_like(table, like));
  for (const auto& column : s.columns) TRY(add_column(table, column, sequences));
  for (const auto& column : s.columns)
    for (const auto& constraint : column.constraints) TRY(add_constraint(table, constraint, column.name));
  for (const auto& constraint : s.constraints) TRY(add_constraint(table, constraint, ""));
  TableObject object;
  object.storage = new_storage();
  object.owner = user();
  object.table = std::make_shared<const sql::Table>(std::move(table));
  put(object);
  for (auto& sequence : sequences) {
    c_.tx.write(key::sequence(sequence.sequence.id), encode_sequence({sequence.sequence.start, false}));
    put(sequence);
  }
  return std::string("CREATE TABLE");
}

SqlResult<std::shared_ptr<const sql::Table>> SchemaEditor::create_plain(const ast::Name& name, std::vector<sql::Column> columns) {
  TRY_ASSIGN(const std::string schema, schema_for(name));
  if (c_.tx.schema().names.contains({schema, name.last()}))
    return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", name.last()));
  auto table = std::make_shared<sql::Table>();
  table->id = new_id();
  table->schema = schema;
  table->name = name.last();
  for (auto& column : columns) {
    if (column_place(*table, column.name)) return duplicate_column(column.name);
    table->columns.push_back(std::move(column));
  }
  TableObject object;
  object.storage = new_storage();
  object.owner = user();
  object.table = table;
  put(object);
  TRY(finish());
  return std::shared_ptr<const sql::Table>(table);
}

SqlStatus SchemaEditor::add_column(sql::Table& table, const ast::ColumnDefinition& definition, std::vector<SequenceObject>& sequences) {
  if (column_place(table, definition.name)) return duplicate_column(definition.name);
  if (definition.collation && definition.collation->last() != "C" && definition.collation->last() != "POSIX" &&
      definition.collation->last() != "default")
    return not_supported(
        fmt::format("collation \"{}\" (texts are ordered by their bytes, as collation \"C\" does)", definition.collation->last()));
  sql::Column column;
  column.name = definition.name;
  const auto serial = serial_kind(definition.type);
  if (serial) {
    column.type = sql::type_of(*serial);
    column.not_null = true;
  } else {
    TRY_ASSIGN(column.type, sql::resolve_type(definition.type));
  }
  const auto place = static_cast<std::uint32_t>(table.columns.size());
  table.columns.push_back(std::move(column));
  if (serial) TRY(add_sequence_for(table, place, *serial, {}, false, sequences));
  for (const auto& constraint : definition.constraints) {
    sql::Column& made = table.columns[place];
    if (constraint.what == ConstraintKind::kNotNull || constraint.what == ConstraintKind::kPrimaryKey) made.not_null = true;
    if (constraint.what == ConstraintKind::kDefault) {
      TRY(check_definition(table, constraint.definition.text, made.type, false));
      made.default_expression = constraint.definition.text;
    }
    if (constraint.what == ConstraintKind::kIdentity) {
      made.not_null = true;
      made.identity = constraint.always ? sql::Column::Identity::kAlways : sql::Column::Identity::kByDefault;
      TRY(add_sequence_for(table, place, made.type.kind, constraint.sequence, true, sequences));
    }
    if (constraint.what == ConstraintKind::kGenerated) made.generated = constraint.definition.text;
  }
  return {};
}

/// The column's numbers come from a sequence of its own.
SqlStatus SchemaEditor::add_sequence_for(sql::Table& table, std::uint32_t place, sql::Kind kind, const std::vector<ast::Option>& options,
                                         bool internal, std::vector<SequenceObject>& sequences) {
  if (kind != sql::Kind::kInt2 && kind != sql::Kind::kInt4 && kind != sql::Kind::kInt8)
    return SqlError(sql::state::kInvalidParameterValue, "identity column type must be smallint, integer, or bigint");
  SequenceObject object;
  object.sequence.type = sql::type_of(kind);
  TRY(set_sequence_options(object.sequence, options, &object, nullptr));
  object.sequence.id = new_id();
  object.sequence.schema = table.schema;
  object.sequence.name = free_name(table.schema, table.name, table.columns[place].name, "seq");
  taken_.insert(object.sequence.name);
  object.owner = user();
  object.of_table = table.id;
  object.of_column = place;
  object.internal = internal;
  table.columns[place].default_expression =
      fmt::format("nextval({}::regclass)", quoted_text(quoted(table.schema) + "." + quoted(object.sequence.name)));
  sequences.push_back(std::move(object));
  return {};
}

/// Whether a default, a check or a generated column is one.
SqlStatus SchemaEditor::check_definition(const sql::Table& table, const std::string& text, const sql::Type& type, bool over_columns) {
  TRY_ASSIGN(const auto parsed, sql::parse_expression(text));
  TRY(sql::bind_expression(*parsed, type, over_columns ? &table : nullptr, c_.catalog, c_.functions, c_.values));
  return {};
}

SqlStatus SchemaEditor::add_constraint(sql::Table& table, const ast::Constraint& constraint, const std::string& column) {
  std::vector<std::string> columns = constraint.columns;
  if (columns.empty() && !column.empty()) columns = {column};
  switch (constraint.what) {
    case ConstraintKind::kPrimaryKey:
    case ConstraintKind::kUnique: return add_key(table, constraint, std::move(columns));
    case ConstraintKind::kCheck: return add_check(table, constraint, column);
    case ConstraintKind::kForeignKey: return add_foreign_key(table, constraint, std::move(columns));
    case ConstraintKind::kGenerated: {
      const auto place = column_place(table, column);
      return check_definition(table, constraint.definition.text, table.columns[*place].type, true);
    }
    default: return {};  // of its column alone, and done with it
  }
}

SqlStatus SchemaEditor::add_key(sql::Table& table, const ast::Constraint& constraint, std::vector<std::string> columns) {
  const bool primary = constraint.what == ConstraintKind::kPrimaryKey;
  if (constraint.deferrable) return not_supported("a DEFERRABLE unique constraint (each is looked at when a statement ends)");
  if (constraint.nulls_not_distinct) return not_supported("UNIQUE NULLS NOT DISTINCT");
  if (!constraint.using_index.empty()) return not_supported("a constraint USING INDEX");
  if (primary && table.primary_key())
    return SqlError(sql::state::kInvalidTableDefinition, fmt::format("multiple primary keys for table \"{}\" are not allowed", table.name));
  sql::Index index;
  TRY_ASSIGN(index.columns, column_places(table, columns));
  for (const auto place : index.columns)
    if (table.columns[place].type.kind == sql::Kind::kJson)
      return SqlError(sql::state::kUndefinedObject, "data type json has no default operator class for access method \"btree\"");
  index.id = new_id();
  index.name = !constraint.name.empty() ? constraint.name
               : primary                ? free_name(table.schema, table.name, "", "pkey")
                                        : free_name(table.schema, table.name, join(columns, "_"), "key");
  if (c_.tx.schema().names.contains({table.schema, index.name}) || taken_.contains(index.name))
    return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", index.name));
  taken_.insert(index.name);
  index.descending.assign(index.columns.size(), false);
  index.unique = index.constraint = true;
  index.primary = primary;
  for (const auto place : index.columns)
    if (primary) table.columns[place].not_null = true;
  table.indexes.push_back(std::move(index));
  return {};
}

SqlStatus SchemaEditor::add_check(sql::Table& table, const ast::Constraint& constraint, const std::string& column) {
  TRY(check_definition(table, constraint.definition.text, sql::type_of(sql::Kind::kBool), true));
  std::string name = constraint.name;
  const auto taken = [&](const std::string& text) {
    return std::any_of(table.checks.begin(), table.checks.end(), [&](const sql::Check& check) { return check.name == text; });
  };
  const std::string stem = table.name + (column.empty() ? "" : "_" + column) + "_check";
  for (int number = 0; name.empty(); ++number)
    if (const std::string tried = stem + (number == 0 ? "" : std::to_string(number)); !taken(tried)) name = tried;
  if (taken(name))
    return SqlError(sql::state::kDuplicateObject, fmt::format("constraint \"{}\" for relation \"{}\" already exists", name, table.name));
  table.checks.push_back({name, constraint.definition.text});
  return {};
}

SqlStatus SchemaEditor::add_foreign_key(sql::Table& table, const ast::Constraint& constraint, std::vector<std::string> columns) {
  if (constraint.match == 'f') return not_supported("MATCH FULL");
  if (!constraint.delete_columns.empty()) return not_supported("ON DELETE SET NULL of some columns");
  sql::ForeignKey key;
  TRY_ASSIGN(key.columns, column_places(table, columns));
  const bool itself = constraint.parent.name.last() == table.name &&
                      (constraint.parent.name.qualifier().empty() || constraint.parent.name.qualifier() == table.schema);
  const sql::Table* parent = &table;
  if (!itself) {
    TRY_ASSIGN(const TableObject* found, table_named(constraint.parent.name));
    parent = found->table.get();
  }
  if (constraint.parent_columns.empty()) {
    if (!parent->primary_key())
      return SqlError(sql::state::kUndefinedObject, fmt::format("there is no primary key for referenced table \"{}\"", parent->name));
    key.parent_columns = parent->primary_key()->columns;
  } else {
    TRY_ASSIGN(key.parent_columns, column_places(*parent, constraint.parent_columns));
  }
  if (key.parent_columns.size() != key.columns.size())
    return SqlError(sql::state::kInvalidForeignKey, "number of referencing and referenced columns for foreign key disagree");
  const bool unique = std::any_of(parent->indexes.begin(), parent->indexes.end(), [&](const sql::Index& index) {
    return index.unique &&
           std::is_permutation(index.columns.begin(), index.columns.end(), key.parent_columns.begin(), key.parent_columns.end());
  });
  if (!unique)
    return SqlError(sql::state::kInvalidForeignKey,
                    fmt::format("there is no unique constraint matching given keys for referenced table \"{}\"", parent->name));
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    const sql::Type &own = table.columns[key.columns[i]].type, &theirs = parent->columns[key.parent_columns[i]].type;
    if (!(own == theirs))
      return not_supported(fmt::format("a foreign key whose column \"{}\" has another type ({}) than the one it points to ({})",
                                       table.columns[key.columns[i]].name, sql::format_type(own), sql::format_type(theirs)));
  }
  key.id = new_id();
  key.parent = parent->id;
  key.name = !constraint.name.empty() ? constraint.name : free_name(table.schema, table.name, join(columns, "_"), "fkey");
  taken_.insert(key.name);
  TRY_ASSIGN(key.on_delete, action_of(constraint.on_delete));
  TRY_ASSIGN(key.on_update, action_of(constraint.on_update));
  key.deferrable = constraint.deferrable;
  key.initially_deferred = constraint.initially_deferred;
  table.foreign_keys.push_back(std::move(key));
  return {};
}

SqlStatus SchemaEditor::copy_like(sql::Table& table, const ast::LikeTable& like) {
  TRY_ASSIGN(const TableObject* found, table_named(like.table.name));
  for (sql::Column column : found->table->columns) {
    if (column.dropped) continue;
    if (column_place(table, column.name)) return duplicate_column(column.name);
    column.identity = sql::Column::Identity::kNone;
    if (!like.defaults) column.default_expression.reset();
    if (!like.generated) column.generated.reset();
    table.columns.push_back(std::move(column));
  }
  if (like.constraints) table.checks.insert(table.checks.end(), found->table->checks.begin(), found->table->checks.end());
  for (const auto& index : found->table->indexes) {
    if (!like.indexes) break;
    ast::Constraint key;
    key.what = index.primary ? ConstraintKind::kPrimaryKey : ConstraintKind::kUnique;
    if (!index.unique) return not_supported("LIKE … INCLUDING INDEXES of an index that is not unique");
    std::vector<std::string> columns;
    for (const auto place : index.columns) columns.push_back(found->table->columns[place].name);
    TRY(add_key(table, key, std::move(columns)));
  }
  return {};
}

}  // namespace isobar::db
