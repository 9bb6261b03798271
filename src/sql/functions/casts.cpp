// The casts between types, as PostgreSQL's pg_cast has them, and those over text.

#include <fmt/format.h>

#include <cmath>

#include "built_ins.h"
#include "sql/calendar.h"
#include "sql/json.h"
#include "sql/modifier.h"
#include "sql/time_zone.h"
#include "sql/utf8.h"
#include "tables.h"
#include "times.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

constexpr auto kImplicit = CastContext::kImplicit, kAssignment = CastContext::kAssignment;
constexpr auto kExplicit = CastContext::kExplicit;

// --- over text ---

template <bool kWritten>
SqlStatus cast_to_text(const Call& call, Value& result) {
  const Type& from = call.type(0);
  const Type& to = call.bound.result;
  std::string text = from.kind == Kind::kBool && to.kind != Kind::kName ? (call[0].boolean() ? "true" : "false")
                                                                        : to_text(from, call[0], call.session.style);
  if (to.kind == Kind::kName || to.kind == Kind::kChar) {
    TRY_ASSIGN(result, from_text(to, text, call.session.style));
    return {};
  }
  TRY_ASSIGN(result, with_modifier(to, Value(std::move(text)), kWritten));
  return {};
}

template <bool kWritten>
SqlStatus cast_from_text(const Call& call, Value& result) {
  const Type& to = call.bound.result;
  if (!kWritten || to.kind == Kind::kInterval) {
    TRY_ASSIGN(result, from_text(to, call[0].text(), call.session.style));
    return {};
  }
  TRY_ASSIGN(Value read, from_text({to.kind, to.element}, call[0].text(), call.session.style));
  TRY_ASSIGN(result, with_modifier(to, std::move(read), true));
  return {};
}

template <bool kWritten>
SqlStatus fit(const Call& call, Value& result) {
  TRY_ASSIGN(result, with_modifier(call.bound.result, call[0], kWritten));
  return {};
}

/// The cast proper, then the modifier.
template <bool kWritten>
SqlStatus cast_and_fit(const Call& call, Value& result) {
  const Evaluate inner = call.bound.function->inner;
  if (inner == nullptr) return fit<kWritten>(call, result);
  TRY(inner(call, result));
  TRY_ASSIGN(result, with_modifier(call.bound.result, std::move(result), kWritten));
  return {};
}

SqlStatus cast_array(const Call& call, Value& result) {
  auto made = std::make_shared<Array>(call[0].array());
  made->element = call.bound.result.element;
  if (call.bound.element != nullptr) {
    for (auto& element : made->elements) {
      if (element.is_null()) continue;
      const Value from = std::move(element);
      const Value* argument = &from;
      TRY(isobar::sql::call(*call.bound.element, call.session, {&argument, 1}, element));
    }
  }
  result.set(ArrayPtr(std::move(made)));
  return {};
}

Function generic(std::string name, Evaluate evaluate) {
  Function function;
  function.name = std::move(name), function.evaluate = evaluate, function.volatility = Volatility::kStable;
  function.parameters.push_back({Parameter::What::kAny, {}});
  return function;
}

// --- between numbers ---

SqlError out_of_range(std::string_view type) { return {state::kNumericValueOutOfRange, fmt::format("{} out of range", type)}; }

template <Kind kKind>
constexpr std::string_view kNameOf = kKind == Kind::kInt2   ? "smallint"
                                     : kKind == Kind::kInt4 ? "integer"
                                     : kKind == Kind::kInt8 ? "bigint"
                                                            : "OID";
template <Kind kKind>
constexpr std::int64_t kLeastOf = kKind == Kind::kInt2   ? INT16_MIN
                                  : kKind == Kind::kInt4 ? INT32_MIN
                                  : kKind == Kind::kInt8 ? INT64_MIN
                                                         : 0;
template <Kind kKind>
constexpr std::int64_t kMostOf = kKind == Kind::kInt2   ? INT16_MAX
                                 : kKind == Kind::kInt4 ? INT32_MAX
                                 : kKind == Kind::kInt8 ? INT64_MAX
                                                        : UINT32_MAX;

template <Kind kTo>
SqlResult<std::int64_t> narrow_integer(std::int64_t value) {
  if (value < kLeastOf<kTo> || value > kMostOf<kTo>) return out_of_range(kNameOf<kTo>);
  return value;
}

template <Kind kTo>
SqlResult<std::int64_t> integer_of_real(double value) {
  const double rounded = std::rint(value);
  // The most of 64 bits is no double: the first beyond it is.
  if (!(rounded >= static_cast<double>(kLeastOf<kTo>) && rounded < static_cast<double>(kMostOf<kTo>) + (kTo == Kind::kInt8 ? 0.0 : 1.0)))
    return out_of_range(kNameOf<kTo>);
  return static_cast<std::int64_t>(rounded);
}

template <Kind kTo>
SqlResult<std::int64_t> integer_of_numeric(const Numeric& value) {
  if (!value.is_finite())
    return SqlError(state::kFeatureNotSupported, fmt::format("cannot convert {} to {}", value.is_nan() ? "NaN" : "infinity", kNameOf<kTo>));
  const auto whole = value.to_int64();
  if (!whole) return out_of_range(kNameOf<kTo>);
  return narrow_integer<kTo>(*whole);
}

SqlResult<double> float4_of(double value) {
  const auto narrow = static_cast<float>(value);
  if (std::isinf(narrow) && !std::isinf(value)) return SqlError(state::kNumericValueOutOfRange, "value out of range: overflow");
  if (narrow == 0 && value != 0) return SqlError(state::kNumericValueOutOfRange, "value out of range: underflow");
  return double{narrow};
}
SqlResult<double> float4_of_numeric(const Numeric& value) {
  const double wide = value.to_double();
  const auto narrow = value.is_finite() ? std::strtof(value.to_string().c_str(), nullptr) : static_cast<float>(wide);
  if (value.is_finite() && (std::isinf(narrow) || (narrow == 0 && value.sign() != 0)))
    return SqlError(state::kNumericValueOutOfRange, fmt::format("\"{}\" is out of range for type real", value.to_string()));
  return double{narrow};
}
SqlResult<double> float8_of_numeric(const Numeric& value) {
  const double wide = value.to_double();
  if (value.is_finite() && (std::isinf(wide) || (wide == 0 && value.sign() != 0)))
    return SqlError(state::kNumericValueOutOfRange, fmt::format("\"{}\" is out of range for type double precision", value.to_string()));
  return wide;
}

void add_number_casts(FunctionSet& set) {
  const auto add = [&](Kind from, Kind to, CastContext context, Evaluate evaluate) { set.add_cast(from, to, context, evaluate); };
  constexpr Evaluate kReal = wrap<[](std::int64_t value) { return static_cast<double>(value); }>;
  constexpr Evaluate kNarrowReal = wrap<[](std::int64_t value) { return double{static_cast<float>(value)}; }>;
  for (const Kind from : {Kind::kInt2, Kind::kInt4, Kind::kInt8}) {
    add(from, Kind::kNumeric, kImplicit, wrap<[](std::int64_t value) { return Numeric(value); }>);
    add(from, Kind::kFloat8, kImplicit, kReal), add(from, Kind::kFloat4, kImplicit, kNarrowReal);
  }
  add(Kind::kInt2, Kind::kInt4, kImplicit, nullptr), add(Kind::kInt2, Kind::kInt8, kImplicit, nullptr),
      add(Kind::kInt4, Kind::kInt8, kImplicit, nullptr);
  add(Kind::kInt4, Kind::kInt2, kAssignment, wrap<narrow_integer<Kind::kInt2>>),
      add(Kind::kInt8, Kind::kInt2, kAssignment, wrap<narrow_integer<Kind::kInt2>>);
  add(Kind::kInt8, Kind::kInt4, kAssignment, wrap<narrow_integer<Kind::kInt4>>);
  for (const Kind from : {Kind::kFloat4, Kind::kFloat8}) {
    add(from, Kind::kInt2, kAssignment, wrap<integer_of_real<Kind::kInt2>>),
        add(from, Kind::kInt4, kAssignment, wrap<integer_of_real<Kind::kInt4>>);
    add(from, Kind::kInt8, kAssignment, wrap<integer_of_real<Kind::kInt8>>);
  }
  add(Kind::kFloat4, Kind::kFloat8, kImplicit, nullptr), add(Kind::kFloat8, Kind::kFloat4, kAssignment, wrap<float4_of>);
  add(Kind::kFloat4, Kind::kNumeric, kAssignment, wrap<[](double value) { return Numeric::from_float(static_cast<float>(value)); }>);
  add(Kind::kFloat8, Kind::kNumeric, kAssignment, wrap<[](double value) { return Numeric::from_double(value); }>);
  add(Kind::kNumeric, Kind::kInt2, kAssignment, wrap<integer_of_numeric<Kind::kInt2>>),
      add(Kind::kNumeric, Kind::kInt4, kAssignment, wrap<integer_of_numeric<Kind::kInt4>>);
  add(Kind::kNumeric, Kind::kInt8, kAssignment, wrap<integer_of_numeric<Kind::kInt8>>);
  add(Kind::kNumeric, Kind::kFloat4, kImplicit, wrap<float4_of_numeric>),
      add(Kind::kNumeric, Kind::kFloat8, kImplicit, wrap<float8_of_numeric>);
  add(Kind::kBool, Kind::kInt4, kExplicit, wrap<[](bool value) { return std::int64_t{value}; }>);
  add(Kind::kInt4, Kind::kBool, kExplicit, wrap<[](std::int64_t value) { return value != 0; }>);
}

void add_oid_casts(FunctionSet& set) {
  for (const Kind oid : {Kind::kOid, Kind::kRegclass, Kind::kRegtype, Kind::kRegproc, Kind::kRegnamespace, Kind::kRegrole}) {
    // An int4 that is negative becomes an oid of its bits.
    constexpr Evaluate kBits = wrap<[](std::int64_t value) { return value & UINT32_MAX; }>;
    set.add_cast(Kind::kInt2, oid, kImplicit, kBits), set.add_cast(Kind::kInt4, oid, kImplicit, kBits);
    set.add_cast(Kind::kInt8, oid, kImplicit, wrap<narrow_integer<Kind::kOid>>);
    set.add_cast(oid, Kind::kInt4, kAssignment, wrap<[](std::int64_t value) { return std::int64_t{static_cast<std::int32_t>(value)}; }>);
    set.add_cast(oid, Kind::kInt8, kAssignment, nullptr);
    if (oid == Kind::kOid) continue;
    set.add_cast(oid, Kind::kOid, kImplicit, nullptr), set.add_cast(Kind::kOid, oid, kImplicit, nullptr);
  }
}

// --- between texts ---

std::string bool_text(bool value) { return value ? "true" : "false"; }
std::string name_of_text(std::string_view text) { return from_text(type_of(Kind::kName), text, {})->text(); }
std::string_view first_byte(std::string_view text) { return text.substr(0, 1); }

SqlResult<std::string> char_of_integer(std::int64_t value) {
  if (value < -128 || value > 127) return SqlError(state::kNumericValueOutOfRange, "\"char\" out of range");
  return value == 0 ? std::string() : std::string(1, static_cast<char>(value));
}

void add_text_casts(FunctionSet& set) {
  constexpr Evaluate kTrimmed = wrap<without_blanks>, kName = wrap<name_of_text>, kByte = wrap<first_byte>;
  for (const Kind to : {Kind::kText, Kind::kVarchar}) {
    set.add_cast(Kind::kBpchar, to, kImplicit, kTrimmed), set.add_cast(to, Kind::kBpchar, kImplicit, nullptr);
    set.add_cast(to, Kind::kName, kImplicit, kName), set.add_cast(to, Kind::kChar, kAssignment, kByte);
    set.add_cast(Kind::kBool, to, kAssignment, wrap<bool_text>);
  }
  set.add_cast(Kind::kText, Kind::kVarchar, kImplicit, nullptr), set.add_cast(Kind::kVarchar, Kind::kText, kImplicit, nullptr);
  set.add_cast(Kind::kBpchar, Kind::kChar, kAssignment, kByte),
      set.add_cast(Kind::kBpchar, Kind::kName, kImplicit, wrap<[](std::string_view text) { return name_of_text(without_blanks(text)); }>);
  set.add_cast(Kind::kBool, Kind::kBpchar, kAssignment, wrap<bool_text>);
  set.add_cast(Kind::kName, Kind::kText, kImplicit, nullptr), set.add_cast(Kind::kName, Kind::kVarchar, kAssignment, nullptr);
  set.add_cast(Kind::kName, Kind::kBpchar, kAssignment, nullptr);
  set.add_cast(Kind::kChar, Kind::kText, kImplicit, nullptr), set.add_cast(Kind::kChar, Kind::kVarchar, kAssignment, nullptr);
  set.add_cast(Kind::kChar, Kind::kBpchar, kAssignment, nullptr);
  set.add_cast(Kind::kChar, Kind::kInt4, kExplicit,
               wrap<[](std::string_view text) { return text.empty() ? 0 : std::int64_t{static_cast<signed char>(text[0])}; }>);
  set.add_cast(Kind::kInt4, Kind::kChar, kExplicit, wrap<char_of_integer>);
}

// --- between times ---

std::int64_t time_of(std::int64_t timestamp) { return floor_mod(timestamp, kMicrosecondsPerDay); }
std::optional<std::int64_t> time_of_timestamp(std::int64_t timestamp) {
  return is_endless(timestamp) ? std::nullopt : std::optional(time_of(timestamp));
}

void add_time_casts(FunctionSet& set) {
  constexpr FunctionOptions kStable{.volatility = Volatility::kStable};
  set.add_cast(Kind::kDate, Kind::kTimestamp, kImplicit, wrap<timestamp_of_date>);
  set.add_cast(Kind::kDate, Kind::kTimestamptz, kImplicit, wrap<[](const Call& call, std::int64_t date) -> SqlResult<std::int64_t> {
                 TRY_ASSIGN(const std::int64_t local, timestamp_of_date(date));
                 return to_utc(zone_of(call), local);
               }>,
               kStable);
  set.add_cast(Kind::kTimestamp, Kind::kTimestamptz, kImplicit,
               wrap<[](const Call& call, std::int64_t local) { return to_utc(zone_of(call), local); }>, kStable);
  set.add_cast(Kind::kTimestamptz, Kind::kTimestamp, kAssignment,
               wrap<[](const Call& call, std::int64_t time) { return to_local(zone_of(call), time); }>, kStable);
  set.add_cast(Kind::kTimestamp, Kind::kDate, kAssignment, wrap<date_of_timestamp>);
  set.add_cast(Kind::kTimestamptz, Kind::kDate, kAssignment, wrap<[](const Call& call, std::int64_t time) -> SqlResult<std::int64_t> {
                 TRY_ASSIGN(const std::int64_t local, to_local(zone_of(call), time));
                 return date_of_timestamp(local);
               }>,
               kStable);
  set.add_cast(Kind::kTimestamp, Kind::kTime, kAssignment, wrap<time_of_timestamp>);
  set.add_cast(Kind::kTimestamptz, Kind::kTime, kAssignment,
               wrap<[](const Call& call, std::int64_t time) -> SqlResult<std::optional<std::int64_t>> {
                 TRY_ASSIGN(const std::int64_t local, to_local(zone_of(call), time));
                 return time_of_timestamp(local);
               }>,
               kStable);
  set.add_cast(Kind::kTime, Kind::kInterval, kImplicit, wrap<[](std::int64_t time) { return Interval{time, 0, 0}; }>);
  set.add_cast(Kind::kInterval, Kind::kTime, kAssignment, wrap<[](const Interval& interval) { return time_of(interval.microseconds); }>);
}

// --- of JSON ---

SqlResult<Json> scalar_of(std::string_view text, std::string_view type, Json::What wanted) {
  TRY_ASSIGN(Json json, parse_json(text));
  constexpr std::string_view kNames[] = {"null", "string", "numeric", "boolean", "array", "object"};
  if (json.what == wanted) return json;
  const auto name = kNames[static_cast<std::size_t>(json.what)];
  return SqlError(state::kInvalidParameterValue, fmt::format("cannot cast jsonb {} to type {}",
                                                             json.is_scalar()                  ? name
                                                             : json.what == Json::What::kArray ? "array"
                                                                                               : "object",
                                                             type));
}

template <Kind kTo>
SqlResult<std::int64_t> integer_of_json(std::string_view text) {
  TRY_ASSIGN(const Json json, scalar_of(text, kNameOf<kTo>, Json::What::kNumber));
  return integer_of_numeric<kTo>(json.number);
}

SqlResult<Value> jsonb_of_json(std::string_view text) { return from_text(type_of(Kind::kJsonb), text, {}); }

void add_json_casts(FunctionSet& set) {
  set.add_cast(Kind::kJson, Kind::kJsonb, kAssignment, wrap<jsonb_of_json>), set.add_cast(Kind::kJsonb, Kind::kJson, kAssignment, nullptr);
  set.add_cast(Kind::kJsonb, Kind::kInt2, kExplicit, wrap<integer_of_json<Kind::kInt2>>),
      set.add_cast(Kind::kJsonb, Kind::kInt4, kExplicit, wrap<integer_of_json<Kind::kInt4>>);
  set.add_cast(Kind::kJsonb, Kind::kInt8, kExplicit, wrap<integer_of_json<Kind::kInt8>>);
  set.add_cast(Kind::kJsonb, Kind::kNumeric, kExplicit, wrap<[](std::string_view text) -> SqlResult<Numeric> {
                 TRY_ASSIGN(const Json json, scalar_of(text, "numeric", Json::What::kNumber));
                 return json.number;
               }>);
  set.add_cast(Kind::kJsonb, Kind::kFloat8, kExplicit, wrap<[](std::string_view text) -> SqlResult<double> {
                 TRY_ASSIGN(const Json json, scalar_of(text, "double precision", Json::What::kNumber));
                 return float8_of_numeric(json.number);
               }>);
  set.add_cast(Kind::kJsonb, Kind::kFloat4, kExplicit, wrap<[](std::string_view text) -> SqlResult<double> {
                 TRY_ASSIGN(const Json json, scalar_of(text, "real", Json::What::kNumber));
                 return float4_of_numeric(json.number);
               }>);
  set.add_cast(Kind::kJsonb, Kind::kBool, kExplicit, wrap<[](std::string_view text) -> SqlResult<bool> {
                 TRY_ASSIGN(const Json json, scalar_of(text, "boolean", Json::What::kBool));
                 return json.boolean;
               }>);
}

CastEntry entry_of(Kind from, Kind to, CastContext context, Evaluate evaluate, const FunctionOptions& options) {
  CastEntry entry;
  entry.context = context;
  Function function;
  function.name = std::string(catalog_name(type_of(to)));
  function.parameters.push_back({Parameter::What::kType, type_of(from)});
  function.result = {Parameter::What::kType, type_of(to)};
  function.strict = options.strict, function.volatility = options.volatility;
  function.evaluate = evaluate;
  entry.plain = entry.fitted_by_assignment = entry.fitted_by_cast = function;
  entry.fitted_by_assignment.inner = entry.fitted_by_cast.inner = evaluate;
  entry.fitted_by_assignment.evaluate = cast_and_fit<false>, entry.fitted_by_cast.evaluate = cast_and_fit<true>;
  return entry;
}

}  // namespace

void FunctionSet::add_cast(Kind from, Kind to, CastContext context, Evaluate evaluate, FunctionOptions options) {
  tables_->casts[{from, to}] = entry_of(from, to, context, evaluate, options);
}

void FunctionSet::add_cast_outside(Kind from, Kind to, CastContext context,
                                   std::function<SqlStatus(const Call& call, Value& result)> evaluate, FunctionOptions options) {
  CastEntry entry = entry_of(
      from, to, context, [](const Call& call, Value& result) { return call.bound.function->outside(call, result); }, options);
  entry.plain.outside = entry.fitted_by_assignment.outside = entry.fitted_by_cast.outside = std::move(evaluate);
  tables_->casts[{from, to}] = std::move(entry);
}

void add_generic_casts(FunctionSet::Tables& tables) {
  tables.to_text_cast = generic("to_text", cast_to_text<false>), tables.to_text_fitted = generic("to_text", cast_to_text<true>);
  tables.from_text_cast = generic("from_text", cast_from_text<false>), tables.from_text_fitted = generic("from_text", cast_from_text<true>);
  tables.fit_by_assignment = generic("fit", fit<false>), tables.fit_by_cast = generic("fit", fit<true>);
  tables.array_cast = generic("array_cast", cast_array);
}

void add_casts(FunctionSet& set) {
  add_number_casts(set), add_oid_casts(set), add_text_casts(set), add_time_casts(set), add_json_casts(set);
}

}  // namespace isobar::sql
