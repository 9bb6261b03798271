// Dates, times and intervals as text, DateStyle ISO and IntervalStyle postgres. Written digit by digit: results of many rows spend their
// time here.

#include <fmt/format.h>

#include <algorithm>

#include "datetime_text.h"
#include "sql/calendar.h"
#include "sql/time_zone.h"

namespace isobar::sql {
namespace {

void append_two(std::string& out, int value) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

void append_number(std::string& out, std::int64_t value) { fmt::format_to(std::back_inserter(out), "{}", value); }

/// The year without its era, which comes at the end.
void append_day(std::string& out, const CivilDate& date) {
  const std::int64_t year = date.year > 0 ? date.year : 1 - date.year;
  if (year < 10'000) append_two(out, static_cast<int>(year / 100)), append_two(out, static_cast<int>(year % 100));
  else append_number(out, year);
  out += '-', append_two(out, date.month), out += '-', append_two(out, date.day);
}

void append_fraction(std::string& out, int microseconds) {
  if (microseconds == 0) return;
  char digits[6];
  for (int place = 5; place >= 0; --place) digits[place] = static_cast<char>('0' + microseconds % 10), microseconds /= 10;
  int kept = 6;
  while (digits[kept - 1] == '0') --kept;
  out += '.';
  out.append(digits, static_cast<std::size_t>(kept));
}

bool append_endless(std::string& out, std::int64_t value) {
  if (value != kInfinity && value != kMinusInfinity) return false;
  out += value == kInfinity ? "infinity" : "-infinity";
  return true;
}

/// Of a local timestamp; its era is still to come. Returns whether that is BC.
bool append_local(std::string& out, std::int64_t microseconds) {
  const std::int64_t days = floor_div(microseconds, kMicrosecondsPerDay);
  const CivilDate date = civil_of(days);
  append_day(out, date);
  out += ' ';
  append_time(out, microseconds - days * kMicrosecondsPerDay);
  return date.year <= 0;
}

}  // namespace

void append_date(std::string& out, std::int64_t days) {
  if (append_endless(out, days)) return;
  const CivilDate date = civil_of(days);
  append_day(out, date);
  if (date.year <= 0) out += " BC";
}

void append_time(std::string& out, std::int64_t microseconds) {
  const ClockTime time = clock_of(microseconds);
  append_two(out, time.hour), out += ':', append_two(out, time.minute), out += ':', append_two(out, time.second);
  append_fraction(out, time.microsecond);
}

void append_timestamp(std::string& out, std::int64_t microseconds) {
  if (append_endless(out, microseconds)) return;
  if (append_local(out, microseconds)) out += " BC";
}

void append_offset(std::string& out, std::int32_t seconds) {
  out += seconds < 0 ? '-' : '+';
  const std::int32_t size = std::abs(seconds);
  append_two(out, size / 3600);
  if (size % 3600 != 0) out += ':', append_two(out, size / 60 % 60);
  if (size % 60 != 0) out += ':', append_two(out, size % 60);
}

void append_timestamptz(std::string& out, std::int64_t microseconds, const TimeZone& zone) {
  if (append_endless(out, microseconds)) return;
  const std::int32_t offset = zone.at(microseconds).seconds;
  const bool before_christ = append_local(out, microseconds + offset * kMicrosecondsPerSecond);
  append_offset(out, offset);
  if (before_christ) out += " BC";
}

void append_interval(std::string& out, const Interval& interval) {
  const std::size_t start = out.size();
  bool negative = false;
  const auto part = [&](std::int64_t value, std::string_view unit) {
    if (value == 0) return;
    if (out.size() > start) out += ' ';
    if (negative && value > 0) out += '+';
    append_number(out, value);
    out += ' ', out += unit;
    if (value != 1) out += 's';
    negative = value < 0;
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (interval.microseconds == 0 && out.size() > start) return;
  if (out.size() > start) out += ' ';
  if (interval.microseconds < 0) out += '-';
  else if (negative) out += '+';
  const auto size =
      interval.microseconds < 0 ? 0 - static_cast<std::uint64_t>(interval.microseconds) : static_cast<std::uint64_t>(interval.microseconds);
  const auto hours = static_cast<std::int64_t>(size / static_cast<std::uint64_t>(kMicrosecondsPerHour));
  if (hours < 10) out += '0';
  append_number(out, hours);
  const ClockTime time = clock_of(static_cast<std::int64_t>(size % static_cast<std::uint64_t>(kMicrosecondsPerHour)));
  out += ':', append_two(out, time.minute), out += ':', append_two(out, time.second);
  append_fraction(out, time.microsecond);
}

std::int64_t round_microseconds(std::int64_t microseconds, std::int32_t digits) {
  constexpr std::int64_t kUnits[] = {1'000'000, 100'000, 10'000, 1'000, 100, 10};
  if (digits < 0 || digits >= 6 || microseconds == kInfinity || microseconds == kMinusInfinity) return microseconds;
  const std::int64_t unit = kUnits[digits], half = unit / 2;
  return microseconds >= 0 ? (microseconds + half) / unit * unit : -((half - microseconds) / unit * unit);
}

}  // namespace isobar::sql
