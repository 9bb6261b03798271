#pragma once

/// What names mean at one place of a statement.

#include <string>
#include <vector>

#include "sql/ast.h"
#include "sql/logical.h"

namespace isobar::sql {

namespace lg = logical;

struct VisibleColumn {
  std::string name;
  lg::ExprPtr value;
  Oid table = 0;  ///< where it comes straight from a table's column
  std::int16_t attribute = 0;
};

/// An item of FROM, by the name that qualifies its columns.
struct VisibleTable {
  std::string name, schema;  ///< no schema: it is an alias
  std::vector<VisibleColumn> columns;
};

/// What a table's columns are called in errors, and by what key they hang together.
struct RelationInfo {
  std::string alias;
  std::vector<std::string> columns;
  std::vector<std::uint32_t> primary_key;
};

/// Where an expression stands: what may be in it, and what PostgreSQL calls the place.
enum class Clause : std::uint8_t {
  kTargets,
  kWhere,
  kHaving,
  kGroupBy,
  kOrderBy,
  kDistinctOn,
  kJoin,
  kFromFunction,
  kLimit,
  kValues,
  kFilter,
  kWindow,
  kReturning,
  kUpdate,
  kDefault,
  kCheck,
  kAggregate,
};
const char* name_of(Clause clause);

struct WindowGroup {
  const ast::Window* spec = nullptr;
  lg::Window window;  ///< without its input
};

/// What is gathered while one SELECT's expressions are bound.
struct SelectState {
  std::uint32_t group_relation = 0, calls_relation = 0, set_relation = 0;
  std::vector<lg::AggregateCall> calls;
  bool grouped = false;
  std::vector<WindowGroup> windows;
  std::vector<const ast::Window*> named_windows;
  std::vector<lg::TableFunction> sets;
};

struct CteBinding {
  std::string name;
  std::uint32_t cte = 0;
  bool working = false;  ///< a recursive one, within its own step
  std::vector<std::string> columns;
  std::vector<Type> types;
};

struct Scope {
  Scope* parent = nullptr;
  std::vector<VisibleTable> tables;
  std::vector<VisibleColumn> columns;  ///< what can be named without a table, in the order of *
  std::vector<CteBinding> ctes;
  SelectState* select = nullptr;
  Clause clause = Clause::kTargets;
  std::vector<std::uint32_t> relations;  ///< those of its FROM
};

/// What one item of FROM brings into sight.
struct FromResult {
  lg::NodePtr node;
  std::vector<VisibleTable> tables;
  std::vector<VisibleColumn> columns;
  bool lateral = false;
};

}  // namespace isobar::sql
