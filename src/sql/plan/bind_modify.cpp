// INSERT, UPDATE, DELETE: what the new rows are, what must hold of them, and what comes back.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {
namespace {

lg::OutputColumn output_of(const Column& column) { return {column.name, column.type}; }

SqlError no_such_column(const std::string& column, const Table& table, int position) {
  return SqlError(state::kUndefinedColumn, fmt::format("column \"{}\" of relation \"{}\" does not exist", column, table.name)).at(position);
}

}  // namespace

std::optional<std::uint32_t> Binder::column_named(const Table& table, std::string_view name) {
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (!table.columns[i].dropped && table.columns[i].name == name) return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

SqlResult<std::shared_ptr<const Table>> Binder::writable(const ast::TableRef& ref, std::string_view command) {
  TRY_ASSIGN(auto table, find_table(ref.name));
  if (table->what == Table::What::kView) return unsupported(fmt::format("{} view \"{}\"", command, table->name), ref.name.position);
  if (table->what == Table::What::kVirtual)
    return SqlError(state::kInsufficientPrivilege, fmt::format("permission denied for table {}", table->name)).at(ref.name.position);
  result_.writes = true;
  return table;
}

SqlResult<std::vector<std::uint32_t>> Binder::insert_columns(const ast::Insert& s, const Table& table) {
  std::vector<std::uint32_t> columns;
  for (const auto& target : s.columns) {
    const auto place = column_named(table, target.name);
    if (!place) return no_such_column(target.name, table, target.position);
    if (std::ranges::find(columns, *place) != columns.end())
      return SqlError(state::kDuplicateColumn, fmt::format("column \"{}\" specified more than once", target.name)).at(target.position);
    columns.push_back(*place);
  }
  if (s.columns.empty())
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      if (!table.columns[i].dropped) columns.push_back(static_cast<std::uint32_t>(i));
  return columns;
}

/// What a column has when nobody says: its default, or null.
SqlResult<lg::ExprPtr> Binder::default_of(const Table& table, std::uint32_t place) {
  const auto& column = table.columns[place];
  if (!column.default_expression || column.generated) return make_constant(column.type, Value());
  TRY_ASSIGN(const auto parsed, parse_expression(*column.default_expression));
  Scope scope;
  scope.clause = Clause::kDefault;
  TRY_ASSIGN(auto bound, expr(*parsed, scope));
  return assign(std::move(bound), output_of(column), false);
}

SqlStatus Binder::check_assignable(const Table& table, std::uint32_t place, bool is_default) {
  const auto& column = table.columns[place];
  if (is_default) return {};
  if (column.generated)
    return SqlError("428C9", fmt::format("column \"{}\" can only be updated to DEFAULT", column.name))
        .with_detail(fmt::format("Column \"{}\" is a generated column.", column.name));
  if (column.identity == Column::Identity::kAlways)
    return SqlError("428C9", fmt::format("column \"{}\" can only be updated to DEFAULT", column.name))
        .with_detail(fmt::format("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name));
  return {};
}

namespace {
bool is_default(const ast::Expr& e) { return std::holds_alternative<ast::Default>(e.node); }

SqlError cannot_insert(const Column& column) {
  auto error = SqlError("428C9", fmt::format("cannot insert a non-DEFAULT value into column \"{}\"", column.name));
  if (column.generated) return std::move(error).with_detail(fmt::format("Column \"{}\" is a generated column.", column.name));
  return std::move(error)
      .with_detail(fmt::format("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name))
      .with_hint("Use OVERRIDING SYSTEM VALUE to override.");
}
}  // namespace

/// Rows of VALUES go straight into their columns: each value is of its column's type, and DEFAULT may stand among them.
SqlResult<lg::QueryPtr> Binder::insert_source(const ast::Insert& s, const Table& table, const std::vector<std::uint32_t>& columns,
                                              Scope& outer) {
  std::vector<Type> types;
  for (const auto place : columns) types.push_back(table.columns[place].type);
  const auto* values = std::get_if<ast::Values>(&s.source->body);
  const bool plain = values != nullptr && s.source->order.empty() && s.source->limit == nullptr && s.source->offset == nullptr &&
                     s.source->with.ctes.empty();
  const auto forbidden = [&](std::uint32_t place) {
    const auto& column = table.columns[place];
    return column.generated || (column.identity == Column::Identity::kAlways && s.overriding == ast::Insert::Overriding::kNot);
  };
  const auto check_count = [&](std::size_t count, int position) -> SqlStatus {
    if (count > columns.size()) return SqlError(state::kSyntaxError, "INSERT has more expressions than target columns").at(position);
    if (count < columns.size() && !s.columns.empty())
      return SqlError(state::kSyntaxError, "INSERT has more target columns than expressions").at(position);
    return {};
  };
  if (!plain) {
    TRY_ASSIGN(auto bound, query(*s.source, &outer, types));
    TRY(check_count(bound->columns.size(), 0));
    for (std::size_t i = 0; i < bound->columns.size(); ++i)
      if (forbidden(columns[i])) return cannot_insert(table.columns[columns[i]]);
    return bound;
  }
  Scope scope;
  scope.parent = &outer;
  scope.clause = Clause::kValues;
  lg::Values node{new_relation(), types, {}};
  auto made = std::make_shared<lg::Query>();
  for (const auto& row : values->rows) {
    if (row.size() != values->rows[0].size())
      return SqlError(state::kSyntaxError, "VALUES lists must all be the same length").at(row.empty() ? 0 : row[0]->position);
    TRY(check_count(row.size(), row.empty() ? 0 : row[std::min(row.size() - 1, columns.size())]->position));
    auto& into = node.rows.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto place = columns[i];
      if (is_default(*row[i])) {
        TRY_ASSIGN(auto value, default_of(table, place));
        into.push_back(std::move(value));
        continue;
      }
      if (forbidden(place)) return cannot_insert(table.columns[place]);
      TRY_ASSIGN(auto bound, expr(*row[i], scope));
      TRY_ASSIGN(auto value, assign(std::move(bound), output_of(table.columns[place]), true));
      into.push_back(std::move(value));
    }
  }
  node.types.resize(values->rows[0].size());
  made->output = node.relation;
  for (std::size_t i = 0; i < node.types.size(); ++i) made->columns.push_back(output_of(table.columns[columns[i]]));
  made->root = make_node(std::move(node));
  return lg::QueryPtr(std::move(made));
}

SqlStatus Binder::insert_values(const ast::Insert& s, const std::vector<std::uint32_t>& columns, lg::Modify& into) {
  const auto& table = *into.table;
  into.values.resize(table.columns.size());
  if (into.source != nullptr)
    for (std::size_t i = 0; i < into.source->columns.size(); ++i) {
      const auto& column = table.columns[columns[i]];
      // OVERRIDING USER VALUE: what was said for an identity column counts for nothing.
      if (s.overriding == ast::Insert::Overriding::kUser && column.identity != Column::Identity::kNone) continue;
      auto value = make_column(into.source->output, static_cast<std::uint32_t>(i), into.source->columns[i].type);
      TRY_ASSIGN(into.values[columns[i]], assign(std::move(value), output_of(column), false));
    }
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (into.values[i] != nullptr) continue;
    TRY_ASSIGN(into.values[i], default_of(table, static_cast<std::uint32_t>(i)));
  }
  return {};
}

/// What is computed from a new row, and what must hold of it.
SqlStatus Binder::new_row(lg::Modify& into) {
  const auto& table = *into.table;
  Scope scope;
  auto visible = table_columns(table, table.name, into.row);
  scope.columns = visible.columns;
  scope.tables.push_back(std::move(visible));
  remember(into.row, table.name, table);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (!table.columns[i].generated || table.columns[i].dropped) continue;
    TRY_ASSIGN(const auto parsed, parse_expression(*table.columns[i].generated));
    scope.clause = Clause::kDefault;
    TRY_ASSIGN(auto bound, expr(*parsed, scope));
    TRY_ASSIGN(auto value, assign(std::move(bound), output_of(table.columns[i]), false));
    into.generated.emplace_back(static_cast<std::uint32_t>(i), std::move(value));
  }
  for (const auto& check : table.checks) {
    TRY_ASSIGN(const auto parsed, parse_expression(check.expression));
    scope.clause = Clause::kCheck;
    TRY_ASSIGN(auto bound, expr(*parsed, scope));
    TRY_ASSIGN(auto condition, boolean(std::move(bound), "CHECK"));
    into.checks.push_back({check.name, std::move(condition)});
  }
  return {};
}

SqlResult<lg::ModifyPtr> Binder::insert(const ast::Insert& s, Scope* parent) {
  Scope outer;
  outer.parent = parent;
  std::vector<std::uint32_t> defined;
  TRY(with(s.with, outer, defined));
  auto made = std::make_shared<lg::Modify>();
  TRY_ASSIGN(made->table, writable(s.table, "INSERT into"));
  need(made->table, 'a');
  made->old = new_relation(), made->row = new_relation();
  TRY_ASSIGN(const auto columns, insert_columns(s, *made->table));
  if (s.source != nullptr) {
    TRY_ASSIGN(made->source, insert_source(s, *made->table, columns, outer));
  } else {
    auto one = std::make_shared<lg::Query>();
    one->output = new_relation();
    one->root = make_node(lg::Values{one->output, {}, {{}}});
    made->source = std::move(one);
  }
  TRY(insert_values(s, columns, *made));
  TRY(new_row(*made));
  const std::string alias = s.table.alias.name.empty() ? made->table->name : s.table.alias.name;
  if (s.on_conflict) {
    TRY_ASSIGN(made->conflict, conflict(*s.on_conflict, s.table, *made, outer));
  }
  Scope scope;
  scope.parent = &outer;
  scope.tables.push_back(table_columns(*made->table, alias, made->row));
  if (s.table.alias.name.empty()) scope.tables.back().schema = made->table->schema;
  scope.columns = scope.tables.back().columns;
  TRY(returning(s.returning, scope, *made));
  need_to_read(*made);
  return lg::ModifyPtr(std::move(made));
}

SqlStatus Binder::arbiters(const ast::OnConflict& c, const Table& table, lg::ConflictRule& rule) {
  if (!c.constraint.empty()) {
    for (std::size_t i = 0; i < table.indexes.size(); ++i)
      if (table.indexes[i].name == c.constraint && table.indexes[i].constraint && table.indexes[i].unique) {
        rule.arbiters.push_back(static_cast<std::uint32_t>(i));
        return {};
      }
    return SqlError(state::kUndefinedObject, fmt::format("constraint \"{}\" for table \"{}\" does not exist", c.constraint, table.name))
        .at(c.position);
  }
  std::vector<std::uint32_t> wanted;
  for (const auto& name : c.columns) {
    const auto place = column_named(table, name);
    if (!place) return SqlError(state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", name)).at(c.position);
    if (std::ranges::find(wanted, *place) == wanted.end()) wanted.push_back(*place);
  }
  std::ranges::sort(wanted);
  for (std::size_t i = 0; i < table.indexes.size(); ++i) {
    if (!table.indexes[i].unique) continue;
    auto columns = table.indexes[i].columns;
    std::ranges::sort(columns);
    if (c.columns.empty() || columns == wanted) rule.arbiters.push_back(static_cast<std::uint32_t>(i));
  }
  if (rule.arbiters.empty() && !c.columns.empty())
    return SqlError(state::kInvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
        .at(c.position);
  return {};
}

SqlResult<lg::ConflictRule> Binder::conflict(const ast::OnConflict& c, const ast::TableRef& ref, lg::Modify& into, Scope& outer) {
  lg::ConflictRule rule;
  rule.update = c.update;
  if (c.update && c.columns.empty() && c.constraint.empty())
    return SqlError(state::kSyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
        .with_hint("For example, ON CONFLICT (column_name).")
        .at(c.position);
  TRY(arbiters(c, *into.table, rule));
  if (!c.update) return rule;
  need(into.table, 'w');
  const std::string alias = ref.alias.name.empty() ? into.table->name : ref.alias.name;
  Scope scope;
  scope.parent = &outer;
  scope.clause = Clause::kUpdate;
  scope.tables.push_back(table_columns(*into.table, alias, into.old));
  scope.columns = scope.tables.back().columns;
  scope.tables.push_back(table_columns(*into.table, "excluded", into.row));
  // Both rows are in sight: a bare name would be either's.
  for (const auto& column : scope.tables[1].columns) scope.columns.push_back(column);
  remember(into.old, alias, *into.table);
  for (std::size_t i = 0; i < into.table->columns.size(); ++i)
    rule.values.push_back(make_column(into.old, static_cast<std::uint32_t>(i), into.table->columns[i].type));
  for (const auto& target : c.set) {
    const auto place = column_named(*into.table, target.name);
    if (!place) return no_such_column(target.name, *into.table, target.position);
    TRY_ASSIGN(rule.values[*place], assigned(*into.table, *place, *target.value, scope, target.position));
  }
  if (c.where != nullptr) {
    scope.clause = Clause::kWhere;
    TRY_ASSIGN(auto bound, expr(*c.where, scope));
    TRY_ASSIGN(rule.where, boolean(std::move(bound), "WHERE"));
  }
  return rule;
}

SqlResult<lg::ExprPtr> Binder::assigned(const Table& table, std::uint32_t place, const ast::Expr& value, Scope& scope, int) {
  TRY(check_assignable(table, place, is_default(value)));
  if (is_default(value)) return default_of(table, place);
  TRY_ASSIGN(auto bound, expr(value, scope));
  return assign(std::move(bound), output_of(table.columns[place]), false);
}

SqlStatus Binder::assignments(const std::vector<ast::Assignment>& set, const Table& table, Scope& scope, std::vector<Expr>& values) {
  std::vector<std::uint32_t> seen;
  for (const auto& one : set) {
    std::vector<std::uint32_t> places;
    for (const auto& column : one.columns) {
      const auto place = column_named(table, column.name);
      if (!place) return no_such_column(column.name, table, column.position);
      if (std::ranges::find(seen, *place) != seen.end())
        return SqlError(state::kSyntaxError, fmt::format("multiple assignments to same column \"{}\"", column.name));
      seen.push_back(*place);
      places.push_back(*place);
    }
    const auto* row = std::get_if<ast::RowOf>(&one.value->node);
    if (places.size() == 1 && row == nullptr) {
      TRY_ASSIGN(values[places[0]], assigned(table, places[0], *one.value, scope, 0));
      continue;
    }
    if (row != nullptr) {
      if (row->elements.size() != places.size())
        return SqlError(state::kSyntaxError, fmt::format("number of columns does not match number of values")).at(one.value->position);
      for (std::size_t i = 0; i < places.size(); ++i) {
        TRY_ASSIGN(values[places[i]], assigned(table, places[i], *row->elements[i], scope, 0));
      }
      continue;
    }
    const auto* subquery = std::get_if<ast::Subquery>(&one.value->node);
    if (subquery == nullptr || subquery->what != ast::Subquery::What::kScalar)
      return SqlError(state::kFeatureNotSupported, "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression")
          .at(one.value->position);
    TRY(assign_row(*subquery, places, table, scope, values));
  }
  return {};
}

/// The query as a scalar subquery whose one column is its row.
lg::ExprPtr Binder::record_of(const lg::QueryPtr& bound) {
  auto whole = std::make_shared<lg::Query>(*bound);
  lg::RowOf row;
  for (std::size_t i = 0; i < bound->columns.size(); ++i)
    row.elements.push_back(make_column(bound->output, static_cast<std::uint32_t>(i), bound->columns[i].type));
  whole->output = new_relation();
  whole->root = make_node(lg::Project{whole->output, bound->root, {make_expr(type_of(Kind::kRecord), std::move(row))}});
  whole->columns = {{"row", type_of(Kind::kRecord)}};
  return make_expr(type_of(Kind::kRecord), lg::Subquery{lg::Subquery::What::kScalar, std::move(whole), nullptr});
}

/// SET (a, b) = (SELECT …): one subquery gives a row, of which each column takes its field.
SqlStatus Binder::assign_row(const ast::Subquery& source, const std::vector<std::uint32_t>& places, const Table& table, Scope& scope,
                             std::vector<Expr>& values) {
  TRY_ASSIGN(auto bound, query(*source.query, &scope));
  if (bound->columns.size() != places.size()) return SqlError(state::kSyntaxError, "number of columns does not match number of values");
  const auto record = record_of(bound);
  for (std::size_t i = 0; i < places.size(); ++i) {
    TRY(check_assignable(table, places[i], false));
    auto field = make_expr(bound->columns[i].type, lg::Field{record, static_cast<std::uint32_t>(i)});
    TRY_ASSIGN(values[places[i]], assign(std::move(field), output_of(table.columns[places[i]]), false));
  }
  return {};
}

SqlResult<lg::ModifyPtr> Binder::update(const ast::Update& s, Scope* parent) {
  Scope outer;
  outer.parent = parent;
  std::vector<std::uint32_t> defined;
  TRY(with(s.with, outer, defined));
  auto made = std::make_shared<lg::Modify>();
  made->what = lg::Modify::What::kUpdate;
  TRY_ASSIGN(made->table, writable(s.table, "UPDATE of"));
  need(made->table, 'w');
  Scope scope;
  scope.parent = &outer;
  scope.clause = Clause::kUpdate;
  TRY(changed_rows(s.table, s.from, s.where, scope, *made));
  for (std::size_t i = 0; i < made->table->columns.size(); ++i)
    made->values.push_back(make_column(made->old, static_cast<std::uint32_t>(i), made->table->columns[i].type));
  scope.clause = Clause::kUpdate;
  TRY(assignments(s.set, *made->table, scope, made->values));
  made->row = new_relation();
  TRY(new_row(*made));
  // What RETURNING names is the row as it has become.
  for (auto* columns : {&scope.columns, &scope.tables[0].columns})
    for (auto& column : *columns)
      if (const auto* plain = std::get_if<lg::Column>(&column.value->node); plain != nullptr && plain->id.relation == made->old)
        column.value = make_column(made->row, plain->id.column, column.value->type);
  TRY(returning(s.returning, scope, *made));
  need_to_read(*made);
  return lg::ModifyPtr(std::move(made));
}

SqlResult<lg::ModifyPtr> Binder::erase(const ast::Delete& s, Scope* parent) {
  Scope outer;
  outer.parent = parent;
  std::vector<std::uint32_t> defined;
  TRY(with(s.with, outer, defined));
  auto made = std::make_shared<lg::Modify>();
  made->what = lg::Modify::What::kDelete;
  TRY_ASSIGN(made->table, writable(s.table, "DELETE from"));
  need(made->table, 'd');
  Scope scope;
  scope.parent = &outer;
  TRY(changed_rows(s.table, s.from, s.where, scope, *made));
  made->row = made->old;
  TRY(returning(s.returning, scope, *made));
  need_to_read(*made);
  return lg::ModifyPtr(std::move(made));
}

/// The rows that UPDATE and DELETE are about: the table, joined with what FROM or USING says.
SqlStatus Binder::changed_rows(const ast::TableRef& ref, const std::vector<ast::FromItem>& from, const ast::ExprPtr& where, Scope& scope,
                               lg::Modify& into) {
  TRY_ASSIGN(auto target, scan(into.table, ref));
  into.old = std::get<lg::Scan>(target.node->node).relation;
  auto locked = std::make_shared<lg::Node>(*target.node);
  std::get<lg::Scan>(locked->node).for_update = true;
  lg::NodePtr node = std::move(locked);
  TRY(add(scope, target));
  if (!from.empty()) {
    Scope others;
    others.parent = scope.parent;
    TRY_ASSIGN(auto joined, from_list(from, others));
    joined.tables = std::move(others.tables), joined.columns = std::move(others.columns);
    TRY(add(scope, joined));
    node = make_node(lg::Join{lg::JoinKind::kInner, std::move(node), std::move(joined.node), nullptr, false});
  }
  if (where != nullptr) {
    scope.clause = Clause::kWhere;
    TRY_ASSIGN(auto bound, expr(*where, scope));
    TRY_ASSIGN(auto condition, boolean(std::move(bound), "WHERE"));
    node = make_node(lg::Filter{std::move(node), std::move(condition)});
  }
  auto query = std::make_shared<lg::Query>();
  query->root = std::move(node);
  query->output = into.old;
  into.source = std::move(query);
  return {};
}

void Binder::need_to_read(const lg::Modify& modify) {
  bool reads = !modify.returning.empty() || modify.conflict.has_value();
  const auto see = [&](lg::ColumnId id) { reads = reads || id.relation == modify.old; };
  if (modify.what != lg::Modify::What::kInsert) lg::each_column(*modify.source->root, see);
  for (std::size_t i = 0; i < modify.values.size() && modify.what == lg::Modify::What::kUpdate; ++i) {
    const auto* same = std::get_if<lg::Column>(&modify.values[i]->node);
    if (same == nullptr || !(same->id == lg::ColumnId{modify.old, static_cast<std::uint32_t>(i)})) lg::each_column(*modify.values[i], see);
  }
  if (reads) need(modify.table, 'r');
}

SqlStatus Binder::returning(const std::vector<ast::Target>& list, Scope& scope, lg::Modify& into) {
  into.output = new_relation();
  if (list.empty()) return {};
  scope.clause = Clause::kReturning;
  TRY_ASSIGN(auto all, targets(list, scope, {}));
  for (auto& target : all) {
    TRY_ASSIGN(auto value, known(std::move(target.value)));
    into.columns.push_back({target.name, value->type, target.table, target.attribute});
    into.returning.push_back(std::move(value));
  }
  return {};
}

SqlResult<lg::Statement> Binder::statement(const ast::Statement& statement) {
  const auto bound =
      std::visit(lg::Overloaded{[&](const ast::QueryPtr& q) -> SqlStatus {
                                  TRY_ASSIGN(auto made, query(*q, nullptr));
                                  result_.what = std::move(made);
                                  return {};
                                },
                                [&](const ast::Insert& s) -> SqlStatus {
                                  TRY_ASSIGN(auto made, insert(s, nullptr));
                                  result_.what = std::move(made);
                                  return {};
                                },
                                [&](const ast::Update& s) -> SqlStatus {
                                  TRY_ASSIGN(auto made, update(s, nullptr));
                                  result_.what = std::move(made);
                                  return {};
                                },
                                [&](const ast::Delete& s) -> SqlStatus {
                                  TRY_ASSIGN(auto made, erase(s, nullptr));
                                  result_.what = std::move(made);
                                  return {};
                                },
                                [&](const ast::CreateTableAs& s) -> SqlStatus {
                                  TRY_ASSIGN(auto made, query(*s.query, nullptr));
                                  result_.what = std::move(made);
                                  return {};
                                },
                                [&](const ast::Copy& s) -> SqlStatus {
                                  if (!s.query) return SqlError(state::kInternalError, "COPY of a table has no plan");
                                  TRY_ASSIGN(auto made, query(*s.query, nullptr));
                                  result_.what = std::move(made);
                                  return {};
                                },
                                [&](const auto&) -> SqlStatus { return SqlError(state::kInternalError, "this statement has no plan"); }},
                 statement.node);
  if (!bound.ok()) return bound.error();
  for (std::size_t i = 0; i < result_.parameters.size(); ++i)
    if (result_.parameters[i].kind == Kind::kUnknown)
      return SqlError(state::kIndeterminateDatatype, fmt::format("could not determine data type of parameter ${}", i + 1));
  result_.relations = relations_;
  return std::move(result_);
}

SqlResult<lg::ExprPtr> Binder::alone(const ast::Expr& e, const Type& type, const Table* table) {
  Scope scope;
  scope.clause = type.kind == Kind::kBool ? Clause::kCheck : Clause::kDefault;
  if (table != nullptr) {
    auto visible = table_columns(*table, table->name, new_relation());
    scope.columns = visible.columns;
    scope.tables.push_back(std::move(visible));
  }
  TRY_ASSIGN(auto bound, expr(e, scope));
  if (type.kind == Kind::kBool && table != nullptr) return boolean(std::move(bound), "CHECK");
  TRY_ASSIGN(auto made, try_coerce(bound, type, CastContext::kAssignment));
  if (made) return std::move(*made);
  return SqlError(state::kDatatypeMismatch,
                  fmt::format("the expression is of type {}, not {}", format_type(bound->type), format_type(type)))
      .at(bound->position);
}

SqlResult<lg::Statement> bind(const ast::Statement& statement, Catalog& catalog, const FunctionSet& functions, const SessionValues& session,
                              std::span<const Type> parameters) {
  return Binder(catalog, functions, session, parameters).statement(statement);
}

SqlResult<logical::ExprPtr> bind_expression(const ast::Expr& expr, const Type& type, const Table* table, Catalog& catalog,
                                            const FunctionSet& functions, const SessionValues& session) {
  return Binder(catalog, functions, session, {}).alone(expr, type, table);
}

}  // namespace isobar::sql
