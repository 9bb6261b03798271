#pragma once

/// to_char's and to_timestamp's patterns of times: "YYYY-MM-DD HH24:MI:SS".

#include <string>
#include <string_view>

#include "sql/calendar.h"
#include "sql/error.h"

namespace isobar::sql {

/// What a pattern's fields are filled from.
struct TimeFields {
  CivilDate date;
  ClockTime clock;
  std::int64_t hours = 0;  ///< of an interval they may be many
  std::int64_t days = 0;   ///< since 2000-01-01
  bool is_interval = false, has_zone = false;
  std::int32_t offset = 0;  ///< seconds east
  std::string zone;         ///< its abbreviation
};
/// Errors   0A000: a pattern that needs a locale; 22007: one that an interval does not have
SqlResult<std::string> format_time(const TimeFields& fields, std::string_view pattern);

/// What a text says by a pattern.
struct ParsedTime {
  std::int64_t days = 0;  ///< since 2000-01-01
  std::int64_t microseconds = 0;
  bool has_offset = false;
  std::int32_t offset = 0;
};
/// Errors   22007, 22008
SqlResult<ParsedTime> parse_time(std::string_view text, std::string_view pattern);

}  // namespace isobar::sql
