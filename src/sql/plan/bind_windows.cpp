// Window functions: calls with the same window are computed together.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {
namespace {

bool same_exprs(const std::vector<lg::ExprPtr>& a, const std::vector<lg::ExprPtr>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return lg::equal(*x, *y); });
}
bool same_window(const lg::Window& a, const lg::Window& b) {
  const auto same = [](const lg::ExprPtr& x, const lg::ExprPtr& y) { return x == y || (x && y && lg::equal(*x, *y)); };
  return same_exprs(a.partition, b.partition) &&
         std::ranges::equal(a.order, b.order,
                            [&](const auto& x, const auto& y) {
                              return x.descending == y.descending && x.nulls_first == y.nulls_first && same(x.value, y.value);
                            }) &&
         a.frame.unit == b.frame.unit && a.frame.start == b.frame.start && a.frame.end == b.frame.end &&
         a.frame.exclude == b.frame.exclude && same(a.frame.start_offset, b.frame.start_offset) &&
         same(a.frame.end_offset, b.frame.end_offset);
}

}  // namespace

SqlResult<const ast::Window*> Binder::named_window(const std::string& name, const Scope& scope, int position) {
  for (const auto* window : scope.select->named_windows)
    if (window->name == name) return window;
  return SqlError(state::kUndefinedObject, fmt::format("window \"{}\" does not exist", name)).at(position);
}

/// OVER (w ORDER BY …) begins with what w says.
SqlResult<lg::Window> Binder::window_spec(const ast::Window& spec, Scope& scope) {
  lg::Window window;
  const ast::Window* frame_of = &spec;
  if (!spec.refers.empty()) {
    TRY_ASSIGN(const auto* base, named_window(spec.refers, scope, spec.position));
    if (!spec.partition.empty())
      return SqlError(state::kWindowingError, fmt::format("cannot override PARTITION BY clause of window \"{}\"", spec.refers))
          .at(spec.position);
    if (!base->order.empty() && !spec.order.empty())
      return SqlError(state::kWindowingError, fmt::format("cannot override ORDER BY clause of window \"{}\"", spec.refers))
          .at(spec.position);
    if (base->frame.said)
      return SqlError(state::kWindowingError, fmt::format("cannot copy window \"{}\" because it has a frame clause", spec.refers))
          .at(spec.position);
    TRY_ASSIGN(window, window_spec(*base, scope));
  } else {
    TRY_ASSIGN(window.partition, exprs(spec.partition, scope));
    for (auto& key : window.partition) {
      TRY_ASSIGN(key, known(std::move(key)));
      if (auto status = FunctionSet::require_equality(key->type); !status.ok()) return SqlError(status.error()).at(key->position);
    }
  }
  if (!spec.order.empty()) {
    TRY_ASSIGN(window.order, sort_keys(spec.order, scope));
  }
  TRY(frame(*frame_of, scope, window));
  return window;
}

SqlStatus Binder::frame(const ast::Window& spec, Scope& scope, lg::Window& window) {
  using Edge = lg::Frame::Edge;
  auto& frame = window.frame;
  frame.unit = static_cast<lg::Frame::Unit>(spec.frame.unit);
  frame.start = static_cast<Edge>(spec.frame.start);
  frame.end = static_cast<Edge>(spec.frame.end);
  frame.exclude = static_cast<lg::Frame::Exclude>(spec.frame.exclude);
  if (!spec.frame.said) return {};
  const bool offsets = spec.frame.start_offset != nullptr || spec.frame.end_offset != nullptr;
  if (frame.unit == lg::Frame::Unit::kGroups && window.order.empty())
    return SqlError(state::kWindowingError, "GROUPS mode requires an ORDER BY clause").at(spec.position);
  if (frame.unit == lg::Frame::Unit::kRange && offsets && window.order.size() != 1)
    return SqlError(state::kWindowingError, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column").at(spec.position);
  const auto offset = [&](const ast::ExprPtr& from, Expr& into) -> SqlStatus {
    if (from == nullptr) return {};
    TRY_ASSIGN(auto bound, expr(*from, scope));
    bool columns = false;
    lg::each_column(
        *bound, [&](lg::ColumnId id) { columns = columns || std::ranges::find(scope.relations, id.relation) != scope.relations.end(); });
    static constexpr const char* kUnits[] = {"RANGE", "ROWS", "GROUPS"};
    if (columns)
      return SqlError(state::kInvalidColumnReference,
                      fmt::format("argument of {} must not contain variables", kUnits[static_cast<std::size_t>(frame.unit)]))
          .at(bound->position);
    if (frame.unit != lg::Frame::Unit::kRange) {
      TRY_ASSIGN(into, integer_limit(std::move(bound), kUnits[static_cast<std::size_t>(frame.unit)]));
      return {};
    }
    const auto& key = window.order[0].value;
    if (bound->type.kind == Kind::kUnknown) {
      const char category = category_of(key->type);
      TRY_ASSIGN(bound, coerce(std::move(bound), category == 'D' ? type_of(Kind::kInterval) : key->type, CastContext::kImplicit));
    }
    TRY_ASSIGN(const auto minus, range_operator("-", key->type, bound->type, bound->position));
    TRY_ASSIGN(const auto plus, range_operator("+", key->type, bound->type, bound->position));
    frame.minus = minus, frame.plus = plus;
    TRY_ASSIGN(into, coerce(std::move(bound), plus.arguments[1], CastContext::kImplicit));
    return {};
  };
  TRY(offset(spec.frame.start_offset, frame.start_offset));
  return offset(spec.frame.end_offset, frame.end_offset);
}

/// The operator by which a row's key and an offset make the edge of the frame; its result is of the key's type, or is taken for it.
SqlResult<BoundFunction> Binder::range_operator(std::string_view sign, const Type& key, const Type& offset, int position) {
  const auto refused = [&] {
    return SqlError(state::kFeatureNotSupported,
                    fmt::format("RANGE with offset PRECEDING/FOLLOWING is not supported for column type {} and offset type {}",
                                format_type(key), format_type(offset)))
        .at(position);
  };
  auto resolved = functions_.resolve_operator(sign, std::vector<Type>{key, offset});
  if (!resolved.ok()) return refused();
  const auto& function = std::get<BoundFunction>(resolved->what);
  if (!(function.arguments[0] == key) || !(function.result == key)) {
    // Of dates the edge is a timestamp; small integers grow.
    if (resolved->casts[0] || !(function.result.kind == Kind::kTimestamp || category_of(function.result) == 'N')) return refused();
    if (key.kind == Kind::kDate) return refused();
  }
  return function;
}

SqlResult<std::uint32_t> Binder::window_group(const ast::Window& spec, Scope& scope, int position) {
  const Clause around = std::exchange(scope.clause, Clause::kWindow);
  const ast::Window* meant = &spec;
  if (!spec.name.empty()) {
    auto named = named_window(spec.name, scope, position);
    if (!named.ok()) return scope.clause = around, named.error();
    meant = *named;
  }
  auto window = window_spec(*meant, scope);
  scope.clause = around;
  if (!window.ok()) return window.error();
  auto& groups = scope.select->windows;
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (same_window(groups[i].window, *window)) return static_cast<std::uint32_t>(i);
  window->relation = new_relation();
  groups.push_back({meant, std::move(window).value()});
  return static_cast<std::uint32_t>(groups.size() - 1);
}

SqlResult<lg::ExprPtr> Binder::window_call(const ast::Call& n, int position, Scope& scope) {
  const auto& name = n.name.last();
  if (scope.clause == Clause::kWindow)
    return SqlError(state::kWindowingError, "window functions are not allowed in window definitions").at(position);
  if (scope.clause == Clause::kAggregate)
    return SqlError(state::kGroupingError, "aggregate function calls cannot contain window function calls").at(position);
  if (scope.select == nullptr ||
      (scope.clause != Clause::kTargets && scope.clause != Clause::kOrderBy && scope.clause != Clause::kDistinctOn))
    return SqlError(state::kWindowingError, fmt::format("window functions are not allowed in {}", name_of(scope.clause))).at(position);
  if (n.distinct) return SqlError(state::kFeatureNotSupported, "DISTINCT is not implemented for window functions").at(position);
  if (!n.order.empty() || n.within_group)
    return SqlError(state::kFeatureNotSupported, "aggregate ORDER BY is not implemented for window functions").at(position);
  // The arguments may hold aggregates, but no other window's function.
  const Clause around = std::exchange(scope.clause, Clause::kWindow);
  auto args = exprs(n.args, scope);
  scope.clause = around;
  if (!args.ok()) {
    if (args.error().message() == "window functions are not allowed in window definitions")
      return SqlError(state::kWindowingError, "window function calls cannot be nested").at(args.error().position());
    return args.error();
  }
  std::vector<Type> types;
  for (const auto& arg : *args) types.push_back(arg->type);
  auto resolved = n.star ? functions_.resolve_star(name) : functions_.resolve(name, types, n.variadic);
  if (!resolved.ok()) return SqlError(resolved.error()).at(position);
  TRY_ASSIGN(auto cast, cast_arguments(std::move(args).value(), *resolved));
  lg::WindowCall call;
  Type type;
  if (const auto* window = std::get_if<BoundWindow>(&resolved->what)) call.function = *window, type = window->result;
  else if (const auto* aggregate = std::get_if<BoundAggregate>(&resolved->what)) call.function = *aggregate, type = aggregate->result;
  else
    return SqlError(state::kWrongObjectType, fmt::format("OVER specified, but {} is not a window function nor an aggregate function", name))
        .at(position);
  if (const auto* aggregate = std::get_if<BoundAggregate>(&resolved->what); aggregate != nullptr && aggregate->aggregate->ordered_set)
    return SqlError(state::kFeatureNotSupported, fmt::format("OVER is not supported for ordered-set aggregate {}", name)).at(position);
  for (auto& arg : cast) {
    TRY_ASSIGN(arg, known(std::move(arg)));
  }
  call.args = std::move(cast);
  if (n.filter != nullptr) {
    if (std::holds_alternative<BoundWindow>(call.function))
      return SqlError(state::kFeatureNotSupported, "FILTER is not implemented for non-aggregate window functions").at(position);
    const Clause outside = std::exchange(scope.clause, Clause::kWindow);
    auto bound = expr(*n.filter, scope);
    scope.clause = outside;
    if (!bound.ok()) return bound.error();
    TRY_ASSIGN(call.filter, boolean(std::move(bound).value(), "FILTER"));
  }
  TRY_ASSIGN(const auto group, window_group(*n.over, scope, position));
  auto& window = scope.select->windows[group].window;
  window.calls.push_back(std::move(call));
  return make_column(window.relation, static_cast<std::uint32_t>(window.calls.size() - 1), type, position);
}

}  // namespace isobar::sql
