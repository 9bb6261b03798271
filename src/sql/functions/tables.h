#pragma once

/// What a FunctionSet holds, for the sources that look things up in it.

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "sql/function_set.h"

namespace isobar::sql {

struct CastEntry {
  CastContext context = CastContext::kExplicit;  // the strictest that may use it
  Function plain;                                // evaluate null: the value is the same
  Function fitted_by_assignment, fitted_by_cast;
};

struct FunctionSet::Tables {
  // Deques keep what is in them where it is.
  std::deque<Function> functions, operators;
  std::deque<Aggregate> aggregates;
  std::deque<WindowFunction> windows;
  std::deque<SetFunction> sets;
  std::unordered_map<std::string, std::vector<Function*>> functions_named, operators_named;
  std::unordered_map<std::string, std::vector<Aggregate*>> aggregates_named;
  std::unordered_map<std::string, std::vector<WindowFunction*>> windows_named;
  std::unordered_map<std::string, std::vector<SetFunction*>> sets_named;
  std::map<std::pair<Kind, Kind>, CastEntry> casts;
  Function to_text_cast, to_text_fitted, from_text_cast, from_text_fitted, fit_by_assignment, fit_by_cast, array_cast;
};

/// One that a call could mean, as resolution sees them all alike.
struct Candidate {
  std::vector<Parameter> parameters;  // as many as arguments were given
  std::size_t which = 0;
};

/// "name(type, …) result" taken apart. CHECKs that it is well-formed: signatures are part of the program.
struct ParsedSignature {
  std::string name;
  std::vector<Parameter> parameters;
  Parameter result;
  bool variadic = false;
  std::size_t defaults = 0;
};
ParsedSignature parse_signature(std::string_view text);
Parameter parse_parameter(std::string_view text);
std::vector<SetColumn> parse_columns(std::string_view text);

/// Whether a value of one type may stand for the parameter in this context.
bool can_coerce(const FunctionSet& set, const Type& from, const Parameter& to, CastContext context);
/// Whether all arguments may stand for the parameters implicitly, polymorphic ones agreeing.
bool fits(const FunctionSet& set, std::span<const Parameter> parameters, std::span<const Type> given);
/// The candidate that is meant; none: there is none, or `ambiguous` says that there are several.
struct Choice {
  const Candidate* chosen = nullptr;
  bool ambiguous = false;
};
Choice choose(const FunctionSet& set, const std::vector<Candidate>& candidates, std::span<const Type> given, bool is_operator);

/// The types that polymorphic parameters stand for. Errors   42P18, 42804
struct Bindings {
  std::vector<Type> arguments;
  Type result;
  std::vector<Type> columns;  // of `more`
};
SqlResult<Bindings> bind_types(const FunctionSet& set, std::span<const Parameter> parameters, const Parameter& result,
                               std::span<const Type> given, std::span<const SetColumn> more = {});

std::string list_of_types(std::span<const Type> types);

}  // namespace isobar::sql
