#pragma once

/// From statements as they were written to statements that are understood.

#include <span>

#include "sql/ast.h"
#include "sql/catalog.h"
#include "sql/function_set.h"
#include "sql/logical.h"
#include "sql/session_values.h"

namespace isobar::sql {

/// parameters  their types as far as they are known; kUnknown or missing: to be found out
/// session     literals are read by its style (its time zone), constants are folded with it
/// Errors      as PostgreSQL gives them, with the position in the text; 0A000 names what is not supported
/// Cost        some ten microseconds for a small query. It asks `catalog` for what the statement names.
SqlResult<logical::Statement> bind(const ast::Statement& statement, Catalog& catalog, const FunctionSet& functions,
                                   const SessionValues& session, std::span<const Type> parameters);

/// What CREATE TABLE and its like need.
SqlResult<Type> resolve_type(const ast::TypeName& name);
/// A default or a generated column of `type`, a check (type bool): over the columns of `table`, as relation 0, or over none.
SqlResult<logical::ExprPtr> bind_expression(const ast::Expr& expr, const Type& type, const Table* table, Catalog& catalog,
                                            const FunctionSet& functions, const SessionValues& session);

}  // namespace isobar::sql
