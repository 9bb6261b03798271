// Subqueries in expressions. A correlated one just names the outer query's columns.

#include <fmt/format.h>

#include "binder.h"

namespace isobar::sql {

SqlResult<lg::ExprPtr> Binder::bind_node(const ast::Subquery& n, int position, Scope& scope) {
  using What = ast::Subquery::What;
  const Type boolean_type = type_of(Kind::kBool);
  Expr left;
  if (n.left != nullptr) {
    TRY_ASSIGN(left, expr(*n.left, scope));
  }
  TRY_ASSIGN(auto query, this->query(*n.query, &scope));
  const auto column = [&](std::size_t place) {
    return make_column(query->output, static_cast<std::uint32_t>(place), query->columns[place].type, position);
  };
  lg::Subquery subquery{static_cast<lg::Subquery::What>(n.what), query, nullptr};
  if (n.what == What::kExists) return make_expr(boolean_type, std::move(subquery), position);
  if (n.what == What::kScalar || n.what == What::kArray) {
    if (query->columns.size() != 1) return SqlError(state::kSyntaxError, "subquery must return only one column").at(position);
    Type type = query->columns[0].type;
    if (n.what == What::kArray && type.kind != Kind::kArray) {
      if (oid_of(array_of(type.kind)) == 0)
        return SqlError(state::kUndefinedObject, fmt::format("could not find array type for data type {}", format_type(type))).at(position);
      type = {Kind::kArray, type.kind, type.modifier};
    }
    return make_expr(type, std::move(subquery), position);
  }
  const auto fields = fields_of(left);
  const std::size_t wanted = fields ? fields->size() : 1;
  if (query->columns.size() < wanted) return SqlError(state::kSyntaxError, "subquery has too few columns").at(position);
  if (query->columns.size() > wanted) return SqlError(state::kSyntaxError, "subquery has too many columns").at(position);
  std::vector<Expr> right;
  for (std::size_t i = 0; i < wanted; ++i) right.push_back(column(i));
  if (fields) {
    TRY_ASSIGN(subquery.test, row_comparison(n.op, *fields, right, position));
  } else {
    TRY_ASSIGN(subquery.test, comparison(n.op, left, right[0], position));
  }
  return make_expr(boolean_type, std::move(subquery), position);
}

}  // namespace isobar::sql
