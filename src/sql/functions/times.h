#pragma once

/// Steps between dates, timestamps and zones that several groups of functions take.

#include "sql/calendar.h"
#include "sql/function.h"
#include "sql/time_zone.h"

namespace isobar::sql {

inline bool is_endless(std::int64_t time) { return time == kInfinity || time == kMinusInfinity; }
inline const TimeZone& zone_of(const SessionValues& session) {
  return session.style.zone != nullptr ? *session.style.zone : TimeZone::utc();
}
inline const TimeZone& zone_of(const Call& call) { return zone_of(call.session); }

inline SqlError timestamp_out_of_range() { return {state::kDatetimeFieldOverflow, "timestamp out of range"}; }
inline SqlError date_out_of_range() { return {state::kDatetimeFieldOverflow, "date out of range"}; }
inline SqlError interval_out_of_range() { return {state::kDatetimeFieldOverflow, "interval out of range"}; }

// All of these leave ±infinity as it is.
SqlResult<std::int64_t> timestamp_of_date(std::int64_t date);
SqlResult<std::int64_t> date_of_timestamp(std::int64_t timestamp);
SqlResult<std::int64_t> to_utc(const TimeZone& zone, std::int64_t local);
SqlResult<std::int64_t> to_local(const TimeZone& zone, std::int64_t time);
SqlResult<std::int64_t> checked_timestamp(std::int64_t timestamp);

/// A month later is the same day of the next month, or its last.
SqlResult<std::int64_t> add_interval(std::int64_t timestamp, const Interval& interval);
/// Days and months are those of the zone.
SqlResult<std::int64_t> add_interval(const TimeZone& zone, std::int64_t time, const Interval& interval);

/// The zone of AT TIME ZONE: a name, an abbreviation, or as POSIX writes it, where west is positive.
SqlResult<std::shared_ptr<const TimeZone>> zone_named(std::string_view name);

}  // namespace isobar::sql
