// ALTER TABLE: what changes the schema alone, and what goes through all rows.

#include <fmt/format.h>

#include <algorithm>

#include "db/key_layout.h"
#include "schema_editor.h"
#include "sequences.h"
#include "sql/prepared.h"

namespace isobar::db {

namespace ast = sql::ast;
using Alter = ast::AlterTable;

namespace {

SqlError no_column(const std::string& column, const sql::Table& table) {
  return {sql::state::kUndefinedColumn, fmt::format("column \"{}\" of relation \"{}\" does not exist", column, table.name)};
}

bool uses(const std::vector<std::uint32_t>& columns, std::uint32_t place) {
  return std::find(columns.begin(), columns.end(), place) != columns.end();
}

}  // namespace

SqlResult<std::string> SchemaEditor::run(const Alter& s) {
  const auto found = table_named(s.table.name);
  if (!found.ok() && s.if_exists && found.error().sqlstate() == sql::state::kUndefinedTable) {
    say("00000", fmt::format("relation \"{}\" does not exist, skipping", s.table.name.last()));
    return std::string("ALTER TABLE");
  }
  if (!found.ok()) return found.error();
  for (const auto& command : s.commands) {
    // Each works on what those before it made.
    const TableObject before = edited_ ? edited_->tables.at((*found)->table->id) : **found;
    TRY(owned(before.owner, "table", before.table->name));
    if (before.table->what != sql::Table::What::kTable && !std::holds_alternative<Alter::OwnerTo>(command.what))
      return SqlError(sql::state::kWrongObjectType, fmt::format("\"{}\" is not a table", before.table->name));
    TableObject object = before;
    sql::Table table = *before.table;
    TRY(alter(object, table, command));
    object.table = std::make_shared<const sql::Table>(std::move(table));
    put(object);
    TRY(finish());
  }
  return std::string("ALTER TABLE");
}

/// Through every row of a table, as it was: changed rows go where the table as it is now has them.
SqlStatus SchemaEditor::rewrite(const TableObject& before, TableObject& after, const std::function<SqlStatus(sql::Row&)>& change) {
  after.storage = new_storage();
  TRY_ASSIGN(auto cursor, c_.rows.scan(*before.table, nullptr, {}, {}));
  std::vector<sql::Row> rows;
  for (;;) {
    TRY_ASSIGN(const sql::StoredRow* row, cursor->next());
    if (!row) break;
    rows.push_back(row->values);
  }
  put(after);
  TRY(finish());
  for (auto& row : rows) {
    row.resize(after.table->columns.size());
    TRY(change(row));
    TRY(c_.rows.insert(*after.table, std::move(row)));
  }
  return c_.rows.end_statement();
}

SqlStatus SchemaEditor::check_rows(const sql::Table& table, const std::function<SqlStatus(const sql::Row&)>& check) {
  TRY_ASSIGN(auto cursor, c_.rows.scan(table, nullptr, {}, {}));
  for (;;) {
    TRY_ASSIGN(const sql::StoredRow* row, cursor->next());
    if (!row) return {};
    TRY(check(row->values));
  }
}

SqlStatus SchemaEditor::alter(TableObject& object, sql::Table& table, const Alter::Command& command) {
  if (const auto* add = std::get_if<Alter::AddColumn>(&command.what)) {
    if (add->if_not_exists && column_place(table, add->column.name)) {
      say(sql::state::kDuplicateColumn,
          fmt::format("column \"{}\" of relation \"{}\" already exists, skipping", add->column.name, table.name));
      return {};
    }
    if (column_place(table, add->column.name))
      return SqlError(sql::state::kDuplicateColumn,
                      fmt::format("column \"{}\" of relation \"{}\" already exists", add->column.name, table.name));
    const TableObject before = object;
    std::vector<SequenceObject> sequences;
    TRY(add_column(table, add->column, sequences));
    const auto place = static_cast<std::uint32_t>(table.columns.size() - 1);
    for (const auto& constraint : add->column.constraints) TRY(add_constraint(table, constraint, add->column.name));
    object.table = std::make_shared<const sql::Table>(table);
    for (auto& sequence : sequences) {
      c_.tx.write(key::sequence(sequence.sequence.id), encode_sequence({sequence.sequence.start, false}));
      put(sequence);
    }
    const sql::Column& column = table.columns[place];
    if (!column.default_expression && !column.not_null && !column.generated && table.indexes.size() == before.table->indexes.size())
      return {};
    put(object);
    TRY(finish());
    sql::logical::ExprPtr value;
    if (const auto& text = column.generated ? column.generated : column.default_expression) {
      TRY_ASSIGN(const auto parsed, sql::parse_expression(*text));
      TRY_ASSIGN(value,
                 sql::bind_expression(*parsed, column.type, column.generated ? &table : nullptr, c_.catalog, c_.functions, c_.values));
    }
    return rewrite(before, object, [&](sql::Row& row) -> SqlStatus {
      if (value) {
        TRY_ASSIGN(row[place], sql::evaluate(value, column.generated ? &row : nullptr, c_.rows, c_.values));
      }
      if (!row[place].is_null() || !column.not_null) return {};
      return SqlError(sql::state::kNotNullViolation,
                      fmt::format("column \"{}\" of relation \"{}\" contains null values", column.name, table.name));
    });
  }
  if (const auto* drop = std::get_if<Alter::DropColumn>(&command.what)) return drop_column(table, *drop);
  if (const auto* type = std::get_if<Alter::AlterType>(&command.what)) {
    const TableObject before = object;
    const auto place = column_place(table, type->column);
    if (!place) return no_column(type->column, table);
    TRY(alter_type(table, *type));
    object.table = std::make_shared<const sql::Table>(table);
    sql::ast::ExprPtr parsed;
    std::string by = type->by.text;
    if (by.empty()) {
      for (const char c : type->column) by += c == '"' ? "\"\"" : std::string(1, c);
      by = "\"" + by + "\"";
    }
    TRY_ASSIGN(parsed, sql::parse_expression(by));
    TRY_ASSIGN(const auto value,
               sql::bind_expression(*parsed, table.columns[*place].type, before.table.get(), c_.catalog, c_.functions, c_.values));
    return rewrite(before, object, [&](sql::Row& row) -> SqlStatus {
      TRY_ASSIGN(row[*place], sql::evaluate(value, &row, c_.rows, c_.values));
      return {};
    });
  }
  if (const auto* set = std::get_if<Alter::SetDefault>(&command.what)) {
    const auto place = column_place(table, set->column);
    if (!place) return no_column(set->column, table);
    sql::Column& column = table.columns[*place];
    if (column.identity != sql::Column::Identity::kNone)
      return SqlError(sql::state::kSyntaxError,
                      fmt::format("column \"{}\" of relation \"{}\" is an identity column", column.name, table.name));
    if (set->value.text.empty()) column.default_expression.reset();
    else {
      TRY(check_definition(table, set->value.text, column.type, false));
      column.default_expression = set->value.text;
    }
    return {};
  }
  if (const auto* set = std::get_if<Alter::SetNotNull>(&command.what)) {
    const auto place = column_place(table, set->column);
    if (!place) return no_column(set->column, table);
    const auto* primary = table.primary_key();
    if (!set->not_null && primary && uses(primary->columns, *place))
      return SqlError(sql::state::kInvalidTableDefinition, fmt::format("column \"{}\" is in a primary key", set->column));
    table.columns[*place].not_null = set->not_null;
    if (!set->not_null) return {};
    return check_rows(*object.table, [&](const sql::Row& row) -> SqlStatus {
      if (!row[*place].is_null()) return {};
      return SqlError(sql::state::kNotNullViolation,
                      fmt::format("column \"{}\" of relation \"{}\" contains null values", set->column, table.name));
    });
  }
  if (const auto* add = std::get_if<Alter::AddIdentity>(&command.what)) {
    const auto place = column_place(table, add->column);
    if (!place) return no_column(add->column, table);
    sql::Column& column = table.columns[*place];
    if (!column.not_null)
      return SqlError(
          sql::state::kObjectNotInPrerequisiteState,
          fmt::format("column \"{}\" of relation \"{}\" must be declared NOT NULL before identity can be added", column.name, table.name));
    if (column.default_expression)
      return SqlError(sql::state::kObjectNotInPrerequisiteState,
                      fmt::format("column \"{}\" of relation \"{}\" already has a default value", column.name, table.name));
    column.identity = add->identity.always ? sql::Column::Identity::kAlways : sql::Column::Identity::kByDefault;
    std::vector<SequenceObject> sequences;
    TRY(add_sequence_for(table, *place, column.type.kind, add->identity.sequence, true, sequences));
    for (auto& sequence : sequences) {
      c_.tx.write(key::sequence(sequence.sequence.id), encode_sequence({sequence.sequence.start, false}));
      put(sequence);
    }
    return {};
  }
  if (const auto* drop = std::get_if<Alter::DropIdentity>(&command.what)) {
    const auto place = column_place(table, drop->column);
    if (!place) return no_column(drop->column, table);
    table.columns[*place].identity = sql::Column::Identity::kNone;
    table.columns[*place].default_expression.reset();
    for (const auto& [id, sequence] : std::map<sql::Oid, SequenceObject>(edit().sequences))
      if (sequence.of_table == table.id && sequence.of_column == *place && sequence.internal) erase_object(id);
    return {};
  }
  if (const auto* drop = std::get_if<Alter::DropExpression>(&command.what)) {
    const auto place = column_place(table, drop->column);
    if (!place) return no_column(drop->column, table);
    table.columns[*place].generated.reset();
    return {};
  }
  if (const auto* add = std::get_if<Alter::AddConstraint>(&command.what)) {
    const TableObject before = object;
    if (add->constraint.not_valid) return not_supported("a constraint that is NOT VALID");
    TRY(add_constraint(table, add->constraint, ""));
    object.table = std::make_shared<const sql::Table>(table);
    using What = ast::Constraint::What;
    if (add->constraint.what == What::kPrimaryKey || add->constraint.what == What::kUnique) {
      const auto columns = table.indexes.back().columns;
      return rewrite(before, object, [&](sql::Row& row) -> SqlStatus {
        for (const auto place : columns)
          if (row[place].is_null() && table.columns[place].not_null)
            return SqlError(sql::state::kNotNullViolation,
                            fmt::format("column \"{}\" of relation \"{}\" contains null values", table.columns[place].name, table.name));
        return {};
      });
    }
    put(object);
    TRY(finish());
    if (add->constraint.what == What::kForeignKey) {
      // As if each row were written anew.
      return check_rows(*before.table,
                        [&](const sql::Row& row) { return c_.rows.check_child(*object.table, table.foreign_keys.back(), row); });
    }
    TRY_ASSIGN(const auto parsed, sql::parse_expression(add->constraint.definition.text));
    TRY_ASSIGN(const auto check,
               sql::bind_expression(*parsed, sql::type_of(sql::Kind::kBool), &table, c_.catalog, c_.functions, c_.values));
    return check_rows(*before.table, [&](const sql::Row& row) -> SqlStatus {
      TRY_ASSIGN(const auto holds, sql::evaluate(check, &row, c_.rows, c_.values));
      if (holds.is_null() || holds.boolean()) return {};
      return SqlError(sql::state::kCheckViolation, fmt::format("check constraint \"{}\" of relation \"{}\" is violated by some row",
                                                               table.checks.back().name, table.name));
    });
  }
  if (const auto* drop = std::get_if<Alter::DropConstraint>(&command.what)) {
    const TableObject before = object;
    const bool had_primary = table.primary_key() != nullptr;
    TRY(drop_constraint(table, *drop));
    object.table = std::make_shared<const sql::Table>(table);
    if (had_primary && !table.primary_key()) return rewrite(before, object, [](sql::Row&) { return SqlStatus(); });
    return {};
  }
  if (std::holds_alternative<Alter::ValidateConstraint>(command.what)) return {};
  const auto& owner = std::get<Alter::OwnerTo>(command.what);
  if (!c_.tx.schema().roles.contains(owner.role))
    return SqlError(sql::state::kUndefinedObject, fmt::format("role \"{}\" does not exist", owner.role));
  object.owner = owner.role;
  return {};
}

/// The column's place stays, empty: rows are not touched.
SqlStatus SchemaEditor::drop_column(sql::Table& table, const Alter::DropColumn& drop) {
  const auto place = column_place(table, drop.column);
  if (!place && drop.if_exists) {
    say("00000", fmt::format("column \"{}\" of relation \"{}\" does not exist, skipping", drop.column, table.name));
    return {};
  }
  if (!place) return no_column(drop.column, table);
  const bool cascades = drop.behavior == ast::Behavior::kCascade;
  for (const auto& reference : c_.tx.schema().references_to(table.id))
    if (uses(reference.key->parent_columns, *place) && !cascades)
      return SqlError(sql::state::kDependentObjectsStillExist,
                      fmt::format("cannot drop column {} of table {} because other objects depend on it", drop.column, table.name))
          .with_detail(fmt::format("constraint {} on table {} depends on column {} of table {}", reference.key->name, reference.child->name,
                                   drop.column, table.name))
          .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
  const auto* primary = table.primary_key();
  if (primary && uses(primary->columns, *place)) return not_supported("dropping a column of the primary key (drop the constraint first)");
  std::erase_if(table.indexes, [&](const sql::Index& index) { return uses(index.columns, *place); });
  std::erase_if(table.foreign_keys, [&](const sql::ForeignKey& key) { return uses(key.columns, *place); });
  for (const auto& [id, sequence] : std::map<sql::Oid, SequenceObject>(edit().sequences))
    if (sequence.of_table == table.id && sequence.of_column == *place) erase_object(id);
  sql::Column& column = table.columns[*place];
  // A check that speaks of it goes with it.
  const std::string name = column.name;
  column.dropped = true;
  column.name = fmt::format("........pg.dropped.{}........", *place + 1);
  column.not_null = false;
  column.default_expression.reset();
  column.generated.reset();
  column.identity = sql::Column::Identity::kNone;
  std::erase_if(table.checks, [&](const sql::Check& check) {
    return !check_definition(table, check.expression, sql::type_of(sql::Kind::kBool), true).ok();
  });
  return {};
}

SqlStatus SchemaEditor::drop_constraint(sql::Table& table, const Alter::DropConstraint& drop) {
  const auto index = std::find_if(table.indexes.begin(), table.indexes.end(),
                                  [&](const sql::Index& each) { return each.constraint && each.name == drop.name; });
  if (index != table.indexes.end()) {
    for (const auto& reference : c_.tx.schema().references_to(table.id)) {
      if (!std::is_permutation(index->columns.begin(), index->columns.end(), reference.key->parent_columns.begin(),
                               reference.key->parent_columns.end()))
        continue;
      return SqlError(sql::state::kDependentObjectsStillExist,
                      fmt::format("cannot drop constraint {} on table {} because other objects depend on it", drop.name, table.name))
          .with_detail(fmt::format("constraint {} on table {} depends on index {}", reference.key->name, reference.child->name, drop.name));
    }
    table.indexes.erase(index);
    return {};
  }
  const auto named = [&](const auto& each) { return each.name == drop.name; };
  const bool found = std::erase_if(table.checks, named) + std::erase_if(table.foreign_keys, named) > 0;
  if (found) return {};
  const std::string text = fmt::format("constraint \"{}\" of relation \"{}\" does not exist", drop.name, table.name);
  if (!drop.if_exists) return SqlError(sql::state::kUndefinedObject, text);
  say("00000", text + ", skipping");
  return {};
}

SqlStatus SchemaEditor::alter_type(sql::Table& table, const Alter::AlterType& alter) {
  const auto place = column_place(table, alter.column);
  if (!place) return no_column(alter.column, table);
  for (const auto& key : table.foreign_keys)
    if (uses(key.columns, *place)) return not_supported("changing the type of a column with a foreign key");
  for (const auto& reference : c_.tx.schema().references_to(table.id))
    if (uses(reference.key->parent_columns, *place)) return not_supported("changing the type of a column that foreign keys point to");
  sql::Column& column = table.columns[*place];
  TRY_ASSIGN(column.type, sql::resolve_type(alter.type));
  if (column.default_expression) TRY(check_definition(table, *column.default_expression, column.type, false));
  for (const auto& check : table.checks) TRY(check_definition(table, check.expression, sql::type_of(sql::Kind::kBool), true));
  return {};
}

SqlResult<std::string> SchemaEditor::run(const ast::Rename& s) {
  const std::string tag = fmt::format(
      "ALTER {}",
      ast::name_of(s.kind == ast::ObjectKind::kColumn || s.kind == ast::ObjectKind::kConstraint ? ast::ObjectKind::kTable : s.kind));
  if (s.kind == ast::ObjectKind::kRole || s.kind == ast::ObjectKind::kSchema || s.kind == ast::ObjectKind::kDatabase)
    return not_supported(fmt::format("renaming a {}", ast::name_of(s.kind)));
  const std::string schema = s.object.qualifier().empty() ? "" : s.object.qualifier();
  if (s.kind == ast::ObjectKind::kSequence || s.kind == ast::ObjectKind::kIndex) {
    for (const auto& path : schema.empty() ? c_.catalog.search_path() : std::vector<std::string>{schema}) {
      const auto id = c_.tx.schema().names.find({path, s.object.last()});
      if (id == c_.tx.schema().names.end()) continue;
      if (c_.tx.schema().names.contains({path, s.to}))
        return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", s.to));
      if (const auto sequence = c_.tx.schema().sequences.find(id->second); sequence != c_.tx.schema().sequences.end()) {
        SequenceObject object = sequence->second;
        const std::string old = object.sequence.name;
        object.sequence.name = s.to;
        put(object);
        return tag;
      }
      const TableObject* of = c_.tx.schema().table_of_index(path, s.object.last());
      if (!of) continue;
      TableObject object = *of;
      sql::Table table = *of->table;
      for (auto& index : table.indexes)
        if (index.name == s.object.last()) index.name = s.to;
      object.table = std::make_shared<const sql::Table>(std::move(table));
      put(object);
      return tag;
    }
    return SqlError(sql::state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", s.object.last()));
  }
  TRY_ASSIGN(const TableObject* found, table_named(s.object));
  TRY(owned(found->owner, "table", found->table->name));
  TableObject object = *found;
  sql::Table table = *found->table;
  if (s.kind == ast::ObjectKind::kColumn) {
    const auto place = column_place(table, s.part);
    if (!place) return SqlError(sql::state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", s.part));
    if (column_place(table, s.to))
      return SqlError(sql::state::kDuplicateColumn, fmt::format("column \"{}\" of relation \"{}\" already exists", s.to, table.name));
    if (!table.checks.empty() ||
        std::any_of(table.columns.begin(), table.columns.end(), [](const auto& c) { return c.generated.has_value(); }))
      return not_supported("renaming a column of a table with checks or generated columns");
    for (const auto& [id, other] : c_.tx.schema().tables)
      if (other.table->what == sql::Table::What::kView && other.table->view_query.find(s.part) != std::string::npos)
        return not_supported(fmt::format("renaming a column that view \"{}\" may speak of", other.table->name));
    table.columns[*place].name = s.to;
  } else if (s.kind == ast::ObjectKind::kConstraint) {
    bool renamed = false;
    const auto rename = [&](auto& list) {
      for (auto& each : list)
        if (each.name == s.part) each.name = s.to, renamed = true;
    };
    rename(table.indexes);
    rename(table.checks);
    rename(table.foreign_keys);
    if (!renamed)
      return SqlError(sql::state::kUndefinedObject, fmt::format("constraint \"{}\" for table \"{}\" does not exist", s.part, table.name));
  } else {
    if (c_.tx.schema().names.contains({table.schema, s.to}))
      return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", s.to));
    table.name = s.to;
  }
  object.table = std::make_shared<const sql::Table>(std::move(table));
  put(object);
  return tag;
}

SqlResult<std::string> SchemaEditor::run(const ast::SetSchema& s) {
  if (s.kind != ast::ObjectKind::kTable && s.kind != ast::ObjectKind::kView)
    return not_supported(fmt::format("ALTER {} SET SCHEMA", ast::name_of(s.kind)));
  TRY_ASSIGN(const TableObject* found, table_named(s.object));
  TRY_ASSIGN(const bool there, c_.catalog.has_schema(s.schema));
  if (!there) return SqlError(sql::state::kInvalidSchemaName, fmt::format("schema \"{}\" does not exist", s.schema));
  TableObject object = *found;
  sql::Table table = *found->table;
  table.schema = s.schema;
  if (c_.tx.schema().names.contains({s.schema, table.name}))
    return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists in schema \"{}\"", table.name, s.schema));
  object.table = std::make_shared<const sql::Table>(std::move(table));
  put(object);
  return fmt::format("ALTER {}", ast::name_of(s.kind));
}

SqlResult<std::string> SchemaEditor::run(const ast::SetOwner& s) {
  if (!c_.tx.schema().roles.contains(s.role))
    return SqlError(sql::state::kUndefinedObject, fmt::format("role \"{}\" does not exist", s.role));
  const std::string tag = fmt::format("ALTER {}", ast::name_of(s.kind));
  if (s.kind == ast::ObjectKind::kSchema) {
    const auto schema = c_.tx.schema().schemas.find(s.object.last());
    if (schema == c_.tx.schema().schemas.end())
      return SqlError(sql::state::kInvalidSchemaName, fmt::format("schema \"{}\" does not exist", s.object.last()));
    SchemaObject object = schema->second;
    object.owner = s.role;
    put_schema(s.object.last(), &object);
    return tag;
  }
  TRY_ASSIGN(const auto sequence, c_.catalog.find_sequence(s.object.qualifier(), s.object.last()));
  if (sequence) {
    SequenceObject object = c_.tx.schema().sequences.at(sequence->id);
    object.owner = s.role;
    put(object);
    return tag;
  }
  TRY_ASSIGN(const TableObject* found, table_named(s.object));
  TRY(owned(found->owner, "relation", found->table->name));
  TableObject object = *found;
  object.owner = s.role;
  put(object);
  return tag;
}

}  // namespace isobar::db
