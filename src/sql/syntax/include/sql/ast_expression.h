#pragma once

/// Expressions and queries as they were written: names are not looked up yet, types are not known.
/// Positions count characters of the text from 1; 0: nowhere.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace isobar::sql::ast {

struct Expr;
struct Query;
using ExprPtr = std::unique_ptr<Expr>;
using QueryPtr = std::unique_ptr<Query>;

/// "a", "schema.a": the last part is the object's own name.
struct Name {
  std::vector<std::string> parts;
  int position = 0;
  const std::string& last() const { return parts.back(); }
  std::string qualifier() const { return parts.size() > 1 ? parts[parts.size() - 2] : std::string(); }
};

struct TypeName {
  Name name;  ///< as PostgreSQL's grammar has it: "int4" of pg_catalog for INTEGER
  std::vector<ExprPtr> modifiers;
  std::optional<std::int32_t> interval_fields;  ///< of INTERVAL YEAR TO MONTH and so on: its mask
  int dimensions = 0;                           ///< of an array
};

struct Null {};
struct Number {
  std::string digits;  ///< more than 32 bits, or with a point or an exponent
};
struct Constant {
  std::variant<Null, bool, std::int32_t, Number, std::string> value;
};
struct Parameter {
  int number = 0;
};
struct ColumnRef {
  std::vector<std::string> names;
  bool star = false;  ///< "*" or "t.*": the star comes after the names
};
struct Operator {
  std::string name;
  ExprPtr left;  ///< none: a prefix operator
  ExprPtr right;
};
enum class Like : std::uint8_t { kLike, kIlike, kSimilar };
struct LikeTest {
  Like what = Like::kLike;
  bool negated = false;
  ExprPtr left, pattern;
  ExprPtr escape;  ///< none: it was not said
};
/// x = ANY (array), x < ALL (array)
struct ArrayTest {
  std::string op;
  bool all = false;
  ExprPtr left, array;
};
struct InList {
  bool negated = false;
  ExprPtr left;
  std::vector<ExprPtr> list;
};
struct Between {
  bool negated = false, symmetric = false;
  ExprPtr value, low, high;
};
struct Distinct {
  bool negated = false;  ///< IS NOT DISTINCT FROM
  ExprPtr left, right;
};
struct NullIf {
  ExprPtr left, right;
};
enum class Logic : std::uint8_t { kAnd, kOr, kNot };
struct Logical {
  Logic what = Logic::kAnd;
  std::vector<ExprPtr> args;
};
struct NullTest {
  bool negated = false;
  ExprPtr arg;
};
struct TruthTest {
  std::optional<bool> value;  ///< none: IS UNKNOWN
  bool negated = false;
  ExprPtr arg;
};
struct When {
  ExprPtr condition, result;
};
struct Case {
  ExprPtr arg;  ///< none: the conditions are boolean
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
struct SortKey {
  ExprPtr value;
  bool descending = false;
  std::optional<bool> nulls_first;
};
struct Frame {
  enum class Unit : std::uint8_t { kRange, kRows, kGroups } unit = Unit::kRange;
  enum class Edge : std::uint8_t { kUnboundedPreceding, kPreceding, kCurrentRow, kFollowing, kUnboundedFollowing };
  Edge start = Edge::kUnboundedPreceding, end = Edge::kCurrentRow;
  ExprPtr start_offset, end_offset;
  enum class Exclude : std::uint8_t { kNothing, kCurrentRow, kGroup, kTies } exclude = Exclude::kNothing;
  bool said = false;  ///< not the default
};
struct Window {
  std::string name;    ///< of WINDOW name AS (…), or the one that OVER names
  std::string refers;  ///< to the window that this one begins with
  std::vector<ExprPtr> partition;
  std::vector<SortKey> order;
  Frame frame;
  int position = 0;
};
struct Call {
  Name name;
  std::vector<ExprPtr> args;
  bool star = false, distinct = false, variadic = false, within_group = false;
  bool as_syntax = false;  ///< EXTRACT, OVERLAY, AT TIME ZONE …: what SQL spells in words
  std::vector<SortKey> order;
  ExprPtr filter;
  std::unique_ptr<Window> over;
};
struct Cast {
  ExprPtr arg;
  TypeName type;
};
struct Collate {
  ExprPtr arg;
  Name name;
};
struct ArrayOf {
  std::vector<ExprPtr> elements;
};
struct RowOf {
  std::vector<ExprPtr> elements;
  bool spelt = false;  ///< ROW(…), not (a, b)
};
struct Subscript {
  bool slice = false;
  ExprPtr low;   ///< of a slice; none: its beginning
  ExprPtr high;  ///< the subscript, or the slice's end
};
struct FieldOf {
  std::string name;  ///< empty: all of them, (x).*
};
struct Indirection {
  ExprPtr arg;
  std::vector<std::variant<Subscript, FieldOf>> steps;
};
struct Subquery {
  enum class What : std::uint8_t { kScalar, kExists, kAny, kAll, kArray } what = What::kScalar;
  ExprPtr left;    ///< of ANY and ALL
  std::string op;  ///< of ANY and ALL; IN is = ANY
  bool in = false;
  QueryPtr query;
};
/// CURRENT_DATE and its like: functions without parentheses. precision  -1: not said
struct ValueFunction {
  std::string name;  ///< "current_date", "localtimestamp" …
  int precision = -1;
};
struct Default {};
struct Grouping {
  std::vector<ExprPtr> args;
};

struct Expr {
  using Node = std::variant<Constant, Parameter, ColumnRef, Operator, LikeTest, ArrayTest, InList, Between, Distinct, NullIf, Logical,
                            NullTest, TruthTest, Case, Coalesce, Extreme, Call, Cast, Collate, ArrayOf, RowOf, Indirection, Subquery,
                            ValueFunction, Default, Grouping>;
  Node node;
  int position = 0;
};

// Queries.

struct Target {
  std::string name;  ///< AS name; of INSERT and UPDATE: the column
  ExprPtr value;
  int position = 0;
};

struct Alias {
  std::string name;
  std::vector<std::string> columns;
};
struct TableRef {
  Name name;
  Alias alias;
  bool only = false;
};
struct DerivedTable {
  QueryPtr query;
  Alias alias;
  bool lateral = false;
};
struct ColumnType {
  std::string name;
  TypeName type;
};
struct FunctionTable {
  std::vector<ExprPtr> functions;  ///< several: ROWS FROM (…)
  std::vector<ColumnType> columns;
  Alias alias;
  bool lateral = false, ordinality = false;
};
struct FromItem;
enum class JoinKind : std::uint8_t { kInner, kLeft, kRight, kFull };
struct Join {
  JoinKind kind = JoinKind::kInner;
  bool natural = false;
  std::unique_ptr<FromItem> left, right;
  std::vector<std::string> using_columns;
  std::string using_alias;
  ExprPtr on;
  Alias alias;
};
struct FromItem {
  std::variant<TableRef, DerivedTable, FunctionTable, Join> item;
  int position = 0;
};

struct GroupItem {
  enum class What : std::uint8_t { kExpression, kEmpty, kRollup, kCube, kSets } what = What::kExpression;
  ExprPtr value;
  std::vector<GroupItem> items;
  int position = 0;
};

struct Locking {
  enum class Strength : std::uint8_t { kKeyShare, kShare, kNoKeyUpdate, kUpdate } strength = Strength::kUpdate;
  std::vector<std::string> tables;
  bool skip_locked = false, no_wait = false;
};

struct Insert;
struct Update;
struct Delete;
struct Cte {
  std::string name;
  std::vector<std::string> columns;
  std::optional<bool> materialized;
  std::variant<QueryPtr, std::unique_ptr<Insert>, std::unique_ptr<Update>, std::unique_ptr<Delete>> statement;
  int position = 0;
};
struct With {
  bool recursive = false;
  std::vector<Cte> ctes;
};

struct SelectCore {
  bool distinct = false;
  std::vector<ExprPtr> distinct_on;
  std::vector<Target> targets;
  std::vector<FromItem> from;
  ExprPtr where, having;
  std::vector<GroupItem> groups;
  bool group_distinct = false;
  std::vector<Window> windows;
};
struct Values {
  std::vector<std::vector<ExprPtr>> rows;
};
enum class SetOp : std::uint8_t { kUnion, kIntersect, kExcept };
struct SetOperation {
  SetOp op = SetOp::kUnion;
  bool all = false;
  QueryPtr left, right;
};
struct Query {
  With with;
  std::variant<SelectCore, Values, SetOperation> body;
  std::vector<SortKey> order;
  ExprPtr limit, offset;
  bool with_ties = false;
  std::vector<Locking> locking;
  int position = 0;
};

// What changes rows.

struct OnConflict {
  bool update = false;
  std::vector<std::string> columns;
  std::string constraint;
  bool other_target = false;  ///< an expression or a WHERE among the columns
  std::vector<Target> set;
  ExprPtr where;
  int position = 0;
};
struct Insert {
  With with;
  TableRef table;
  std::vector<Target> columns;  ///< names alone
  QueryPtr source;              ///< none: DEFAULT VALUES
  enum class Overriding : std::uint8_t { kNot, kUser, kSystem } overriding = Overriding::kNot;
  std::optional<OnConflict> on_conflict;
  std::vector<Target> returning;
};
/// SET a = x, or SET (a, b) = row: then `values` holds one expression, and `columns` several.
struct Assignment {
  std::vector<Target> columns;
  ExprPtr value;
};
struct Update {
  With with;
  TableRef table;
  std::vector<Assignment> set;
  std::vector<FromItem> from;
  ExprPtr where;
  std::vector<Target> returning;
};
struct Delete {
  With with;
  TableRef table;
  std::vector<FromItem> from;
  ExprPtr where;
  std::vector<Target> returning;
};

}  // namespace isobar::sql::ast
