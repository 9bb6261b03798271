// Functions of dates, times and intervals.

#include <fmt/format.h>

#include <cmath>

#include "built_ins.h"
#include "time_fields.h"
#include "times.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

constexpr FunctionOptions kStable{.volatility = Volatility::kStable};
constexpr Type kTimestampType = type_of(Kind::kTimestamp), kTimestamptzType = type_of(Kind::kTimestamptz);

// --- EXTRACT and date_part ---

SqlResult<std::optional<Numeric>> of_timestamp(std::string_view field, std::int64_t time) {
  return field_of_timestamp(field, time, std::nullopt, kTimestampType);
}
SqlResult<std::optional<Numeric>> of_timestamptz(const Call& call, std::string_view field, std::int64_t time) {
  if (is_endless(time)) return field_of_timestamp(field, time, 0, kTimestamptzType);
  const std::int32_t offset = zone_of(call).at(time).seconds;
  return field_of_timestamp(field, time + offset * kMicrosecondsPerSecond, offset, kTimestamptzType);
}
SqlResult<std::optional<double>> as_double(SqlResult<std::optional<Numeric>> value) {
  TRY_ASSIGN(const auto number, std::move(value));
  return number ? std::optional(number->to_double()) : std::nullopt;
}

void add_fields(FunctionSet& set) {
  set.add("extract(text, timestamp) numeric", wrap<of_timestamp>),
      set.add("extract(text, timestamptz) numeric", wrap<of_timestamptz>, kStable);
  set.add("extract(text, date) numeric", wrap<field_of_date>), set.add("extract(text, time) numeric", wrap<field_of_time>),
      set.add("extract(text, interval) numeric", wrap<field_of_interval>);
  set.add("date_part(text, timestamp) float8",
          wrap<[](std::string_view field, std::int64_t time) { return as_double(of_timestamp(field, time)); }>);
  set.add("date_part(text, timestamptz) float8",
          wrap<[](const Call& call, std::string_view field, std::int64_t time) { return as_double(of_timestamptz(call, field, time)); }>,
          kStable);
  set.add("date_part(text, date) float8", wrap<[](std::string_view field, std::int64_t date) {
            return as_double(field_of_timestamp(field, is_endless(date) ? date : date * kMicrosecondsPerDay, std::nullopt, kTimestampType));
          }>);
  set.add("date_part(text, time) float8",
          wrap<[](std::string_view field, std::int64_t time) { return as_double(field_of_time(field, time)); }>);
  set.add("date_part(text, interval) float8",
          wrap<[](std::string_view field, const Interval& interval) { return as_double(field_of_interval(field, interval)); }>);
}

// --- cutting ---

SqlResult<std::int64_t> truncate_local(std::string_view unit, std::int64_t time) {
  TRY_ASSIGN(const Truncated cut, truncate_timestamp(unit, time, kTimestampType));
  return cut.time;
}
SqlResult<std::int64_t> truncate_in(const TimeZone& zone, std::string_view unit, std::int64_t time) {
  if (is_endless(time)) return truncate_local(unit, time);
  const std::int32_t offset = zone.at(time).seconds;
  TRY_ASSIGN(const Truncated cut, truncate_timestamp(unit, time + offset * kMicrosecondsPerSecond, kTimestamptzType));
  return cut.whole_days ? to_utc(zone, cut.time) : checked_timestamp(cut.time - offset * kMicrosecondsPerSecond);
}

SqlResult<std::int64_t> bin(const Interval& stride, std::int64_t time, std::int64_t origin) {
  if (is_endless(time)) return time;
  if (is_endless(origin)) return SqlError(state::kDatetimeFieldOverflow, "origin out of range");
  if (stride.months != 0)
    return SqlError(state::kFeatureNotSupported, "timestamps cannot be binned into intervals containing months or years");
  std::int64_t width = 0;
  if (__builtin_add_overflow(stride.days * kMicrosecondsPerDay, stride.microseconds, &width)) return interval_out_of_range();
  if (width <= 0) return SqlError(state::kDatetimeFieldOverflow, "stride must be greater than zero");
  return checked_timestamp(origin + floor_div(time - origin, width) * width);
}

// --- age ---

/// In years, months and days as people count them.
SqlResult<Interval> age_between(std::int64_t a, std::int64_t b) {
  if (is_endless(a) || is_endless(b)) return SqlError(state::kFeatureNotSupported, "the age of an infinite time is not supported");
  const std::int64_t later = std::max(a, b), earlier = std::min(a, b);
  const std::int64_t later_days = floor_div(later, kMicrosecondsPerDay), earlier_days = floor_div(earlier, kMicrosecondsPerDay);
  const CivilDate to = civil_of(later_days), from = civil_of(earlier_days);
  std::int64_t time = (later - later_days * kMicrosecondsPerDay) - (earlier - earlier_days * kMicrosecondsPerDay);
  std::int64_t days = to.day - from.day, months = (to.year - from.year) * 12 + to.month - from.month;
  if (time < 0) time += kMicrosecondsPerDay, --days;
  // A month is borrowed at its length in the earlier of the two.
  while (days < 0) days += days_in_month(from.year, from.month), --months;
  const int sign = a < b ? -1 : 1;
  return Interval{sign * time, static_cast<std::int32_t>(sign * days), static_cast<std::int32_t>(sign * months)};
}
SqlResult<Interval> age_between_zoned(const Call& call, std::int64_t a, std::int64_t b) {
  TRY_ASSIGN(const std::int64_t first, to_local(zone_of(call), a));
  TRY_ASSIGN(const std::int64_t second, to_local(zone_of(call), b));
  return age_between(first, second);
}
std::int64_t today(const Call& call) { return floor_div(zone_of(call).to_local(call.session.transaction_time), kMicrosecondsPerDay); }

// --- made of fields ---

SqlResult<std::int64_t> made_date(std::int64_t year, std::int64_t month, std::int64_t day) {
  const auto bad = [&] {
    return SqlError(state::kDatetimeFieldOverflow, fmt::format("date field value out of range: {}-{:02}-{:02}", year, month, day));
  };
  const std::int64_t astronomical = year < 0 ? year + 1 : year;
  if (year == 0 || month < 1 || month > 12 || day < 1 || year > 6'000'000 || year < -5000 ||
      day > days_in_month(astronomical, static_cast<int>(month)))
    return bad();
  const std::int64_t days = days_of({astronomical, static_cast<int>(month), static_cast<int>(day)});
  if (!is_valid_date(days))
    return SqlError(state::kDatetimeFieldOverflow, fmt::format("date out of range: {}-{:02}-{:02}", year, month, day));
  return days;
}
SqlResult<std::int64_t> made_time(std::int64_t hour, std::int64_t minute, double second) {
  const bool whole_day = hour == 24 && minute == 0 && second == 0;
  if (hour < 0 || minute < 0 || minute > 59 || !(second >= 0 && second <= 60) || (hour > 23 && !whole_day))
    return SqlError(state::kDatetimeFieldOverflow, fmt::format("time field value out of range: {}:{:02}:{:02g}", hour, minute, second));
  return (hour * 60 + minute) * kMicrosecondsPerMinute + static_cast<std::int64_t>(std::rint(second * 1e6));
}
SqlResult<std::int64_t> made_timestamp(std::int64_t year, std::int64_t month, std::int64_t day, std::int64_t hour, std::int64_t minute,
                                       double second) {
  TRY_ASSIGN(const std::int64_t date, made_date(year, month, day));
  TRY_ASSIGN(const std::int64_t time, made_time(hour, minute, second));
  TRY_ASSIGN(const std::int64_t midnight, timestamp_of_date(date));
  return checked_timestamp(midnight + time);
}
SqlResult<std::int64_t> made_timestamptz(const Call& call, std::int64_t year, std::int64_t month, std::int64_t day, std::int64_t hour,
                                         std::int64_t minute, double second) {
  TRY_ASSIGN(const std::int64_t local, made_timestamp(year, month, day, hour, minute, second));
  return to_utc(zone_of(call), local);
}
SqlResult<std::int64_t> made_in_zone(std::int64_t year, std::int64_t month, std::int64_t day, std::int64_t hour, std::int64_t minute,
                                     double second, std::string_view name) {
  TRY_ASSIGN(const std::int64_t local, made_timestamp(year, month, day, hour, minute, second));
  TRY_ASSIGN(const auto zone, TimeZone::find(name));
  return to_utc(*zone, local);
}
SqlResult<Interval> made_interval(const Call& call) {
  const auto part = [&](std::size_t place) { return call.has(place) ? call[place].integer() : 0; };
  const double second = call.has(6) ? call[6].real() : 0;
  const std::int64_t months = part(0) * 12 + part(1), days = part(2) * 7 + part(3);
  if (std::abs(months) > INT32_MAX || std::abs(days) > INT32_MAX || !std::isfinite(second) || std::fabs(second) > 9e12)
    return interval_out_of_range();
  std::int64_t time = 0;
  if (__builtin_add_overflow(part(4) * kMicrosecondsPerHour + part(5) * kMicrosecondsPerMinute,
                             static_cast<std::int64_t>(std::rint(second * 1e6)), &time))
    return interval_out_of_range();
  return Interval{time, static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
}

// --- justified ---

SqlResult<Interval> justified_hours(Interval interval) {
  std::int64_t days = interval.days + interval.microseconds / kMicrosecondsPerDay;
  interval.microseconds %= kMicrosecondsPerDay;
  if (days > 0 && interval.microseconds < 0) interval.microseconds += kMicrosecondsPerDay, --days;
  if (days < 0 && interval.microseconds > 0) interval.microseconds -= kMicrosecondsPerDay, ++days;
  if (days < INT32_MIN || days > INT32_MAX) return interval_out_of_range();
  interval.days = static_cast<std::int32_t>(days);
  return interval;
}
SqlResult<Interval> justified_days(Interval interval) {
  std::int64_t months = std::int64_t{interval.months} + interval.days / 30;
  interval.days %= 30;
  if (months > 0 && interval.days < 0) interval.days += 30, --months;
  if (months < 0 && interval.days > 0) interval.days -= 30, ++months;
  if (months < INT32_MIN || months > INT32_MAX) return interval_out_of_range();
  interval.months = static_cast<std::int32_t>(months);
  return interval;
}
SqlResult<Interval> justified(Interval interval) {
  std::int64_t days = interval.days + interval.microseconds / kMicrosecondsPerDay, months = interval.months;
  std::int64_t time = interval.microseconds % kMicrosecondsPerDay;
  months += days / 30, days %= 30;
  if (months > 0 && (days < 0 || (days == 0 && time < 0))) days += 30, --months;
  if (months < 0 && (days > 0 || (days == 0 && time > 0))) days -= 30, ++months;
  if (days > 0 && time < 0) time += kMicrosecondsPerDay, --days;
  if (days < 0 && time > 0) time -= kMicrosecondsPerDay, ++days;
  if (months < INT32_MIN || months > INT32_MAX) return interval_out_of_range();
  return Interval{time, static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
}

// --- OVERLAPS ---

/// (start, end) pairs whose ends may be null or in the wrong order; SQL's rule.
std::optional<bool> overlap(std::optional<std::int64_t> s1, std::optional<std::int64_t> e1, std::optional<std::int64_t> s2,
                            std::optional<std::int64_t> e2) {
  const auto arrange = [](std::optional<std::int64_t>& start, std::optional<std::int64_t>& end) {
    if (!start) std::swap(start, end);
    if (start && end && *start > *end) std::swap(start, end);
    return start.has_value();
  };
  if (!arrange(s1, e1) || !arrange(s2, e2)) return std::nullopt;
  if (*s1 == *s2) return e1 && e2 ? std::optional(true) : std::nullopt;
  const auto& first_end = *s1 < *s2 ? e1 : e2;
  const std::int64_t second_start = std::max(*s1, *s2);
  // An end that is not known may be late enough, or not.
  if (first_end && second_start < *first_end) return true;
  if (first_end && e1 && e2) return false;
  return std::nullopt;
}
std::optional<std::int64_t> maybe(const Call& call, std::size_t place) {
  return call.has(place) ? std::optional(call[place].integer()) : std::nullopt;
}
std::optional<bool> overlaps_plain(const Call& call) { return overlap(maybe(call, 0), maybe(call, 1), maybe(call, 2), maybe(call, 3)); }
template <bool kZoned>
SqlResult<std::optional<bool>> overlaps_intervals(const Call& call) {
  std::optional<std::int64_t> ends[2];
  for (const std::size_t which : {0U, 1U}) {
    if (!call.has(which * 2) || !call.has(which * 2 + 1)) continue;
    const auto& interval = call[which * 2 + 1].interval();
    TRY_ASSIGN(ends[which], kZoned ? add_interval(zone_of(call), call[which * 2].integer(), interval)
                                   : add_interval(call[which * 2].integer(), interval));
  }
  return overlap(maybe(call, 0), ends[0], maybe(call, 2), ends[1]);
}

// --- zones, and the present ---

SqlResult<std::int64_t> timestamp_at_zone(std::string_view name, std::int64_t local) {
  if (is_endless(local)) return local;
  TRY_ASSIGN(const auto zone, zone_named(name));
  return to_utc(*zone, local);
}
SqlResult<std::int64_t> timestamptz_at_zone(std::string_view name, std::int64_t time) {
  if (is_endless(time)) return time;
  TRY_ASSIGN(const auto zone, zone_named(name));
  return to_local(*zone, time);
}
SqlResult<std::int32_t> offset_of(const Interval& interval) {
  if (interval.months != 0 || interval.days != 0)
    return SqlError(state::kInvalidParameterValue, fmt::format("interval time zone \"{}\" must not include months or days",
                                                               to_text(type_of(Kind::kInterval), Value(interval), {})));
  return static_cast<std::int32_t>(interval.microseconds / kMicrosecondsPerSecond);
}
SqlResult<std::int64_t> timestamp_at_offset(const Interval& interval, std::int64_t local) {
  if (is_endless(local)) return local;
  TRY_ASSIGN(const std::int32_t offset, offset_of(interval));
  return checked_timestamp(local - offset * kMicrosecondsPerSecond);
}
SqlResult<std::int64_t> timestamptz_at_offset(const Interval& interval, std::int64_t time) {
  if (is_endless(time)) return time;
  TRY_ASSIGN(const std::int32_t offset, offset_of(interval));
  return checked_timestamp(time + offset * kMicrosecondsPerSecond);
}

SqlResult<std::int64_t> of_unix(double seconds) {
  if (std::isinf(seconds)) return seconds > 0 ? kInfinity : kMinusInfinity;
  if (std::isnan(seconds)) return SqlError(state::kDatetimeFieldOverflow, "timestamp cannot be NaN");
  if (std::fabs(seconds) > 1e13) return SqlError(state::kDatetimeFieldOverflow, fmt::format("timestamp out of range: \"{:g}\"", seconds));
  return checked_timestamp(static_cast<std::int64_t>(std::rint(seconds * 1e6)) - kUnixDaysOfEpoch * kMicrosecondsPerDay);
}

void add_present(FunctionSet& set) {
  const Evaluate transaction = wrap<[](const Call& call) { return call.session.transaction_time; }>;
  for (const auto* name : {"now", "transaction_timestamp", "current_timestamp"})
    set.add(fmt::format("{}() timestamptz", name), transaction, kStable);
  set.add("statement_timestamp() timestamptz", wrap<[](const Call& call) { return call.session.statement_time; }>, kStable);
  set.add("clock_timestamp() timestamptz",
          wrap<[](const Call& call) { return call.session.clock ? call.session.clock() : call.session.statement_time; }>,
          {.volatility = Volatility::kVolatile});
  set.add("current_date() date", wrap<today>, kStable);
  set.add("localtimestamp() timestamp", wrap<[](const Call& call) { return zone_of(call).to_local(call.session.transaction_time); }>,
          kStable);
  set.add("localtime() time",
          wrap<[](const Call& call) { return floor_mod(zone_of(call).to_local(call.session.transaction_time), kMicrosecondsPerDay); }>,
          kStable);
}

void add_cutting(FunctionSet& set) {
  set.add("date_trunc(text, timestamp) timestamp", wrap<truncate_local>),
      set.add("date_trunc(text, interval) interval", wrap<truncate_interval>);
  set.add("date_trunc(text, timestamptz) timestamptz",
          wrap<[](const Call& call, std::string_view unit, std::int64_t time) { return truncate_in(zone_of(call), unit, time); }>, kStable);
  set.add("date_trunc(text, timestamptz, text) timestamptz",
          wrap<[](std::string_view unit, std::int64_t time, std::string_view name) -> SqlResult<std::int64_t> {
            TRY_ASSIGN(const auto zone, zone_named(name));
            return truncate_in(*zone, unit, time);
          }>,
          kStable);
  set.add("date_bin(interval, timestamp, timestamp) timestamp", wrap<bin>),
      set.add("date_bin(interval, timestamptz, timestamptz) timestamptz", wrap<bin>);
  set.add("age(timestamp, timestamp) interval", wrap<age_between>),
      set.add("age(timestamptz, timestamptz) interval", wrap<age_between_zoned>, kStable);
  set.add("age(timestamp) interval",
          wrap<[](const Call& call, std::int64_t time) { return age_between(today(call) * kMicrosecondsPerDay, time); }>, kStable);
  set.add("age(timestamptz) interval", wrap<[](const Call& call, std::int64_t time) -> SqlResult<Interval> {
            TRY_ASSIGN(const std::int64_t local, to_local(zone_of(call), time));
            return age_between(today(call) * kMicrosecondsPerDay, local);
          }>,
          kStable);
}

}  // namespace

void add_time_functions(FunctionSet& set) {
  add_fields(set), add_cutting(set), add_present(set);
  set.add("make_date(int4, int4, int4) date", wrap<made_date>), set.add("make_time(int4, int4, float8) time", wrap<made_time>);
  set.add("make_timestamp(int4, int4, int4, int4, int4, float8) timestamp", wrap<made_timestamp>);
  set.add("make_timestamptz(int4, int4, int4, int4, int4, float8) timestamptz", wrap<made_timestamptz>, kStable);
  set.add("make_timestamptz(int4, int4, int4, int4, int4, float8, text) timestamptz", wrap<made_in_zone>, kStable);
  set.add("make_interval(int4 =, int4 =, int4 =, int4 =, int4 =, int4 =, float8 =) interval", wrap<made_interval>);
  set.add("justify_hours(interval) interval", wrap<justified_hours>), set.add("justify_days(interval) interval", wrap<justified_days>),
      set.add("justify_interval(interval) interval", wrap<justified>);
  for (const auto* type : {"date", "timestamp", "timestamptz"})
    set.add(fmt::format("isfinite({}) bool", type), wrap<[](std::int64_t time) { return !is_endless(time); }>);
  set.add("isfinite(interval) bool", wrap<[](const Interval&) { return true; }>);
  for (const auto* type : {"timestamp", "timestamptz", "time"})
    set.add(fmt::format("overlaps({0}, {0}, {0}, {0}) bool", type), wrap<overlaps_plain>, {.strict = false});
  set.add("overlaps(timestamp, interval, timestamp, interval) bool", wrap<overlaps_intervals<false>>, {.strict = false});
  set.add("overlaps(timestamptz, interval, timestamptz, interval) bool", wrap<overlaps_intervals<true>>,
          {.strict = false, .volatility = Volatility::kStable});
  set.add("timezone(text, timestamp) timestamptz", wrap<timestamp_at_zone>),
      set.add("timezone(text, timestamptz) timestamp", wrap<timestamptz_at_zone>);
  set.add("timezone(interval, timestamp) timestamptz", wrap<timestamp_at_offset>),
      set.add("timezone(interval, timestamptz) timestamp", wrap<timestamptz_at_offset>);
  set.add("to_timestamp(float8) timestamptz", wrap<of_unix>);
}

}  // namespace isobar::sql
