#pragma once

/// Time zones: how far local time is ahead of UTC, and when that changes, from the system's zoneinfo.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/error.h"

namespace isobar::sql {

class TimeZone {
 public:
  /// "Europe/Berlin" (either case), "UTC", "+02", "-03:30" and, as POSIX has it, "XYZ5" or "<+03>-3": then west is positive.
  /// Cost: a zone is read once and kept. Safe from any thread. Errors   22023 time zone "…" not recognized
  static SqlResult<std::shared_ptr<const TimeZone>> find(std::string_view name);
  static std::shared_ptr<const TimeZone> fixed(std::int32_t seconds_east);
  static const TimeZone& utc();

  /// Of EST, CEST and the like, which mean one offset all year: seconds east. name  in lower case
  static std::optional<std::int32_t> offset_of_abbreviation(std::string_view name);

  const std::string& name() const { return name_; }
  struct Offset {
    std::int32_t seconds = 0;  ///< east of Greenwich
    bool daylight = false;
    std::string_view abbreviation;
  };
  Offset at(std::int64_t utc_microseconds) const;
  /// Of a local time that does not exist, or exists twice, as PostgreSQL takes it: what held before a change forward, and after one back.
  Offset at_local(std::int64_t local_microseconds) const;
  std::int64_t to_local(std::int64_t utc_microseconds) const {
    return utc_microseconds + at(utc_microseconds).seconds * std::int64_t{1'000'000};
  }
  std::int64_t to_utc(std::int64_t local_microseconds) const {
    return local_microseconds - at_local(local_microseconds).seconds * std::int64_t{1'000'000};
  }

  struct Kind {
    std::int32_t seconds = 0;
    bool daylight = false;
    std::string abbreviation;
  };
  /// A day of each year on which the time changes: POSIX's Mm.w.d, Jn or n, and the time of that day.
  struct Change {
    enum class How : std::uint8_t { kWeek, kJulian, kDay } how = How::kWeek;
    int month = 0, week = 0, day = 0;
    std::int32_t seconds = 7200;
  };
  /// The rule for ever after: standard time alone, or two that take turns.
  struct Rule {
    Kind standard, summer;
    bool changes = false;
    Change to_summer, to_standard;
  };

 private:
  friend struct TimeZoneReader;
  struct Transition {
    std::int64_t at = 0;  // seconds since 2000-01-01 UTC
    std::uint8_t kind = 0;
  };
  Offset by_rule(std::int64_t utc_seconds) const;
  std::string name_;
  std::vector<Kind> kinds_;  // the first holds before all transitions
  std::vector<Transition> transitions_;
  Rule rule_;
};

}  // namespace isobar::sql
