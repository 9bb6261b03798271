#pragma once

/// What a text says of a date, a time of day and a zone, in any of the orders people write them.

#include <memory>
#include <optional>
#include <string_view>

#include "sql/calendar.h"
#include "sql/time_zone.h"

namespace isobar::sql {

struct DateTimeText {
  enum class Special : std::uint8_t {
    kNone,
    kInfinite,
    kMinusInfinite,
    kEpoch,
    kNow,
    kToday,
    kTomorrow,
    kYesterday
  } special = Special::kNone;
  std::optional<std::int64_t> days;          ///< since 2000-01-01
  std::optional<std::int64_t> microseconds;  ///< of the day; 24:00 is one whole day
  std::optional<std::int32_t> offset;        ///< seconds east
  std::shared_ptr<const TimeZone> zone;      ///< where a zone's name was written
};

enum class DateProblem : std::uint8_t { kNone, kSyntax, kField, kMonthOrDay, kZoneDisplacement, kZoneName };
struct ParsedDate {
  DateProblem problem = DateProblem::kNone;
  std::string_view zone_name;  ///< of kZoneName
  DateTimeText text;
};
/// Month before day where both are numbers and the year is last. No field is required.
/// time_only  a bare number is a time
ParsedDate parse_date_time(std::string_view text, bool time_only = false);

}  // namespace isobar::sql
