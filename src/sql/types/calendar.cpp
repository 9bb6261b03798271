// Days to dates and back by eras of 400 years, whose 146,097 days repeat exactly; a year begins in March, so that a leap day is its last.

#include "sql/calendar.h"

namespace isobar::sql {
namespace {

constexpr std::int64_t kDaysPerEra = 146'097, kDaysFromMarchYearZero = 730'425;  // from 0000-03-01 to 2000-01-01

}  // namespace

std::int64_t days_of(const CivilDate& date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = floor_div(year, 400), of_era = year - era * 400;
  const std::int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * kDaysPerEra + of_era * 365 + of_era / 4 - of_era / 100 + of_year - kDaysFromMarchYearZero;
}

CivilDate civil_of(std::int64_t days) {
  days += kDaysFromMarchYearZero;
  const std::int64_t era = floor_div(days, kDaysPerEra), of_era = days - era * kDaysPerEra;
  const std::int64_t year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(of_year - (153 * month + 2) / 5 + 1);
  date.month = static_cast<int>(month < 10 ? month + 3 : month - 9);
  date.year = year + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

int weekday_of(std::int64_t days) { return static_cast<int>(floor_mod(days + 6, 7)); }

std::int64_t days_of_iso_week(std::int64_t year, int week) {
  // The week of January 4 is the first.
  const std::int64_t fourth = days_of({year, 1, 4});
  return fourth - floor_mod(weekday_of(fourth) + 6, 7) + (week - 1) * 7LL;
}

IsoWeek iso_week_of(std::int64_t days) {
  const std::int64_t thursday = days - floor_mod(weekday_of(days) + 6, 7) + 3;
  const std::int64_t year = civil_of(thursday).year;
  return {year, static_cast<int>((thursday - days_of({year, 1, 1})) / 7 + 1)};
}

ClockTime clock_of(std::int64_t microseconds) {
  ClockTime time;
  time.hour = static_cast<int>(microseconds / kMicrosecondsPerHour);
  time.minute = static_cast<int>(microseconds / kMicrosecondsPerMinute % 60);
  time.second = static_cast<int>(microseconds / kMicrosecondsPerSecond % 60);
  time.microsecond = static_cast<int>(microseconds % kMicrosecondsPerSecond);
  return time;
}

}  // namespace isobar::sql
