// Queries as wholes: WITH, VALUES, set operations.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {

SqlResult<lg::QueryPtr> Binder::query(const ast::Query& q, Scope* parent, std::span<const Type> wanted) {
  // A query's frames are large: so many fit a thread's usual stack several times over.
  constexpr int kQueriesMost = 150;
  if (++queries_ > kQueriesMost) return SqlError(state::kStatementTooComplex, "stack depth limit exceeded");
  Scope outer;
  outer.parent = parent;
  std::vector<std::uint32_t> defined;
  TRY(with(q.with, outer, defined));
  TRY_ASSIGN(auto made, body(q, outer, wanted));
  --queries_;
  bool unknown = false;
  std::vector<Type> types;
  for (const auto& column : made->columns) {
    unknown = unknown || column.type.kind == Kind::kUnknown;
    types.push_back(column.type.kind == Kind::kUnknown ? type_of(Kind::kText) : column.type);
  }
  if (unknown) {
    TRY_ASSIGN(made, recast(std::move(made), types, CastContext::kImplicit, "SELECT"));
  }
  auto locked = std::make_shared<lg::Query>(*made);
  if (!q.locking.empty()) {
    TRY_ASSIGN(locked->root, this->locked(q, locked->root));
  }
  locked->ctes = std::move(defined);
  return lg::QueryPtr(std::move(locked));
}

SqlResult<lg::QueryPtr> Binder::body(const ast::Query& q, Scope& outer, std::span<const Type> wanted) {
  return std::visit(lg::Overloaded{[&](const ast::SelectCore& core) { return select(q, core, outer, wanted); },
                                   [&](const ast::Values& rows) { return values(q, rows, outer, wanted); },
                                   [&](const ast::SetOperation& set) { return set_operation(q, set, outer); }},
                    q.body);
}

namespace {

/// The tables of FROM that a FOR UPDATE means; those within subqueries are meant with them.
lg::NodePtr with_locks(const lg::NodePtr& node, const std::vector<std::string>& names) {
  const auto again = [&](const lg::NodePtr& input) { return with_locks(input, names); };
  auto copy = std::make_shared<lg::Node>(*node);
  std::visit(lg::Overloaded{
                 [](auto&) {},
                 [&](lg::Scan& n) { n.for_update = n.for_update || names.empty() || std::ranges::find(names, n.alias) != names.end(); },
                 [&](lg::Join& n) { n.left = again(n.left), n.right = again(n.right); }, [&](lg::Filter& n) { n.input = again(n.input); },
                 [&](lg::Project& n) { n.input = again(n.input); }, [&](lg::Sort& n) { n.input = again(n.input); },
                 [&](lg::Limit& n) { n.input = again(n.input); }, [&](lg::ProjectSet& n) { n.input = again(n.input); }},
             copy->node);
  return copy;
}

}  // namespace

void Binder::need_locks(const lg::Node& at) {
  if (const auto* scan = std::get_if<lg::Scan>(&at.node); scan != nullptr && scan->for_update)
    need(scan->table, 'w'), result_.writes = true;
  lg::each_input(at, [&](const lg::Node& input) { need_locks(input); });
}

SqlResult<lg::NodePtr> Binder::locked(const ast::Query& q, lg::NodePtr node) {
  const auto* core = std::get_if<ast::SelectCore>(&q.body);
  static constexpr const char* kWords[] = {"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"};
  for (const auto& locking : q.locking) {
    const char* words = kWords[static_cast<std::size_t>(locking.strength)];
    const auto refuse = [&](std::string_view with) {
      return SqlError(state::kFeatureNotSupported, fmt::format("{} is not allowed with {}", words, with));
    };
    if (core == nullptr) return refuse(std::holds_alternative<ast::Values>(q.body) ? "VALUES" : "UNION/INTERSECT/EXCEPT");
    if (core->distinct) return refuse("DISTINCT clause");
    if (!core->groups.empty()) return refuse("GROUP BY clause");
    if (core->having != nullptr) return refuse("HAVING clause");
    if (locking.skip_locked) return unsupported("SKIP LOCKED");
    bool aggregates = false, windows = false;
    const std::function<void(const lg::Node&)> look = [&](const lg::Node& at) {
      aggregates = aggregates || std::holds_alternative<lg::Aggregate>(at.node);
      windows = windows || std::holds_alternative<lg::Window>(at.node);
      if (!std::holds_alternative<lg::Derived>(at.node)) lg::each_input(at, look);
    };
    look(*node);
    if (aggregates) return refuse("aggregate functions");
    if (windows) return refuse("window functions");
    std::vector<std::string> known;
    const std::function<void(const lg::Node&)> names = [&](const lg::Node& at) {
      if (const auto* scan = std::get_if<lg::Scan>(&at.node)) known.push_back(scan->alias);
      if (const auto* derived = std::get_if<lg::Derived>(&at.node)) known.push_back(derived->alias);
      else lg::each_input(at, names);
    };
    names(*node);
    for (const auto& name : locking.tables)
      if (std::ranges::find(known, name) == known.end())
        return SqlError(state::kUndefinedTable, fmt::format("relation \"{}\" in {} clause not found in FROM clause", name, words));
    node = with_locks(node, locking.tables);
    need_locks(*node);
  }
  return node;
}

/// The rows of VALUES have the type that each column's values have in common. An ORDER BY names columns, or computes from them.
SqlResult<lg::QueryPtr> Binder::values(const ast::Query& q, const ast::Values& written, Scope& outer, std::span<const Type> wanted) {
  Scope scope;
  scope.parent = &outer;
  scope.clause = Clause::kValues;
  lg::Values node{new_relation(), {}, {}};
  for (const auto& row : written.rows) {
    if (row.size() != written.rows[0].size())
      return SqlError(state::kSyntaxError, "VALUES lists must all be the same length").at(row.empty() ? 0 : row[0]->position);
    TRY_ASSIGN(auto bound, exprs(row, scope));
    node.rows.push_back(std::move(bound));
  }
  auto query = std::make_shared<lg::Query>();
  query->output = node.relation;
  infos_[node.relation] = {"*VALUES*", {}, {}};
  for (std::size_t i = 0; i < written.rows[0].size(); ++i) {
    std::vector<Expr> column;
    for (auto& row : node.rows) column.push_back(row[i]);
    Type type;
    bool unknown = i < wanted.size();
    for (const auto& value : column) unknown = unknown && value->type.kind == Kind::kUnknown;
    if (unknown) {
      type = wanted[i];
      for (auto& value : column) {
        TRY_ASSIGN(value, coerce(std::move(value), type, CastContext::kAssignment));
      }
    } else {
      TRY(unify(column, "VALUES", type));
    }
    for (std::size_t row = 0; row < column.size(); ++row) node.rows[row][i] = std::move(column[row]);
    node.types.push_back(type);
    query->columns.push_back({fmt::format("column{}", i + 1), type});
  }
  const auto relation = node.relation;
  auto root = make_node(std::move(node));
  if (q.order.empty()) {
    TRY_ASSIGN(query->root, order_and_limit(q, outer, std::move(root), {}));
    return lg::QueryPtr(std::move(query));
  }
  std::vector<Target> all;
  for (std::size_t i = 0; i < query->columns.size(); ++i) {
    const auto& column = query->columns[i];
    all.push_back({column.name, make_column(relation, static_cast<std::uint32_t>(i), column.type)});
    scope.columns.push_back({column.name, all.back().value, 0, 0});
  }
  scope.clause = Clause::kOrderBy;
  return ordered(q, outer, scope, std::move(root), std::move(all), std::move(query));
}

/// Sorts by targets of the query, and by more that are added to them.
SqlResult<lg::QueryPtr> Binder::ordered(const ast::Query& q, Scope& outer, Scope& scope, lg::NodePtr root, std::vector<Target> all,
                                        std::shared_ptr<lg::Query> query) {
  query->output = new_relation();
  std::vector<lg::SortKey> keys;
  for (const auto& key : q.order) {
    TRY_ASSIGN(const auto place, target_for(*key.value, all, scope));
    TRY_ASSIGN(auto made, sort_key(key, make_column(query->output, static_cast<std::uint32_t>(place), all[place].value->type)));
    keys.push_back(std::move(made));
  }
  lg::Project project{query->output, std::move(root), {}};
  for (auto& target : all) project.values.push_back(std::move(target.value));
  root = make_node(std::move(project));
  root = make_node(lg::Sort{std::move(root), keys});
  TRY_ASSIGN(query->root, order_and_limit(q, outer, std::move(root), std::move(keys)));
  return lg::QueryPtr(std::move(query));
}

namespace {
std::string_view word_of(lg::SetOp op) {
  static constexpr std::string_view kWords[] = {"UNION", "INTERSECT", "EXCEPT"};
  return kWords[static_cast<std::size_t>(op)];
}
}  // namespace

/// The query with its columns in other types. Literals that have none yet are given theirs where they stand.
SqlResult<lg::QueryPtr> Binder::recast(lg::QueryPtr query, std::span<const Type> types, CastContext context, std::string_view what) {
  bool same = true;
  for (std::size_t i = 0; i < types.size(); ++i)
    same = same && query->columns[i].type == types[i] && query->columns[i].type.modifier == types[i].modifier;
  if (same) return query;
  auto made = std::make_shared<lg::Query>(*query);
  const auto cast = [&](Expr value, std::size_t i) -> SqlResult<Expr> {
    const Type from = value->type;
    const int position = value->position;
    TRY_ASSIGN(auto done, try_coerce(std::move(value), types[i], context));
    if (done) return std::move(*done);
    return SqlError(state::kCannotCoerce, fmt::format("{} could not convert type {} to {}", what, format_type(from), format_type(types[i])))
        .at(position);
  };
  lg::Project project;
  const auto* below = std::get_if<lg::Project>(&query->root->node);
  if (below != nullptr && below->relation == query->output) {
    project = *below;
    for (std::size_t i = 0; i < types.size(); ++i) {
      TRY_ASSIGN(project.values[i], cast(std::move(project.values[i]), i));
    }
  } else {
    project.input = query->root;
    for (std::size_t i = 0; i < types.size(); ++i) {
      // A literal below a sort or DISTINCT is a text by now.
      const Type from = query->columns[i].type.kind == Kind::kUnknown ? type_of(Kind::kText) : query->columns[i].type;
      TRY_ASSIGN(auto value, cast(make_column(query->output, static_cast<std::uint32_t>(i), from), i));
      project.values.push_back(std::move(value));
    }
  }
  project.relation = made->output = new_relation();
  for (std::size_t i = 0; i < types.size(); ++i) made->columns[i].type = types[i];
  made->root = make_node(std::move(project));
  return lg::QueryPtr(std::move(made));
}

SqlResult<lg::QueryPtr> Binder::combine(lg::SetOp op, bool all, lg::QueryPtr left, lg::QueryPtr right) {
  const auto word = word_of(op);
  if (left->columns.size() != right->columns.size())
    return SqlError(state::kSyntaxError, fmt::format("each {} query must have the same number of columns", word));
  auto query = std::make_shared<lg::Query>();
  lg::SetOperation set{new_relation(), op, all, nullptr, nullptr, {}};
  RelationInfo info;
  for (std::size_t i = 0; i < left->columns.size(); ++i) {
    const std::vector<Type> both{left->columns[i].type, right->columns[i].type};
    TRY_ASSIGN(auto type, functions_.common_type(both, word));
    type.modifier = both[0] == both[1] && both[0].modifier == both[1].modifier ? both[0].modifier : -1;
    if (!all || op != lg::SetOp::kUnion) {
      if (auto status = FunctionSet::require_equality(type); !status.ok()) return status.error();
    }
    set.types.push_back(type);
    query->columns.push_back({left->columns[i].name, type});
    info.columns.push_back(left->columns[i].name);
  }
  TRY_ASSIGN(set.left, recast(std::move(left), set.types, CastContext::kImplicit, word));
  TRY_ASSIGN(set.right, recast(std::move(right), set.types, CastContext::kImplicit, word));
  infos_[set.relation] = std::move(info);
  query->output = set.relation;
  query->root = make_node(std::move(set));
  return lg::QueryPtr(std::move(query));
}

/// A side of a set operation: its literals stay without a type until both sides are known.
SqlResult<lg::QueryPtr> Binder::side(const ast::Query& q, Scope& outer) {
  const bool plain = q.with.ctes.empty() && q.locking.empty() && q.order.empty() && q.limit == nullptr && q.offset == nullptr;
  if (!plain || !std::holds_alternative<ast::SelectCore>(q.body) || std::get<ast::SelectCore>(q.body).distinct) return query(q, &outer);
  return body(q, outer, {});
}

SqlResult<lg::QueryPtr> Binder::set_operation(const ast::Query& q, const ast::SetOperation& set, Scope& outer) {
  if (++depth_ > 1000) return SqlError(state::kStatementTooComplex, "stack depth limit exceeded");
  TRY_ASSIGN(auto left, side(*set.left, outer));
  TRY_ASSIGN(auto right, side(*set.right, outer));
  --depth_;
  TRY_ASSIGN(auto made, combine(static_cast<lg::SetOp>(set.op), set.all, std::move(left), std::move(right)));
  return sorted_set(q, outer, std::move(made));
}

SqlResult<lg::QueryPtr> Binder::sorted_set(const ast::Query& q, Scope& outer, lg::QueryPtr made) {
  if (q.order.empty() && q.limit == nullptr && q.offset == nullptr) return made;
  auto query = std::make_shared<lg::Query>(*made);
  std::vector<Target> all;
  for (std::size_t i = 0; i < made->columns.size(); ++i)
    all.push_back({made->columns[i].name, make_column(made->output, static_cast<std::uint32_t>(i), made->columns[i].type)});
  Scope scope;
  scope.clause = Clause::kOrderBy;
  std::vector<lg::SortKey> keys;
  for (const auto& key : q.order) {
    TRY_ASSIGN(const auto meant, target_meant(*key.value, all, scope));
    if (!meant) {
      const auto* ref = std::get_if<ast::ColumnRef>(&key.value->node);
      if (ref != nullptr && ref->names.size() == 1)
        return SqlError(state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", ref->names[0])).at(key.value->position);
      return SqlError(state::kFeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
          .with_detail("Only result column names can be used, not expressions or functions.")
          .with_hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
          .at(key.value->position);
    }
    TRY_ASSIGN(auto one, sort_key(key, all[*meant].value));
    keys.push_back(std::move(one));
  }
  auto node = made->root;
  if (!keys.empty()) node = make_node(lg::Sort{std::move(node), keys});
  TRY_ASSIGN(query->root, order_and_limit(q, outer, std::move(node), std::move(keys)));
  return lg::QueryPtr(std::move(query));
}

SqlStatus Binder::with(const ast::With& w, Scope& scope, std::vector<std::uint32_t>& defined) {
  for (const auto& cte : w.ctes) {
    for (const auto& other : scope.ctes)
      if (other.name == cte.name)
        return SqlError(state::kDuplicateAlias, fmt::format("WITH query name \"{}\" specified more than once", cte.name)).at(cte.position);
    TRY(this->cte(cte, w.recursive, scope, defined));
  }
  return {};
}

namespace {
SqlStatus name_columns(CteBinding& binding, const std::vector<lg::OutputColumn>& columns, const ast::Cte& c) {
  if (c.columns.size() > columns.size())
    return SqlError(state::kInvalidColumnReference, fmt::format("WITH query \"{}\" has {} columns available but {} columns specified",
                                                                c.name, columns.size(), c.columns.size()))
        .at(c.position);
  binding.name = c.name;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    binding.columns.push_back(i < c.columns.size() ? c.columns[i] : columns[i].name);
    binding.types.push_back(columns[i].type);
  }
  return {};
}
}  // namespace

SqlStatus Binder::cte(const ast::Cte& c, bool recursive, Scope& scope, std::vector<std::uint32_t>& defined) {
  lg::Cte cte;
  cte.name = c.name;
  cte.materialized = c.materialized;
  CteBinding binding;
  if (const auto* q = std::get_if<ast::QueryPtr>(&c.statement)) {
    const auto* set = std::get_if<ast::SetOperation>(&(*q)->body);
    if (recursive && set != nullptr && set->op == ast::SetOp::kUnion) return recursive_cte(c, **q, scope, defined);
    TRY_ASSIGN(auto bound, query(**q, &scope));
    TRY(name_columns(binding, bound->columns, c));
    cte.query = std::move(bound);
  } else {
    if (scope.parent != nullptr)
      return SqlError(state::kFeatureNotSupported, "WITH clause containing a data-modifying statement must be at the top level")
          .at(c.position);
    const auto bound =
        std::visit(lg::Overloaded{[&](const std::unique_ptr<ast::Insert>& s) { return insert(*s, &scope); },
                                  [&](const std::unique_ptr<ast::Update>& s) { return update(*s, &scope); },
                                  [&](const std::unique_ptr<ast::Delete>& s) { return erase(*s, &scope); },
                                  [&](const ast::QueryPtr&) -> SqlResult<lg::ModifyPtr> { return unsupported("this WITH query"); }},
                   c.statement);
    if (!bound.ok()) return bound.error();
    TRY(name_columns(binding, (*bound)->columns, c));
    cte.query = *bound;
  }
  cte.types = binding.types;
  binding.cte = static_cast<std::uint32_t>(result_.ctes.size());
  defined.push_back(binding.cte);
  result_.ctes.push_back(std::move(cte));
  scope.ctes.push_back(std::move(binding));
  return {};
}

/// The part of the UNION that does not name the CTE comes first and settles its columns; the other one sees what the last round made.
SqlStatus Binder::recursive_cte(const ast::Cte& c, const ast::Query& q, Scope& scope, std::vector<std::uint32_t>& defined) {
  const auto& set = std::get<ast::SetOperation>(q.body);
  Scope outer;
  outer.parent = &scope;
  TRY(with(q.with, outer, defined));
  TRY_ASSIGN(auto first, query(*set.left, &outer));
  CteBinding binding;
  TRY(name_columns(binding, first->columns, c));
  binding.cte = static_cast<std::uint32_t>(result_.ctes.size());
  binding.working = true;
  {
    lg::Cte placeholder;
    placeholder.name = c.name;
    placeholder.types = binding.types;
    result_.ctes.push_back(std::move(placeholder));
  }
  outer.ctes.push_back(binding);
  TRY_ASSIGN(auto step, query(*set.right, &outer));
  const bool recursive = result_.ctes[binding.cte].references > 0;
  auto& cte = result_.ctes[binding.cte];
  cte.materialized = c.materialized;
  cte.references = 0;
  if (recursive) {
    if (!q.order.empty()) return SqlError(state::kFeatureNotSupported, "ORDER BY in a recursive query is not implemented").at(q.position);
    if (q.limit != nullptr) return SqlError(state::kFeatureNotSupported, "LIMIT in a recursive query is not implemented").at(q.position);
    if (q.offset != nullptr) return SqlError(state::kFeatureNotSupported, "OFFSET in a recursive query is not implemented").at(q.position);
    if (step->columns.size() != first->columns.size())
      return SqlError(state::kSyntaxError, "each UNION query must have the same number of columns");
    for (std::size_t i = 0; i < step->columns.size(); ++i) {
      TRY_ASSIGN(const auto type, functions_.common_type(std::vector<Type>{first->columns[i].type, step->columns[i].type}, "UNION"));
      if (!(type == first->columns[i].type))
        return SqlError(state::kDatatypeMismatch,
                        fmt::format("recursive query \"{}\" column {} has type {} in non-recursive term but type {} overall", c.name, i + 1,
                                    format_type(first->columns[i].type), format_type(type)))
            .with_hint("Cast the output of the non-recursive term to the correct type.");
    }
    TRY_ASSIGN(auto cast, recast(std::move(step), binding.types, CastContext::kImplicit, "UNION"));
    bool aggregates = false;
    const std::function<void(const lg::Node&)> look = [&](const lg::Node& at) {
      if (std::holds_alternative<lg::Aggregate>(at.node)) aggregates = aggregates || scans(at, binding.cte);
      lg::each_input(at, look);
    };
    look(*cast->root);
    if (aggregates) return SqlError(state::kInvalidRecursion, "aggregate functions are not allowed in a recursive query's recursive term");
    auto& made = result_.ctes[binding.cte];
    made.query = std::move(first), made.step = std::move(cast), made.all = set.all;
  } else {
    TRY_ASSIGN(auto both, combine(lg::SetOp::kUnion, set.all, std::move(first), std::move(step)));
    TRY_ASSIGN(auto sorted, sorted_set(q, outer, std::move(both)));
    binding.types.clear();
    for (const auto& column : sorted->columns) binding.types.push_back(column.type);
    auto& made = result_.ctes[binding.cte];
    made.types = binding.types;
    made.query = std::move(sorted);
  }
  binding.working = false;
  defined.push_back(binding.cte);
  scope.ctes.push_back(std::move(binding));
  return {};
}

bool Binder::scans(const lg::Node& node, std::uint32_t cte) {
  if (const auto* scan = std::get_if<lg::CteScan>(&node.node)) return scan->cte == cte && scan->working;
  bool found = false;
  lg::each_input(node, [&](const lg::Node& input) { found = found || scans(input, cte); });
  return found;
}

}  // namespace isobar::sql
