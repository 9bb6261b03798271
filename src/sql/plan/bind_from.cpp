// FROM: what can be named, and the joins that bring it together.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {
namespace {

std::vector<std::uint32_t> relations_of(const lg::Node& node) {
  std::vector<std::uint32_t> all;
  lg::each_relation(node, [&](std::uint32_t relation) { all.push_back(relation); });
  return all;
}
bool uses(const lg::Node& node, const std::vector<std::uint32_t>& relations) {
  bool found = false;
  lg::each_column(node, [&](lg::ColumnId id) { found = found || std::ranges::find(relations, id.relation) != relations.end(); });
  return found;
}

lg::NodePtr joined(lg::JoinKind kind, lg::NodePtr left, lg::NodePtr right, lg::ExprPtr on) {
  const bool lateral = uses(*right, relations_of(*left));
  return make_node(lg::Join{kind, std::move(left), std::move(right), std::move(on), lateral});
}

}  // namespace

SqlStatus Binder::add(Scope& scope, const FromResult& item) {
  for (const auto& table : item.tables) {
    for (const auto& other : scope.tables)
      if (!table.name.empty() && other.name == table.name && (other.schema == table.schema || other.schema.empty() || table.schema.empty()))
        return SqlError(state::kDuplicateAlias, fmt::format("table name \"{}\" specified more than once", table.name));
  }
  scope.tables.insert(scope.tables.end(), item.tables.begin(), item.tables.end());
  scope.columns.insert(scope.columns.end(), item.columns.begin(), item.columns.end());
  return {};
}

SqlResult<FromResult> Binder::from_list(const std::vector<ast::FromItem>& items, Scope& scope) {
  FromResult all;
  for (const auto& item : items) {
    TRY_ASSIGN(auto one, from_item(item, scope));
    TRY(add(scope, one));
    all.node = all.node == nullptr ? one.node : joined(lg::JoinKind::kInner, std::move(all.node), std::move(one.node), nullptr);
  }
  // A query without FROM has one row.
  if (all.node == nullptr) all.node = make_node(lg::Values{new_relation(), {}, {{}}});
  scope.relations = relations_of(*all.node);
  return all;
}

SqlResult<FromResult> Binder::from_item(const ast::FromItem& item, Scope& scope) {
  if (++depth_ > 1000) return SqlError(state::kStatementTooComplex, "stack depth limit exceeded");
  auto made = std::visit(lg::Overloaded{[&](const ast::TableRef& ref) { return table_item(ref, scope); },
                                        [&](const ast::DerivedTable& derived) { return derived_item(derived, scope); },
                                        [&](const ast::FunctionTable& function) { return function_item(function, item.position, scope); },
                                        [&](const ast::Join& join) { return join_item(join, scope); }},
                         item.item);
  --depth_;
  return made;
}

SqlResult<std::shared_ptr<const Table>> Binder::find_table(const ast::Name& name) {
  auto found = catalog_.find_table(name.qualifier(), name.last());
  if (!found.ok()) return SqlError(found.error()).at(name.position);
  if (*found == nullptr) {
    if (!name.qualifier().empty()) {
      TRY_ASSIGN(const bool schema, catalog_.has_schema(name.qualifier()));
      if (!schema && name.qualifier() != "information_schema")
        return SqlError(state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", fmt::join(name.parts, ".")))
            .at(name.position);
    }
    return SqlError(state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", fmt::join(name.parts, "."))).at(name.position);
  }
  result_.tables.push_back(*found);
  return found;
}

void Binder::need(const std::shared_ptr<const Table>& table, char what) {
  if (views_ > 0) return;
  const auto same = [&](const lg::Privilege& other) { return other.table == table && other.what == what; };
  if (std::ranges::none_of(result_.privileges, same)) result_.privileges.push_back({table, what});
}

SqlResult<FromResult> Binder::table_item(const ast::TableRef& ref, Scope& scope) {
  TRY_ASSIGN(auto cte, cte_item(ref, scope));
  if (cte) return std::move(*cte);
  TRY_ASSIGN(auto table, find_table(ref.name));
  need(table, 'r');
  return table->what == Table::What::kView ? view(table, ref) : scan(std::move(table), ref);
}

VisibleTable Binder::table_columns(const Table& table, std::string alias, std::uint32_t relation) {
  VisibleTable visible;
  visible.name = std::move(alias);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    if (column.dropped) continue;
    const auto place = static_cast<std::uint32_t>(i);
    visible.columns.push_back({column.name, make_column(relation, place, column.type), table.id, static_cast<std::int16_t>(i + 1)});
  }
  return visible;
}

void Binder::remember(std::uint32_t relation, const std::string& alias, const Table& table) {
  RelationInfo info{alias, {}, {}};
  for (const auto& column : table.columns) info.columns.push_back(column.name);
  if (const auto* key = table.primary_key()) info.primary_key = key->columns;
  infos_[relation] = std::move(info);
}

SqlResult<FromResult> Binder::scan(std::shared_ptr<const Table> table, const ast::TableRef& ref) {
  const auto relation = new_relation();
  const bool aliased = !ref.alias.name.empty();
  auto visible = table_columns(*table, aliased ? ref.alias.name : table->name, relation);
  if (!aliased) visible.schema = table->schema;
  remember(relation, visible.name, *table);
  TRY(rename(visible, ref.alias));
  FromResult result;
  result.columns = visible.columns;
  const std::string alias = visible.name;
  result.tables.push_back(std::move(visible));
  result.node = make_node(lg::Scan{relation, std::move(table), alias, false});
  return result;
}

SqlStatus Binder::rename(VisibleTable& table, const ast::Alias& alias) {
  if (!alias.name.empty()) table.name = alias.name;
  if (alias.columns.size() > table.columns.size())
    return SqlError(state::kInvalidColumnReference, fmt::format("table \"{}\" has {} columns available but {} columns specified",
                                                                table.name, table.columns.size(), alias.columns.size()));
  for (std::size_t i = 0; i < alias.columns.size(); ++i) table.columns[i].name = alias.columns[i];
  return {};
}

SqlResult<FromResult> Binder::query_item(lg::QueryPtr query, const ast::Alias& alias) {
  VisibleTable visible;
  RelationInfo info{alias.name, {}, {}};
  for (std::size_t i = 0; i < query->columns.size(); ++i) {
    const auto& column = query->columns[i];
    visible.columns.push_back(
        {column.name, make_column(query->output, static_cast<std::uint32_t>(i), column.type), column.table, column.attribute});
    info.columns.push_back(column.name);
  }
  TRY(rename(visible, alias));
  infos_[query->output] = std::move(info);
  FromResult result;
  result.columns = visible.columns;
  result.tables.push_back(std::move(visible));
  result.node = make_node(lg::Derived{std::move(query), alias.name});
  return result;
}

/// A view is its query, as if it stood here; only what it says itself is in sight there.
SqlResult<FromResult> Binder::view(const std::shared_ptr<const Table>& table, const ast::TableRef& ref) {
  if (++views_ > 64)
    return SqlError(state::kInvalidObjectDefinition, fmt::format("infinite recursion detected in rules for relation \"{}\"", table->name));
  TRY_ASSIGN(const auto parsed, parse_query(table->view_query));
  TRY_ASSIGN(auto query, this->query(*parsed, nullptr));
  --views_;
  auto named = std::make_shared<lg::Query>(*query);
  for (std::size_t i = 0; i < named->columns.size() && i < table->columns.size(); ++i) {
    named->columns[i].name = table->columns[i].name;
    named->columns[i].table = table->id;
    named->columns[i].attribute = static_cast<std::int16_t>(i + 1);
  }
  ast::Alias alias = ref.alias;
  if (alias.name.empty()) alias.name = table->name;
  TRY_ASSIGN(auto result, query_item(std::move(named), alias));
  if (ref.alias.name.empty()) result.tables[0].schema = table->schema;
  return result;
}

SqlResult<std::optional<FromResult>> Binder::cte_item(const ast::TableRef& ref, Scope& scope) {
  if (ref.name.parts.size() != 1) return std::optional<FromResult>();
  for (Scope* at = &scope; at != nullptr; at = at->parent) {
    const auto found = std::find_if(at->ctes.rbegin(), at->ctes.rend(), [&](const CteBinding& cte) { return cte.name == ref.name.last(); });
    if (found == at->ctes.rend()) continue;
    if (found->columns.empty())
      return SqlError(state::kFeatureNotSupported, fmt::format("WITH query \"{}\" does not have a RETURNING clause", found->name))
          .at(ref.name.position);
    ++result_.ctes[found->cte].references;
    const auto relation = new_relation();
    VisibleTable visible;
    visible.name = ref.alias.name.empty() ? found->name : ref.alias.name;
    infos_[relation] = {visible.name, found->columns, {}};
    for (std::size_t i = 0; i < found->columns.size(); ++i)
      visible.columns.push_back({found->columns[i], make_column(relation, static_cast<std::uint32_t>(i), found->types[i]), 0, 0});
    TRY(rename(visible, ref.alias));
    FromResult result;
    result.columns = visible.columns;
    result.node = make_node(lg::CteScan{relation, found->cte, visible.name, found->working});
    result.tables.push_back(std::move(visible));
    return std::optional(std::move(result));
  }
  return std::optional<FromResult>();
}

SqlResult<FromResult> Binder::derived_item(const ast::DerivedTable& item, Scope& scope) {
  if (item.alias.name.empty())
    return SqlError(state::kSyntaxError, std::holds_alternative<ast::Values>(item.query->body) ? "VALUES in FROM must have an alias"
                                                                                               : "subquery in FROM must have an alias");
  if (!item.lateral) hidden_.push_back(&scope);
  auto bound = this->query(*item.query, item.lateral ? &scope : scope.parent);
  if (!item.lateral) hidden_.pop_back();
  TRY_ASSIGN(auto query, std::move(bound));
  return query_item(std::move(query), item.alias);
}

namespace {
std::string function_name(const ast::Expr& e) {
  if (const auto* call = std::get_if<ast::Call>(&e.node)) return call->name.last();
  if (const auto* value = std::get_if<ast::ValueFunction>(&e.node)) return value->name;
  if (std::holds_alternative<ast::Coalesce>(e.node)) return "coalesce";
  return "column1";
}
}  // namespace

SqlResult<lg::TableFunction> Binder::table_function(const ast::Expr& e, const ast::FunctionTable& item, Scope& scope, VisibleTable& table,
                                                    std::uint32_t relation) {
  const auto add = [&](std::string name, Type type) {
    const auto place = static_cast<std::uint32_t>(table.columns.size());
    table.columns.push_back({std::move(name), make_column(relation, place, type), 0, 0});
  };
  const bool alone = item.functions.size() == 1;
  const auto name = function_name(e);
  const std::string column = alone && !item.alias.name.empty() ? item.alias.name : name;
  const auto* call = std::get_if<ast::Call>(&e.node);
  lg::TableFunction function;
  if (call != nullptr && call->over == nullptr && !call->star && !functions_.is_aggregate(name)) {
    TRY_ASSIGN(auto args, exprs(call->args, scope));
    std::vector<Type> types;
    for (const auto& arg : args) types.push_back(arg->type);
    auto resolved = functions_.resolve(name, types, call->variadic);
    if (resolved.ok() && std::holds_alternative<BoundSet>(resolved->what)) {
      const auto& set = std::get<BoundSet>(resolved->what);
      TRY_ASSIGN(function.args, cast_arguments(std::move(args), *resolved));
      for (std::size_t i = 0; i < set.columns.size(); ++i) {
        const auto& own = set.function->columns[i].name;
        add(set.columns.size() == 1 && (own.empty() || own == name) ? column : own, set.columns[i]);
      }
      function.types = set.columns;
      function.what = set;
      return function;
    }
  }
  TRY_ASSIGN(auto bound, expr(e, scope));
  TRY_ASSIGN(auto value, known(std::move(bound)));
  if (value->type.kind == Kind::kRecord) return unsupported("a function that returns a record, in FROM", e.position);
  function.types = {value->type};
  add(column, value->type);
  function.what = std::move(value);
  return function;
}

SqlResult<FromResult> Binder::function_item(const ast::FunctionTable& item, int position, Scope& scope) {
  if (!item.columns.empty()) return unsupported("a column definition list for a function", position);
  const auto relation = new_relation();
  VisibleTable visible;
  visible.name = item.alias.name.empty() && !item.functions.empty() ? function_name(*item.functions[0]) : item.alias.name;
  lg::FunctionScan scan{relation, visible.name, {}, item.ordinality};
  const Clause around = std::exchange(scope.clause, Clause::kFromFunction);
  for (const auto& one : item.functions) {
    auto made = table_function(*one, item, scope, visible, relation);
    if (!made.ok()) return scope.clause = around, made.error();
    scan.functions.push_back(std::move(made).value());
  }
  scope.clause = around;
  if (item.ordinality)
    visible.columns.push_back(
        {"ordinality", make_column(relation, static_cast<std::uint32_t>(visible.columns.size()), type_of(Kind::kInt8)), 0, 0});
  TRY(rename(visible, item.alias));
  RelationInfo info{visible.name, {}, {}};
  for (const auto& column : visible.columns) info.columns.push_back(column.name);
  infos_[relation] = std::move(info);
  FromResult result;
  result.columns = visible.columns;
  result.tables.push_back(std::move(visible));
  result.node = make_node(std::move(scan));
  return result;
}

namespace {

SqlResult<VisibleColumn*> only_column(std::vector<VisibleColumn>& columns, const std::string& name, std::string_view side) {
  VisibleColumn* found = nullptr;
  for (auto& column : columns) {
    if (column.name != name) continue;
    if (found != nullptr)
      return SqlError(state::kAmbiguousColumn, fmt::format("common column name \"{}\" appears more than once in {} table", name, side));
    found = &column;
  }
  if (found == nullptr)
    return SqlError(state::kUndefinedColumn, fmt::format("column \"{}\" specified in USING clause does not exist in {} table", name, side));
  return found;
}

std::vector<std::string> common_names(const std::vector<VisibleColumn>& left, const std::vector<VisibleColumn>& right) {
  std::vector<std::string> names;
  for (const auto& column : left)
    if (std::ranges::any_of(right, [&](const auto& other) { return other.name == column.name; })) names.push_back(column.name);
  return names;
}

}  // namespace

/// Of USING and NATURAL: the condition, and the columns in sight: the merged ones first.
SqlResult<lg::ExprPtr> Binder::join_columns(const ast::Join& join, FromResult& left, FromResult& right,
                                            std::vector<VisibleColumn>& columns) {
  const auto names = join.natural ? common_names(left.columns, right.columns) : join.using_columns;
  std::vector<Expr> conditions;
  for (const auto& name : names) {
    TRY_ASSIGN(const auto* a, only_column(left.columns, name, "left"));
    TRY_ASSIGN(const auto* b, only_column(right.columns, name, "right"));
    TRY_ASSIGN(auto same, equality(a->value, b->value, 0));
    conditions.push_back(std::move(same));
    std::vector<Expr> both{a->value, b->value};
    Type type;
    TRY(unify(both, "JOIN/USING", type));
    auto merged = join.kind == ast::JoinKind::kFull    ? make_expr(type, lg::Coalesce{both})
                  : join.kind == ast::JoinKind::kRight ? both[1]
                                                       : both[0];
    const auto& origin = join.kind == ast::JoinKind::kRight ? *b : *a;
    columns.push_back({name, std::move(merged), origin.table, origin.attribute});
  }
  for (const auto* side : {&left, &right})
    for (const auto& column : side->columns)
      if (std::ranges::find(names, column.name) == names.end()) columns.push_back(column);
  return conditions.empty() ? Expr() : conjunction(std::move(conditions));
}

SqlResult<FromResult> Binder::join_item(const ast::Join& join, Scope& scope) {
  TRY_ASSIGN(auto left, from_item(*join.left, scope));
  const auto tables = scope.tables.size(), columns = scope.columns.size();
  TRY(add(scope, left));
  auto bound = from_item(*join.right, scope);
  scope.tables.resize(tables);
  scope.columns.resize(columns);
  if (!bound.ok()) return bound.error();
  auto right = std::move(bound).value();

  FromResult result;
  Scope on_scope;
  on_scope.parent = scope.parent;
  on_scope.clause = Clause::kJoin;
  TRY(add(on_scope, left));
  TRY(add(on_scope, right));
  Expr on;
  if (join.natural || !join.using_columns.empty()) {
    TRY_ASSIGN(on, join_columns(join, left, right, result.columns));
  } else {
    result.columns = on_scope.columns;
    if (join.on != nullptr) {
      TRY_ASSIGN(auto condition, expr(*join.on, on_scope));
      TRY_ASSIGN(on, boolean(std::move(condition), "JOIN/ON"));
    }
  }
  result.tables = std::move(on_scope.tables);
  if (!join.using_alias.empty()) {
    VisibleTable merged{join.using_alias, "", {}};
    for (std::size_t i = 0; i < join.using_columns.size(); ++i) merged.columns.push_back(result.columns[i]);
    result.tables.push_back(std::move(merged));
  }
  if (!join.alias.name.empty()) {
    VisibleTable whole{join.alias.name, "", result.columns};
    TRY(rename(whole, join.alias));
    result.columns = whole.columns;
    result.tables = {std::move(whole)};
  }
  if (join.kind == ast::JoinKind::kRight) {
    if (uses(*right.node, relations_of(*left.node)))
      return SqlError(state::kInvalidColumnReference,
                      "invalid reference to FROM-clause entry: the combining JOIN type must be INNER or LEFT for a LATERAL reference");
    result.node = joined(lg::JoinKind::kLeft, std::move(right.node), std::move(left.node), std::move(on));
    return result;
  }
  const auto kind = join.kind == ast::JoinKind::kLeft   ? lg::JoinKind::kLeft
                    : join.kind == ast::JoinKind::kFull ? lg::JoinKind::kFull
                                                        : lg::JoinKind::kInner;
  if (kind == lg::JoinKind::kFull && uses(*right.node, relations_of(*left.node)))
    return SqlError(state::kInvalidColumnReference,
                    "invalid reference to FROM-clause entry: the combining JOIN type must be INNER or LEFT for a LATERAL reference");
  result.node = joined(kind, std::move(left.node), std::move(right.node), std::move(on));
  return result;
}

}  // namespace isobar::sql
