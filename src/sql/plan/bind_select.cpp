// SELECT: its targets, and the relations one above the other, in the order in which SQL has them happen.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {
namespace {

/// A name and how strongly it is meant: 2: it is the thing's own; 1: for want of a better one; 0: there is none.
struct Name {
  std::string text = "?column?";
  int strength = 0;
};
Name name_of(const ast::Expr& e);

struct NameOf {
  Name operator()(const ast::ColumnRef& n) const { return n.names.empty() ? Name() : Name{n.names.back(), 2}; }
  Name operator()(const ast::Call& n) const { return {n.name.last(), 2}; }
  Name operator()(const ast::ValueFunction& n) const { return {n.name, 2}; }
  Name operator()(const ast::Cast& n) const {
    auto inner = name_of(*n.arg);
    return inner.strength < 2 && !n.type.name.parts.empty() ? Name{n.type.name.last(), 1} : inner;
  }
  Name operator()(const ast::Collate& n) const { return name_of(*n.arg); }
  Name operator()(const ast::Case& n) const {
    auto inner = n.otherwise == nullptr ? Name() : name_of(*n.otherwise);
    return inner.strength < 2 ? Name{"case", 1} : inner;
  }
  Name operator()(const ast::Coalesce&) const { return {"coalesce", 2}; }
  Name operator()(const ast::Extreme& n) const { return {n.greatest ? "greatest" : "least", 2}; }
  Name operator()(const ast::NullIf&) const { return {"nullif", 2}; }
  Name operator()(const ast::ArrayOf&) const { return {"array", 2}; }
  Name operator()(const ast::RowOf&) const { return {"row", 2}; }
  Name operator()(const ast::Grouping&) const { return {"grouping", 2}; }
  Name operator()(const ast::Indirection& n) const {
    for (auto step = n.steps.rbegin(); step != n.steps.rend(); ++step)
      if (const auto* field = std::get_if<ast::FieldOf>(&*step)) return {field->name, 2};
    return name_of(*n.arg);
  }
  Name operator()(const ast::Subquery& n) const {
    if (n.what == ast::Subquery::What::kExists) return {"exists", 2};
    if (n.what == ast::Subquery::What::kArray) return {"array", 2};
    if (n.what != ast::Subquery::What::kScalar) return {};
    const auto* query = n.query.get();
    while (const auto* set = std::get_if<ast::SetOperation>(&query->body)) query = set->left.get();
    const auto* core = std::get_if<ast::SelectCore>(&query->body);
    if (core == nullptr) return {"column1", 2};
    if (core->targets.empty()) return {};
    const auto& target = core->targets[0];
    return {target.name.empty() ? name_of(*target.value).text : target.name, 2};
  }
  template <class Other>
  Name operator()(const Other&) const {
    return {};
  }
};

Name name_of(const ast::Expr& e) { return std::visit(NameOf{}, e.node); }

/// The name that PostgreSQL gives a column without AS.
std::string name_for(const ast::Expr& e) { return name_of(e).text; }

}  // namespace

SqlStatus Binder::star(const ast::ColumnRef& ref, int position, Scope& scope, std::vector<Target>& into) {
  const auto add = [&](const std::vector<VisibleColumn>& columns) {
    for (const auto& column : columns) {
      auto value = std::make_shared<lg::Expr>(*column.value);
      value->position = position;
      into.push_back({column.name, std::move(value), column.table, column.attribute});
    }
  };
  if (ref.names.empty()) {
    if (scope.tables.empty()) return SqlError(state::kSyntaxError, "SELECT * with no tables specified is not valid").at(position);
    add(scope.columns);
    return {};
  }
  for (const Scope* at = &scope; at != nullptr; at = at->parent)
    for (const auto& table : at->tables) {
      if (table.name != ref.names.back() || (ref.names.size() > 1 && table.schema != ref.names[ref.names.size() - 2])) continue;
      add(table.columns);
      return {};
    }
  return missing_table(ref.names.back(), scope, position);
}

SqlResult<std::vector<Binder::Target>> Binder::targets(const std::vector<ast::Target>& list, Scope& scope, std::span<const Type> wanted) {
  std::vector<Target> all;
  for (const auto& target : list) {
    const auto* ref = std::get_if<ast::ColumnRef>(&target.value->node);
    if (ref != nullptr && ref->star) {
      TRY(star(*ref, target.value->position, scope, all));
      continue;
    }
    Target made{target.name.empty() ? name_for(*target.value) : target.name, nullptr};
    if (ref != nullptr) {
      TRY_ASSIGN(const auto column, find_column(*ref, target.value->position, scope));
      if (column) made.table = column->table, made.attribute = column->attribute;
    }
    TRY_ASSIGN(made.value, expr(*target.value, scope));
    if (made.value->type.kind == Kind::kRecord) {
      TRY_ASSIGN(made.value, known(std::move(made.value)));
    }
    if (made.value->type.kind == Kind::kUnknown && all.size() < wanted.size() && wanted[all.size()].kind != Kind::kUnknown) {
      TRY_ASSIGN(made.value, coerce(std::move(made.value), wanted[all.size()], CastContext::kAssignment));
    }
    all.push_back(std::move(made));
  }
  return all;
}

SqlResult<std::optional<std::size_t>> Binder::target_meant(const ast::Expr& e, const std::vector<Target>& targets, Scope& scope) {
  const char* clause = name_of(scope.clause);
  if (const auto* constant = std::get_if<ast::Constant>(&e.node)) {
    const auto* number = std::get_if<std::int32_t>(&constant->value);
    if (number == nullptr) {
      if (std::holds_alternative<ast::Null>(constant->value) || std::holds_alternative<bool>(constant->value))
        return std::optional<std::size_t>();
      return SqlError(state::kSyntaxError, fmt::format("non-integer constant in {}", clause)).at(e.position);
    }
    if (*number < 1 || static_cast<std::size_t>(*number) > targets.size())
      return SqlError(state::kInvalidColumnReference, fmt::format("{} position {} is not in select list", clause, *number)).at(e.position);
    return std::optional(static_cast<std::size_t>(*number - 1));
  }
  const auto* ref = std::get_if<ast::ColumnRef>(&e.node);
  if (ref == nullptr || ref->star || ref->names.size() != 1) return std::optional<std::size_t>();
  // GROUP BY means a column of FROM first, ORDER BY and DISTINCT ON one of the targets.
  if (scope.clause == Clause::kGroupBy &&
      std::ranges::any_of(scope.columns, [&](const VisibleColumn& column) { return column.name == ref->names[0]; }))
    return std::optional<std::size_t>();
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].name != ref->names[0]) continue;
    if (found && !lg::equal(*targets[*found].value, *targets[i].value))
      return SqlError(state::kAmbiguousColumn, fmt::format("{} \"{}\" is ambiguous", clause, ref->names[0])).at(e.position);
    if (!found) found = i;
  }
  return found;
}

/// The place of a target that is `e`; one more is made where there is none.
SqlResult<std::size_t> Binder::target_for(const ast::Expr& e, std::vector<Target>& targets, Scope& scope) {
  TRY_ASSIGN(const auto meant, target_meant(e, targets, scope));
  if (meant) {
    TRY_ASSIGN(targets[*meant].value, known(targets[*meant].value));
    return *meant;
  }
  TRY_ASSIGN(auto bound, expr(e, scope));
  TRY_ASSIGN(auto value, known(std::move(bound)));
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (lg::equal(*targets[i].value, *value)) return i;
  targets.push_back({"", std::move(value)});
  return targets.size() - 1;
}

namespace {

lg::NodePtr with_sets(SelectState& state, lg::NodePtr node) {
  if (state.sets.empty()) return node;
  return make_node(lg::ProjectSet{state.set_relation, std::move(node), state.sets});
}

}  // namespace

SqlResult<lg::QueryPtr> Binder::select(const ast::Query& q, const ast::SelectCore& core, Scope& outer, std::span<const Type> wanted) {
  SelectState state;
  state.group_relation = new_relation(), state.calls_relation = new_relation(), state.set_relation = new_relation();
  state.grouped = !core.groups.empty() || core.having != nullptr;
  for (const auto& window : core.windows) state.named_windows.push_back(&window);
  Scope scope;
  scope.parent = &outer;
  scope.select = &state;
  TRY_ASSIGN(auto from, from_list(core.from, scope));
  auto node = std::move(from.node);
  const auto condition = [&](const ast::ExprPtr& written, Clause clause) -> SqlResult<Expr> {
    scope.clause = clause;
    TRY_ASSIGN(auto bound, expr(*written, scope));
    return boolean(std::move(bound), name_of(clause));
  };
  scope.clause = Clause::kTargets;
  TRY_ASSIGN(auto all, targets(core.targets, scope, wanted));
  const std::size_t visible = all.size();
  if (core.where != nullptr) {
    TRY_ASSIGN(auto where, condition(core.where, Clause::kWhere));
    node = make_node(lg::Filter{std::move(node), std::move(where)});
  }
  Expr having;
  if (core.having != nullptr) {
    TRY_ASSIGN(having, condition(core.having, Clause::kHaving));
  }
  const auto output = new_relation();
  scope.clause = Clause::kOrderBy;
  std::vector<std::pair<std::size_t, const ast::SortKey*>> order;
  for (const auto& key : q.order) {
    TRY_ASSIGN(const auto place, target_for(*key.value, all, scope));
    order.emplace_back(place, &key);
  }
  if (core.distinct && core.distinct_on.empty() && all.size() > visible)
    return SqlError(state::kInvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
        .at(q.order.back().value->position);
  scope.clause = Clause::kDistinctOn;
  std::vector<std::size_t> distinct_on;
  for (const auto& key : core.distinct_on) {
    TRY_ASSIGN(const auto place, target_for(*key, all, scope));
    if (std::ranges::find(distinct_on, place) == distinct_on.end()) distinct_on.push_back(place);
  }
  for (std::size_t i = 0; i < order.size() && i < distinct_on.size(); ++i)
    if (std::ranges::find(distinct_on, order[i].first) == distinct_on.end())
      return SqlError(state::kInvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
          .at(core.distinct_on[0]->position);
  lg::Aggregate aggregate{state.group_relation, state.calls_relation, nullptr, {}, {}, {}};
  scope.clause = Clause::kGroupBy;
  TRY(groups(core, all, scope, aggregate));
  if (state.grouped) {
    TRY(regroup(all, having, scope, aggregate));
    aggregate.input = std::move(node);
    aggregate.calls = state.calls;
    node = make_node(std::move(aggregate));
    if (having != nullptr) node = make_node(lg::Filter{std::move(node), std::move(having)});
  }
  for (auto& group : state.windows) {
    group.window.input = std::move(node);
    node = make_node(std::move(group.window));
  }
  node = with_sets(state, std::move(node));
  auto query = std::make_shared<lg::Query>();
  query->output = output;
  lg::Project project{output, std::move(node), {}};
  for (auto& target : all) project.values.push_back(target.value);
  for (std::size_t i = 0; i < visible; ++i) query->columns.push_back({all[i].name, all[i].value->type, all[i].table, all[i].attribute});
  node = make_node(std::move(project));
  const auto column = [&](std::size_t place) { return make_column(output, static_cast<std::uint32_t>(place), all[place].value->type); };
  std::vector<lg::SortKey> keys;
  for (const auto& [place, key] : order) {
    TRY_ASSIGN(auto made, sort_key(*key, column(place)));
    keys.push_back(std::move(made));
  }
  if (core.distinct && core.distinct_on.empty()) {
    lg::DistinctOn distinct{std::move(node), {}};
    for (std::size_t i = 0; i < visible; ++i) {
      if (auto status = FunctionSet::require_equality(all[i].value->type); !status.ok())
        return SqlError(status.error()).at(all[i].value->position);
      distinct.keys.push_back(column(i));
    }
    node = make_node(std::move(distinct));
  }
  if (!keys.empty()) node = make_node(lg::Sort{std::move(node), keys});
  if (!distinct_on.empty()) {
    lg::DistinctOn distinct{std::move(node), {}};
    for (const auto place : distinct_on) distinct.keys.push_back(column(place));
    node = make_node(std::move(distinct));
  }
  TRY_ASSIGN(query->root, order_and_limit(q, outer, std::move(node), std::move(keys)));
  return lg::QueryPtr(std::move(query));
}

/// LIMIT and OFFSET; the rows are sorted already, by `keys`.
SqlResult<lg::NodePtr> Binder::order_and_limit(const ast::Query& q, Scope& scope, lg::NodePtr node, std::vector<lg::SortKey> keys) {
  if (q.limit == nullptr && q.offset == nullptr) return node;
  if (q.with_ties && keys.empty()) return SqlError(state::kSyntaxError, "WITH TIES cannot be specified without ORDER BY clause");
  lg::Limit limit{std::move(node), nullptr, nullptr, {}};
  Scope inner;
  inner.parent = scope.parent;
  inner.clause = Clause::kLimit;
  const auto number = [&](const ast::ExprPtr& from, std::string_view what, Expr& into) -> SqlStatus {
    if (from == nullptr) return {};
    if (const auto* ref = std::get_if<ast::ColumnRef>(&from->node); ref != nullptr && !ref->names.empty())
      return SqlError(state::kInvalidColumnReference, fmt::format("argument of {} must not contain variables", what)).at(from->position);
    TRY_ASSIGN(auto bound, expr(*from, inner));
    TRY_ASSIGN(into, integer_limit(std::move(bound), what));
    return {};
  };
  TRY(number(q.limit, "LIMIT", limit.limit));
  TRY(number(q.offset, "OFFSET", limit.offset));
  if (limit.limit != nullptr && is_null_constant(limit.limit)) limit.limit = nullptr;
  if (q.with_ties) limit.with_ties = std::move(keys);
  return make_node(std::move(limit));
}

}  // namespace isobar::sql
