// Types: their names, what has none yet, and casts.

#include <fmt/format.h>

#include "binder.h"
#include "sql/logical_walk.h"

namespace isobar::sql {

lg::ExprPtr make_expr(Type type, decltype(lg::Expr::node) node, int position) {
  return std::make_shared<lg::Expr>(lg::Expr{type, std::move(node), position});
}
lg::ExprPtr make_column(std::uint32_t relation, std::uint32_t column, Type type, int position) {
  return make_expr(type, lg::Column{{relation, column}}, position);
}
lg::ExprPtr make_constant(Type type, Value value, int position) { return make_expr(type, lg::Constant{std::move(value)}, position); }

lg::ExprPtr conjunction(std::vector<lg::ExprPtr> conditions) {
  if (conditions.empty()) return make_constant(type_of(Kind::kBool), Value(true));
  if (conditions.size() == 1) return std::move(conditions[0]);
  return make_expr(type_of(Kind::kBool), lg::Logical{lg::Logic::kAnd, std::move(conditions)});
}

bool is_constant(const lg::ExprPtr& expr) { return std::holds_alternative<lg::Constant>(expr->node); }
bool is_null_constant(const lg::ExprPtr& expr) {
  const auto* constant = std::get_if<lg::Constant>(&expr->node);
  return constant != nullptr && constant->value.is_null();
}
SqlError unsupported(std::string what, int position) {
  return SqlError(state::kFeatureNotSupported, std::move(what) + " is not supported").at(position);
}

namespace {

SqlResult<std::vector<std::int32_t>> modifiers_of(const ast::TypeName& name) {
  std::vector<std::int32_t> numbers;
  for (const auto& modifier : name.modifiers) {
    const auto* constant = std::get_if<ast::Constant>(&modifier->node);
    if (constant == nullptr || !std::holds_alternative<std::int32_t>(constant->value))
      return SqlError(state::kInvalidParameterValue, "type modifiers must be simple constants or identifiers").at(name.name.position);
    numbers.push_back(std::get<std::int32_t>(constant->value));
  }
  return numbers;
}

SqlResult<std::int32_t> length_modifier(std::string_view what, const std::vector<std::int32_t>& given, int position) {
  constexpr std::int32_t kMost = 10485760;
  if (given.size() != 1) return SqlError(state::kInvalidParameterValue, "invalid type modifier").at(position);
  if (given[0] < 1) return SqlError(state::kInvalidParameterValue, fmt::format("length for type {} must be at least 1", what)).at(position);
  if (given[0] > kMost)
    return SqlError(state::kInvalidParameterValue, fmt::format("length for type {} cannot exceed {}", what, kMost)).at(position);
  return given[0] + 4;
}

SqlResult<std::int32_t> numeric_modifier(const std::vector<std::int32_t>& given, int position) {
  if (given.empty() || given.size() > 2) return SqlError(state::kInvalidParameterValue, "invalid NUMERIC type modifier").at(position);
  if (given[0] < 1 || given[0] > 1000)
    return SqlError(state::kInvalidParameterValue, fmt::format("NUMERIC precision {} must be between 1 and 1000", given[0])).at(position);
  const std::int32_t scale = given.size() == 2 ? given[1] : 0;
  if (scale < -1000 || scale > 1000)
    return SqlError(state::kInvalidParameterValue, fmt::format("NUMERIC scale {} must be between -1000 and 1000", scale)).at(position);
  return ((given[0] << 16) | (scale & 0x7ff)) + 4;
}

SqlResult<std::int32_t> modifier_of(const Type& type, const ast::TypeName& name, const std::vector<std::int32_t>& given) {
  const int position = name.name.position;
  const std::int32_t digits = given.empty() ? 0 : std::clamp(given[0], 0, 6);
  switch (type.kind) {
    case Kind::kVarchar: return length_modifier("varchar", given, position);
    case Kind::kBpchar: return length_modifier("char", given, position);
    case Kind::kNumeric: return numeric_modifier(given, position);
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: return digits;
    case Kind::kInterval: return (name.interval_fields.value_or(0x7fff) << 16) | (given.empty() ? 0xffff : digits);
    default:
      return SqlError(state::kSyntaxError, fmt::format("type modifier is not allowed for type \"{}\"", format_type(type))).at(position);
  }
}

}  // namespace

SqlResult<Type> resolve_type(const ast::TypeName& name) {
  const auto& parts = name.name.parts;
  const auto missing = [&] {
    return SqlError(state::kUndefinedObject, fmt::format("type \"{}\" does not exist", fmt::join(parts, "."))).at(name.name.position);
  };
  if (parts.empty() || parts.size() > 2 || (parts.size() == 2 && parts[0] != "pg_catalog")) return missing();
  auto type = parts.back() == "char" ? std::optional(type_of(Kind::kChar)) : type_named(parts.back());
  if (!type) return missing();
  TRY_ASSIGN(const auto given, modifiers_of(name));
  if (!given.empty() || name.interval_fields) {
    TRY_ASSIGN(type->modifier, modifier_of(*type, name, given));
  }
  if (name.dimensions > 0) {
    if (type->kind == Kind::kArray) return *type;
    if (oid_of(array_of(type->kind)) == 0) return missing();
    *type = {Kind::kArray, type->kind, type->modifier};
  }
  return *type;
}

SqlResult<lg::ExprPtr> Binder::literal(const lg::Expr& unknown, const Type& to) {
  const auto& value = std::get<lg::Constant>(unknown.node).value;
  if (value.is_null()) return make_constant(to, Value(), unknown.position);
  // The name of an object is looked up by whoever knows them.
  if (to.kind >= Kind::kRegclass && to.kind <= Kind::kRegrole) {
    if (const auto cast = functions_.find_cast(type_of(Kind::kUnknown), to, CastContext::kImplicit); cast && *cast) {
      const Value* argument = &value;
      Value id;
      if (const auto status = call(**cast, session_, {&argument, 1}, id); !status.ok())
        return SqlError(status.error()).at(unknown.position);
      return make_constant(to, std::move(id), unknown.position);
    }
  }
  auto read = from_text(to, value.text(), session_.style);
  if (!read.ok()) return SqlError(read.error()).at(unknown.position);
  return make_constant(to, std::move(read).value(), unknown.position);
}

/// A call whose arguments are all known and which always gives the same is its value. What fails, fails when it is run: it may never be.
lg::ExprPtr Binder::folded(Expr call) {
  const auto& node = std::get<lg::Call>(call->node);
  if (node.function.function->volatility != Volatility::kImmutable) return call;
  std::vector<const Value*> args;
  for (const auto& arg : node.args) {
    const auto* constant = std::get_if<lg::Constant>(&arg->node);
    if (constant == nullptr) return call;
    args.push_back(&constant->value);
  }
  Value value;
  return sql::call(node.function, session_, args, value).ok() ? make_constant(call->type, std::move(value), call->position) : call;
}

SqlResult<lg::ExprPtr> Binder::apply_cast(Expr expr, const Cast& cast, const Type& to) {
  if (!cast) {
    if (expr->type == to && expr->type.modifier == to.modifier) return expr;
    auto relabelled = std::make_shared<lg::Expr>(*expr);
    relabelled->type = to;
    return Expr(std::move(relabelled));
  }
  const int position = expr->position;
  return folded(make_expr(to, lg::Call{*cast, {std::move(expr)}}, position));
}

SqlResult<std::optional<lg::ExprPtr>> Binder::try_coerce(Expr expr, const Type& to, CastContext context) {
  if (expr->type.kind == Kind::kUnknown) {
    if (is_constant(expr)) {
      // An explicit cast cuts what is too long, which reading with a modifier refuses. An interval's modifier says how it is read.
      if (to.modifier < 0 || to.kind == Kind::kInterval) {
        TRY_ASSIGN(auto read, literal(*expr, to));
        return std::optional(std::move(read));
      }
      TRY_ASSIGN(auto read, literal(*expr, {to.kind, to.element, -1}));
      return try_coerce(std::move(read), to, context);
    }
    if (const auto* parameter = std::get_if<lg::Parameter>(&expr->node)) {
      auto& known = result_.parameters[parameter->number - 1];
      if (known.kind == Kind::kUnknown) known = {to.kind, to.element, -1};
      if (known == to) return std::optional(make_expr(to, *parameter, expr->position));
      return try_coerce(make_expr(known, *parameter, expr->position), to, context);
    }
  }
  if (expr->type == to && (to.modifier < 0 || expr->type.modifier == to.modifier)) return std::optional(std::move(expr));
  const auto cast = functions_.find_cast(expr->type, to, context);
  if (!cast) return std::optional<Expr>();
  TRY_ASSIGN(auto made, apply_cast(std::move(expr), *cast, to));
  return std::optional(std::move(made));
}

SqlResult<lg::ExprPtr> Binder::coerce(Expr expr, const Type& to, CastContext context) {
  const Type from = expr->type;
  const int position = expr->position;
  TRY_ASSIGN(auto made, try_coerce(std::move(expr), to, context));
  if (made) return std::move(*made);
  return SqlError(state::kCannotCoerce,
                  fmt::format("cannot cast type {} to {}", format_type({from.kind, from.element}), format_type({to.kind, to.element})))
      .at(position);
}

SqlResult<lg::ExprPtr> Binder::assign(Expr expr, const lg::OutputColumn& column, bool) {
  const Type from = expr->type;
  const int position = expr->position;
  TRY_ASSIGN(auto made, try_coerce(std::move(expr), column.type, CastContext::kAssignment));
  if (made) return std::move(*made);
  return SqlError(state::kDatatypeMismatch,
                  fmt::format("column \"{}\" is of type {} but expression is of type {}", column.name,
                              format_type({column.type.kind, column.type.element}), format_type({from.kind, from.element})))
      .with_hint("You will need to rewrite or cast the expression.")
      .at(position);
}

SqlResult<lg::ExprPtr> Binder::boolean(Expr expr, std::string_view what) {
  const Type from = expr->type;
  const int position = expr->position;
  TRY_ASSIGN(auto made, try_coerce(std::move(expr), type_of(Kind::kBool), CastContext::kImplicit));
  if (made) return std::move(*made);
  return SqlError(state::kDatatypeMismatch, fmt::format("argument of {} must be type boolean, not type {}", what, format_type(from)))
      .at(position);
}

SqlResult<lg::ExprPtr> Binder::integer_limit(Expr expr, std::string_view what) {
  const Type from = expr->type;
  const int position = expr->position;
  TRY_ASSIGN(auto made, try_coerce(std::move(expr), type_of(Kind::kInt8), CastContext::kAssignment));
  if (made) return std::move(*made);
  return SqlError(state::kDatatypeMismatch, fmt::format("argument of {} must be type bigint, not type {}", what, format_type(from)))
      .at(position);
}

SqlResult<lg::ExprPtr> Binder::known(Expr expr) {
  if (const auto* row = std::get_if<lg::RowOf>(&expr->node)) {
    auto elements = row->elements;
    for (auto& element : elements) {
      TRY_ASSIGN(element, known(std::move(element)));
    }
    return make_expr(expr->type, lg::RowOf{std::move(elements)}, expr->position);
  }
  if (expr->type.kind != Kind::kUnknown) return expr;
  return coerce(std::move(expr), type_of(Kind::kText), CastContext::kImplicit);
}

SqlResult<Type> Binder::common_type(std::span<const Expr> exprs, std::string_view what) {
  std::vector<Type> types;
  for (const auto& expr : exprs) types.push_back(expr->type);
  auto type = functions_.common_type(types, what);
  if (!type.ok() && !exprs.empty()) return SqlError(type.error()).at(exprs.back()->position);
  return type;
}

SqlStatus Binder::unify(std::vector<Expr>& exprs, std::string_view what, Type& type) {
  TRY_ASSIGN(type, common_type(exprs, what));
  // Modifiers stay where all have the same one.
  type.modifier = exprs.empty() ? -1 : exprs[0]->type.modifier;
  for (const auto& expr : exprs)
    if (!(expr->type == type) || expr->type.modifier != type.modifier) type.modifier = -1;
  for (auto& expr : exprs) {
    TRY_ASSIGN(auto made, try_coerce(expr, type, CastContext::kImplicit));
    if (!made)
      return SqlError(state::kCannotCoerce,
                      fmt::format("{} could not convert type {} to {}", what, format_type(expr->type), format_type(type)))
          .at(expr->position);
    expr = std::move(*made);
  }
  return {};
}

SqlResult<lg::ExprPtr> Binder::evaluated(const Expr& expr) {
  const auto* call = std::get_if<lg::Call>(&expr->node);
  if (call == nullptr || call->function.function->volatility == Volatility::kVolatile) return expr;
  std::vector<Expr> kept;
  std::vector<const Value*> args;
  for (const auto& arg : call->args) {
    TRY_ASSIGN(auto value, evaluated(arg));
    if (!is_constant(value)) return expr;
    kept.push_back(std::move(value));
  }
  for (const auto& arg : kept) args.push_back(&std::get<lg::Constant>(arg->node).value);
  Value value;
  TRY(sql::call(call->function, session_, args, value));
  return make_constant(expr->type, std::move(value), expr->position);
}

}  // namespace isobar::sql
