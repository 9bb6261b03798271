// Functions of timestamps, all in UTC: a feature has no time zone, and no hour that is there twice.

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "base/text.h"
#include "function.h"

namespace isobar::features {

namespace {

using std::chrono::days, std::chrono::sys_days, std::chrono::year_month_day;

constexpr std::int64_t kNanosInMicro = 1'000, kNanosInSecond = 1'000'000'000, kNanosInDay = 86'400 * kNanosInSecond;

std::int64_t floor_to(std::int64_t number, std::int64_t step) {
  const std::int64_t rest = number % step;
  return number - (rest < 0 ? rest + step : rest);
}

struct Civil {
  year_month_day date;
  sys_days day;
  std::int64_t nanos_of_day;
};

Civil civil(std::int64_t nanos) {
  // Not by the start of the day in nanoseconds, which for the first day there is would be before the first of them.
  std::int64_t of_day = nanos % kNanosInDay;
  if (of_day < 0) of_day += kNanosInDay;
  const sys_days day{days((nanos < 0 ? (nanos + 1) / kNanosInDay - 1 : nanos / kNanosInDay))};
  return {year_month_day(day), day, of_day};
}

/// Monday is 0.
int weekday(sys_days day) { return static_cast<int>(std::chrono::weekday(day).iso_encoding()) - 1; }

struct IsoWeek {
  int year, week;
};
/// A week belongs to the year of its Thursday.
IsoWeek iso_week(sys_days day) {
  const sys_days thursday = day - days(weekday(day)) + days(3);
  const auto year = year_month_day(thursday).year();
  return {static_cast<int>(year), static_cast<int>((thursday - sys_days(year / 1 / 1)).count()) / 7 + 1};
}

Datum unknown_field(Evaluation& e, std::string_view field, std::string_view known) {
  return e.fail(fmt::format("there is no '{}' in a timestamp; there are {}", field, known));
}

/// Seconds since 1970, as exactly as a double has them.
double epoch_of(std::int64_t nanos) {
  const std::int64_t micros = nanos / kNanosInMicro;
  if (nanos % kNanosInMicro == 0) return static_cast<double>(micros) / 1e6;
  return static_cast<double>(static_cast<long double>(nanos) / 1e9L);
}

/// By a field's name; NaN: there is none of that name.
double part_of_clock(std::string_view field, std::int64_t nanos_of_day) {
  const std::int64_t second = nanos_of_day / kNanosInSecond, hour = second / 3600, minute = second / 60 % 60,
                     fraction = nanos_of_day % kNanosInSecond;
  const auto in_minute = static_cast<double>(second % 60), nanos = static_cast<double>(fraction);
  if (field == "hour") return static_cast<double>(hour);
  if (field == "minute") return static_cast<double>(minute);
  if (field == "second") return in_minute + nanos / 1e9;
  if (field == "milliseconds") return in_minute * 1e3 + nanos / 1e6;
  if (field == "microseconds") return in_minute * 1e6 + nanos / 1e3;
  return NAN;
}
double part_of_date(std::string_view field, const Civil& at) {
  const int year = static_cast<int>(at.date.year());
  const auto month = static_cast<unsigned>(at.date.month()), quarter = (month - 1) / 3 + 1;
  if (field == "year") return year;
  if (field == "month") return month;
  if (field == "day") return static_cast<unsigned>(at.date.day());
  if (field == "quarter") return quarter;
  if (field == "dow") return (weekday(at.day) + 1) % 7;
  if (field == "isodow") return weekday(at.day) + 1;
  if (field == "doy") return static_cast<double>((at.day - sys_days(at.date.year() / 1 / 1)).count() + 1);
  if (field == "week") return iso_week(at.day).week;
  if (field == "isoyear") return iso_week(at.day).year;
  return NAN;
}

Datum date_part(Evaluation& e, const Datum* a) {
  const std::string field = to_lower(a[0].view());
  if (field == "epoch") return Datum::of(epoch_of(a[1].integer));
  const Civil at = civil(a[1].integer);
  double part = part_of_clock(field, at.nanos_of_day);
  if (std::isnan(part)) part = part_of_date(field, at);
  if (std::isnan(part))
    return unknown_field(
        e, field, "epoch, year, isoyear, quarter, month, week, day, doy, dow, isodow, hour, minute, second, milliseconds, microseconds");
  return Datum::of(part);
}
Datum epoch(Evaluation&, const Datum* a) { return Datum::of(epoch_of(a[0].integer)); }
Datum epoch_ns(Evaluation&, const Datum* a) { return a[0]; }

Datum at_day(Evaluation& e, sys_days day) {
  const __int128 nanos = static_cast<__int128>(day.time_since_epoch().count()) * kNanosInDay;
  if (nanos < INT64_MIN) return e.fail("the result is before the first timestamp, 1677-09-21");
  return Datum::of(static_cast<std::int64_t>(nanos));
}

std::int64_t step_of(std::string_view unit) {
  if (unit == "microseconds") return kNanosInMicro;
  if (unit == "milliseconds") return 1'000 * kNanosInMicro;
  if (unit == "second") return kNanosInSecond;
  if (unit == "minute") return 60 * kNanosInSecond;
  if (unit == "hour") return 3'600 * kNanosInSecond;
  return 0;
}

Datum date_trunc(Evaluation& e, const Datum* a) {
  const std::string unit = to_lower(a[0].view());
  const std::int64_t nanos = a[1].integer;
  if (const std::int64_t step = step_of(unit); step > 0) {
    if (nanos < INT64_MIN + step) return e.fail("the result is before the first timestamp, 1677-09-21");
    return Datum::of(floor_to(nanos, step));
  }
  const Civil at = civil(nanos);
  const auto year = at.date.year();
  const auto month = static_cast<unsigned>(at.date.month());
  if (unit == "day") return at_day(e, at.day);
  if (unit == "week") return at_day(e, at.day - days(weekday(at.day)));
  if (unit == "month") return at_day(e, sys_days(year / at.date.month() / 1));
  if (unit == "quarter") return at_day(e, sys_days(year / std::chrono::month((month - 1) / 3 * 3 + 1) / 1));
  if (unit == "year") return at_day(e, sys_days(year / 1 / 1));
  return unknown_field(e, unit, "year, quarter, month, week, day, hour, minute, second, milliseconds, microseconds");
}

/// Rounded to the microsecond, as in PostgreSQL: a double of today's seconds has no digits beyond.
Datum to_timestamp(Evaluation& e, const Datum* a) {
  constexpr double kSecondsTo2000 = 946'684'800;
  const double micros = std::nearbyint((a[0].real - kSecondsTo2000) * 1e6);
  // Written so that a NaN is refused as well.
  if (!(std::abs(micros) < 1e16)) return e.fail("beyond what a timestamp holds, 1677-09-21 to 2262-04-11");
  const __int128 nanos = (static_cast<__int128>(micros) + static_cast<__int128>(kSecondsTo2000) * 1'000'000) * kNanosInMicro;
  if (nanos < INT64_MIN || nanos > INT64_MAX) return e.fail("beyond what a timestamp holds, 1677-09-21 to 2262-04-11");
  return Datum::of(static_cast<std::int64_t>(nanos));
}

constexpr std::array kTimeFunctions{
    Signature{"date_part", 2, {kStringType, kTimestampType}, kFloat64Type, date_part},
    Signature{"date_trunc", 2, {kStringType, kTimestampType}, kTimestampType, date_trunc},
    Signature{"epoch", 1, {kTimestampType}, kFloat64Type, epoch},
    Signature{"epoch_ns", 1, {kTimestampType}, kInt64Type, epoch_ns},
    Signature{"to_timestamp", 1, {kFloat64Type}, kTimestampType, to_timestamp},
};

}  // namespace

std::span<const Signature> time_functions() { return kTimeFunctions; }

}  // namespace isobar::features
