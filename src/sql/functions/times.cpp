#include "times.h"

#include <cmath>

#include "sql/ascii.h"
#include "texts.h"

namespace isobar::sql {

SqlResult<std::int64_t> checked_timestamp(std::int64_t timestamp) {
  if (is_endless(timestamp) || is_valid_timestamp(timestamp)) return timestamp;
  return timestamp_out_of_range();
}

SqlResult<std::int64_t> timestamp_of_date(std::int64_t date) {
  if (is_endless(date)) return date;
  if (date >= kTimestampEndDay) return SqlError(state::kDatetimeFieldOverflow, "date out of range for timestamp");
  return date * kMicrosecondsPerDay;
}

SqlResult<std::int64_t> date_of_timestamp(std::int64_t timestamp) {
  return is_endless(timestamp) ? timestamp : floor_div(timestamp, kMicrosecondsPerDay);
}

SqlResult<std::int64_t> to_utc(const TimeZone& zone, std::int64_t local) {
  return is_endless(local) ? SqlResult<std::int64_t>(local) : checked_timestamp(zone.to_utc(local));
}
SqlResult<std::int64_t> to_local(const TimeZone& zone, std::int64_t time) { return is_endless(time) ? time : zone.to_local(time); }

namespace {

/// Months and days alone.
SqlResult<std::int64_t> add_calendar(std::int64_t timestamp, const Interval& interval) {
  std::int64_t days = floor_div(timestamp, kMicrosecondsPerDay);
  const std::int64_t time = timestamp - days * kMicrosecondsPerDay;
  if (interval.months != 0) {
    CivilDate date = civil_of(days);
    const std::int64_t months = date.year * 12 + date.month - 1 + interval.months;
    date.year = floor_div(months, 12), date.month = static_cast<int>(floor_mod(months, 12)) + 1;
    date.day = std::min(date.day, days_in_month(date.year, date.month));
    days = days_of(date);
  }
  days += interval.days;
  if (days < kFirstDay || days >= kTimestampEndDay) return timestamp_out_of_range();
  return days * kMicrosecondsPerDay + time;
}

SqlResult<std::int64_t> add_microseconds(std::int64_t timestamp, std::int64_t microseconds) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(timestamp, microseconds, &sum) || !is_valid_timestamp(sum)) return timestamp_out_of_range();
  return sum;
}

}  // namespace

SqlResult<std::int64_t> add_interval(std::int64_t timestamp, const Interval& interval) {
  if (is_endless(timestamp)) return timestamp;
  TRY_ASSIGN(const std::int64_t moved, add_calendar(timestamp, interval));
  return add_microseconds(moved, interval.microseconds);
}

SqlResult<std::int64_t> add_interval(const TimeZone& zone, std::int64_t time, const Interval& interval) {
  if (is_endless(time)) return time;
  if (interval.months != 0 || interval.days != 0) {
    TRY_ASSIGN(const std::int64_t local, add_calendar(zone.to_local(time), interval));
    time = zone.to_utc(local);
  }
  return add_microseconds(time, interval.microseconds);
}

SqlResult<std::shared_ptr<const TimeZone>> zone_named(std::string_view name) {
  if (const auto offset = TimeZone::offset_of_abbreviation(lowered(name))) return TimeZone::fixed(*offset);
  TRY_ASSIGN(auto zone, TimeZone::find(name));
  if (!name.empty() && (name[0] == '+' || name[0] == '-' || is_digit(name[0]))) return TimeZone::fixed(-zone->at(0).seconds);
  return zone;
}

}  // namespace isobar::sql
