// Expressions but for calls, comparisons and subqueries.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {
namespace {

constexpr int kDepthMost = 4000;
const Type kBool = type_of(Kind::kBool);

}  // namespace

Binder::Binder(Catalog& catalog, const FunctionSet& functions, const SessionValues& session, std::span<const Type> parameters)
    : catalog_(catalog), functions_(functions), session_(session) {
  result_.parameters.assign(parameters.begin(), parameters.end());
}

SqlResult<lg::ExprPtr> Binder::expr(const ast::Expr& e, Scope& scope) {
  if (++depth_ > kDepthMost) return SqlError(state::kStatementTooComplex, "stack depth limit exceeded");
  auto bound = std::visit([&](const auto& node) { return bind_node(node, e.position, scope); }, e.node);
  --depth_;
  return bound;
}

SqlResult<std::vector<lg::ExprPtr>> Binder::exprs(const std::vector<ast::ExprPtr>& list, Scope& scope) {
  std::vector<Expr> all;
  all.reserve(list.size());
  for (const auto& one : list) {
    TRY_ASSIGN(auto bound, expr(*one, scope));
    all.push_back(std::move(bound));
  }
  return all;
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Constant& n, int position, Scope&) {
  struct Make {
    int position;
    SqlResult<Expr> operator()(ast::Null) const { return make_constant({}, Value(), position); }
    SqlResult<Expr> operator()(bool value) const { return make_constant(kBool, Value(value), position); }
    SqlResult<Expr> operator()(std::int32_t value) const {
      return make_constant(type_of(Kind::kInt4), Value(std::int64_t{value}), position);
    }
    SqlResult<Expr> operator()(const std::string& text) const { return make_constant({}, Value(text), position); }
    SqlResult<Expr> operator()(const ast::Number& number) const {
      const bool whole = number.digits.find_first_of(".eE") == std::string::npos;
      if (whole) {
        auto read = from_text(type_of(Kind::kInt8), number.digits, {});
        const bool small = read.ok() && read->integer() == static_cast<std::int32_t>(read->integer());
        if (read.ok()) return make_constant(type_of(small ? Kind::kInt4 : Kind::kInt8), std::move(read).value(), position);
      }
      TRY_ASSIGN(auto value, from_text(type_of(Kind::kNumeric), number.digits, {}));
      return make_constant(type_of(Kind::kNumeric), std::move(value), position);
    }
  };
  return std::visit(Make{position}, n.value);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Parameter& n, int position, Scope&) {
  constexpr int kMost = 65535;
  if (n.number < 1 || n.number > kMost)
    return SqlError(state::kUndefinedParameter, fmt::format("there is no parameter ${}", n.number)).at(position);
  const auto number = static_cast<std::uint32_t>(n.number);
  if (result_.parameters.size() < number) result_.parameters.resize(number);
  return make_expr(result_.parameters[number - 1], lg::Parameter{number}, position);
}

namespace {

std::string written(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ".")); }

}  // namespace

/// What the names mean, from the innermost query outwards. None: nothing of that name, but a table that is meant as a whole may be.
SqlResult<std::optional<VisibleColumn>> Binder::find_column(const ast::ColumnRef& ref, int position, Scope& scope) {
  const auto& names = ref.names;
  const auto ambiguous = [&] {
    return SqlError(state::kAmbiguousColumn, fmt::format("column reference \"{}\" is ambiguous", names.back())).at(position);
  };
  for (Scope* at = &scope; at != nullptr; at = at->parent) {
    if (names.size() == 1) {
      const VisibleColumn* found = nullptr;
      for (const auto& column : at->columns) {
        if (column.name != names[0]) continue;
        if (found != nullptr) return ambiguous();
        found = &column;
      }
      if (found != nullptr) return std::optional(*found);
      continue;
    }
    for (const auto& table : at->tables) {
      if (table.name != names[names.size() - 2] || (names.size() > 2 && table.schema != names[names.size() - 3])) continue;
      const VisibleColumn* found = nullptr;
      for (const auto& column : table.columns) {
        if (column.name != names.back()) continue;
        if (found != nullptr) return ambiguous();
        found = &column;
      }
      if (found == nullptr) return SqlError(state::kUndefinedColumn, fmt::format("column {} does not exist", written(names))).at(position);
      return std::optional(*found);
    }
  }
  return std::optional<VisibleColumn>();
}

/// It may be there, out of sight: under another name, or beside a subquery that is not LATERAL.
SqlError Binder::missing_table(const std::string& name, const Scope& scope, int position) const {
  bool hidden = false;
  const auto look = [&](const Scope* from) {
    for (const auto* at = from; at != nullptr; at = at->parent)
      for (const auto& table : at->tables) hidden = hidden || table.name == name;
  };
  look(&scope);
  for (const auto* beside : hidden_) look(beside);
  return SqlError(state::kUndefinedTable,
                  fmt::format("{} FROM-clause entry for table \"{}\"", hidden ? "invalid reference to" : "missing", name))
      .at(position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::ColumnRef& n, int position, Scope& scope) {
  if (n.star && n.names.empty()) return SqlError(state::kSyntaxError, "row expansion via \"*\" is not supported here").at(position);
  if (n.names.size() > 3)
    return SqlError(state::kFeatureNotSupported, "cross-database references are not implemented: " + written(n.names)).at(position);
  if (!n.star) {
    TRY_ASSIGN(const auto found, find_column(n, position, scope));
    if (found) {
      auto column = std::make_shared<lg::Expr>(*found->value);
      column->position = position;
      return Expr(std::move(column));
    }
  }
  // The name of a table: its row as a value.
  if (n.names.size() == 1)
    for (const Scope* at = &scope; at != nullptr; at = at->parent)
      for (const auto& table : at->tables) {
        if (table.name != n.names[0]) continue;
        lg::RowOf row;
        for (const auto& column : table.columns) row.elements.push_back(column.value);
        return make_expr(type_of(Kind::kRecord), std::move(row), position);
      }
  if (n.names.size() == 1) return SqlError(state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", n.names[0])).at(position);
  return missing_table(n.names[n.names.size() - 2], scope, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Logical& n, int, Scope& scope) {
  static constexpr const char* kNames[] = {"AND", "OR", "NOT"};
  lg::Logical logical{static_cast<lg::Logic>(n.what), {}};
  for (const auto& arg : n.args) {
    TRY_ASSIGN(auto bound, expr(*arg, scope));
    TRY_ASSIGN(auto condition, boolean(std::move(bound), kNames[static_cast<std::size_t>(n.what)]));
    logical.args.push_back(std::move(condition));
  }
  return make_expr(kBool, std::move(logical));
}

SqlResult<lg::ExprPtr> Binder::negated(Expr condition, bool negate) {
  if (!negate) return condition;
  return make_expr(kBool, lg::Logical{lg::Logic::kNot, {std::move(condition)}});
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::NullTest& n, int position, Scope& scope) {
  TRY_ASSIGN(auto arg, expr(*n.arg, scope));
  if (arg->type.kind == Kind::kUnknown) {
    TRY_ASSIGN(arg, known(std::move(arg)));
  }
  return make_expr(kBool, lg::NullTest{n.negated, std::move(arg)}, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::TruthTest& n, int position, Scope& scope) {
  const std::string what = fmt::format("IS {}{}", n.negated ? "NOT " : "", !n.value ? "UNKNOWN" : *n.value ? "TRUE" : "FALSE");
  TRY_ASSIGN(auto bound, expr(*n.arg, scope));
  TRY_ASSIGN(auto arg, boolean(std::move(bound), what));
  return make_expr(kBool, lg::TruthTest{n.value, n.negated, std::move(arg)}, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Case& n, int position, Scope& scope) {
  lg::Case result;
  Expr subject;
  if (n.arg != nullptr) {
    TRY_ASSIGN(auto bound, expr(*n.arg, scope));
    TRY_ASSIGN(result.subject, known(std::move(bound)));
    result.relation = new_relation();
    subject = make_column(result.relation, 0, result.subject->type, position);
  }
  std::vector<Expr> results;
  for (const auto& when : n.whens) {
    TRY_ASSIGN(auto condition, expr(*when.condition, scope));
    if (subject != nullptr) {
      TRY_ASSIGN(condition, equality(subject, condition, when.condition->position));
    } else {
      TRY_ASSIGN(condition, boolean(std::move(condition), "CASE/WHEN"));
    }
    TRY_ASSIGN(auto value, expr(*when.result, scope));
    result.whens.push_back({std::move(condition), nullptr});
    results.push_back(std::move(value));
  }
  if (n.otherwise != nullptr) {
    TRY_ASSIGN(auto value, expr(*n.otherwise, scope));
    results.push_back(std::move(value));
  } else {
    results.push_back(make_constant({}, Value(), position));
  }
  // PostgreSQL looks at ELSE first.
  std::rotate(results.begin(), results.end() - 1, results.end());
  Type type;
  TRY(unify(results, "CASE", type));
  for (std::size_t i = 0; i < result.whens.size(); ++i) result.whens[i].result = std::move(results[i + 1]);
  result.otherwise = std::move(results[0]);
  return make_expr(type, std::move(result), position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Coalesce& n, int position, Scope& scope) {
  TRY_ASSIGN(auto args, exprs(n.args, scope));
  Type type;
  TRY(unify(args, "COALESCE", type));
  return make_expr(type, lg::Coalesce{std::move(args)}, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Extreme& n, int position, Scope& scope) {
  TRY_ASSIGN(auto args, exprs(n.args, scope));
  Type type;
  TRY(unify(args, n.greatest ? "GREATEST" : "LEAST", type));
  if (auto order = FunctionSet::require_order(type); !order.ok())
    return SqlError(state::kUndefinedFunction, fmt::format("could not identify a comparison function for type {}", format_type(type)))
        .at(position);
  return make_expr(type, lg::Extreme{n.greatest, std::move(args)}, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Cast& n, int position, Scope& scope) {
  TRY_ASSIGN(const auto type, resolve_type(n.type));
  // ARRAY[…]::type[] gives its elements their type.
  if (const auto* array = std::get_if<ast::ArrayOf>(&n.arg->node); array != nullptr && type.kind == Kind::kArray) {
    TRY_ASSIGN(auto elements, exprs(array->elements, scope));
    const Type element{type.element, Kind::kUnknown, type.modifier};
    for (auto& one : elements) {
      const Type wanted = one->type.kind == Kind::kArray ? type : element;
      TRY_ASSIGN(one, coerce(std::move(one), wanted, CastContext::kExplicit));
    }
    return make_expr(type, lg::ArrayOf{std::move(elements)}, position);
  }
  TRY_ASSIGN(auto arg, expr(*n.arg, scope));
  TRY_ASSIGN(auto made, try_coerce(arg, type, CastContext::kExplicit));
  if (made) {
    if ((*made)->position != 0) return std::move(*made);
    auto placed = std::make_shared<lg::Expr>(**made);
    placed->position = position;
    return Expr(std::move(placed));
  }
  return SqlError(state::kCannotCoerce, fmt::format("cannot cast type {} to {}", format_type({arg->type.kind, arg->type.element}),
                                                    format_type({type.kind, type.element})))
      .at(position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Collate& n, int position, Scope& scope) {
  TRY_ASSIGN(auto arg, expr(*n.arg, scope));
  const auto& name = n.name.last();
  // Texts are in the order of their bytes; these are other names of it.
  if (name != "C" && name != "POSIX" && name != "default" && name != "ucs_basic")
    return name.find_first_of("_-.") != std::string::npos
               ? unsupported(fmt::format("collation \"{}\"", name), position)
               : SqlError(state::kUndefinedObject, fmt::format("collation \"{}\" for encoding \"UTF8\" does not exist", name)).at(position);
  return known(std::move(arg));
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::ArrayOf& n, int position, Scope& scope) {
  TRY_ASSIGN(auto elements, exprs(n.elements, scope));
  if (elements.empty())
    return SqlError(state::kIndeterminateDatatype, "cannot determine type of empty array")
        .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
        .at(position);
  Type type;
  TRY(unify(elements, "ARRAY", type));
  if (type.kind == Kind::kArray) return make_expr(type, lg::ArrayOf{std::move(elements)}, position);
  if (oid_of(array_of(type.kind)) == 0)
    return SqlError(state::kUndefinedObject, fmt::format("could not find array type for data type {}", format_type(type))).at(position);
  return make_expr({Kind::kArray, type.kind, type.modifier}, lg::ArrayOf{std::move(elements)}, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::RowOf& n, int position, Scope& scope) {
  TRY_ASSIGN(auto elements, exprs(n.elements, scope));
  return make_expr(type_of(Kind::kRecord), lg::RowOf{std::move(elements)}, position);
}

/// Subscripts of a jsonb value are its operator ->.
SqlResult<lg::ExprPtr> Binder::jsonb_element(const ast::Indirection& n, Expr value, int position, Scope& scope) {
  for (const auto& step : n.steps) {
    const auto* subscript = std::get_if<ast::Subscript>(&step);
    if (subscript == nullptr) return unsupported("taking a field of a row", position);
    if (subscript->slice) return SqlError(state::kDatatypeMismatch, "jsonb subscript does not support slices").at(position);
    TRY_ASSIGN(auto place, expr(*subscript->high, scope));
    TRY_ASSIGN(place, known(std::move(place)));
    TRY_ASSIGN(value, operation("->", std::move(value), std::move(place), position));
  }
  return value;
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Indirection& n, int position, Scope& scope) {
  TRY_ASSIGN(auto value, expr(*n.arg, scope));
  if (value->type.kind == Kind::kJsonb) return jsonb_element(n, std::move(value), position, scope);
  lg::Element element{value, {}};
  bool slices = false;
  for (const auto& step : n.steps) {
    const auto* subscript = std::get_if<ast::Subscript>(&step);
    if (subscript == nullptr) return unsupported("taking a field of a row", position);
    lg::Subscript bound{subscript->slice, nullptr, nullptr};
    const auto index = [&](const ast::ExprPtr& from, Expr& into) -> SqlStatus {
      if (from == nullptr) return {};
      TRY_ASSIGN(auto number, expr(*from, scope));
      TRY_ASSIGN(auto made, try_coerce(number, type_of(Kind::kInt4), CastContext::kAssignment));
      if (!made) return SqlError(state::kDatatypeMismatch, "array subscript must have type integer").at(number->position);
      into = std::move(*made);
      return {};
    };
    TRY(index(subscript->low, bound.low));
    TRY(index(subscript->high, bound.high));
    slices = slices || subscript->slice;
    element.subscripts.push_back(std::move(bound));
  }
  if (value->type.kind != Kind::kArray)
    return SqlError(state::kDatatypeMismatch,
                    fmt::format("cannot subscript type {} because it does not support subscripting", format_type(value->type)))
        .at(position);
  // With one slice all are: a plain subscript n is 1:n.
  if (slices)
    for (auto& subscript : element.subscripts) {
      if (!subscript.slice) subscript.low = make_constant(type_of(Kind::kInt4), Value(std::int64_t{1}));
      subscript.slice = true;
    }
  const Type type = slices ? value->type : Type{value->type.element, Kind::kUnknown, value->type.modifier};
  return make_expr(type, std::move(element), position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::ValueFunction& n, int position, Scope&) {
  const auto cast_to = [&](Kind kind) -> SqlResult<Expr> {
    TRY_ASSIGN(auto now, call_named("now", {}, position));
    return coerce(std::move(now), {kind, Kind::kUnknown, std::min(n.precision, 6)}, CastContext::kExplicit);
  };
  if (n.name == "current_date") return cast_to(Kind::kDate);
  if (n.name == "current_timestamp") return n.precision < 0 ? call_named("now", {}, position) : cast_to(Kind::kTimestamptz);
  if (n.name == "localtimestamp") return cast_to(Kind::kTimestamp);
  if (n.name == "localtime") return cast_to(Kind::kTime);
  if (n.name == "current_time") return unsupported("time with time zone", position);
  const auto name = n.name == "current_role" || n.name == "user" ? std::string("current_user")
                    : n.name == "current_catalog"                ? std::string("current_database")
                                                                 : n.name;
  return call_named(name, {}, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Default&, int position, Scope&) {
  return SqlError(state::kSyntaxError, "DEFAULT is not allowed in this context").at(position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Grouping& n, int position, Scope& scope) {
  if (scope.select == nullptr || (scope.clause != Clause::kTargets && scope.clause != Clause::kHaving && scope.clause != Clause::kOrderBy))
    return SqlError(state::kGroupingError, fmt::format("grouping operations are not allowed in {}", name_of(scope.clause))).at(position);
  if (n.args.size() > 31) return SqlError("54023", "GROUPING must have fewer than 32 arguments").at(position);
  scope.select->grouped = true;
  TRY_ASSIGN(auto args, exprs(n.args, scope));
  return make_expr(type_of(Kind::kInt4), lg::GroupingBits{scope.select->group_relation, {}, std::move(args)}, position);
}

const char* name_of(Clause clause) {
  static constexpr const char* kNames[] = {"SELECT",
                                           "WHERE",
                                           "HAVING",
                                           "GROUP BY",
                                           "ORDER BY",
                                           "DISTINCT ON",
                                           "JOIN conditions",
                                           "functions in FROM",
                                           "LIMIT",
                                           "VALUES",
                                           "FILTER",
                                           "window definitions",
                                           "RETURNING",
                                           "UPDATE",
                                           "DEFAULT expressions",
                                           "check constraints",
                                           "aggregate function calls"};
  return kNames[static_cast<std::size_t>(clause)];
}

}  // namespace isobar::sql
