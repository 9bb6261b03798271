// As much of DDL as it takes to run the same script here and on PostgreSQL.

#include <fmt/format.h>

#include <algorithm>

#include "sql/bind.h"
#include "sql/memory_database.h"

namespace isobar::sql {
namespace {

SqlError refused(std::string_view what) {
  return SqlError(state::kFeatureNotSupported, fmt::format("{} is not supported in memory", what));
}

struct Serial {
  std::string_view name;
  Kind kind;
};
constexpr Serial kSerials[] = {{"serial", Kind::kInt4},  {"serial4", Kind::kInt4},     {"bigserial", Kind::kInt8},
                               {"serial8", Kind::kInt8}, {"smallserial", Kind::kInt2}, {"serial2", Kind::kInt2}};

std::optional<std::uint32_t> place_of(const Table& table, std::string_view name) {
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (table.columns[i].name == name) return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

}  // namespace

SqlStatus MemoryDatabase::define(const ast::Statement& statement) {
  if (const auto* s = std::get_if<ast::CreateTable>(&statement.node)) return create(*s);
  if (const auto* s = std::get_if<ast::CreateIndex>(&statement.node)) return create(*s);
  if (const auto* s = std::get_if<ast::CreateView>(&statement.node)) return create(*s);
  if (const auto* s = std::get_if<ast::CreateSequence>(&statement.node)) return create(*s);
  if (const auto* s = std::get_if<ast::Drop>(&statement.node)) return drop(*s);
  return refused("this statement");
}

void MemoryDatabase::add_sequence(const std::string& name, Type type) {
  Counter counter;
  counter.sequence.id = next_oid_++;
  counter.sequence.schema = "public", counter.sequence.name = name, counter.sequence.type = type;
  sequences_[name] = std::move(counter);
}

std::string MemoryDatabase::free_name(const std::string& wanted, const Table& table) const {
  const auto taken = [&](const std::string& name) {
    const auto same = [&](const auto& one) { return one.name == name; };
    return names_.contains(name) || std::ranges::any_of(table.indexes, same) || std::ranges::any_of(table.checks, same);
  };
  std::string name = wanted;
  for (int number = 1; taken(name); ++number) name = wanted + std::to_string(number);
  return name;
}

SqlStatus MemoryDatabase::add_column(const ast::ColumnDefinition& definition, Table& table) {
  if (place_of(table, definition.name))
    return SqlError(state::kDuplicateColumn, fmt::format("column \"{}\" specified more than once", definition.name));
  Column column;
  column.name = definition.name;
  const auto sequence = fmt::format("{}_{}_seq", table.name, definition.name);
  const auto* serial = std::ranges::find_if(kSerials, [&](const Serial& one) { return one.name == definition.type.name.last(); });
  if (serial != std::end(kSerials)) {
    column.type = type_of(serial->kind);
    column.not_null = true;
    column.default_expression = fmt::format("nextval('{}')", sequence);
    add_sequence(sequence, column.type);
  } else {
    TRY_ASSIGN(column.type, resolve_type(definition.type));
  }
  using What = ast::Constraint::What;
  const auto place = static_cast<std::uint32_t>(table.columns.size());
  for (const auto& constraint : definition.constraints) {
    if (constraint.what == What::kNotNull) column.not_null = true;
    if (constraint.what == What::kDefault) column.default_expression = constraint.definition.text;
    if (constraint.what == What::kGenerated) column.generated = constraint.definition.text;
    if (constraint.what != What::kIdentity) continue;
    column.identity = constraint.always ? Column::Identity::kAlways : Column::Identity::kByDefault;
    column.not_null = true;
    column.default_expression = fmt::format("nextval('{}')", sequence);
    add_sequence(sequence, column.type);
  }
  table.columns.push_back(std::move(column));
  for (const auto& constraint : definition.constraints)
    if (constraint.what > What::kGenerated) TRY(add_constraint(constraint, table, place));
  return {};
}

SqlStatus MemoryDatabase::add_constraint(const ast::Constraint& constraint, Table& table, std::optional<std::uint32_t> column) {
  using What = ast::Constraint::What;
  if (constraint.what == What::kForeignKey) return refused("a foreign key");
  if (constraint.what == What::kCheck) {
    const auto wanted = column ? fmt::format("{}_{}_check", table.name, table.columns[*column].name) : fmt::format("{}_check", table.name);
    table.checks.push_back({constraint.name.empty() ? free_name(wanted, table) : constraint.name, constraint.definition.text});
    return {};
  }
  Index index;
  index.unique = index.constraint = true;
  index.primary = constraint.what == What::kPrimaryKey;
  std::string columns;
  if (column) index.columns.push_back(*column), columns = table.columns[*column].name;
  for (const auto& name : constraint.columns) {
    const auto place = place_of(table, name);
    if (!place) return SqlError(state::kUndefinedColumn, fmt::format("column \"{}\" named in key does not exist", name));
    index.columns.push_back(*place);
    columns += (columns.empty() ? "" : "_") + name;
  }
  if (index.primary && table.primary_key() != nullptr)
    return SqlError(state::kInvalidTableDefinition, fmt::format("multiple primary keys for table \"{}\" are not allowed", table.name));
  if (index.primary)
    for (const auto place : index.columns) table.columns[place].not_null = true;
  const auto wanted = index.primary ? table.name + "_pkey" : fmt::format("{}_{}_key", table.name, columns);
  index.name = constraint.name.empty() ? free_name(wanted, table) : constraint.name;
  index.descending.assign(index.columns.size(), false);
  index.id = next_oid_++;
  table.indexes.push_back(std::move(index));
  return {};
}

SqlStatus MemoryDatabase::create(const ast::CreateTable& s) {
  const auto& name = s.table.name.last();
  if (names_.contains(name)) {
    if (s.if_not_exists) return {};
    return SqlError(state::kDuplicateTable, fmt::format("relation \"{}\" already exists", name));
  }
  if (!s.likes.empty()) return refused("LIKE");
  auto table = std::make_shared<Table>();
  table->schema = "public", table->name = name;
  for (const auto& column : s.columns) TRY(add_column(column, *table));
  for (const auto& constraint : s.constraints) TRY(add_constraint(constraint, *table, std::nullopt));
  table->id = next_oid_++;
  names_[name] = table->id;
  tables_[table->id].table = std::move(table);
  return {};
}

SqlStatus MemoryDatabase::create(const ast::CreateIndex& s) {
  TRY_ASSIGN(const auto found, find_table("", s.table.name.last()));
  if (found == nullptr) return SqlError(state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", s.table.name.last()));
  if (s.where.expression != nullptr || !s.including.empty()) return refused("such an index");
  auto& data = tables_.at(found->id);
  auto table = std::make_shared<Table>(*data.table);
  Index index;
  index.id = next_oid_++;
  index.unique = s.unique;
  std::string columns;
  for (const auto& key : s.keys) {
    const auto place = place_of(*table, key.column);
    if (key.column.empty() || key.nulls_first.value_or(key.descending) != key.descending) return refused("such an index");
    if (!place) return SqlError(state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", key.column));
    index.columns.push_back(*place);
    index.descending.push_back(key.descending);
    columns += "_" + key.column;
  }
  index.name = s.name.empty() ? free_name(fmt::format("{}{}_idx", table->name, columns), *table) : s.name;
  table->indexes.push_back(std::move(index));
  data.table = std::move(table);
  data.entries.clear();
  for (const auto& [key, row] : data.rows) TRY(add_entries(data, row));
  return {};
}

SqlStatus MemoryDatabase::create(const ast::CreateView& s) {
  const auto& name = s.view.name.last();
  if (names_.contains(name) && !s.replace) return SqlError(state::kDuplicateTable, fmt::format("relation \"{}\" already exists", name));
  auto table = std::make_shared<Table>();
  table->what = Table::What::kView;
  table->schema = "public", table->name = name;
  table->view_query = s.text;
  for (const auto& column : s.columns) {
    table->columns.emplace_back();
    table->columns.back().name = column;
  }
  table->id = next_oid_++;
  names_[name] = table->id;
  tables_[table->id].table = std::move(table);
  return {};
}

SqlStatus MemoryDatabase::create(const ast::CreateSequence& s) {
  add_sequence(s.sequence.name.last(), type_of(Kind::kInt8));
  auto& counter = sequences_[s.sequence.name.last()];
  for (const auto& option : s.options) {
    if (option.name == "start") counter.sequence.start = option.number.value_or(1);
    else if (option.name == "increment") counter.sequence.increment = option.number.value_or(1);
    else return refused("this option of a sequence");
  }
  return {};
}

SqlStatus MemoryDatabase::drop(const ast::Drop& s) {
  for (const auto& object : s.objects) {
    if (s.kind == ast::ObjectKind::kSequence) {
      sequences_.erase(object.last());
      continue;
    }
    const auto found = names_.find(object.last());
    if (found == names_.end()) {
      if (s.if_exists) continue;
      return SqlError(state::kUndefinedTable,
                      fmt::format("{} \"{}\" does not exist", s.kind == ast::ObjectKind::kView ? "view" : "table", object.last()));
    }
    tables_.erase(found->second);
    names_.erase(found);
  }
  return {};
}

}  // namespace isobar::sql
