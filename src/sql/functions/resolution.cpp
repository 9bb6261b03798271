// PostgreSQL's rules for which of several functions or operators is meant (its manual, 10.2 and 10.3): an exact match; else those whose
// arguments can be cast implicitly, narrowed by how many match exactly, then by preferred types, then by what category the literals
// without a type seem to be of, and last by taking those for the type of the others.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tables.h"

namespace isobar::sql {
namespace {

using What = Parameter::What;
using Candidates = std::vector<const Candidate*>;

bool is_exact(const Parameter& parameter, const Type& type) { return parameter.what == What::kType && parameter.type == type; }

/// Of a polymorphic parameter it is 'P'.
char category_of_parameter(const Parameter& parameter) { return parameter.what == What::kType ? category_of(parameter.type) : 'P'; }
bool is_preferred_parameter(const Parameter& parameter) { return parameter.what == What::kType && is_preferred(parameter.type); }

/// Those with the most matches, by a count of each.
template <class Count>
Candidates best_by(const Candidates& candidates, Count count) {
  std::size_t most = 0;
  for (const auto* candidate : candidates) most = std::max(most, count(*candidate));
  Candidates kept;
  for (const auto* candidate : candidates)
    if (count(*candidate) == most) kept.push_back(candidate);
  return kept;
}

template <class Matches>
std::size_t count_matches(std::span<const Type> given, const Candidate& candidate, Matches matches) {
  std::size_t count = 0;
  for (std::size_t place = 0; place < given.size(); ++place)
    if (given[place].kind != Kind::kUnknown && matches(candidate.parameters[place], given[place])) ++count;
  return count;
}

/// The category that an argument without a type seems to be of, and whether one of its preferred type is among them.
struct Slot {
  char category = 0;
  bool preferred = false;
};
std::optional<Slot> slot_of(const Candidates& candidates, std::size_t place) {
  Slot slot;
  bool conflict = false;
  for (const auto* candidate : candidates) {
    const auto& parameter = candidate->parameters[place];
    const char category = category_of_parameter(parameter);
    if (slot.category == 0 || (category == 'S' && slot.category != 'S'))
      conflict |= slot.category != 0, slot = {category, is_preferred_parameter(parameter)};
    else if (category == slot.category) slot.preferred |= is_preferred_parameter(parameter);
    else conflict = true;
  }
  if (conflict && slot.category != 'S') return std::nullopt;
  return slot;
}

Candidates by_category(const Candidates& candidates, std::span<const Type> given) {
  std::vector<std::optional<Slot>> slots(given.size());
  for (std::size_t place = 0; place < given.size(); ++place) {
    if (given[place].kind != Kind::kUnknown) continue;
    slots[place] = slot_of(candidates, place);
    if (!slots[place]) return candidates;
  }
  Candidates kept;
  for (const auto* candidate : candidates) {
    bool fits = true;
    for (std::size_t place = 0; place < given.size() && fits; ++place)
      if (slots[place])
        fits = category_of_parameter(candidate->parameters[place]) == slots[place]->category &&
               (!slots[place]->preferred || is_preferred_parameter(candidate->parameters[place]));
    if (fits) kept.push_back(candidate);
  }
  return kept.empty() ? candidates : kept;
}

/// The type that all arguments have which have one.
std::optional<Type> only_known_type(std::span<const Type> given) {
  std::optional<Type> known;
  for (const auto& type : given) {
    if (type.kind == Kind::kUnknown) continue;
    if (known && !(*known == type)) return std::nullopt;
    known = type;
  }
  return known;
}

Choice narrow(const FunctionSet& set, Candidates candidates, std::span<const Type> given) {
  const auto is_single = [&] { return candidates.size() == 1; };
  candidates = best_by(candidates, [&](const Candidate& c) { return count_matches(given, c, is_exact); });
  if (is_single()) return {candidates[0]};
  candidates = best_by(candidates, [&](const Candidate& c) {
    return count_matches(given, c, [](const Parameter& parameter, const Type& type) {
      return is_exact(parameter, type) || (is_preferred_parameter(parameter) && category_of_parameter(parameter) == category_of(type));
    });
  });
  if (is_single()) return {candidates[0]};
  if (std::none_of(given.begin(), given.end(), [](const Type& type) { return type.kind == Kind::kUnknown; })) return {nullptr, true};
  candidates = by_category(candidates, given);
  if (is_single()) return {candidates[0]};
  if (const auto known = only_known_type(given)) {
    Candidates kept;
    for (const auto* candidate : candidates)
      if (fits(set, candidate->parameters, std::vector<Type>(given.size(), *known))) kept.push_back(candidate);
    if (kept.size() == 1) return {kept[0]};
  }
  return {nullptr, true};
}

const Candidate* exact_match(const std::vector<Candidate>& candidates, std::span<const Type> given) {
  for (const auto& candidate : candidates)
    if (std::equal(given.begin(), given.end(), candidate.parameters.begin(),
                   [](const Type& type, const Parameter& parameter) { return is_exact(parameter, type); }))
      return &candidate;
  return nullptr;
}

/// What a polymorphic call's types must agree on.
class Polymorphs {
 public:
  explicit Polymorphs(const FunctionSet& set) : set_(set) {}

  SqlStatus note(std::span<const Parameter> parameters, std::span<const Type> given) {
    for (std::size_t place = 0; place < given.size(); ++place) {
      const Type& type = given[place];
      switch (parameters[place].what) {
        case What::kAnyElement:
        case What::kAnyNonArray: TRY(note_element(type, "anyelement")); break;
        case What::kAnyArray:
          if (type.kind == Kind::kArray) TRY(note_element({type.element}, "anyarray"));
          polymorphic_ = true;
          break;
        case What::kAnyCompatible: compatible_.push_back(type); break;
        case What::kAnyCompatibleArray:
          compatible_.push_back(type.kind == Kind::kArray ? Type{type.element} : type_of(Kind::kUnknown));
          compatible_array_ = true;
          break;
        default: break;
      }
    }
    return settle();
  }

  Type type_of_parameter(const Parameter& parameter, const Type& given) const {
    switch (parameter.what) {
      case What::kType: return {parameter.type.kind, parameter.type.element};
      case What::kAny: return FunctionSet::known(given);
      case What::kAnyElement:
      case What::kAnyNonArray: return element_;
      case What::kAnyArray: return array_of(element_.kind);
      case What::kAnyCompatible: return common_;
      case What::kAnyCompatibleArray: return array_of(common_.kind);
    }
    return given;
  }

 private:
  SqlStatus note_element(const Type& type, std::string_view declared) {
    polymorphic_ = true;
    if (type.kind == Kind::kUnknown) return {};
    if (element_.kind != Kind::kUnknown && !(element_ == type))
      return SqlError(state::kDatatypeMismatch, fmt::format("arguments declared \"{}\" are not all alike", declared))
          .with_detail(fmt::format("{} versus {}", format_type(element_), format_type({type.kind, type.element})));
    element_ = {type.kind, type.element};
    return {};
  }
  SqlStatus settle() {
    if (polymorphic_ && element_.kind == Kind::kUnknown)
      return SqlError(state::kIndeterminateDatatype, "could not determine polymorphic type because input has type unknown");
    if (compatible_.empty()) return {};
    if (compatible_array_ &&
        std::all_of(compatible_.begin(), compatible_.end(), [](const Type& type) { return type.kind == Kind::kUnknown; }))
      return SqlError(state::kIndeterminateDatatype, "could not determine polymorphic type because input has type unknown");
    TRY_ASSIGN(common_, set_.common_type(compatible_, "arguments of anycompatible family"));
    if (compatible_array_ && common_.kind == Kind::kArray)
      return SqlError(state::kDatatypeMismatch, "arguments of anycompatible family cannot be arrays of arrays");
    common_.modifier = -1;
    return {};
  }

  const FunctionSet& set_;
  Type element_, common_;
  bool polymorphic_ = false, compatible_array_ = false;
  std::vector<Type> compatible_;
};

}  // namespace

Choice choose(const FunctionSet& set, const std::vector<Candidate>& candidates, std::span<const Type> given, bool is_operator) {
  if (const auto* exact = exact_match(candidates, given)) return {exact};
  if (is_operator && given.size() == 2 && (given[0].kind == Kind::kUnknown) != (given[1].kind == Kind::kUnknown)) {
    // An operator between something and a literal is first looked for between two of that something.
    const Type& known = given[given[0].kind == Kind::kUnknown ? 1 : 0];
    const Type both[] = {known, known};
    if (const auto* exact = exact_match(candidates, both)) return {exact};
  }
  Candidates possible;
  for (const auto& candidate : candidates) {
    if (fits(set, candidate.parameters, given)) possible.push_back(&candidate);
  }
  if (possible.size() <= 1) return {possible.empty() ? nullptr : possible[0]};
  return narrow(set, std::move(possible), given);
}

bool fits(const FunctionSet& set, std::span<const Parameter> parameters, std::span<const Type> given) {
  bool polymorphic = false;
  for (std::size_t place = 0; place < given.size(); ++place) {
    if (!can_coerce(set, given[place], parameters[place], CastContext::kImplicit)) return false;
    polymorphic |= parameters[place].what != What::kType && parameters[place].what != What::kAny;
  }
  if (!polymorphic) return true;
  // What nobody knows yet may still agree.
  const auto agreed = Polymorphs(set).note(parameters, given);
  return agreed.ok() || agreed.error().sqlstate() == state::kIndeterminateDatatype;
}

SqlResult<Bindings> bind_types(const FunctionSet& set, std::span<const Parameter> parameters, const Parameter& result,
                               std::span<const Type> given, std::span<const SetColumn> more) {
  Polymorphs polymorphs(set);
  TRY(polymorphs.note(parameters, given));
  Bindings bindings;
  for (std::size_t place = 0; place < given.size(); ++place) {
    Type type = polymorphs.type_of_parameter(parameters[place], given[place]);
    // What has the type already keeps its modifier.
    if (type == given[place]) type.modifier = given[place].modifier;
    bindings.arguments.push_back(type);
  }
  bindings.result = polymorphs.type_of_parameter(result, type_of(Kind::kUnknown));
  for (const auto& column : more) bindings.columns.push_back(polymorphs.type_of_parameter(column.type, type_of(Kind::kUnknown)));
  return bindings;
}

std::string list_of_types(std::span<const Type> types) {
  std::vector<std::string> names;
  for (const auto& type : types) names.push_back(format_type({type.kind, type.element}));
  return join(names, ", ");
}

}  // namespace isobar::sql
