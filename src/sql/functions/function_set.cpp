// Adding to a set of functions, and looking a call up in it.

#include "sql/function_set.h"

#include <fmt/format.h>

#include "built_ins.h"
#include "tables.h"

namespace isobar::sql {
namespace {

SqlStatus evaluate_outside(const Call& call, Value& result) { return call.bound.function->outside(call, result); }
SqlResult<std::unique_ptr<SetRows>> open_outside(const SetCall& call) { return call.bound.function->outside(call); }

bool same_parameters(const std::vector<Parameter>& a, const std::vector<Parameter>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Parameter& x, const Parameter& y) { return x.what == y.what && x.type == y.type; });
}

/// The last of one signature counts: it takes the place of the one before.
template <class Entry>
Entry& place_for(std::deque<Entry>& all, std::vector<Entry*>& named, const std::vector<Parameter>& parameters) {
  for (Entry* entry : named)
    if (same_parameters(entry->parameters, parameters)) return *entry;
  named.push_back(&all.emplace_back());
  return *named.back();
}

Function made(const ParsedSignature& parsed, const FunctionOptions& options) {
  Function function;
  function.name = parsed.name, function.parameters = parsed.parameters, function.result = parsed.result;
  function.variadic = parsed.variadic, function.defaults = parsed.defaults;
  function.strict = options.strict, function.volatility = options.volatility;
  return function;
}

/// The parameters for so many arguments. None: it does not take so many
std::optional<std::vector<Parameter>> parameters_for(const std::vector<Parameter>& declared, bool variadic, std::size_t defaults,
                                                     std::size_t count, bool spread) {
  if (spread) return variadic && count == declared.size() ? std::optional(declared) : std::nullopt;
  if (!variadic && (count > declared.size() || count + defaults < declared.size())) return std::nullopt;
  if (variadic && count < declared.size()) return std::nullopt;
  auto parameters = declared;
  if (variadic) parameters.resize(count, declared.back());
  else parameters.resize(count);
  return parameters;
}

/// Of a VARIADIC array the elements are the last parameter's.
std::vector<Type> with_element(std::span<const Type> given, bool spread) {
  std::vector<Type> types(given.begin(), given.end());
  if (spread && types.back().kind == Kind::kArray) types.back() = {types.back().element};
  return types;
}

SqlError no_function(std::string_view name, std::span<const Type> given) {
  return SqlError(state::kUndefinedFunction, fmt::format("function {}({}) does not exist", name, list_of_types(given)))
      .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.");
}
SqlError several_functions(std::string_view name, std::span<const Type> given) {
  return SqlError(state::kAmbiguousFunction, fmt::format("function {}({}) is not unique", name, list_of_types(given)))
      .with_hint("Could not choose a best candidate function. You might need to add explicit type casts.");
}

std::string shown_operator(std::string_view sign, std::span<const Type> given) {
  if (given.size() == 1) return fmt::format("{} {}", sign, list_of_types(given));
  return fmt::format("{} {} {}", list_of_types(given.first(1)), sign, list_of_types(given.subspan(1)));
}
SqlError no_operator(std::string_view sign, std::span<const Type> given) {
  return SqlError(state::kUndefinedFunction, "operator does not exist: " + shown_operator(sign, given))
      .with_hint(given.size() == 1 ? "No operator matches the given name and argument type. You might need to add an explicit type cast."
                                   : "No operator matches the given name and argument types. You might need to add explicit type casts.");
}
SqlError several_operators(std::string_view sign, std::span<const Type> given) {
  return SqlError(state::kAmbiguousFunction, "operator is not unique: " + shown_operator(sign, given))
      .with_hint("Could not choose a best candidate operator. You might need to add explicit type casts.");
}

/// Whatever has the name, in one row: functions, then aggregates, windows and sets.
struct Named {
  std::vector<Function*> functions;
  std::vector<Aggregate*> aggregates;
  std::vector<WindowFunction*> windows;
  std::vector<SetFunction*> sets;
};
template <class Map>
auto entries_named(const Map& map, const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? typename Map::mapped_type() : found->second;
}
Named named(const FunctionSet::Tables& tables, const std::string& name) {
  return {entries_named(tables.functions_named, name), entries_named(tables.aggregates_named, name),
          entries_named(tables.windows_named, name), entries_named(tables.sets_named, name)};
}

std::vector<Candidate> candidates_of(const Named& all, std::size_t count, bool spread) {
  std::vector<Candidate> candidates;
  std::size_t which = 0;
  const auto consider = [&](const std::vector<Parameter>& parameters, bool variadic, std::size_t defaults) {
    if (auto fitting = parameters_for(parameters, variadic, defaults, count, spread)) candidates.push_back({*std::move(fitting), which});
    ++which;
  };
  for (const auto* function : all.functions) consider(function->parameters, function->variadic, function->defaults);
  for (const auto* aggregate : all.aggregates) consider(aggregate->parameters, aggregate->variadic, 0);
  for (const auto* window : all.windows) consider(window->parameters, false, 0);
  for (const auto* set : all.sets) consider(set->parameters, false, 0);
  return candidates;
}

SqlResult<std::vector<Cast>> casts_to(const FunctionSet& set, std::span<const Type> given, const std::vector<Type>& wanted) {
  std::vector<Cast> casts;
  for (std::size_t place = 0; place < given.size(); ++place) {
    auto cast = set.find_cast(given[place], wanted[place], CastContext::kImplicit);
    if (!cast)
      return SqlError(state::kCannotCoerce,
                      fmt::format("cannot cast type {} to {}", format_type(given[place]), format_type(wanted[place])));
    casts.push_back(*std::move(cast));
  }
  return casts;
}

}  // namespace

FunctionSet::FunctionSet() : tables_(std::make_unique<Tables>()) { add_generic_casts(*tables_); }
FunctionSet::FunctionSet(FunctionSet&&) noexcept = default;
FunctionSet& FunctionSet::operator=(FunctionSet&&) noexcept = default;
FunctionSet::~FunctionSet() = default;

void FunctionSet::add(std::string_view signature, Evaluate evaluate, FunctionOptions options) {
  Function function = made(parse_signature(signature), options);
  function.evaluate = evaluate;
  Function& place = place_for(tables_->functions, tables_->functions_named[function.name], function.parameters);
  place = std::move(function);
}

void FunctionSet::add_outside(std::string_view signature, std::function<SqlStatus(const Call& call, Value& result)> evaluate,
                              FunctionOptions options) {
  Function function = made(parse_signature(signature), options);
  function.evaluate = evaluate_outside, function.outside = std::move(evaluate);
  Function& place = place_for(tables_->functions, tables_->functions_named[function.name], function.parameters);
  place = std::move(function);
}

void FunctionSet::add_operator(std::string_view signature, Evaluate evaluate, FunctionOptions options) {
  Function function = made(parse_signature(signature), options);
  function.evaluate = evaluate;
  Function& place = place_for(tables_->operators, tables_->operators_named[function.name], function.parameters);
  place = std::move(function);
}

void FunctionSet::add_set(std::string_view signature, std::string_view columns, OpenSet open, FunctionOptions options) {
  const ParsedSignature parsed = parse_signature(signature);
  SetFunction& place = place_for(tables_->sets, tables_->sets_named[parsed.name], parsed.parameters);
  place = {parsed.name, parsed.parameters, parse_columns(columns), options.strict, options.volatility, open, nullptr};
}

void FunctionSet::add_set_outside(std::string_view signature, std::string_view columns,
                                  std::function<SqlResult<std::unique_ptr<SetRows>>(const SetCall& call)> open, FunctionOptions options) {
  const ParsedSignature parsed = parse_signature(signature);
  SetFunction& place = place_for(tables_->sets, tables_->sets_named[parsed.name], parsed.parameters);
  place = {parsed.name, parsed.parameters, parse_columns(columns), options.strict, options.volatility, open_outside, std::move(open)};
}

void FunctionSet::add_aggregate(std::string_view signature, Aggregate aggregate) {
  const ParsedSignature parsed = parse_signature(signature);
  aggregate.name = parsed.name, aggregate.parameters = parsed.parameters, aggregate.result = parsed.result,
  aggregate.variadic = parsed.variadic;
  Aggregate& place = place_for(tables_->aggregates, tables_->aggregates_named[parsed.name], parsed.parameters);
  place = std::move(aggregate);
}

void FunctionSet::add_window(std::string_view signature, WindowKind kind) {
  const ParsedSignature parsed = parse_signature(signature);
  WindowFunction& place = place_for(tables_->windows, tables_->windows_named[parsed.name], parsed.parameters);
  place = {parsed.name, parsed.parameters, parsed.result, kind};
}

bool FunctionSet::has(std::string_view name) const {
  const std::string key(name);
  return tables_->functions_named.contains(key) || tables_->aggregates_named.contains(key) || tables_->windows_named.contains(key) ||
         tables_->sets_named.contains(key);
}

bool FunctionSet::is_aggregate(std::string_view name) const { return tables_->aggregates_named.contains(std::string(name)); }

SqlResult<ResolvedCall> FunctionSet::resolve(std::string_view name, std::span<const Type> given, bool spread) const {
  const Named all = named(*tables_, std::string(name));
  const auto types = with_element(given, spread);
  const auto candidates = candidates_of(all, given.size(), spread);
  const Choice choice = choose(*this, candidates, types, false);
  if (choice.chosen == nullptr) {
    // int4('1') and float8(x) are casts.
    if (const auto type = given.size() == 1 ? type_named(name) : std::nullopt) {
      if (const auto cast = find_cast(given[0], *type, CastContext::kExplicit); cast && (*cast || given[0] == *type)) {
        if (*cast) return ResolvedCall{**cast, {Cast()}, {given[0].kind == Kind::kUnknown ? *type : given[0]}};
      }
    }
    return choice.ambiguous ? several_functions(name, given) : no_function(name, given);
  }
  std::size_t which = choice.chosen->which;
  const auto finish = [&](const Parameter& result, std::span<const SetColumn> columns, auto make) -> SqlResult<ResolvedCall> {
    TRY_ASSIGN(Bindings bindings, bind_types(*this, choice.chosen->parameters, result, types, columns));
    auto wanted = bindings.arguments;
    // The array that is spread stays an array until it is called.
    if (spread) wanted.back() = array_of(wanted.back().kind);
    TRY_ASSIGN(auto casts, casts_to(*this, given, wanted));
    return ResolvedCall{make(std::move(bindings)), std::move(casts), std::move(wanted)};
  };
  if (which < all.functions.size()) {
    const Function* function = all.functions[which];
    return finish(function->result, {}, [&](Bindings bindings) {
      return BoundFunction{function, std::move(bindings.arguments), spread, bindings.result, nullptr};
    });
  }
  which -= all.functions.size();
  if (which < all.aggregates.size()) {
    const Aggregate* aggregate = all.aggregates[which];
    return finish(aggregate->result, {}, [&](Bindings bindings) {
      return BoundAggregate{aggregate, std::move(bindings.arguments), bindings.result};
    });
  }
  which -= all.aggregates.size();
  if (which < all.windows.size()) {
    const WindowFunction* window = all.windows[which];
    return finish(window->result, {}, [&](Bindings bindings) {
      return BoundWindow{window, std::move(bindings.arguments), bindings.result};
    });
  }
  const SetFunction* set = all.sets[which - all.windows.size()];
  const Parameter result = set->columns.size() == 1 ? set->columns[0].type : Parameter{Parameter::What::kType, type_of(Kind::kRecord)};
  return finish(result, set->columns, [&](Bindings bindings) {
    return BoundSet{set, std::move(bindings.arguments), std::move(bindings.columns)};
  });
}

SqlResult<ResolvedCall> FunctionSet::resolve_star(std::string_view name) const {
  for (const auto* aggregate : entries_named(tables_->aggregates_named, std::string(name)))
    if (aggregate->parameters.empty()) return ResolvedCall{BoundAggregate{aggregate, {}, aggregate->result.type}, {}, {}};
  if (is_aggregate(name)) return no_function(name, {});
  return SqlError(state::kWrongObjectType, fmt::format("{}(*) specified, but {} is not an aggregate function", name, name));
}

SqlResult<ResolvedCall> FunctionSet::resolve_operator(std::string_view sign, std::span<const Type> given) const {
  const auto operators = entries_named(tables_->operators_named, std::string(sign));
  std::vector<Candidate> candidates;
  for (std::size_t which = 0; which < operators.size(); ++which)
    if (operators[which]->parameters.size() == given.size()) candidates.push_back({operators[which]->parameters, which});
  const Choice choice = choose(*this, candidates, given, true);
  if (choice.chosen == nullptr) return choice.ambiguous ? several_operators(sign, given) : no_operator(sign, given);
  const Function* function = operators[choice.chosen->which];
  // Arrays of different elements have no operator between them, though each would do alone.
  auto bindings = bind_types(*this, function->parameters, function->result, given);
  if (!bindings) return bindings.error().sqlstate() == state::kDatatypeMismatch ? no_operator(sign, given) : bindings.error();
  TRY_ASSIGN(auto casts, casts_to(*this, given, bindings->arguments));
  return ResolvedCall{BoundFunction{function, bindings->arguments, false, bindings->result, nullptr}, std::move(casts),
                      std::move(bindings->arguments)};
}

SqlResult<ResolvedCall> FunctionSet::resolve_operator_any(std::string_view sign, const Type& left, const Type& array) const {
  if (array.kind != Kind::kArray && array.kind != Kind::kUnknown)
    return SqlError(state::kWrongObjectType, "op ANY/ALL (array) requires array on right side");
  const Type given[] = {left, array.kind == Kind::kArray ? Type{array.element} : type_of(Kind::kUnknown)};
  TRY_ASSIGN(auto resolved, resolve_operator(sign, given));
  resolved.types[1] = array_of(resolved.types[1].kind);
  TRY_ASSIGN(resolved.casts[1], cast_or_error(array, resolved.types[1], CastContext::kImplicit));
  return resolved;
}

SqlStatus FunctionSet::require_order(const Type& type) {
  const Kind kind = type.kind == Kind::kArray ? type.element : type.kind;
  if (kind != Kind::kJson && kind != Kind::kXid) return {};
  return SqlError(state::kUndefinedFunction, fmt::format("could not identify an ordering operator for type {}", format_type(type)))
      .with_hint("Use an explicit ordering operator or modify the query.");
}

SqlStatus FunctionSet::require_equality(const Type& type) {
  const Kind kind = type.kind == Kind::kArray ? type.element : type.kind;
  if (kind != Kind::kJson) return {};
  return SqlError(state::kUndefinedFunction, fmt::format("could not identify an equality operator for type {}", format_type(type)));
}

void FunctionSet::each(const std::function<void(const Function&, bool is_operator)>& see) const {
  for (const auto& function : tables_->functions) see(function, false);
  for (const auto& function : tables_->operators) see(function, true);
}

SqlStatus call_spread(const BoundFunction& bound, const SessionValues& session, std::span<const Value* const> arguments, Value& result) {
  // A null array gives null, whatever the function makes of null elements.
  if (arguments.back()->is_null()) return result.set_null(), SqlStatus();
  std::vector<const Value*> spread(arguments.begin(), arguments.end() - 1);
  for (const auto& element : arguments.back()->array().elements) spread.push_back(&element);
  if (bound.function->strict)
    for (const Value* argument : spread)
      if (argument->is_null()) return result.set_null(), SqlStatus();
  return bound.function->evaluate({session, bound, spread}, result);
}

namespace {
class NoRows final : public SetRows {
 public:
  SqlResult<bool> next(Row&) override { return false; }
};
}  // namespace

SqlResult<std::unique_ptr<SetRows>> open(const BoundSet& bound, const SessionValues& session, std::span<const Value* const> arguments) {
  if (bound.function->strict)
    for (const Value* argument : arguments)
      if (argument->is_null()) return std::unique_ptr<SetRows>(std::make_unique<NoRows>());
  return bound.function->open({session, bound, arguments});
}

FunctionSet FunctionSet::built_in() {
  FunctionSet set;
  add_casts(set), add_comparisons(set), add_number_operators(set), add_number_functions(set), add_text_functions(set), add_patterns(set);
  add_time_operators(set), add_time_functions(set), add_formatting(set), add_array_functions(set), add_json_functions(set),
      add_session_functions(set);
  add_aggregates(set), add_ordered_aggregates(set), add_windows(set), add_set_functions(set);
  return set;
}

}  // namespace isobar::sql
