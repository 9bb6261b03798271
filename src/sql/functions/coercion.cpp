// Which casts there are: those of the table, those of arrays by their elements, and for all other types the way over text, which is an
// assignment toward texts and must be written out from them.

#include <fmt/format.h>

#include "sql/modifier.h"
#include "tables.h"

namespace isobar::sql {
namespace {

bool is_string(const Type& type) { return type.kind != Kind::kArray && category_of(type) == 'S'; }

SqlError cannot_cast(const Type& from, const Type& to) {
  return {state::kCannotCoerce,
          fmt::format("cannot cast type {} to {}", format_type({from.kind, from.element}), format_type({to.kind, to.element}))};
}

BoundFunction bound(const Function& function, const Type& from, const Type& to) { return {&function, {from}, false, to, nullptr}; }

}  // namespace

std::optional<Cast> FunctionSet::find_cast(const Type& from, const Type& to, CastContext context) const {
  const bool fits = has_modifier(to) && from.modifier != to.modifier;
  const bool written = context == CastContext::kExplicit;
  if (from == to) {
    if (!fits) return Cast();
    return bound(written ? tables_->fit_by_cast : tables_->fit_by_assignment, from, to);
  }
  // A literal is read as the type by itself.
  if (from.kind == Kind::kUnknown && !tables_->casts.contains({from.kind, to.kind}))
    return bound(written ? tables_->from_text_fitted : tables_->from_text_cast, from, to);
  if (to.kind == Kind::kUnknown || to.kind == Kind::kVoid || from.kind == Kind::kVoid) return std::nullopt;
  if (from.kind == Kind::kArray && to.kind == Kind::kArray) {
    auto element = find_cast({from.element}, {to.element, Kind::kUnknown, to.modifier}, context);
    if (!element) return std::nullopt;
    auto made = bound(tables_->array_cast, from, to);
    if (*element) made.element = std::make_shared<const BoundFunction>(**std::move(element));
    return made;
  }
  if (const auto found = tables_->casts.find({from.kind, to.kind}); found != tables_->casts.end()) {
    const CastEntry& entry = found->second;
    if (context < entry.context) return std::nullopt;
    if (has_modifier(to)) return bound(written ? entry.fitted_by_cast : entry.fitted_by_assignment, from, to);
    if (entry.plain.evaluate == nullptr) return Cast();
    return bound(entry.plain, from, to);
  }
  if (is_string(to) && context >= CastContext::kAssignment)
    return bound(written ? tables_->to_text_fitted : tables_->to_text_cast, from, to);
  if (is_string(from) && written) return bound(tables_->from_text_fitted, from, to);
  return std::nullopt;
}

SqlResult<Cast> FunctionSet::cast_or_error(const Type& from, const Type& to, CastContext context) const {
  auto cast = find_cast(from, to, context);
  if (!cast) return cannot_cast(from, to);
  return *std::move(cast);
}

SqlResult<Type> FunctionSet::common_type(std::span<const Type> types, std::string_view what) const {
  CHECK(!types.empty());
  bool same = types[0].kind != Kind::kUnknown;
  for (const auto& type : types) same = same && type == types[0];
  if (same) {
    Type common = types[0];
    for (const auto& type : types)
      if (type.modifier != common.modifier) common.modifier = -1;
    return common;
  }
  Type common = types[0];
  for (const auto& type : types.subspan(1)) {
    if (type.kind == Kind::kUnknown || type == common) continue;
    if (common.kind == Kind::kUnknown) {
      common = type;
    } else if (category_of(type) != category_of(common)) {
      return SqlError(state::kDatatypeMismatch,
                      fmt::format("{} types {} and {} cannot be matched", what, format_type({common.kind, common.element}),
                                  format_type({type.kind, type.element})));
    } else if (!is_preferred(common) && find_cast(common, type, CastContext::kImplicit) &&
               !find_cast(type, common, CastContext::kImplicit)) {
      common = type;
    }
  }
  if (common.kind == Kind::kUnknown) common = type_of(Kind::kText);
  common.modifier = -1;
  for (const auto& type : types)
    if (!find_cast(type, common, CastContext::kImplicit))
      return SqlError(state::kCannotCoerce,
                      fmt::format("{} could not convert type {} to {}", what, format_type({type.kind, type.element}), format_type(common)));
  return common;
}

bool can_coerce(const FunctionSet& set, const Type& from, const Parameter& to, CastContext context) {
  const bool unknown = from.kind == Kind::kUnknown, array = from.kind == Kind::kArray;
  switch (to.what) {
    case Parameter::What::kType: return set.find_cast(from, {to.type.kind, to.type.element}, context).has_value();
    case Parameter::What::kAny:
    case Parameter::What::kAnyElement:
    case Parameter::What::kAnyCompatible: return true;
    case Parameter::What::kAnyNonArray: return unknown || !array;
    case Parameter::What::kAnyArray:
    case Parameter::What::kAnyCompatibleArray: return unknown || array;
  }
  return false;
}

}  // namespace isobar::sql
