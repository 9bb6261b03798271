// Dates and times from their texts: what a parsed text means for each type.

#include <fmt/format.h>

#include "date_parser.h"
#include "datetime_text.h"

namespace isobar::sql {
namespace {

using Special = DateTimeText::Special;

const TimeZone& zone_of(const TextStyle& style) { return style.zone != nullptr ? *style.zone : TimeZone::utc(); }

SqlError not_of(std::string_view type, std::string_view text) {
  return {state::kInvalidDatetimeFormat, fmt::format("invalid input syntax for type {}: \"{}\"", type, text)};
}
SqlError out_of_range(std::string_view what, std::string_view text) {
  return {state::kDatetimeFieldOverflow, fmt::format("{} out of range: \"{}\"", what, text)};
}

SqlError error_of(const ParsedDate& parsed, std::string_view type, std::string_view text) {
  switch (parsed.problem) {
    case DateProblem::kField: return out_of_range("date/time field value", text);
    case DateProblem::kMonthOrDay:
      return out_of_range("date/time field value", text).with_hint("Perhaps you need a different \"datestyle\" setting.");
    case DateProblem::kZoneDisplacement: return {state::kInvalidTimeZone, fmt::format("time zone displacement out of range: \"{}\"", text)};
    case DateProblem::kZoneName: return {state::kInvalidParameterValue, fmt::format("time zone \"{}\" not recognized", parsed.zone_name)};
    default: return not_of(type, text);
  }
}

/// The local microseconds of 'now', 'today' and so on.
SqlResult<std::int64_t> local_now(Special special, const TextStyle& style) {
  if (!style.now) return SqlError(state::kFeatureNotSupported, "a time that depends on the present is not supported here");
  const std::int64_t local = zone_of(style).to_local(*style.now);
  if (special == Special::kNow) return local;
  const std::int64_t day = floor_div(local, kMicrosecondsPerDay) + (special == Special::kTomorrow    ? 1
                                                                    : special == Special::kYesterday ? -1
                                                                                                     : 0);
  return day * kMicrosecondsPerDay;
}

bool is_relative(Special special) {
  return special == Special::kNow || special == Special::kToday || special == Special::kTomorrow || special == Special::kYesterday;
}

/// The local microseconds of a date and a time that were written, or those of a special word.
SqlResult<std::int64_t> local_of(const ParsedDate& parsed, std::string_view type, std::string_view text, const TextStyle& style) {
  if (is_relative(parsed.text.special)) {
    TRY_ASSIGN(const std::int64_t day, local_now(parsed.text.special, style));
    return day + parsed.text.microseconds.value_or(0);
  }
  if (!parsed.text.days) return not_of(type, text);
  std::int64_t local = 0;
  if (__builtin_mul_overflow(*parsed.text.days, kMicrosecondsPerDay, &local) ||
      __builtin_add_overflow(local, parsed.text.microseconds.value_or(0), &local) || local == kInfinity || local == kMinusInfinity)
    return out_of_range("timestamp", text);
  return local;
}

std::optional<std::int64_t> endless(Special special) {
  if (special == Special::kInfinite) return kInfinity;
  if (special == Special::kMinusInfinite) return kMinusInfinity;
  return std::nullopt;
}

}  // namespace

SqlResult<std::int64_t> date_from_text(std::string_view text, const TextStyle& style) {
  const ParsedDate parsed = parse_date_time(text);
  if (parsed.problem != DateProblem::kNone) return error_of(parsed, "date", text);
  if (const auto end = endless(parsed.text.special)) return *end;
  if (parsed.text.special == Special::kEpoch) return -kUnixDaysOfEpoch;
  if (is_relative(parsed.text.special)) {
    TRY_ASSIGN(const std::int64_t local, local_now(parsed.text.special, style));
    return floor_div(local, kMicrosecondsPerDay);
  }
  if (!parsed.text.days) return not_of("date", text);
  if (!is_valid_date(*parsed.text.days)) return out_of_range("date", text);
  return *parsed.text.days;
}

SqlResult<std::int64_t> time_from_text(std::string_view text, const TextStyle& style) {
  const ParsedDate parsed = parse_date_time(text, true);
  if (parsed.problem != DateProblem::kNone) return error_of(parsed, "time", text);
  if (parsed.text.special == Special::kNow) {
    TRY_ASSIGN(const std::int64_t local, local_now(Special::kNow, style));
    return floor_mod(local, kMicrosecondsPerDay);
  }
  if (parsed.text.special != Special::kNone || !parsed.text.microseconds) return not_of("time", text);
  // A zone that has no fixed offset says nothing without a date.
  if (parsed.text.zone != nullptr && !parsed.text.days) return not_of("time", text);
  return *parsed.text.microseconds;
}

SqlResult<std::int64_t> timestamp_from_text(std::string_view text, const TextStyle& style) {
  const ParsedDate parsed = parse_date_time(text);
  if (parsed.problem != DateProblem::kNone) return error_of(parsed, "timestamp", text);
  if (const auto end = endless(parsed.text.special)) return *end;
  if (parsed.text.special == Special::kEpoch) return -kUnixDaysOfEpoch * kMicrosecondsPerDay;
  TRY_ASSIGN(const std::int64_t local, local_of(parsed, "timestamp", text, style));
  if (!is_valid_timestamp(local)) return out_of_range("timestamp", text);
  return local;
}

SqlResult<std::int64_t> timestamptz_from_text(std::string_view text, const TextStyle& style) {
  const ParsedDate parsed = parse_date_time(text);
  if (parsed.problem != DateProblem::kNone) return error_of(parsed, "timestamp with time zone", text);
  if (const auto end = endless(parsed.text.special)) return *end;
  if (parsed.text.special == Special::kEpoch) return -kUnixDaysOfEpoch * kMicrosecondsPerDay;
  if (parsed.text.special == Special::kNow && style.now) return *style.now;
  TRY_ASSIGN(std::int64_t local, local_of(parsed, "timestamp with time zone", text, style));
  if (!is_valid_timestamp(local)) return out_of_range("timestamp", text);
  if (parsed.text.offset) local -= *parsed.text.offset * kMicrosecondsPerSecond;
  else local = (parsed.text.zone != nullptr ? *parsed.text.zone : zone_of(style)).to_utc(local);
  if (!is_valid_timestamp(local)) return out_of_range("timestamp", text);
  return local;
}

}  // namespace isobar::sql
