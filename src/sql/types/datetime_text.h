#pragma once

/// Dates, times and intervals as text.

#include <string>
#include <string_view>

#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {

// Errors   22007, 22008, 22009, 22023 as PostgreSQL words them; 0A000: 'now' where nobody said what time it is
SqlResult<std::int64_t> date_from_text(std::string_view text, const TextStyle& style);
SqlResult<std::int64_t> time_from_text(std::string_view text, const TextStyle& style);
SqlResult<std::int64_t> timestamp_from_text(std::string_view text, const TextStyle& style);
SqlResult<std::int64_t> timestamptz_from_text(std::string_view text, const TextStyle& style);
/// modifier  the fields it has, which say what a bare number counts
SqlResult<Interval> interval_from_text(std::string_view text, std::int32_t modifier);

void append_date(std::string& out, std::int64_t days);
void append_time(std::string& out, std::int64_t microseconds);
void append_timestamp(std::string& out, std::int64_t microseconds);
void append_timestamptz(std::string& out, std::int64_t microseconds, const TimeZone& zone);
void append_interval(std::string& out, const Interval& interval);

/// An offset east of Greenwich as a timestamp ends with it: "+02", "-03:30".
void append_offset(std::string& out, std::int32_t seconds);

/// The microseconds rounded to a modifier's digits; -1 leaves them.
std::int64_t round_microseconds(std::int64_t microseconds, std::int32_t digits);
/// Lower units than those of the modifier are cut, and the fraction rounded.
Interval with_interval_modifier(Interval interval, std::int32_t modifier);

}  // namespace isobar::sql
