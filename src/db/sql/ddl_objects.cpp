// Indexes, sequences, views, schemas, comments; DROP and TRUNCATE.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "db/key_layout.h"
#include "schema_editor.h"
#include "sequences.h"
#include "sql/prepared.h"

namespace isobar::db {

namespace ast = sql::ast;
using Kind = ast::ObjectKind;

namespace {

std::string lower_name(Kind kind) {
  std::string name(ast::name_of(kind));
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return name;
}

SqlError missing(Kind kind, const std::string& name) {
  const std::string text = fmt::format("{} \"{}\" does not exist", lower_name(kind), name);
  return {kind == Kind::kSchema                                                    ? sql::state::kInvalidSchemaName
          : kind == Kind::kTable || kind == Kind::kView || kind == Kind::kSequence ? sql::state::kUndefinedTable
                                                                                   : sql::state::kUndefinedObject,
          text};
}

SqlError depended_on(std::string_view what, std::string detail) {
  return SqlError(sql::state::kDependentObjectsStillExist, fmt::format("cannot drop {} because other objects depend on it", what))
      .with_detail(std::move(detail))
      .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
}

}  // namespace

SqlResult<std::string> SchemaEditor::run(const ast::CreateIndex& s) {
  if (!s.method.empty() && s.method != "btree") return not_supported(fmt::format("access method \"{}\"", s.method));
  if (!s.where.text.empty()) return not_supported("an index with WHERE");
  if (!s.including.empty()) return not_supported("an index with INCLUDE");
  if (s.nulls_not_distinct) return not_supported("NULLS NOT DISTINCT");
  TRY_ASSIGN(const TableObject* found, table_named(s.table.name));
  TRY(owned(found->owner, "table", found->table->name));
  if (found->table->what != sql::Table::What::kTable)
    return SqlError(sql::state::kWrongObjectType, fmt::format("cannot create index on relation \"{}\"", found->table->name));
  const TableObject before = *found;
  TableObject object = before;
  sql::Table table = *before.table;
  sql::Index index;
  std::vector<std::string> names;
  for (const auto& key : s.keys) {
    if (key.expression.expression) return not_supported("an index on an expression");
    const auto place = column_place(table, key.column);
    if (!place) return SqlError(sql::state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", key.column));
    if (key.nulls_first && *key.nulls_first != key.descending) return not_supported("an index whose nulls stand at the other end");
    if (table.columns[*place].type.kind == sql::Kind::kJson)
      return SqlError(sql::state::kUndefinedObject, "data type json has no default operator class for access method \"btree\"");
    index.columns.push_back(*place);
    index.descending.push_back(key.descending);
    names.push_back(key.column);
  }
  index.name = s.name.empty() ? free_name(table.schema, table.name, join(names, "_"), "idx") : s.name;
  if (c_.tx.schema().names.contains({table.schema, index.name})) {
    if (!s.if_not_exists) return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", index.name));
    say(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists, skipping", index.name));
    return std::string("CREATE INDEX");
  }
  index.id = new_id();
  index.unique = s.unique;
  table.indexes.push_back(index);
  object.table = std::make_shared<const sql::Table>(std::move(table));
  put(object);
  TRY(finish());
  TRY(c_.rows.fill_index(*object.table, object.table->indexes.back()));
  return std::string("CREATE INDEX");
}

SqlStatus SchemaEditor::set_sequence_options(sql::Sequence& sequence, const std::vector<ast::Option>& options, SequenceObject* object,
                                             std::optional<std::int64_t>* restart) {
  bool said_least = false, said_most = false, said_start = false;
  for (const auto& option : options) {
    const auto number = [&]() -> std::optional<std::int64_t> {
      if (option.number) return option.number;
      if (!option.value) return std::nullopt;
      const auto parsed = sql::from_text(sql::type_of(sql::Kind::kInt8), *option.value, {});
      return parsed.ok() ? std::optional(parsed->integer()) : std::nullopt;
    }();
    if (option.name == "as") {
      const auto type = option.value ? sql::type_named(*option.value) : std::nullopt;
      if (!type || (type->kind != sql::Kind::kInt2 && type->kind != sql::Kind::kInt4 && type->kind != sql::Kind::kInt8))
        return SqlError(sql::state::kInvalidParameterValue, "sequence type must be smallint, integer, or bigint");
      sequence.type = *type;
    } else if (option.name == "increment" && number) {
      if (*number == 0) return SqlError(sql::state::kInvalidParameterValue, "INCREMENT must not be zero");
      sequence.increment = *number;
    } else if (option.name == "minvalue") {
      said_least = number.has_value();
      if (number) sequence.least = *number;
    } else if (option.name == "maxvalue") {
      said_most = number.has_value();
      if (number) sequence.most = *number;
    } else if (option.name == "start" && number) {
      said_start = true;
      sequence.start = *number;
    } else if (option.name == "restart") {
      if (restart) *restart = number.value_or(sequence.start);
    } else if (option.name == "cycle") {
      sequence.cycle = option.said;
    } else if (option.name == "owned_by" && object) {
      if (option.list.size() < 2) {
        object->of_table = 0;
        continue;
      }
      ast::Name table{{option.list.begin(), option.list.end() - 1}, option.position};
      TRY_ASSIGN(const TableObject* found, table_named(table));
      const auto place = column_place(*found->table, option.list.back());
      if (!place)
        return SqlError(sql::state::kUndefinedColumn,
                        fmt::format("column \"{}\" of relation \"{}\" does not exist", option.list.back(), found->table->name));
      object->of_table = found->table->id;
      object->of_column = *place;
    } else if (option.name != "cache" && option.name != "owned_by" && option.name != "sequence_name") {
      return not_supported(fmt::format("option {} of a sequence", option.name));
    }
  }
  const std::int64_t most_of_type = sequence.type.kind == sql::Kind::kInt2   ? INT16_MAX
                                    : sequence.type.kind == sql::Kind::kInt4 ? INT32_MAX
                                                                             : INT64_MAX;
  if (!said_most && (sequence.most == INT64_MAX || restart == nullptr)) sequence.most = sequence.increment > 0 ? most_of_type : -1;
  if (!said_least && restart == nullptr) sequence.least = sequence.increment > 0 ? 1 : -most_of_type - 1;
  if (!said_start && restart == nullptr) sequence.start = sequence.increment > 0 ? sequence.least : sequence.most;
  if (sequence.least >= sequence.most)
    return SqlError(sql::state::kInvalidParameterValue,
                    fmt::format("MINVALUE ({}) must be less than MAXVALUE ({})", sequence.least, sequence.most));
  if (sequence.start < sequence.least)
    return SqlError(sql::state::kInvalidParameterValue,
                    fmt::format("START value ({}) cannot be less than MINVALUE ({})", sequence.start, sequence.least));
  if (sequence.start > sequence.most)
    return SqlError(sql::state::kInvalidParameterValue,
                    fmt::format("START value ({}) cannot be greater than MAXVALUE ({})", sequence.start, sequence.most));
  return {};
}

SqlResult<std::string> SchemaEditor::run(const ast::CreateSequence& s) {
  TRY_ASSIGN(const std::string schema, schema_for(s.sequence.name));
  SequenceObject object;
  object.sequence.schema = schema;
  object.sequence.name = s.sequence.name.last();
  object.owner = user();
  if (c_.tx.schema().names.contains({schema, object.sequence.name})) {
    if (!s.if_not_exists) return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", object.sequence.name));
    say(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists, skipping", object.sequence.name));
    return std::string("CREATE SEQUENCE");
  }
  TRY(set_sequence_options(object.sequence, s.options, &object, nullptr));
  object.sequence.id = new_id();
  c_.tx.write(key::sequence(object.sequence.id), encode_sequence({object.sequence.start, false}));
  put(object);
  return std::string("CREATE SEQUENCE");
}

SqlResult<std::string> SchemaEditor::run(const ast::AlterSequence& s) {
  TRY_ASSIGN(const auto sequence, c_.catalog.find_sequence(s.sequence.name.qualifier(), s.sequence.name.last()));
  if (!sequence) {
    if (!s.if_exists) return missing(Kind::kTable, s.sequence.name.last());
    say("00000", fmt::format("relation \"{}\" does not exist, skipping", s.sequence.name.last()));
    return std::string("ALTER SEQUENCE");
  }
  SequenceObject object = c_.tx.schema().sequences.at(sequence->id);
  TRY(owned(object.owner, "sequence", object.sequence.name));
  std::optional<std::int64_t> restart;
  TRY(set_sequence_options(object.sequence, s.options, &object, &restart));
  put(object);
  if (restart) TRY(c_.rows.set_value(object.sequence, *restart, false));
  return std::string("ALTER SEQUENCE");
}

SqlResult<std::string> SchemaEditor::run(const ast::CreateView& s) {
  TRY_ASSIGN(const std::string schema, schema_for(s.view.name));
  const std::string& name = s.view.name.last();
  const auto known = c_.tx.schema().names.find({schema, name});
  const TableObject* old = c_.tx.schema().table_named(schema, name);
  if (known != c_.tx.schema().names.end() && !(s.replace && old && old->table->what == sql::Table::What::kView))
    return SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists", name));
  TRY_ASSIGN(auto query, sql::parse(s.text));
  TRY_ASSIGN(const auto prepared, sql::prepare(query.front(), c_.catalog, c_.functions, c_.values, {}));
  if (!prepared->reads_only()) return not_supported("a view that writes");
  if (!prepared->parameters().empty()) return SqlError(sql::state::kUndefinedParameter, "there is no parameter $1");
  sql::Table table;
  table.what = sql::Table::What::kView;
  table.id = old ? old->table->id : new_id();
  table.schema = schema;
  table.name = name;
  table.view_query = s.text;
  for (std::size_t i = 0; i < prepared->columns().size(); ++i) {
    const auto& column = prepared->columns()[i];
    table.columns.push_back({i < s.columns.size() ? s.columns[i] : column.name, column.type});
  }
  for (std::size_t i = 0; old && i < old->table->columns.size(); ++i)
    if (i >= table.columns.size() || !(table.columns[i].type == old->table->columns[i].type) ||
        table.columns[i].name != old->table->columns[i].name)
      return SqlError(sql::state::kInvalidTableDefinition, "cannot drop or change columns of a view by replacing it");
  TableObject object;
  object.owner = old ? old->owner : user();
  if (old) object.acl = old->acl;
  object.table = std::make_shared<const sql::Table>(std::move(table));
  put(object);
  return std::string("CREATE VIEW");
}

SqlResult<std::string> SchemaEditor::run(const ast::CreateSchema& s) {
  const std::string name = s.name.empty() ? s.role : s.name;
  TRY_ASSIGN(const bool there, c_.catalog.has_schema(name));
  if (there) {
    if (!s.if_not_exists) return SqlError(sql::state::kDuplicateSchema, fmt::format("schema \"{}\" already exists", name));
    say(sql::state::kDuplicateSchema, fmt::format("schema \"{}\" already exists, skipping", name));
    return std::string("CREATE SCHEMA");
  }
  const auto self = c_.tx.schema().roles.find(user());
  if (!is_superuser() && (self == c_.tx.schema().roles.end() || !self->second.create_db))
    return SqlError(sql::state::kInsufficientPrivilege, fmt::format("permission denied for database {}", c_.values.database));
  if (name.starts_with("pg_"))
    return SqlError("42939", fmt::format("unacceptable schema name \"{}\"", name))
        .with_detail("The prefix \"pg_\" is reserved for system schemas.");
  const SchemaObject object{s.role.empty() ? user() : s.role, {}, new_id()};
  put_schema(name, &object);
  return std::string("CREATE SCHEMA");
}

SqlResult<std::string> SchemaEditor::run(const ast::Comment& s) {
  if (s.kind != Kind::kTable && s.kind != Kind::kView && s.kind != Kind::kColumn) return std::string("COMMENT");  // kept of nothing else
  TRY_ASSIGN(const TableObject* found, table_named(s.object));
  TRY(owned(found->owner, "table", found->table->name));
  TableObject object = *found;
  if (s.kind == Kind::kColumn) {
    const auto place = column_place(*found->table, s.part);
    if (!place)
      return SqlError(sql::state::kUndefinedColumn,
                      fmt::format("column \"{}\" of relation \"{}\" does not exist", s.part, found->table->name));
    if (s.text) object.column_comments[*place] = *s.text;
    else object.column_comments.erase(*place);
  } else {
    object.comment = s.text.value_or("");
  }
  put(object);
  return std::string("COMMENT");
}

SqlStatus SchemaEditor::drop_table(const TableObject& object, ast::Behavior behavior) {
  const sql::Table table = *object.table;
  const bool cascades = behavior == ast::Behavior::kCascade;
  const std::string what = fmt::format("{} {}", table.what == sql::Table::What::kView ? "view" : "table", table.name);
  for (const auto& reference : edit().references_to(table.id)) {
    if (reference.child->id == table.id) continue;
    const std::string detail =
        fmt::format("constraint {} on table {} depends on table {}", reference.key->name, reference.child->name, table.name);
    if (!cascades) return depended_on(what, detail);
    say("00000", fmt::format("drop cascades to constraint {} on table {}", reference.key->name, reference.child->name));
    TableObject child = edit().tables.at(reference.child->id);
    sql::Table without = *child.table;
    std::erase_if(without.foreign_keys, [&](const sql::ForeignKey& key) { return key.parent == table.id; });
    child.table = std::make_shared<const sql::Table>(std::move(without));
    put(child);
  }
  erase_object(table.id);
  for (const auto& [id, sequence] : std::map<sql::Oid, SequenceObject>(edit().sequences))
    if (sequence.of_table == table.id) {
      erase_object(id);
      c_.tx.write(key::sequence(id), std::nullopt);
    }
  // Views that can no longer be understood stood on it.
  TRY(finish());
  for (const auto& [id, other] : std::map<sql::Oid, TableObject>(c_.tx.schema().tables)) {
    if (other.table->what != sql::Table::What::kView || other.table->view_query.find(table.name) == std::string::npos) continue;
    TRY_ASSIGN(auto query, sql::parse(other.table->view_query));
    if (sql::prepare(query.front(), c_.catalog, c_.functions, c_.values, {}).ok()) continue;
    if (!cascades) return depended_on(what, fmt::format("view {} depends on {}", other.table->name, what));
    say("00000", fmt::format("drop cascades to view {}", other.table->name));
    TRY(drop_table(other, behavior));
  }
  return {};
}

SqlStatus SchemaEditor::drop_index(const std::string& schema, const std::string& name) {
  const TableObject* found = c_.tx.schema().table_of_index(schema, name);
  TableObject object = *found;
  sql::Table table = *found->table;
  TRY(owned(object.owner, "index", name));
  const auto index = std::find_if(table.indexes.begin(), table.indexes.end(), [&](const sql::Index& each) { return each.name == name; });
  if (index->constraint)
    return SqlError(sql::state::kDependentObjectsStillExist,
                    fmt::format("cannot drop index {} because constraint {} on table {} requires it", name, name, table.name))
        .with_hint(fmt::format("You can drop constraint {} on table {} instead.", name, table.name));
  table.indexes.erase(index);
  object.table = std::make_shared<const sql::Table>(std::move(table));
  put(object);
  return {};
}

SqlResult<std::string> SchemaEditor::run(const ast::Drop& s) {
  const std::string tag = fmt::format("DROP {}", ast::name_of(s.kind));
  for (const auto& name : s.objects) {
    const auto absent = [&]() -> SqlStatus {
      if (!s.if_exists) return missing(s.kind, name.last());
      say("00000", fmt::format("{} \"{}\" does not exist, skipping", lower_name(s.kind), name.last()));
      return {};
    };
    if (s.kind == Kind::kSchema) {
      const auto schema = c_.tx.schema().schemas.find(name.last());
      if (schema == c_.tx.schema().schemas.end()) {
        TRY(absent());
        continue;
      }
      TRY(owned(schema->second.owner, "schema", name.last()));
      for (const auto& [id, object] : std::map<sql::Oid, TableObject>(c_.tx.schema().tables)) {
        if (object.table->schema != name.last() || !c_.tx.schema().tables.contains(id)) continue;
        if (s.behavior != ast::Behavior::kCascade)
          return depended_on("schema " + name.last(),
                             fmt::format("table {}.{} depends on schema {}", name.last(), object.table->name, name.last()));
        TRY(drop_table(object, s.behavior));
      }
      for (const auto& [id, object] : std::map<sql::Oid, SequenceObject>(edit().sequences))
        if (object.sequence.schema == name.last()) erase_object(id);
      put_schema(name.last(), nullptr);
      TRY(finish());
      continue;
    }
    if (s.kind == Kind::kSequence) {
      TRY_ASSIGN(const auto sequence, c_.catalog.find_sequence(name.qualifier(), name.last()));
      if (!sequence) {
        TRY(absent());
        continue;
      }
      const SequenceObject object = c_.tx.schema().sequences.at(sequence->id);
      TRY(owned(object.owner, "sequence", name.last()));
      if (object.of_table != 0 && s.behavior != ast::Behavior::kCascade)
        return depended_on("sequence " + name.last(), fmt::format("default value for a column of table {} depends on sequence {}",
                                                                  c_.tx.schema().tables.at(object.of_table).table->name, name.last()));
      erase_object(sequence->id);
      c_.tx.write(key::sequence(sequence->id), std::nullopt);
      TRY(finish());
      continue;
    }
    if (s.kind == Kind::kIndex) {
      bool found = false;
      for (const auto& schema : name.qualifier().empty() ? c_.catalog.search_path() : std::vector<std::string>{name.qualifier()}) {
        if (found || !c_.tx.schema().table_of_index(schema, name.last())) continue;
        found = true;
        TRY(drop_index(schema, name.last()));
        TRY(finish());
      }
      if (!found) TRY(absent());
      continue;
    }
    if (s.kind != Kind::kTable && s.kind != Kind::kView) return not_supported(tag);
    TRY_ASSIGN(const auto table, c_.catalog.find_table(name.qualifier(), name.last()));
    if (!table) {
      TRY(absent());
      continue;
    }
    const auto wanted = s.kind == Kind::kView ? sql::Table::What::kView : sql::Table::What::kTable;
    if (table->what != wanted)
      return SqlError(sql::state::kWrongObjectType, fmt::format("\"{}\" is not a {}", name.last(), lower_name(s.kind)));
    const TableObject object = c_.tx.schema().tables.at(table->id);
    TRY(owned(object.owner, lower_name(s.kind), name.last()));
    TRY(drop_table(object, s.behavior));
  }
  return tag;
}

/// All rows at once: the table has another place from now on.
SqlResult<std::string> SchemaEditor::run(const ast::Truncate& s) {
  std::vector<sql::Oid> tables;
  for (const auto& each : s.tables) {
    TRY_ASSIGN(const TableObject* found, table_named(each.name));
    TRY(owned(found->owner, "table", found->table->name));
    tables.push_back(found->table->id);
  }
  for (std::size_t i = 0; i < tables.size(); ++i)
    for (const auto& reference : c_.tx.schema().references_to(tables[i])) {
      if (std::find(tables.begin(), tables.end(), reference.child->id) != tables.end()) continue;
      if (s.behavior == ast::Behavior::kCascade) {
        say("00000", fmt::format("truncate cascades to table \"{}\"", reference.child->name));
        tables.push_back(reference.child->id);
        continue;
      }
      return SqlError(sql::state::kFeatureNotSupported, "cannot truncate a table referenced in a foreign key constraint")
          .with_detail(
              fmt::format("Table \"{}\" references \"{}\".", reference.child->name, c_.tx.schema().tables.at(tables[i]).table->name))
          .with_hint(fmt::format("Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.", reference.child->name));
    }
  for (const auto id : tables) {
    TableObject object = c_.tx.schema().tables.at(id);
    object.storage = new_storage();
    put(object);
    if (!s.restart_identity) continue;
    for (const auto& [sequence_id, sequence] : c_.tx.schema().sequences)
      if (sequence.of_table == id) TRY(c_.rows.set_value(sequence.sequence, sequence.sequence.start, false));
  }
  return std::string("TRUNCATE TABLE");
}

}  // namespace isobar::db
