#pragma once

/// Statements with their names looked up and their types known: relational algebra over typed expressions. It says what is meant, not how
/// it is done: engines make plans of it. Trees are shared and never changed.
///
/// A column is named by the relation that made it and its place there. Relations are numbered through the whole statement, subqueries,
/// views and all; so a column keeps its name wherever it is used: above joins and filters, and in correlated subqueries, which just use an
/// outer query's. What passes rows on (joins, filters, sorts, limits, DISTINCT) makes no relation; above an outer join a side's columns may
/// be null.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sql/catalog.h"
#include "sql/function.h"
#include "sql/value.h"

namespace isobar::sql::logical {

struct Expr;
struct Node;
struct Query;
using ExprPtr = std::shared_ptr<const Expr>;
using NodePtr = std::shared_ptr<const Node>;
using QueryPtr = std::shared_ptr<const Query>;

struct ColumnId {
  std::uint32_t relation = 0, column = 0;
  friend auto operator<=>(const ColumnId&, const ColumnId&) = default;
};

// Expressions.

struct Constant {
  Value value;
};
struct Parameter {
  std::uint32_t number = 1;
};
struct Column {
  ColumnId id;
};
/// Functions, operators, casts.
struct Call {
  BoundFunction function;
  std::vector<ExprPtr> args;
};
enum class Logic : std::uint8_t { kAnd, kOr, kNot };
struct Logical {
  Logic what = Logic::kAnd;
  std::vector<ExprPtr> args;
};
/// Of a record: whether all its fields are null, or none of them.
struct NullTest {
  bool negated = false;
  ExprPtr arg;
};
struct TruthTest {
  std::optional<bool> value;  ///< none: IS UNKNOWN
  bool negated = false;
  ExprPtr arg;
};
/// `equal` gives null where an operand is; nulls are not distinct from each other.
struct Distinct {
  bool negated = false;
  ExprPtr left, right, equal;  ///< `equal` is the comparison of the two
};
struct NullIf {
  ExprPtr value, equal;
};
struct When {
  ExprPtr condition, result;
};
/// The conditions name the subject, which is evaluated once, as column 0 of relation `relation`.
struct Case {
  ExprPtr subject;  ///< none: there is no such relation
  std::uint32_t relation = 0;
  std::vector<When> whens;
  ExprPtr otherwise;  ///< none: null
};
struct Coalesce {
  std::vector<ExprPtr> args;
};
struct Extreme {
  bool greatest = true;
  std::vector<ExprPtr> args;
};
/// left = one of the items, or of none of them; null as SQL's OR has it.
struct InList {
  bool negated = false;
  BoundFunction equal;
  ExprPtr left;
  std::vector<ExprPtr> items;
};
/// left OP ANY (array), left OP ALL (array).
struct ArrayTest {
  bool all = false;
  BoundFunction function;
  ExprPtr left, array;
};
/// Of elements, or of arrays: then it has a dimension more.
struct ArrayOf {
  std::vector<ExprPtr> elements;
};
struct RowOf {
  std::vector<ExprPtr> elements;
};
struct Field {
  ExprPtr arg;
  std::uint32_t place = 0;
};
struct Subscript {
  bool slice = false;
  ExprPtr low, high;  ///< of a slice: none where it was left out; else `high` is the subscript
};
struct Element {
  ExprPtr arg;
  std::vector<Subscript> subscripts;
};
struct Subquery {
  enum class What : std::uint8_t { kScalar, kExists, kAny, kAll, kArray } what = What::kScalar;
  QueryPtr query;
  ExprPtr test;  ///< of ANY and ALL: over the query's columns, for each row
};
/// nextval, currval, setval, lastval. `name` gives the sequence where it is not known before a row is.
struct SequenceCall {
  enum class What : std::uint8_t { kNext, kCurrent, kSet, kLast } what = What::kNext;
  std::optional<Sequence> sequence;
  std::vector<ExprPtr> args;  ///< of setval: the value, and whether it was given out
};
/// GROUPING(…): a bit for each of the groups, the last one's lowest, set where the row's grouping set does not have it.
struct GroupingBits {
  std::uint32_t relation = 0;  ///< of the aggregate
  std::vector<std::uint32_t> groups;
  std::vector<ExprPtr> args;  ///< what was written; nobody evaluates it
};

struct Expr {
  Type type;
  std::variant<Constant, Parameter, Column, Call, Logical, NullTest, TruthTest, Distinct, NullIf, Case, Coalesce, Extreme, InList,
               ArrayTest, ArrayOf, RowOf, Field, Element, Subquery, SequenceCall, GroupingBits>
      node;
  int position = 0;  ///< in the text; says nothing about what it is
};

/// Of the relation of a table that is going to be changed: the row's key (RowKey).
inline constexpr std::uint32_t kRowKeyColumn = UINT32_MAX;

/// Whether they are the same, positions aside.
bool equal(const Expr& a, const Expr& b);

struct SortKey {
  ExprPtr value;
  bool descending = false, nulls_first = false;
};

// Relations.

struct Scan {
  std::uint32_t relation = 0;
  std::shared_ptr<const Table> table;
  std::string alias;
  bool for_update = false;
};
struct Values {
  std::uint32_t relation = 0;
  std::vector<Type> types;
  std::vector<std::vector<ExprPtr>> rows;  ///< one row without columns: a query without FROM
};
struct TableFunction {
  std::variant<BoundSet, ExprPtr> what;  ///< an expression: one row of its value
  std::vector<ExprPtr> args;
  std::vector<Type> types;  ///< of its columns
  bool record = false;      ///< the expression's value is a record, whose fields are the columns
};
/// Of several functions the rows are put side by side, with nulls behind the end of the shorter ones. Ordinality is the last column.
struct FunctionScan {
  std::uint32_t relation = 0;
  std::string alias;
  std::vector<TableFunction> functions;
  bool ordinality = false;
};
struct CteScan {
  std::uint32_t relation = 0;
  std::uint32_t cte = 0;  ///< place in Statement::ctes
  std::string alias;
  bool working = false;  ///< the rows of the recursion's last round
};
enum class JoinKind : std::uint8_t { kInner, kLeft, kFull };
struct Join {
  JoinKind kind = JoinKind::kInner;
  NodePtr left, right;
  ExprPtr on;            ///< none: true
  bool lateral = false;  ///< the right side uses the left one's columns
};
struct Filter {
  NodePtr input;
  ExprPtr condition;
};
struct AggregateCall {
  BoundAggregate function;
  std::vector<ExprPtr> direct, args;
  bool distinct = false;
  std::vector<SortKey> order;
  ExprPtr filter;
};
/// A group that is a plain column keeps its name above; one that is an expression is column i of `relation`, i its place. Call j is column
/// j of `calls_relation`. Without groups and sets: one row.
struct Aggregate {
  std::uint32_t relation = 0, calls_relation = 0;
  NodePtr input;
  std::vector<ExprPtr> groups;
  std::vector<std::vector<std::uint32_t>> sets;  ///< grouping sets, of places in groups; none: one of all
  std::vector<AggregateCall> calls;
};
struct Frame {
  enum class Unit : std::uint8_t { kRange, kRows, kGroups } unit = Unit::kRange;
  enum class Edge : std::uint8_t { kUnboundedPreceding, kPreceding, kCurrentRow, kFollowing, kUnboundedFollowing };
  Edge start = Edge::kUnboundedPreceding, end = Edge::kCurrentRow;
  ExprPtr start_offset, end_offset;
  /// Of RANGE with offsets: the one sort key minus, and plus, an offset.
  BoundFunction minus, plus;
  enum class Exclude : std::uint8_t { kNothing, kCurrentRow, kGroup, kTies } exclude = Exclude::kNothing;
};
struct WindowCall {
  std::variant<BoundWindow, BoundAggregate> function;
  std::vector<ExprPtr> args;
  ExprPtr filter;
};
/// Its calls are the columns of `relation`.
struct Window {
  std::uint32_t relation = 0;
  NodePtr input;
  std::vector<ExprPtr> partition;
  std::vector<SortKey> order;
  Frame frame;
  std::vector<WindowCall> calls;
};
/// Set-returning functions of a select list, in step: the columns of `relation`.
struct ProjectSet {
  std::uint32_t relation = 0;
  NodePtr input;
  std::vector<TableFunction> functions;
};
struct Project {
  std::uint32_t relation = 0;
  NodePtr input;
  std::vector<ExprPtr> values;
};
/// Of the rows with equal keys the first one.
struct DistinctOn {
  NodePtr input;
  std::vector<ExprPtr> keys;
};
struct Sort {
  NodePtr input;
  std::vector<SortKey> keys;
};
struct Limit {
  NodePtr input;
  ExprPtr limit, offset;           ///< none: all, from the first on
  std::vector<SortKey> with_ties;  ///< rows equal to the last one by these come, too
};
enum class SetOp : std::uint8_t { kUnion, kIntersect, kExcept };
/// Both have as many columns, of the same types; the columns are those of `relation`.
struct SetOperation {
  std::uint32_t relation = 0;
  SetOp op = SetOp::kUnion;
  bool all = false;
  QueryPtr left, right;
  std::vector<Type> types;
};
/// A query in FROM: its columns keep their names. What is in it does not see conditions from above unless an engine pushes them down.
struct Derived {
  QueryPtr query;
  std::string alias;
};

struct Node {
  std::variant<Scan, Values, FunctionScan, CteScan, Join, Filter, Aggregate, Window, ProjectSet, Project, DistinctOn, Sort, Limit,
               SetOperation, Derived>
      node;
};

struct OutputColumn {
  std::string name;
  Type type;
  Oid table = 0;               ///< where it comes straight from a table's column
  std::int16_t attribute = 0;  ///< its number there, from 1
};
/// The columns of `output`, which is made by `root`, from the first on; more of them may be there for sorting.
struct Query {
  NodePtr root;
  std::uint32_t output = 0;
  std::vector<OutputColumn> columns;
  std::vector<std::uint32_t> ctes;  ///< defined by its WITH; made again each time that it is run for an outer row
};

// What changes rows. Values of a row are for each of Table::columns, dropped ones null.

struct CheckTest {
  std::string name;
  ExprPtr condition;  ///< over the new row, as relation `Modify::row`
};
struct ConflictRule {
  bool update = false;
  std::vector<std::uint32_t> arbiters;  ///< places in Table::indexes
  /// Over the row that is there (relation `Modify::old`) and the one that was to be inserted (`Modify::row`).
  std::vector<ExprPtr> values;
  ExprPtr where;
};
struct Modify {
  enum class What : std::uint8_t { kInsert, kUpdate, kDelete } what = What::kInsert;
  std::shared_ptr<const Table> table;
  QueryPtr source;              ///< of INSERT: rows; of UPDATE and DELETE the root alone counts, which has relation `old`
  std::uint32_t old = 0;        ///< the row as it is
  std::uint32_t row = 0;        ///< the row as it is going to be
  std::vector<ExprPtr> values;  ///< of INSERT: over the source's output; of UPDATE: over `old` and the rest
  std::vector<std::pair<std::uint32_t, ExprPtr>> generated;  ///< columns computed from the rest of the row, over `row`
  std::vector<CheckTest> checks;
  std::optional<ConflictRule> conflict;
  std::vector<ExprPtr> returning;  ///< over `row` (of DELETE over `old`)
  std::uint32_t output = 0;        ///< the relation that RETURNING makes
  std::vector<OutputColumn> columns;
};
using ModifyPtr = std::shared_ptr<const Modify>;

struct Cte {
  std::string name;
  std::variant<QueryPtr, ModifyPtr> query;
  std::vector<Type> types;
  std::optional<bool> materialized;
  std::uint32_t references = 0;
  /// WITH RECURSIVE that names itself: `query` is the part that does not, `step` the other one; without `all` what was there is left out.
  QueryPtr step;
  bool all = true;
};

/// What whoever runs the statement must be allowed to: 'r' to read the table, 'a' to add rows, 'w' to change and 'd' to erase them, as
/// PostgreSQL's access lists have them. Of a view the tables behind it are its owner's affair.
struct Privilege {
  std::shared_ptr<const Table> table;
  char what = 'r';
};

struct Statement {
  std::variant<QueryPtr, ModifyPtr> what;
  std::vector<Cte> ctes;
  std::vector<Type> parameters;
  std::uint32_t relations = 0;  ///< their numbers are less than this
  bool writes = false;          ///< rows, or sequences, or it locks rows
  std::vector<Privilege> privileges;
  std::vector<std::shared_ptr<const Table>> tables;  ///< all that it names, views included
};

}  // namespace isobar::sql::logical
