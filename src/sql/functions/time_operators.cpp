// Arithmetic of dates, times and intervals.

#include <fmt/format.h>

#include <cmath>

#include "built_ins.h"
#include "times.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

constexpr FunctionOptions kStable{.volatility = Volatility::kStable};

SqlResult<Interval> made(std::int64_t microseconds, std::int64_t days, std::int64_t months) {
  if (days < INT32_MIN || days > INT32_MAX || months < INT32_MIN || months > INT32_MAX) return interval_out_of_range();
  return Interval{microseconds, static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
}

SqlResult<Interval> plus(const Interval& a, const Interval& b) {
  std::int64_t microseconds = 0;
  if (__builtin_add_overflow(a.microseconds, b.microseconds, &microseconds)) return interval_out_of_range();
  return made(microseconds, std::int64_t{a.days} + b.days, std::int64_t{a.months} + b.months);
}
SqlResult<Interval> negated(const Interval& a) {
  if (a.microseconds == INT64_MIN) return interval_out_of_range();
  return made(-a.microseconds, -std::int64_t{a.days}, -std::int64_t{a.months});
}
SqlResult<Interval> minus(const Interval& a, const Interval& b) {
  std::int64_t microseconds = 0;
  if (__builtin_sub_overflow(a.microseconds, b.microseconds, &microseconds)) return interval_out_of_range();
  return made(microseconds, std::int64_t{a.days} - b.days, std::int64_t{a.months} - b.months);
}

double to_microsecond(double seconds) { return std::rint(seconds * 1e6) / 1e6; }

/// Each unit scaled by itself; what is left of a month goes on as days of 30, and what is left of a day as time.
template <class Scale>
SqlResult<Interval> scaled(const Interval& interval, Scale scale) {
  const double months = scale(static_cast<double>(interval.months)), days = scale(static_cast<double>(interval.days));
  if (std::isnan(months) || std::fabs(months) > INT32_MAX || std::isnan(days) || std::fabs(days) > INT32_MAX)
    return interval_out_of_range();
  const double whole_months = std::trunc(months);
  double whole_days = std::trunc(days);
  const double more_days = to_microsecond((months - whole_months) * 30);
  double seconds = to_microsecond((days - whole_days + more_days - std::trunc(more_days)) * 86'400);
  if (std::fabs(seconds) >= 86'400) {
    const double carried = std::trunc(seconds / 86'400);
    whole_days += carried, seconds -= carried * 86'400;
  }
  whole_days += std::trunc(more_days);
  const double microseconds = std::rint(scale(static_cast<double>(interval.microseconds)) + seconds * 1e6);
  if (std::isnan(microseconds) || microseconds >= 0x1p63 || microseconds < -0x1p63) return interval_out_of_range();
  return made(static_cast<std::int64_t>(microseconds), static_cast<std::int64_t>(whole_days), static_cast<std::int64_t>(whole_months));
}
SqlResult<Interval> times(const Interval& interval, double factor) {
  return scaled(interval, [&](double value) { return value * factor; });
}
SqlResult<Interval> over(const Interval& interval, double divisor) {
  if (divisor == 0) return SqlError(state::kDivisionByZero, "division by zero");
  return scaled(interval, [&](double value) { return value / divisor; });
}

SqlResult<std::int64_t> date_plus(std::int64_t date, std::int64_t days) {
  if (is_endless(date)) return date;
  if (!is_valid_date(date + days)) return date_out_of_range();
  return date + days;
}
SqlResult<std::int64_t> date_minus(std::int64_t date, std::int64_t days) { return date_plus(date, -days); }
SqlResult<std::int64_t> days_between(std::int64_t a, std::int64_t b) {
  if (is_endless(a) || is_endless(b)) return SqlError(state::kDatetimeFieldOverflow, "cannot subtract infinite dates");
  return a - b;
}
SqlResult<std::int64_t> date_and_time(std::int64_t date, std::int64_t time) {
  TRY_ASSIGN(const std::int64_t midnight, timestamp_of_date(date));
  return is_endless(midnight) ? midnight : checked_timestamp(midnight + time);
}
SqlResult<std::int64_t> date_plus_interval(std::int64_t date, const Interval& interval) {
  TRY_ASSIGN(const std::int64_t midnight, timestamp_of_date(date));
  return add_interval(midnight, interval);
}
SqlResult<std::int64_t> date_minus_interval(std::int64_t date, const Interval& interval) {
  TRY_ASSIGN(const Interval back, negated(interval));
  return date_plus_interval(date, back);
}

SqlResult<std::int64_t> timestamp_plus(std::int64_t timestamp, const Interval& interval) { return add_interval(timestamp, interval); }
SqlResult<std::int64_t> timestamp_minus(std::int64_t timestamp, const Interval& interval) {
  TRY_ASSIGN(const Interval back, negated(interval));
  return add_interval(timestamp, back);
}
SqlResult<std::int64_t> timestamptz_plus(const Call& call, std::int64_t time, const Interval& interval) {
  return add_interval(zone_of(call), time, interval);
}
SqlResult<std::int64_t> timestamptz_minus(const Call& call, std::int64_t time, const Interval& interval) {
  TRY_ASSIGN(const Interval back, negated(interval));
  return add_interval(zone_of(call), time, back);
}
SqlResult<Interval> between(std::int64_t a, std::int64_t b) {
  if (is_endless(a) || is_endless(b)) return SqlError(state::kDatetimeFieldOverflow, "cannot subtract infinite timestamps");
  const std::int64_t apart = a - b;
  return Interval{apart % kMicrosecondsPerDay, static_cast<std::int32_t>(apart / kMicrosecondsPerDay), 0};
}

std::int64_t time_plus(std::int64_t time, const Interval& interval) {
  return floor_mod(time + interval.microseconds % kMicrosecondsPerDay, kMicrosecondsPerDay);
}
std::int64_t time_minus(std::int64_t time, const Interval& interval) {
  return floor_mod(time - interval.microseconds % kMicrosecondsPerDay, kMicrosecondsPerDay);
}

template <auto kFunction>
auto turned(const Interval& interval, std::int64_t value) {
  return kFunction(value, interval);
}

}  // namespace

void add_time_operators(FunctionSet& set) {
  const auto add = [&](std::string_view signature, Evaluate evaluate) { set.add_operator(signature, evaluate); };
  add("+(interval, interval) interval", wrap<plus>), add("-(interval, interval) interval", wrap<minus>),
      add("-(interval) interval", wrap<negated>);
  add("*(interval, float8) interval", wrap<times>),
      add("*(float8, interval) interval", wrap<[](double factor, const Interval& interval) { return times(interval, factor); }>);
  add("/(interval, float8) interval", wrap<over>);
  add("+(date, int4) date", wrap<date_plus>),
      add("+(int4, date) date", wrap<[](std::int64_t days, std::int64_t date) { return date_plus(date, days); }>);
  add("-(date, int4) date", wrap<date_minus>), add("-(date, date) int4", wrap<days_between>);
  add("+(date, time) timestamp", wrap<date_and_time>),
      add("+(time, date) timestamp", wrap<[](std::int64_t time, std::int64_t date) { return date_and_time(date, time); }>);
  add("+(date, interval) timestamp", wrap<date_plus_interval>), add("+(interval, date) timestamp", wrap<turned<date_plus_interval>>),
      add("-(date, interval) timestamp", wrap<date_minus_interval>);
  add("+(timestamp, interval) timestamp", wrap<timestamp_plus>), add("+(interval, timestamp) timestamp", wrap<turned<timestamp_plus>>),
      add("-(timestamp, interval) timestamp", wrap<timestamp_minus>);
  add("-(timestamp, timestamp) interval", wrap<between>), add("-(timestamptz, timestamptz) interval", wrap<between>);
  set.add_operator("+(timestamptz, interval) timestamptz", wrap<timestamptz_plus>, kStable),
      set.add_operator("-(timestamptz, interval) timestamptz", wrap<timestamptz_minus>, kStable);
  set.add_operator(
      "+(interval, timestamptz) timestamptz",
      wrap<[](const Call& call, const Interval& interval, std::int64_t time) { return timestamptz_plus(call, time, interval); }>, kStable);
  add("+(time, interval) time", wrap<time_plus>), add("+(interval, time) time", wrap<turned<time_plus>>),
      add("-(time, interval) time", wrap<time_minus>);
  add("-(time, time) interval", wrap<[](std::int64_t a, std::int64_t b) { return Interval{a - b, 0, 0}; }>);
}

}  // namespace isobar::sql
