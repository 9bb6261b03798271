#pragma once

/// The fields of dates, times and intervals: what EXTRACT gives and date_trunc cuts to.

#include <optional>
#include <string_view>

#include "sql/numeric.h"
#include "sql/value.h"

namespace isobar::sql {

enum class Field : std::uint8_t {
  kMicroseconds,
  kMilliseconds,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
  kDecade,
  kCentury,
  kMillennium,
  kDow,
  kIsoDow,
  kDoy,
  kIsoYear,
  kJulian,
  kEpoch,
  kTimezone,
  kTimezoneHour,
  kTimezoneMinute,
};
std::optional<Field> field_named(std::string_view name);

/// None: null (of an infinite time). Errors   22023 unit "…" not recognized, 0A000 not supported for the type
/// offset  seconds east of Greenwich, of a timestamptz; `time` is local then
SqlResult<std::optional<Numeric>> field_of_timestamp(std::string_view name, std::int64_t time, std::optional<std::int32_t> offset,
                                                     const Type& type);
SqlResult<std::optional<Numeric>> field_of_date(std::string_view name, std::int64_t date);
SqlResult<std::optional<Numeric>> field_of_time(std::string_view name, std::int64_t time);
SqlResult<std::optional<Numeric>> field_of_interval(std::string_view name, const Interval& interval);

/// Cut to the unit; `time` is local. whole_days  what is left is a midnight
struct Truncated {
  std::int64_t time = 0;
  bool whole_days = false;
};
SqlResult<Truncated> truncate_timestamp(std::string_view name, std::int64_t time, const Type& type);
SqlResult<Interval> truncate_interval(std::string_view name, Interval interval);

}  // namespace isobar::sql
