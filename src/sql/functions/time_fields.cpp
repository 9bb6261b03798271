#include "time_fields.h"

#include <fmt/format.h>

#include "sql/ascii.h"
#include "texts.h"
#include "times.h"

namespace isobar::sql {
namespace {

struct FieldName {
  std::string_view name;
  Field field;
};
constexpr FieldName kFields[] = {
    {"microseconds", Field::kMicroseconds},
    {"microsecond", Field::kMicroseconds},
    {"us", Field::kMicroseconds},
    {"usec", Field::kMicroseconds},
    {"usecs", Field::kMicroseconds},
    {"milliseconds", Field::kMilliseconds},
    {"millisecond", Field::kMilliseconds},
    {"ms", Field::kMilliseconds},
    {"msec", Field::kMilliseconds},
    {"msecs", Field::kMilliseconds},
    {"second", Field::kSecond},
    {"seconds", Field::kSecond},
    {"sec", Field::kSecond},
    {"secs", Field::kSecond},
    {"s", Field::kSecond},
    {"minute", Field::kMinute},
    {"minutes", Field::kMinute},
    {"min", Field::kMinute},
    {"mins", Field::kMinute},
    {"m", Field::kMinute},
    {"hour", Field::kHour},
    {"hours", Field::kHour},
    {"hr", Field::kHour},
    {"hrs", Field::kHour},
    {"h", Field::kHour},
    {"day", Field::kDay},
    {"days", Field::kDay},
    {"d", Field::kDay},
    {"week", Field::kWeek},
    {"weeks", Field::kWeek},
    {"w", Field::kWeek},
    {"month", Field::kMonth},
    {"months", Field::kMonth},
    {"mon", Field::kMonth},
    {"mons", Field::kMonth},
    {"quarter", Field::kQuarter},
    {"qtr", Field::kQuarter},
    {"year", Field::kYear},
    {"years", Field::kYear},
    {"yr", Field::kYear},
    {"yrs", Field::kYear},
    {"y", Field::kYear},
    {"decade", Field::kDecade},
    {"decades", Field::kDecade},
    {"dec", Field::kDecade},
    {"decs", Field::kDecade},
    {"century", Field::kCentury},
    {"centuries", Field::kCentury},
    {"c", Field::kCentury},
    {"cent", Field::kCentury},
    {"millennium", Field::kMillennium},
    {"millennia", Field::kMillennium},
    {"mil", Field::kMillennium},
    {"mils", Field::kMillennium},
    {"dow", Field::kDow},
    {"isodow", Field::kIsoDow},
    {"doy", Field::kDoy},
    {"isoyear", Field::kIsoYear},
    {"julian", Field::kJulian},
    {"jd", Field::kJulian},
    {"epoch", Field::kEpoch},
    {"timezone", Field::kTimezone},
    {"timezone_hour", Field::kTimezoneHour},
    {"timezone_h", Field::kTimezoneHour},
    {"timezone_minute", Field::kTimezoneMinute},
    {"timezone_m", Field::kTimezoneMinute},
};

SqlError not_recognised(std::string_view name, const Type& type) {
  return {state::kInvalidParameterValue, fmt::format("unit \"{}\" not recognized for type {}", lowered(name), format_type(type))};
}
SqlError not_supported(std::string_view name, const Type& type) {
  return {state::kFeatureNotSupported, fmt::format("unit \"{}\" not supported for type {}", lowered(name), format_type(type))};
}

Numeric number(std::int64_t value) { return Numeric(value); }

/// Years that are no zero: -1 is 1 BC.
std::int64_t shown_year(std::int64_t year) { return year > 0 ? year : year - 1; }
std::int64_t decade_of(std::int64_t year) { return floor_div(year, 10); }
std::int64_t century_of(std::int64_t year) { return year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100); }
std::int64_t millennium_of(std::int64_t year) { return year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000); }

std::optional<Numeric> field_of_clock(Field field, std::int64_t microseconds) {
  switch (field) {
    case Field::kMicroseconds: return number(floor_mod(microseconds, kMicrosecondsPerMinute));
    case Field::kMilliseconds: return Numeric(floor_mod(microseconds, kMicrosecondsPerMinute), 3);
    case Field::kSecond: return Numeric(floor_mod(microseconds, kMicrosecondsPerMinute), 6);
    case Field::kMinute: return number(clock_of(microseconds).minute);
    case Field::kHour: return number(clock_of(microseconds).hour);
    default: return std::nullopt;
  }
}

std::optional<Numeric> field_of_day(Field field, std::int64_t days) {
  const CivilDate date = civil_of(days);
  switch (field) {
    case Field::kDay: return number(date.day);
    case Field::kMonth: return number(date.month);
    case Field::kQuarter: return number((date.month - 1) / 3 + 1);
    case Field::kYear: return number(shown_year(date.year));
    case Field::kDecade: return number(decade_of(date.year));
    case Field::kCentury: return number(century_of(date.year));
    case Field::kMillennium: return number(millennium_of(date.year));
    case Field::kWeek: return number(iso_week_of(days).week);
    case Field::kIsoYear: return number(shown_year(iso_week_of(days).year));
    case Field::kDow: return number(weekday_of(days));
    case Field::kIsoDow: return number(weekday_of(days) == 0 ? 7 : weekday_of(days));
    case Field::kDoy: return number(days - days_of({date.year, 1, 1}) + 1);
    default: return std::nullopt;
  }
}

/// Of an infinite time: what grows for ever is infinite, too; what goes round is null.
std::optional<Numeric> field_of_endless(Field field, bool late) {
  switch (field) {
    case Field::kYear:
    case Field::kDecade:
    case Field::kCentury:
    case Field::kMillennium:
    case Field::kJulian:
    case Field::kIsoYear:
    case Field::kEpoch: return late ? Numeric::infinity() : Numeric::minus_infinity();
    default: return std::nullopt;
  }
}

SqlResult<Numeric> julian_of(std::int64_t days, std::int64_t microseconds) {
  TRY_ASSIGN(const Numeric fraction, number(microseconds).divided_by(number(kMicrosecondsPerDay)));
  return number(days + kJulianOfEpoch).plus(fraction);
}

}  // namespace

std::optional<Field> field_named(std::string_view name) {
  const std::string lower = lowered(name);
  for (const auto& field : kFields)
    if (field.name == lower) return field.field;
  return std::nullopt;
}

SqlResult<std::optional<Numeric>> field_of_timestamp(std::string_view name, std::int64_t time, std::optional<std::int32_t> offset,
                                                     const Type& type) {
  const auto field = field_named(name);
  if (!field) return not_recognised(name, type);
  const bool of_zone = *field == Field::kTimezone || *field == Field::kTimezoneHour || *field == Field::kTimezoneMinute;
  if (is_endless(time)) return field_of_endless(*field, time == kInfinity);
  if (of_zone && type.kind != Kind::kTimestamptz) return not_supported(name, type);
  const std::int64_t days = floor_div(time, kMicrosecondsPerDay), clock = time - days * kMicrosecondsPerDay;
  const std::int32_t east = offset.value_or(0);
  switch (*field) {
    case Field::kTimezone: return std::optional(number(east));
    case Field::kTimezoneHour: return std::optional(number(east / 3600));
    case Field::kTimezoneMinute: return std::optional(number(east / 60 % 60));
    case Field::kEpoch: return std::optional(Numeric(time - east * kMicrosecondsPerSecond + kUnixDaysOfEpoch * kMicrosecondsPerDay, 6));
    case Field::kJulian: {
      TRY_ASSIGN(auto julian, julian_of(days, clock));
      return std::optional(std::move(julian));
    }
    default: break;
  }
  if (auto value = field_of_clock(*field, clock)) return value;
  return field_of_day(*field, days);
}

SqlResult<std::optional<Numeric>> field_of_date(std::string_view name, std::int64_t date) {
  const Type type = type_of(Kind::kDate);
  const auto field = field_named(name);
  if (!field) return not_recognised(name, type);
  if (*field <= Field::kHour || *field >= Field::kTimezone) return not_supported(name, type);
  if (is_endless(date)) return field_of_endless(*field, date == kInfinity);
  if (*field == Field::kEpoch) return std::optional(number((date + kUnixDaysOfEpoch) * kSecondsPerDay));
  if (*field == Field::kJulian) return std::optional(number(date + kJulianOfEpoch));
  return field_of_day(*field, date);
}

SqlResult<std::optional<Numeric>> field_of_time(std::string_view name, std::int64_t time) {
  const Type type = type_of(Kind::kTime);
  const auto field = field_named(name);
  if (!field) return not_recognised(name, type);
  if (*field == Field::kEpoch) return std::optional(Numeric(time, 6));
  if (auto value = field_of_clock(*field, time)) return value;
  return not_supported(name, type);
}

SqlResult<std::optional<Numeric>> field_of_interval(std::string_view name, const Interval& interval) {
  const Type type = type_of(Kind::kInterval);
  const auto field = field_named(name);
  if (!field) return not_recognised(name, type);
  const std::int64_t years = interval.months / 12, months = interval.months % 12, time = interval.microseconds;
  switch (*field) {
    case Field::kMicroseconds: return std::optional(number(time % kMicrosecondsPerMinute));
    case Field::kMilliseconds: return std::optional(Numeric(time % kMicrosecondsPerMinute, 3));
    case Field::kSecond: return std::optional(Numeric(time % kMicrosecondsPerMinute, 6));
    case Field::kMinute: return std::optional(number(time / kMicrosecondsPerMinute % 60));
    case Field::kHour: return std::optional(number(time / kMicrosecondsPerHour));
    case Field::kDay: return std::optional(number(interval.days));
    case Field::kMonth: return std::optional(number(months));
    case Field::kQuarter: return std::optional(number(months / 3 + 1));
    case Field::kYear: return std::optional(number(years));
    case Field::kDecade: return std::optional(number(years / 10));
    case Field::kCentury: return std::optional(number(years / 100));
    case Field::kMillennium: return std::optional(number(years / 1000));
    case Field::kEpoch: {
      // A year has 365.25 days, in quarters of a day.
      const std::int64_t quarter_days = years * 1461 + (months * 30 + interval.days) * 4;
      TRY_ASSIGN(auto epoch, Numeric(quarter_days * (kSecondsPerDay / 4)).times(Numeric(kMicrosecondsPerSecond, 6)));
      TRY_ASSIGN(epoch, epoch.plus(Numeric(time, 6)));
      return std::optional(std::move(epoch));
    }
    default: return not_supported(name, type);
  }
}

SqlResult<Truncated> truncate_timestamp(std::string_view name, std::int64_t time, const Type& type) {
  if (is_endless(time)) return Truncated{time, false};
  const auto field = field_named(name);
  if (!field || (*field > Field::kMillennium && *field < Field::kTimezone)) return not_recognised(name, type);
  if (*field > Field::kMillennium) return not_supported(name, type);
  constexpr std::int64_t kUnits[] = {1, 1000, kMicrosecondsPerSecond, kMicrosecondsPerMinute, kMicrosecondsPerHour};
  if (*field <= Field::kHour) {
    const std::int64_t unit = kUnits[static_cast<std::size_t>(*field)];
    return Truncated{floor_div(time, unit) * unit, false};
  }
  std::int64_t days = floor_div(time, kMicrosecondsPerDay);
  CivilDate date = civil_of(days);
  const auto year_start = [&](std::int64_t year) { return days_of({year, 1, 1}); };
  switch (*field) {
    case Field::kWeek: days -= floor_mod(weekday_of(days) + 6, 7); break;
    case Field::kMonth: days = days_of({date.year, date.month, 1}); break;
    case Field::kQuarter: days = days_of({date.year, (date.month - 1) / 3 * 3 + 1, 1}); break;
    case Field::kYear: days = year_start(date.year); break;
    case Field::kDecade: days = year_start(date.year > 0 ? date.year / 10 * 10 : -((8 - (date.year - 1)) / 10) * 10); break;
    case Field::kCentury:
      days = year_start(date.year > 0 ? (date.year + 99) / 100 * 100 - 99 : -((99 - (date.year - 1)) / 100) * 100 + 1);
      break;
    case Field::kMillennium:
      days = year_start(date.year > 0 ? (date.year + 999) / 1000 * 1000 - 999 : -((999 - (date.year - 1)) / 1000) * 1000 + 1);
      break;
    default: break;
  }
  TRY_ASSIGN(const std::int64_t cut, checked_timestamp(days * kMicrosecondsPerDay));
  return Truncated{cut, true};
}

SqlResult<Interval> truncate_interval(std::string_view name, Interval interval) {
  const Type type = type_of(Kind::kInterval);
  const auto field = field_named(name);
  if (!field || (*field > Field::kMillennium && *field < Field::kTimezone)) return not_recognised(name, type);
  if (*field == Field::kWeek) return std::move(not_supported(name, type)).with_detail("Months usually have fractional weeks.");
  if (*field > Field::kMillennium) return not_supported(name, type);
  constexpr std::int64_t kUnits[] = {1, 1000, kMicrosecondsPerSecond, kMicrosecondsPerMinute, kMicrosecondsPerHour};
  if (*field <= Field::kHour) {
    const std::int64_t unit = kUnits[static_cast<std::size_t>(*field)];
    interval.microseconds = interval.microseconds / unit * unit;
    return interval;
  }
  interval.microseconds = 0;
  if (*field == Field::kDay) return interval;
  interval.days = 0;
  const std::int32_t months = *field == Field::kMonth     ? 1
                              : *field == Field::kQuarter ? 3
                              : *field == Field::kYear    ? 12
                              : *field == Field::kDecade  ? 120
                              : *field == Field::kCentury ? 1200
                                                          : 12'000;
  interval.months = interval.months / months * months;
  return interval;
}

}  // namespace isobar::sql
