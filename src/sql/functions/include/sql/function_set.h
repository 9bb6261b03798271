#pragma once

/// Which function, operator, cast or aggregate is meant by a name and the types of its arguments: PostgreSQL's rules of resolution
/// (chapter 10 of its manual) over a set of functions that others may add to.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/function.h"

namespace isobar::sql {

/// Where a cast is written or done: by nobody, by INSERT and UPDATE into a column, by CAST and `::`.
enum class CastContext : std::uint8_t { kImplicit, kAssignment, kExplicit };

/// A function of one argument; none: the value is of the other type as it is.
using Cast = std::optional<BoundFunction>;

struct ResolvedCall {
  std::variant<BoundFunction, BoundAggregate, BoundWindow, BoundSet> what;
  std::vector<Cast> casts;  ///< one for each argument that was given
  std::vector<Type> types;  ///< which each argument is to have; what has no type yet (kUnknown: a literal, a parameter) is given it
};

struct FunctionOptions {
  bool strict = true;
  Volatility volatility = Volatility::kImmutable;
};

class FunctionSet {
 public:
  /// All that is built in. Cost: some milliseconds; make one, and share it as const.
  static FunctionSet built_in();
  FunctionSet();
  FunctionSet(FunctionSet&&) noexcept;
  FunctionSet& operator=(FunctionSet&&) noexcept;
  ~FunctionSet();

  /// signature  "substr(text, int4, int4) text", "concat(variadic any) text", "lag(anyelement, int4 = ) anyelement": types by their names
  /// in pg_type, and any…; a parameter that may be missing ends in "=". Of one with the same name and parameters the last one counts.
  void add(std::string_view signature, Evaluate evaluate, FunctionOptions options = {});
  /// One from outside: what the catalog answers, sequences, the session's.
  void add_outside(std::string_view signature, std::function<SqlStatus(const Call& call, Value& result)> evaluate,
                   FunctionOptions options = {});
  /// "=(int4, int4) bool"; with one parameter it is a prefix operator.
  void add_operator(std::string_view signature, Evaluate evaluate, FunctionOptions options = {});
  /// columns  "(key text, value json)"
  using OpenSet = SqlResult<std::unique_ptr<SetRows>> (*)(const SetCall& call);
  void add_set(std::string_view signature, std::string_view columns, OpenSet open, FunctionOptions options = {});
  void add_set_outside(std::string_view signature, std::string_view columns,
                       std::function<SqlResult<std::unique_ptr<SetRows>>(const SetCall& call)> open, FunctionOptions options = {});
  void add_aggregate(std::string_view signature, Aggregate aggregate);
  void add_window(std::string_view signature, WindowKind kind);
  /// evaluate  null: the value is the same. From kUnknown: how a literal is read, where that is not by its type alone (regclass)
  void add_cast(Kind from, Kind to, CastContext context, Evaluate evaluate, FunctionOptions options = {});
  void add_cast_outside(Kind from, Kind to, CastContext context, std::function<SqlStatus(const Call& call, Value& result)> evaluate,
                        FunctionOptions options = {});

  /// spread  the last argument was written VARIADIC: an array whose elements are the arguments
  /// A call of one argument that is a type's name and no function is a cast (int4('1')), as in PostgreSQL.
  /// Errors   42883: there is none (its message, hint and all, as PostgreSQL words it); 42725: there are several
  SqlResult<ResolvedCall> resolve(std::string_view name, std::span<const Type> arguments, bool spread = false) const;
  /// Whether there is anything of that name, and whether it is an aggregate.
  bool has(std::string_view name) const;
  bool is_aggregate(std::string_view name) const;
  /// count(*) and its like: no arguments, a star written.
  SqlResult<ResolvedCall> resolve_star(std::string_view name) const;

  /// `arguments` has one (a prefix operator) or two types. Errors   42883, 42725
  SqlResult<ResolvedCall> resolve_operator(std::string_view sign, std::span<const Type> arguments) const;
  /// a = ANY (array), and so on: the operator between a value and the array's elements; types[1] is the array's.
  SqlResult<ResolvedCall> resolve_operator_any(std::string_view sign, const Type& left, const Type& array) const;

  /// None: there is no such cast in this context. The result's modifier is applied as the context says: an explicit cast cuts what is too
  /// long, an assignment refuses it (22001).
  std::optional<Cast> find_cast(const Type& from, const Type& to, CastContext context) const;
  /// find_cast, or the error PostgreSQL gives: 42846 "cannot cast type … to …".
  SqlResult<Cast> cast_or_error(const Type& from, const Type& to, CastContext context) const;

  /// The type to which all of them go: of CASE, COALESCE, VALUES, UNION, ARRAY, GREATEST; text where all are unknown.
  /// what  as PostgreSQL calls it in its error: "CASE", "UNION", "ARRAY" … Errors   42804 "… types integer and text cannot be matched"
  SqlResult<Type> common_type(std::span<const Type> types, std::string_view what) const;

  /// For array[…] and for what ORDER BY, UNION and CASE leave unknown: text in place of unknown.
  static Type known(const Type& type) { return type.kind == Kind::kUnknown ? type_of(Kind::kText) : type; }
  /// For DISTINCT, GROUP BY, ORDER BY and indexes. json has no order. Errors   42883 "could not identify an ordering operator for type
  /// json"
  static SqlStatus require_order(const Type& type);
  static SqlStatus require_equality(const Type& type);

  /// Calls `see` with each function (and operator, by its sign): what pg_proc is made from.
  void each(const std::function<void(const Function&, bool is_operator)>& see) const;

  struct Tables;

 private:
  std::unique_ptr<Tables> tables_;
};

}  // namespace isobar::sql
