// Calls: functions, aggregates, functions that return sets, sequences.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {

SqlResult<lg::ExprPtr> Binder::call_named(std::string_view name, std::vector<Expr> args, int position) {
  std::vector<Type> types;
  for (const auto& arg : args) types.push_back(arg->type);
  auto resolved = functions_.resolve(name, types);
  if (!resolved.ok()) return SqlError(resolved.error()).at(position);
  TRY_ASSIGN(args, cast_arguments(std::move(args), *resolved));
  const auto* function = std::get_if<BoundFunction>(&resolved->what);
  if (function == nullptr) return SqlError(state::kWrongObjectType, fmt::format("{} is not a scalar function", name)).at(position);
  return folded(make_expr(function->result, lg::Call{*function, std::move(args)}, position));
}

namespace {

/// The name of a sequence as it was written: 'schema.name', quoted parts and all.
std::optional<std::vector<std::string>> sequence_name(std::string_view text) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') parts.back() += c, ++i;
    else if (c == '"') quoted = !quoted;
    else if (c == '.' && !quoted) parts.emplace_back();
    else parts.back() += !quoted && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  if (quoted || parts.size() > 2 || parts.back().empty()) return std::nullopt;
  return parts;
}

/// The argument without ::regclass: its name is looked up here.
const ast::Expr& without_regclass(const ast::Expr& e) {
  const auto* cast = std::get_if<ast::Cast>(&e.node);
  const bool regclass = cast != nullptr && cast->type.name.last() == "regclass" && cast->type.dimensions == 0;
  return regclass ? without_regclass(*cast->arg) : e;
}

}  // namespace

/// nextval and its like need the storage, so they are no functions of the set.
SqlResult<std::optional<lg::ExprPtr>> Binder::sequence_call(const ast::Call& n, int position, Scope& scope) {
  using What = lg::SequenceCall::What;
  struct Known {
    std::string_view name;
    What what;
    std::size_t least, most;
  };
  static constexpr Known kKnown[] = {
      {"nextval", What::kNext, 1, 1}, {"currval", What::kCurrent, 1, 1}, {"setval", What::kSet, 2, 3}, {"lastval", What::kLast, 0, 0}};
  const bool catalog = n.name.qualifier().empty() || n.name.qualifier() == "pg_catalog";
  for (const auto& known : kKnown) {
    if (!catalog || n.name.last() != known.name || n.args.size() < known.least || n.args.size() > known.most) continue;
    lg::SequenceCall call{known.what, std::nullopt, {}};
    result_.writes = result_.writes || known.what == What::kNext || known.what == What::kSet;
    if (known.most > 0) {
      TRY_ASSIGN(auto bound, expr(without_regclass(*n.args[0]), scope));
      TRY_ASSIGN(auto typed, known_text(std::move(bound)));
      TRY_ASSIGN(const auto name, evaluated(typed));
      if (is_null_constant(name)) return std::optional(make_constant(type_of(Kind::kInt8), Value(), position));
      if (!is_constant(name)) return unsupported("a sequence whose name is not a constant", position);
      TRY_ASSIGN(call.sequence, sequence_of(std::get<lg::Constant>(name->node).value.text(), position));
    }
    for (std::size_t i = 1; i < n.args.size(); ++i) {
      TRY_ASSIGN(auto arg, expr(*n.args[i], scope));
      TRY_ASSIGN(auto typed, coerce(std::move(arg), type_of(i == 1 ? Kind::kInt8 : Kind::kBool), CastContext::kImplicit));
      call.args.push_back(std::move(typed));
    }
    return std::optional(make_expr(type_of(Kind::kInt8), std::move(call), position));
  }
  return std::optional<Expr>();
}

SqlResult<lg::ExprPtr> Binder::known_text(Expr expr) {
  if (expr->type.kind == Kind::kText) return expr;
  return coerce(std::move(expr), type_of(Kind::kText), CastContext::kExplicit);
}

SqlResult<Sequence> Binder::sequence_of(const std::string& text, int position) {
  const auto parts = sequence_name(text);
  if (!parts) return SqlError(state::kInvalidName, "invalid name syntax").at(position);
  const std::string schema = parts->size() == 2 ? parts->front() : "";
  TRY_ASSIGN(const auto sequence, catalog_.find_sequence(schema, parts->back()));
  if (sequence) return *sequence;
  TRY_ASSIGN(const auto table, catalog_.find_table(schema, parts->back()));
  if (table != nullptr) return SqlError(state::kWrongObjectType, fmt::format("\"{}\" is not a sequence", parts->back())).at(position);
  return SqlError(state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", fmt::join(*parts, "."))).at(position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Call& n, int position, Scope& scope) {
  const auto& name = n.name.last();
  TRY_ASSIGN(auto sequence, sequence_call(n, position, scope));
  if (sequence) return std::move(*sequence);
  if (n.over != nullptr) return window_call(n, position, scope);
  if (n.star && !functions_.is_aggregate(name)) {
    if (auto plain = functions_.resolve(name, {}); !plain.ok()) return SqlError(plain.error()).at(position);
    return SqlError(state::kWrongObjectType, fmt::format("{0}(*) specified, but {0} is not an aggregate function", name)).at(position);
  }
  if (n.star || functions_.is_aggregate(name)) return aggregate(n, position, scope);
  if (n.distinct)
    return SqlError(state::kWrongObjectType, fmt::format("DISTINCT specified, but {} is not an aggregate function", name)).at(position);
  if (n.filter != nullptr)
    return SqlError(state::kWrongObjectType, fmt::format("FILTER specified, but {} is not an aggregate function", name)).at(position);
  if (n.within_group)
    return SqlError(state::kWrongObjectType, fmt::format("WITHIN GROUP specified, but {} is not an aggregate function", name)).at(position);
  if (!n.order.empty())
    return SqlError(state::kWrongObjectType, fmt::format("ORDER BY specified, but {} is not an aggregate function", name)).at(position);
  TRY_ASSIGN(auto args, exprs(n.args, scope));
  if (name == "pg_typeof" && args.size() == 1)
    return coerce(make_constant({}, Value(format_type({args[0]->type.kind, args[0]->type.element})), position), type_of(Kind::kRegtype),
                  CastContext::kExplicit);
  std::vector<Type> types;
  for (const auto& arg : args) types.push_back(arg->type);
  auto resolved = functions_.resolve(name, types, n.variadic);
  if (!resolved.ok()) return SqlError(resolved.error()).at(position);
  TRY_ASSIGN(args, cast_arguments(std::move(args), *resolved));
  if (const auto* function = std::get_if<BoundFunction>(&resolved->what)) {
    // A type's name that is used as a function is a cast.
    if (function->function == nullptr) return args[0];
    return folded(make_expr(function->result, lg::Call{*function, std::move(args)}, position));
  }
  if (const auto* set = std::get_if<BoundSet>(&resolved->what)) return set_call(*set, std::move(args), position, scope);
  return SqlError(state::kWrongObjectType, fmt::format("window function {} requires an OVER clause", name)).at(position);
}

SqlResult<lg::ExprPtr> Binder::set_call(const BoundSet& set, std::vector<Expr> args, int position, Scope& scope) {
  if (scope.clause == Clause::kAggregate)
    return SqlError(state::kFeatureNotSupported, "aggregate function calls cannot contain set-returning function calls").at(position);
  if (scope.select == nullptr || (scope.clause != Clause::kTargets && scope.clause != Clause::kOrderBy &&
                                  scope.clause != Clause::kGroupBy && scope.clause != Clause::kDistinctOn))
    return SqlError(state::kFeatureNotSupported, fmt::format("set-returning functions are not allowed in {}", name_of(scope.clause)))
        .at(position);
  for (const auto& arg : args) {
    bool nested = false;
    lg::each_part(*arg, [&](const lg::Expr& part) {
      const auto* column = std::get_if<lg::Column>(&part.node);
      nested = nested || (column != nullptr && column->id.relation == scope.select->set_relation);
    });
    if (nested) return unsupported("a set-returning function within another one", position);
  }
  auto& sets = scope.select->sets;
  const Type type = set.columns.size() == 1 ? set.columns[0] : type_of(Kind::kRecord);
  sets.push_back({set, std::move(args), set.columns, false});
  return make_column(scope.select->set_relation, static_cast<std::uint32_t>(sets.size() - 1), type, position);
}

SqlResult<lg::AggregateCall> Binder::aggregate_call(const ast::Call& n, int position, Scope& scope) {
  const auto& name = n.name.last();
  lg::AggregateCall call;
  call.distinct = n.distinct;
  TRY_ASSIGN(auto args, exprs(n.args, scope));
  if (n.within_group)
    for (const auto& key : n.order) {
      TRY_ASSIGN(auto bound, expr(*key.value, scope));
      args.push_back(std::move(bound));
    }
  std::vector<Type> types;
  for (const auto& arg : args) types.push_back(arg->type);
  auto resolved = n.star ? functions_.resolve_star(name) : functions_.resolve(name, types, n.variadic);
  if (!resolved.ok()) return SqlError(resolved.error()).at(position);
  const auto* bound = std::get_if<BoundAggregate>(&resolved->what);
  if (bound == nullptr)
    return SqlError(state::kWrongObjectType, fmt::format("{}(*) specified, but {} is not an aggregate function", name, name)).at(position);
  if (bound->aggregate->ordered_set != n.within_group)
    return SqlError(state::kWrongObjectType, bound->aggregate->ordered_set
                                                 ? fmt::format("WITHIN GROUP is required for ordered-set aggregate {}", name)
                                                 : fmt::format("{} is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name))
        .at(position);
  TRY_ASSIGN(args, cast_arguments(std::move(args), *resolved));
  for (auto& arg : args) {
    TRY_ASSIGN(arg, known(std::move(arg)));
  }
  call.function = *bound;
  const auto direct = static_cast<std::ptrdiff_t>(bound->aggregate->direct);
  call.direct.assign(args.begin(), args.begin() + direct);
  call.args.assign(args.begin() + direct, args.end());
  if (n.within_group) {
    for (std::size_t i = 0; i < n.order.size(); ++i) {
      TRY_ASSIGN(auto key, sort_key(n.order[i], call.args[i]));
      call.order.push_back(std::move(key));
    }
  } else {
    TRY_ASSIGN(call.order, sort_keys(n.order, scope));
  }
  if (n.distinct) {
    if (call.args.empty()) return SqlError(state::kInvalidObjectDefinition, "DISTINCT is not allowed here").at(position);
    for (const auto& arg : call.args) {
      if (auto status = FunctionSet::require_equality(arg->type); !status.ok()) return SqlError(status.error()).at(position);
    }
    for (const auto& key : call.order) {
      const bool among = std::ranges::any_of(call.args, [&](const Expr& arg) { return lg::equal(*arg, *key.value); });
      if (!among)
        return SqlError(state::kInvalidColumnReference, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
            .at(position);
    }
  }
  return call;
}

namespace {
bool same_call(const lg::AggregateCall& a, const lg::AggregateCall& b) {
  const auto same = [](const lg::ExprPtr& x, const lg::ExprPtr& y) { return x == y || (x && y && lg::equal(*x, *y)); };
  return a.function.aggregate == b.function.aggregate && a.distinct == b.distinct && std::ranges::equal(a.args, b.args, same) &&
         std::ranges::equal(a.direct, b.direct, same) && same(a.filter, b.filter) &&
         std::ranges::equal(a.order, b.order, [&](const auto& x, const auto& y) {
           return x.descending == y.descending && x.nulls_first == y.nulls_first && same(x.value, y.value);
         });
}
}  // namespace

SqlResult<lg::ExprPtr> Binder::aggregate(const ast::Call& n, int position, Scope& scope) {
  if (scope.clause == Clause::kAggregate) return SqlError(state::kGroupingError, "aggregate function calls cannot be nested").at(position);
  const bool allowed =
      scope.select != nullptr && (scope.clause == Clause::kTargets || scope.clause == Clause::kHaving || scope.clause == Clause::kOrderBy ||
                                  scope.clause == Clause::kDistinctOn || scope.clause == Clause::kWindow);
  if (!allowed)
    return SqlError(state::kGroupingError, fmt::format("aggregate functions are not allowed in {}", name_of(scope.clause))).at(position);
  const Clause around = std::exchange(scope.clause, Clause::kAggregate);
  auto made = aggregate_call(n, position, scope);
  if (made.ok() && n.filter != nullptr) {
    scope.clause = Clause::kFilter;
    auto bound = expr(*n.filter, scope);
    auto filter = bound.ok() ? boolean(std::move(bound).value(), "FILTER") : std::move(bound);
    if (filter.ok()) made->filter = std::move(filter).value();
    else made = filter.error();
  }
  scope.clause = around;
  if (!made.ok()) return made.error();
  // An aggregate over an outer query's columns alone is that query's.
  bool inner = made->args.empty(), outer = false;
  for (const auto& arg : made->args)
    for (const auto id : lg::free_columns(*arg))
      (std::ranges::find(scope.relations, id.relation) != scope.relations.end() ? inner : outer) = true;
  if (outer && !inner) return unsupported("an aggregate of an outer query's columns", position);
  scope.select->grouped = true;
  auto& calls = scope.select->calls;
  const auto found = std::ranges::find_if(calls, [&](const auto& call) { return same_call(call, *made); });
  const auto place = static_cast<std::uint32_t>(found - calls.begin());
  const Type type = made->function.result;
  if (found == calls.end()) calls.push_back(std::move(made).value());
  return make_column(scope.select->calls_relation, place, type, position);
}

SqlResult<lg::SortKey> Binder::sort_key(const ast::SortKey& key, Expr value) {
  TRY_ASSIGN(auto typed, known(std::move(value)));
  if (auto status = FunctionSet::require_order(typed->type); !status.ok()) return SqlError(status.error()).at(typed->position);
  return lg::SortKey{std::move(typed), key.descending, key.nulls_first.value_or(key.descending)};
}

SqlResult<std::vector<lg::SortKey>> Binder::sort_keys(const std::vector<ast::SortKey>& keys, Scope& scope) {
  std::vector<lg::SortKey> all;
  for (const auto& key : keys) {
    TRY_ASSIGN(auto value, expr(*key.value, scope));
    TRY_ASSIGN(auto made, sort_key(key, std::move(value)));
    all.push_back(std::move(made));
  }
  return all;
}

}  // namespace isobar::sql
