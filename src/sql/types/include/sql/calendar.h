#pragma once

/// The calendar of dates and times: Gregorian in both directions, year 0 being 1 BC; days count from 2000-01-01, times in microseconds.

#include <cstdint>

namespace isobar::sql {

inline constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000, kSecondsPerDay = 86'400,
                              kMicrosecondsPerDay = kSecondsPerDay * kMicrosecondsPerSecond,
                              kMicrosecondsPerHour = 3600 * kMicrosecondsPerSecond, kMicrosecondsPerMinute = 60 * kMicrosecondsPerSecond;
/// 2000-01-01 as a Julian day, and as days of Unix.
inline constexpr std::int64_t kJulianOfEpoch = 2'451'545, kUnixDaysOfEpoch = 10'957;
/// 4714-11-24 BC, the first day of all types; the first days that are too late for a date, and for a timestamp.
inline constexpr std::int64_t kFirstDay = -kJulianOfEpoch, kDateEnd = 2'147'483'494 - kJulianOfEpoch,
                              kTimestampEndDay = 109'203'528 - kJulianOfEpoch;

struct CivilDate {
  std::int64_t year = 2000;  ///< 0 is 1 BC
  int month = 1, day = 1;
};
std::int64_t days_of(const CivilDate& date);
CivilDate civil_of(std::int64_t days);
int days_in_month(std::int64_t year, int month);
bool is_leap(std::int64_t year);
/// 0 is Sunday.
int weekday_of(std::int64_t days);
/// Of ISO 8601: the year a week belongs to, and its number.
struct IsoWeek {
  std::int64_t year = 2000;
  int week = 1;
};
IsoWeek iso_week_of(std::int64_t days);
/// The Monday of a week.
std::int64_t days_of_iso_week(std::int64_t year, int week);

/// A time of a day taken apart.
struct ClockTime {
  int hour = 0, minute = 0, second = 0, microsecond = 0;
};
ClockTime clock_of(std::int64_t microseconds);
constexpr std::int64_t microseconds_of(const ClockTime& time) {
  return ((time.hour * 60LL + time.minute) * 60 + time.second) * kMicrosecondsPerSecond + time.microsecond;
}

/// Quotients and rests toward minus infinity.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0); }
constexpr std::int64_t floor_mod(std::int64_t a, std::int64_t b) { return a - floor_div(a, b) * b; }

constexpr bool is_valid_date(std::int64_t days) { return days >= kFirstDay && days < kDateEnd; }
constexpr bool is_valid_timestamp(std::int64_t microseconds) {
  return microseconds >= kFirstDay * kMicrosecondsPerDay && microseconds < kTimestampEndDay * kMicrosecondsPerDay;
}

}  // namespace isobar::sql
