#pragma once

/// What functions, operators, casts and aggregates are, once it is settled which one is meant: a pointer to call, and the types it is
/// called with. Nothing is looked up by type or by name while rows are evaluated.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/error.h"
#include "sql/session_values.h"
#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {

/// kImmutable: the same arguments give the same for ever, so a call with constants may be folded. kStable: within one statement. kVolatile:
/// never the same twice.
enum class Volatility : std::uint8_t { kImmutable, kStable, kVolatile };

struct Function;

/// One function with the types it was resolved to. `function` lives as long as the FunctionSet it came from.
struct BoundFunction {
  const Function* function = nullptr;
  std::vector<Type> arguments;  ///< one for each value it is called with
  bool spread = false;          ///< the last value is an array whose elements are passed in its place; the last type is theirs
  Type result;                  ///< its modifier is the one that a cast applies
  std::shared_ptr<const BoundFunction> element;  ///< of a cast of arrays: how their elements are cast; none: not at all
};

/// One call. Of a strict function no argument is null; whoever calls gives null at once where one is.
struct Call {
  const SessionValues& session;
  const BoundFunction& bound;
  std::span<const Value* const> arguments;

  std::size_t size() const { return arguments.size(); }
  const Value& operator[](std::size_t place) const { return *arguments[place]; }
  bool has(std::size_t place) const { return place < arguments.size() && !arguments[place]->is_null(); }
  const Type& type(std::size_t place) const { return bound.arguments[place < bound.arguments.size() ? place : bound.arguments.size() - 1]; }
};
/// result  comes in with any value, whose memory may be used again; it becomes the function's. No argument is it
using Evaluate = SqlStatus (*)(const Call& call, Value& result);

/// What one argument may be: a type, or any type under the rules of PostgreSQL's polymorphic types.
struct Parameter {
  enum class What : std::uint8_t {
    kType,
    kAny,
    kAnyElement,
    kAnyNonArray,
    kAnyArray,
    kAnyCompatible,
    kAnyCompatibleArray
  } what = What::kType;
  Type type;  ///< of kType
};

struct Function {
  std::string name;  ///< an operator's is its sign
  std::vector<Parameter> parameters;
  Parameter result;
  bool variadic = false;     ///< the last parameter may come any number of times, from one up
  std::size_t defaults = 0;  ///< so many at the end may be missing
  bool strict = true;        ///< null where an argument is
  Volatility volatility = Volatility::kImmutable;
  Evaluate evaluate = nullptr;
  Evaluate inner = nullptr;  ///< of a cast that fits its value into a modifier afterwards: the cast alone
  std::function<SqlStatus(const Call& call, Value& result)> outside;  ///< of one that was added from outside; `evaluate` calls it
};

/// Calls it with its last argument, an array, spread out.
SqlStatus call_spread(const BoundFunction& bound, const SessionValues& session, std::span<const Value* const> arguments, Value& result);
/// Calls it; the one way to do so. Errors   the function's
inline SqlStatus call(const BoundFunction& bound, const SessionValues& session, std::span<const Value* const> arguments, Value& result) {
  if (bound.spread) return call_spread(bound, session, arguments, result);
  if (bound.function->strict)
    for (const Value* argument : arguments)
      if (argument->is_null()) return result.set_null(), SqlStatus();
  return bound.function->evaluate({session, bound, arguments}, result);
}

/// Gathers one group. Owned by one thread.
class AggregateState {
 public:
  virtual ~AggregateState() = default;
  /// One row's arguments, in the order of the parameters behind the direct ones; nulls are skipped here where the aggregate skips them.
  virtual SqlStatus step(const SessionValues& session, std::span<const Value* const> arguments) = 0;
  /// The result so far; more steps may follow. direct  the direct arguments of an ordered-set aggregate, else none
  virtual SqlStatus finish(const SessionValues& session, std::span<const Value* const> direct, Value& result) const = 0;
  /// About how much memory it holds beside itself.
  virtual std::size_t bytes() const { return 0; }
};

struct Aggregate;
struct BoundAggregate {
  const Aggregate* aggregate = nullptr;
  std::vector<Type> arguments;  ///< direct ones first
  Type result;
};
struct Aggregate {
  std::string name;
  std::vector<Parameter> parameters;  ///< none: count(*)
  Parameter result;
  /// Of percentile_cont(0.5) WITHIN GROUP (ORDER BY x): the arguments in front. The rows are given sorted as WITHIN GROUP says.
  std::size_t direct = 0;
  bool ordered_set = false;
  /// Duplicates change nothing (min, max, bool_and …), so DISTINCT may be left out.
  bool ignores_duplicates = false;
  bool variadic = false;
  std::unique_ptr<AggregateState> (*start)(const BoundAggregate& bound) = nullptr;
};

/// What only a window has; whoever runs windows knows how each is computed. All aggregates may stand over a window, too.
enum class WindowKind : std::uint8_t {
  kRowNumber,
  kRank,
  kDenseRank,
  kPercentRank,
  kCumeDist,
  kNtile,
  kLag,  ///< (value [, offset int4 [, default]])
  kLead,
  kFirstValue,
  kLastValue,
  kNthValue,  ///< (value, n int4)
};
struct WindowFunction {
  std::string name;
  std::vector<Parameter> parameters;
  Parameter result;
  WindowKind kind = WindowKind::kRowNumber;
};
struct BoundWindow {
  const WindowFunction* function = nullptr;
  std::vector<Type> arguments;
  Type result;
};

/// Rows of a function in FROM, or of one in a target list.
class SetRows {
 public:
  virtual ~SetRows() = default;
  /// False: there are no more. `into` has one value for each column.
  virtual SqlResult<bool> next(Row& into) = 0;
};
struct SetColumn {
  std::string name;
  Parameter type;
};
struct SetFunction;
struct BoundSet {
  const SetFunction* function = nullptr;
  std::vector<Type> arguments;
  std::vector<Type> columns;
};
struct SetCall {
  const SessionValues& session;
  const BoundSet& bound;
  std::span<const Value* const> arguments;
  const Value& operator[](std::size_t place) const { return *arguments[place]; }
};
struct SetFunction {
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<SetColumn> columns;  ///< one: its type is the function's in a target list; several: a record there
  bool strict = true;              ///< no rows where an argument is null
  Volatility volatility = Volatility::kImmutable;
  SqlResult<std::unique_ptr<SetRows>> (*open)(const SetCall& call) = nullptr;
  std::function<SqlResult<std::unique_ptr<SetRows>>(const SetCall& call)> outside;  ///< as Function's
};
/// Opens it; the one way to do so.
SqlResult<std::unique_ptr<SetRows>> open(const BoundSet& bound, const SessionValues& session, std::span<const Value* const> arguments);

}  // namespace isobar::sql
