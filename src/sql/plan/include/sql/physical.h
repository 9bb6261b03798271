#pragma once

/// How a bound statement is carried out, row by row. The nodes read each other's columns by their names (logical::ColumnId), as the bound
/// tree does.

#include <map>

#include "sql/function_set.h"
#include "sql/logical.h"

namespace isobar::sql::physical {

using logical::ColumnId;
using logical::ExprPtr;
using logical::SortKey;

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Edge {
  ExprPtr value;
  bool inclusive = true;
};
/// A part of an index, as IndexRange, with values that are computed when the scan begins: from constants, parameters and the columns of
/// rows outside. Where one of them is null the range is empty.
struct KeyRange {
  std::vector<ExprPtr> equal;
  std::vector<Edge> low, high;  ///< several: the tightest counts
};

struct Scan {
  std::uint32_t relation = 0;
  std::shared_ptr<const Table> table;
  std::string alias;
  const Index* index = nullptr;  ///< of the table; none: the table's own order
  KeyRange range;
  /// Column `equal.size()` of the index is one of these: a list, or an array's elements. As many ranges, in the order of the values.
  std::vector<ExprPtr> any_of;
  ExprPtr any_array;
  std::vector<ExprPtr> index_conditions;  ///< what the ranges stand for: nobody evaluates them
  ExprPtr filter;
  bool backward = false, for_update = false;
  std::uint64_t rows_most = 0;
};
struct Values {
  logical::Values values;
};
struct FunctionScan {
  logical::FunctionScan scan;
};
struct CteScan {
  logical::CteScan scan;
};
struct Filter {
  NodePtr input;
  ExprPtr condition;
  bool once = false;  ///< the condition names no column of the input
};
enum class JoinKind : std::uint8_t { kInner, kLeft, kFull, kSemi, kAnti };
/// The right side is run again for each row of the left one, whose columns it may use. Unless it does, its rows are kept.
struct NestedLoop {
  JoinKind kind = JoinKind::kInner;
  NodePtr left, right;
  ExprPtr on;
  bool keep = false;
};
/// The right side's rows are kept by their keys. Keys are of equal types, side by side.
struct HashJoin {
  JoinKind kind = JoinKind::kInner;
  NodePtr left, right;
  std::vector<ExprPtr> left_keys, right_keys;
  ExprPtr rest;  ///< of the condition
};
struct Aggregate {
  logical::Aggregate aggregate;  ///< without its input
  NodePtr input;
};
struct Window {
  logical::Window window;  ///< without its input
  NodePtr input;
};
struct ProjectSet {
  logical::ProjectSet sets;  ///< without its input
  NodePtr input;
};
struct Project {
  std::uint32_t relation = 0;
  NodePtr input;
  std::vector<ExprPtr> values;
};
/// The first row of those with equal keys.
struct Unique {
  NodePtr input;
  std::vector<ExprPtr> keys;
  bool sorted = false;  ///< equal keys come one after the other
};
struct Sort {
  NodePtr input;
  std::vector<SortKey> keys;
  ExprPtr limit, offset;  ///< of a Limit above: no more rows are needed
};
struct Limit {
  NodePtr input;
  ExprPtr limit, offset;
  std::vector<SortKey> with_ties;
};
struct SetOperation {
  std::uint32_t relation = 0;
  logical::SetOp op = logical::SetOp::kUnion;
  bool all = false;
  std::vector<Type> types;
  NodePtr left, right;
  std::uint32_t left_output = 0, right_output = 0;
};
/// The columns of `output` are those of a query, which is run again for each row outside.
struct Define {
  NodePtr input;
  std::vector<std::uint32_t> ctes;  ///< they begin anew
  std::string alias;                ///< of a query in FROM
};
/// A CTE that is named once: its query in its place, with its columns under another name.
struct Rename {
  NodePtr input;
  std::uint32_t relation = 0, of = 0;
  std::string alias;
};

struct Node {
  std::variant<Scan, Values, FunctionScan, CteScan, Filter, NestedLoop, HashJoin, Aggregate, Window, ProjectSet, Project, Unique, Sort,
               Limit, SetOperation, Define, Rename>
      node;
  double rows = 1, cost = 0;  ///< estimated
};

/// A query within an expression.
struct Subplan {
  NodePtr root;
  std::vector<ColumnId> outer;  ///< columns of rows outside that it uses; none: it is run once
  std::vector<Type> outer_types;
  bool remembered = false;  ///< it gives the same for the same values of these
};
struct Cte {
  NodePtr root, step;
  std::uint32_t output = 0, step_output = 0;
  bool inlined = false;
};

struct Plan {
  logical::Statement statement;
  NodePtr root;  ///< of the query, or of the rows that are inserted or changed
  std::map<const logical::Query*, Subplan> subplans;
  std::vector<Cte> ctes;  ///< as statement.ctes; of one that writes, `root` is its source
};

/// The lines of EXPLAIN (COSTS OFF), or with costs.
std::vector<std::string> explain(const Plan& plan, bool costs);

/// Cost: grows with the number of joined tables squared.
SqlResult<Plan> plan(logical::Statement statement, const FunctionSet& functions);

}  // namespace isobar::sql::physical
