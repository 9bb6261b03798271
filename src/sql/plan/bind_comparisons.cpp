// Operators, and what is made of comparisons: IN, BETWEEN, ANY, DISTINCT, NULLIF, LIKE, rows.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {
namespace {
const Type kBoolean = type_of(Kind::kBool);
}

SqlResult<std::vector<lg::ExprPtr>> Binder::cast_arguments(std::vector<Expr> args, const ResolvedCall& call) {
  for (std::size_t i = 0; i < args.size() && i < call.types.size(); ++i) {
    if (args[i]->type.kind == Kind::kUnknown && call.types[i].kind != Kind::kUnknown) {
      TRY_ASSIGN(args[i], coerce(std::move(args[i]), call.types[i], CastContext::kImplicit));
    } else if (args[i]->type.kind == Kind::kRecord) {
      TRY_ASSIGN(args[i], known(std::move(args[i])));
    } else {
      const auto& cast = i < call.casts.size() ? call.casts[i] : Cast();
      if (cast) {
        TRY_ASSIGN(args[i], apply_cast(std::move(args[i]), cast, call.types[i]));
      }
    }
  }
  return args;
}

SqlResult<lg::ExprPtr> Binder::operation(std::string_view sign, Expr left, Expr right, int position) {
  std::vector<Expr> args;
  if (left != nullptr) args.push_back(std::move(left));
  args.push_back(std::move(right));
  std::vector<Type> types;
  for (const auto& arg : args) types.push_back(arg->type);
  auto resolved = functions_.resolve_operator(sign, types);
  if (!resolved.ok()) return SqlError(resolved.error()).at(position);
  TRY_ASSIGN(args, cast_arguments(std::move(args), *resolved));
  const auto& function = std::get<BoundFunction>(resolved->what);
  return folded(make_expr(function.result, lg::Call{function, std::move(args)}, position));
}

std::optional<std::vector<lg::ExprPtr>> Binder::fields_of(const Expr& expr) {
  const auto* row = std::get_if<lg::RowOf>(&expr->node);
  if (row == nullptr) return std::nullopt;
  return row->elements;
}

SqlResult<lg::ExprPtr> Binder::comparison(std::string_view sign, const Expr& left, const Expr& right, int position) {
  const auto left_fields = fields_of(left), right_fields = fields_of(right);
  if (left_fields && right_fields) return row_comparison(sign, *left_fields, *right_fields, position);
  TRY_ASSIGN(auto made, operation(sign, left, right, position));
  if (made->type == kBoolean) return made;
  return SqlError(state::kDatatypeMismatch, fmt::format("operator {} must return type boolean, not type {}", sign, format_type(made->type)))
      .at(position);
}

/// (a, b) = (c, d) is a = c AND b = d; (a, b) < (c, d) is a < c OR (a = c AND b < d).
SqlResult<lg::ExprPtr> Binder::row_comparison(std::string_view sign, const std::vector<Expr>& left, const std::vector<Expr>& right,
                                              int position) {
  if (left.size() != right.size()) return SqlError(state::kSyntaxError, "unequal number of entries in row expressions").at(position);
  if (left.empty()) return unsupported("comparing rows without columns", position);
  const bool not_equal = sign == "<>" || sign == "!=";
  if (sign == "=" || not_equal) {
    std::vector<Expr> parts;
    for (std::size_t i = 0; i < left.size(); ++i) {
      TRY_ASSIGN(auto part, comparison(sign, left[i], right[i], position));
      parts.push_back(std::move(part));
    }
    if (parts.size() == 1) return std::move(parts[0]);
    return make_expr(kBoolean, lg::Logical{not_equal ? lg::Logic::kOr : lg::Logic::kAnd, std::move(parts)}, position);
  }
  if (sign != "<" && sign != "<=" && sign != ">" && sign != ">=")
    return SqlError(state::kFeatureNotSupported, fmt::format("could not determine interpretation of row comparison operator {}", sign))
        .at(position);
  TRY_ASSIGN(auto result, comparison(sign, left.back(), right.back(), position));
  const std::string_view strict = sign.substr(0, 1);
  for (std::size_t i = left.size() - 1; i-- > 0;) {
    TRY_ASSIGN(auto less, comparison(strict, left[i], right[i], position));
    TRY_ASSIGN(auto same, equality(left[i], right[i], position));
    auto both = make_expr(kBoolean, lg::Logical{lg::Logic::kAnd, {std::move(same), std::move(result)}}, position);
    result = make_expr(kBoolean, lg::Logical{lg::Logic::kOr, {std::move(less), std::move(both)}}, position);
  }
  return result;
}

/// (a, b) = (SELECT c, d …): with the fields of the one row; without a row it is null.
SqlResult<lg::ExprPtr> Binder::row_subquery(const ast::Operator& n, const Expr& left, const ast::Subquery& source, int position,
                                            Scope& scope) {
  const auto fields = *fields_of(left);
  TRY_ASSIGN(auto bound, query(*source.query, &scope));
  if (bound->columns.size() < fields.size()) return SqlError(state::kSyntaxError, "subquery has too few columns").at(position);
  if (bound->columns.size() > fields.size()) return SqlError(state::kSyntaxError, "subquery has too many columns").at(position);
  const auto record = record_of(bound);
  std::vector<Expr> right;
  for (std::size_t i = 0; i < fields.size(); ++i)
    right.push_back(make_expr(bound->columns[i].type, lg::Field{record, static_cast<std::uint32_t>(i)}, position));
  return row_comparison(n.name, fields, right, position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Operator& n, int position, Scope& scope) {
  Expr left;
  if (n.left != nullptr) {
    TRY_ASSIGN(left, expr(*n.left, scope));
  }
  const auto* source = std::get_if<ast::Subquery>(&n.right->node);
  if (left != nullptr && fields_of(left) && source != nullptr && source->what == ast::Subquery::What::kScalar)
    return row_subquery(n, left, *source, position, scope);
  TRY_ASSIGN(auto right, expr(*n.right, scope));
  if (left != nullptr && fields_of(left) && fields_of(right)) return comparison(n.name, left, right, position);
  return operation(n.name, std::move(left), std::move(right), position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::LikeTest& n, int position, Scope& scope) {
  TRY_ASSIGN(auto left, expr(*n.left, scope));
  TRY_ASSIGN(auto pattern, expr(*n.pattern, scope));
  Expr escape;
  if (n.escape != nullptr) {
    TRY_ASSIGN(escape, expr(*n.escape, scope));
  }
  if (n.what == ast::Like::kSimilar) {
    std::vector<Expr> args{std::move(pattern)};
    if (escape != nullptr) args.push_back(std::move(escape));
    TRY_ASSIGN(pattern, call_named("similar_to_escape", std::move(args), position));
  } else if (escape != nullptr) {
    TRY_ASSIGN(pattern, call_named("like_escape", {std::move(pattern), std::move(escape)}, position));
  }
  static constexpr std::string_view kSigns[3][2] = {{"~~", "!~~"}, {"~~*", "!~~*"}, {"~", "!~"}};
  return operation(kSigns[static_cast<std::size_t>(n.what)][n.negated ? 1 : 0], std::move(left), std::move(pattern), position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::ArrayTest& n, int position, Scope& scope) {
  TRY_ASSIGN(auto left, expr(*n.left, scope));
  TRY_ASSIGN(auto array, expr(*n.array, scope));
  if (array->type.kind != Kind::kArray && array->type.kind != Kind::kUnknown)
    return SqlError(state::kWrongObjectType, "op ANY/ALL (array) requires array on right side").at(position);
  auto resolved = functions_.resolve_operator_any(n.op, left->type, array->type);
  if (!resolved.ok()) return SqlError(resolved.error()).at(position);
  TRY_ASSIGN(auto args, cast_arguments({std::move(left), std::move(array)}, *resolved));
  const auto& function = std::get<BoundFunction>(resolved->what);
  if (!(function.result == kBoolean))
    return SqlError(state::kWrongObjectType, "op ANY/ALL (array) requires operator to yield boolean").at(position);
  return make_expr(kBoolean, lg::ArrayTest{n.all, function, std::move(args[0]), std::move(args[1])}, position);
}

/// Where all items are compared by one operator they make one test; else, and of rows, it is an OR of comparisons.
SqlResult<lg::ExprPtr> Binder::bind_node(const ast::InList& n, int position, Scope& scope) {
  TRY_ASSIGN(auto left, expr(*n.left, scope));
  TRY_ASSIGN(auto items, exprs(n.list, scope));
  std::vector<Expr> all{left};
  all.insert(all.end(), items.begin(), items.end());
  std::vector<Type> types;
  for (const auto& one : all) types.push_back(one->type);
  const bool rows = fields_of(left).has_value();
  const auto common = rows ? SqlResult<Type>(Type{}) : functions_.common_type(types, "IN");
  if (!rows && common.ok() && common->kind != Kind::kRecord) {
    const Type type = *common;
    for (auto& item : items) {
      TRY_ASSIGN(item, coerce(std::move(item), type, CastContext::kImplicit));
    }
    auto resolved = functions_.resolve_operator("=", std::vector<Type>{left->type.kind == Kind::kUnknown ? type : left->type, type});
    if (!resolved.ok()) return SqlError(resolved.error()).at(position);
    TRY_ASSIGN(auto args, cast_arguments({left, items[0]}, *resolved));
    if (args[0]->type.kind == Kind::kUnknown) {
      TRY_ASSIGN(args[0], coerce(std::move(args[0]), resolved->types[0], CastContext::kImplicit));
    }
    lg::InList in{n.negated, std::get<BoundFunction>(resolved->what), std::move(args[0]), {}};
    for (auto& item : items) {
      TRY_ASSIGN(auto same, coerce(std::move(item), resolved->types[1], CastContext::kImplicit));
      in.items.push_back(std::move(same));
    }
    return make_expr(kBoolean, std::move(in), position);
  }
  lg::Logical either{n.negated ? lg::Logic::kAnd : lg::Logic::kOr, {}};
  for (const auto& item : items) {
    TRY_ASSIGN(auto test, comparison(n.negated ? "<>" : "=", left, item, position));
    either.args.push_back(std::move(test));
  }
  if (either.args.size() == 1) return std::move(either.args[0]);
  return make_expr(kBoolean, std::move(either), position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Between& n, int position, Scope& scope) {
  TRY_ASSIGN(auto value, expr(*n.value, scope));
  TRY_ASSIGN(auto low, expr(*n.low, scope));
  TRY_ASSIGN(auto high, expr(*n.high, scope));
  const auto within = [&](const Expr& from, const Expr& to) -> SqlResult<Expr> {
    TRY_ASSIGN(auto above, comparison(n.negated ? "<" : ">=", value, from, position));
    TRY_ASSIGN(auto below, comparison(n.negated ? ">" : "<=", value, to, position));
    return make_expr(kBoolean, lg::Logical{n.negated ? lg::Logic::kOr : lg::Logic::kAnd, {std::move(above), std::move(below)}}, position);
  };
  TRY_ASSIGN(auto forward, within(low, high));
  if (!n.symmetric) return forward;
  TRY_ASSIGN(auto backward, within(high, low));
  return make_expr(kBoolean, lg::Logical{n.negated ? lg::Logic::kAnd : lg::Logic::kOr, {std::move(forward), std::move(backward)}},
                   position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Distinct& n, int position, Scope& scope) {
  TRY_ASSIGN(auto left, expr(*n.left, scope));
  TRY_ASSIGN(auto right, expr(*n.right, scope));
  const auto one = [&](const Expr& a, const Expr& b) -> SqlResult<Expr> {
    auto resolved = functions_.resolve_operator("=", std::vector<Type>{a->type, b->type});
    if (!resolved.ok()) return SqlError(resolved.error()).at(position);
    TRY_ASSIGN(auto args, cast_arguments({a, b}, *resolved));
    auto same = make_expr(kBoolean, lg::Call{std::get<BoundFunction>(resolved->what), args}, position);
    return make_expr(kBoolean, lg::Distinct{n.negated, args[0], args[1], std::move(same)}, position);
  };
  const auto left_fields = fields_of(left), right_fields = fields_of(right);
  if (!left_fields || !right_fields) return one(left, right);
  if (left_fields->size() != right_fields->size())
    return SqlError(state::kSyntaxError, "unequal number of entries in row expressions").at(position);
  lg::Logical all{n.negated ? lg::Logic::kAnd : lg::Logic::kOr, {}};
  for (std::size_t i = 0; i < left_fields->size(); ++i) {
    TRY_ASSIGN(auto part, one((*left_fields)[i], (*right_fields)[i]));
    all.args.push_back(std::move(part));
  }
  return make_expr(kBoolean, std::move(all), position);
}

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::NullIf& n, int position, Scope& scope) {
  TRY_ASSIGN(auto left, expr(*n.left, scope));
  TRY_ASSIGN(auto right, expr(*n.right, scope));
  auto resolved = functions_.resolve_operator("=", std::vector<Type>{left->type, right->type});
  if (!resolved.ok()) return SqlError(resolved.error()).at(position);
  TRY_ASSIGN(auto args, cast_arguments({left, right}, *resolved));
  // The result is of the type that the left one is compared in.
  auto value = args[0];
  const Type type = value->type;
  auto same = make_expr(kBoolean, lg::Call{std::get<BoundFunction>(resolved->what), std::move(args)}, position);
  return make_expr(type, lg::NullIf{std::move(value), std::move(same)}, position);
}

}  // namespace isobar::sql
