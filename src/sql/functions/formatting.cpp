// to_char, to_date, to_timestamp, to_number.

#include <cmath>

#include "built_ins.h"
#include "number_format.h"
#include "time_format.h"
#include "times.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

constexpr FunctionOptions kStable{.volatility = Volatility::kStable};

TimeFields fields_of(std::int64_t local) {
  TimeFields fields;
  fields.days = floor_div(local, kMicrosecondsPerDay);
  fields.date = civil_of(fields.days), fields.clock = clock_of(local - fields.days * kMicrosecondsPerDay);
  fields.hours = fields.clock.hour;
  return fields;
}

SqlResult<std::optional<std::string>> shown(const TimeFields& fields, std::string_view pattern) {
  TRY_ASSIGN(auto text, format_time(fields, pattern));
  return std::optional(std::move(text));
}
SqlResult<std::optional<std::string>> timestamp_to_char(std::int64_t time, std::string_view pattern) {
  if (pattern.empty() || is_endless(time)) return std::optional<std::string>();
  return shown(fields_of(time), pattern);
}
SqlResult<std::optional<std::string>> timestamptz_to_char(const Call& call, std::int64_t time, std::string_view pattern) {
  if (pattern.empty() || is_endless(time)) return std::optional<std::string>();
  const auto offset = zone_of(call).at(time);
  TimeFields fields = fields_of(time + offset.seconds * kMicrosecondsPerSecond);
  fields.has_zone = true, fields.offset = offset.seconds, fields.zone = std::string(offset.abbreviation);
  return shown(fields, pattern);
}
SqlResult<std::optional<std::string>> interval_to_char(const Interval& interval, std::string_view pattern) {
  if (pattern.empty()) return std::optional<std::string>();
  TimeFields fields;
  fields.is_interval = true;
  fields.date = {interval.months / 12, interval.months % 12, interval.days};
  fields.hours = interval.microseconds / kMicrosecondsPerHour;
  fields.clock = clock_of(interval.microseconds % kMicrosecondsPerHour);
  fields.days = interval.days - kJulianOfEpoch;
  return shown(fields, pattern);
}

SqlResult<std::int64_t> to_date(std::string_view text, std::string_view pattern) {
  TRY_ASSIGN(const ParsedTime parsed, parse_time(text, pattern));
  if (!is_valid_date(parsed.days)) return date_out_of_range();
  return parsed.days;
}
SqlResult<std::int64_t> to_timestamp(const Call& call, std::string_view text, std::string_view pattern) {
  TRY_ASSIGN(const ParsedTime parsed, parse_time(text, pattern));
  if (!is_valid_date(parsed.days) || parsed.days >= kTimestampEndDay) return timestamp_out_of_range();
  const std::int64_t local = parsed.days * kMicrosecondsPerDay + parsed.microseconds;
  return parsed.has_offset ? checked_timestamp(local - parsed.offset * kMicrosecondsPerSecond) : to_utc(zone_of(call), local);
}

/// Of a float the digits that it has.
template <bool kSingle>
SqlResult<std::string> real_to_char(double value, std::string_view pattern) {
  return format_real(value, kSingle ? 6 : 15, pattern);
}

}  // namespace

void add_formatting(FunctionSet& set) {
  set.add("to_char(timestamp, text) text", wrap<timestamp_to_char>, kStable),
      set.add("to_char(timestamptz, text) text", wrap<timestamptz_to_char>, kStable);
  set.add("to_char(interval, text) text", wrap<interval_to_char>, kStable);
  for (const auto* type : {"int4", "int8"})
    set.add(std::string("to_char(") + type + ", text) text",
            wrap<[](std::int64_t value, std::string_view pattern) { return format_number(Numeric(value), pattern); }>, kStable);
  set.add("to_char(numeric, text) text", wrap<format_number>, kStable);
  set.add("to_char(float8, text) text", wrap<real_to_char<false>>, kStable),
      set.add("to_char(float4, text) text", wrap<real_to_char<true>>, kStable);
  set.add("to_date(text, text) date", wrap<to_date>, kStable), set.add("to_timestamp(text, text) timestamptz", wrap<to_timestamp>, kStable);
  set.add("to_number(text, text) numeric", wrap<parse_number>, kStable);
}

}  // namespace isobar::sql
